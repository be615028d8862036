package flowtraq

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"tocsin/internal/cli"
	"tocsin/internal/fault"
)

// Variables of the environment that stand for -un and -up, so that no list of processes shows a password.
const (
	EnvUser     = "TOCSIN_USER"
	EnvPassword = "TOCSIN_PASSWORD"
	envToken    = "TOCSIN_TOKEN"
)

// A Server is a tocsin to ask over the network. The zero Server is the one that holds the data, or the data itself.
type Server struct {
	URL            string
	User, Password string // an empty password: a token of the environment is shown
}

// server finds out whom to ask, and as whom: who names neither a server nor an account means the tocsin of this machine, as
// every command of tocsin does.
func (q *question) server(env func(string) string) (s Server, err error) {
	remote := q.has("-s") || q.has("-p") || q.has("-un") || q.has("-up") || q.has("-upf")
	if !remote && env(EnvUser) == "" {
		return s, nil
	}
	if s.URL, err = address(q.tool.name, cmp.Or(q.given["-s"], "localhost"), q.given["-p"]); err != nil {
		return s, err
	}
	s.User, s.Password = cmp.Or(q.given["-un"], env(EnvUser)), q.given["-up"]
	if q.has("-upf") {
		if s.Password, err = secret("-upf", q.given["-upf"]); err != nil {
			return s, err
		}
	}
	if s.Password == "" {
		s.Password = env(EnvPassword)
	}
	switch {
	case s.Password == "" && env(envToken) != "": // which says who asks
	case s.User == "":
		return s, misused(q.tool.name, "want -un with the name of an account (or %s, or a token in %s)", EnvUser, envToken)
	case s.Password == "":
		return s, misused(q.tool.name, "want the password of %s: -upf with a file that holds it, %s, or -up", s.User, EnvPassword)
	}
	return s, nil
}

// address makes the URL of -s and -p: a name or an address, with or without a port, or an http or https URL, as of a proxy
// that speaks TLS.
func address(name, host, port string) (string, error) {
	if strings.HasPrefix(host, "http://") || strings.HasPrefix(host, "https://") {
		if port != "" {
			return "", misused(name, "-p %s: the URL that -s names has its own port", port)
		}
		return host, nil
	}
	if h, p, err := net.SplitHostPort(host); err == nil && port == "" {
		host, port = h, p
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.ContainsAny(host, "/?#@ ") {
		return "", misused(name, "-s %q: want a host name or an address", host)
	}
	if port == "" {
		port = Port
	}
	if slices.ContainsFunc([]byte(port), func(c byte) bool { return c < '0' || c > '9' }) || len(port) > 5 {
		return "", misused(name, "-p %q: want the number of a port", port)
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// maxSecret bounds a file that holds a password.
const maxSecret = 4 << 10

// secret reads a password: the first line of a file that others may not read. What is no plain file, as a pipe, is nobody
// else's business.
func secret(option, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, option+": %w", err))
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, option+": %w", err))
	}
	if info.Mode().IsRegular() && os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
		return "", cli.Refused(fault.New(fault.Invalid, option+" %s: others may read it (chmod 600 it)", path))
	}
	line, err := firstLine(file)
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, option+" %s: %w", path, err))
	}
	return line, nil
}

// firstLine reads a line without its end, which must hold something.
func firstLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("its first line is empty, want the password")
	}
	return line, nil
}
