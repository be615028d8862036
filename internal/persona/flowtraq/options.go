package flowtraq

import (
	"os"
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

// A question is what the arguments of a tool ask.
type question struct {
	host, port               string
	name, password, fromFile string // -un, -up, -upf
	list                     bool   // -al
	of                       string // -au
	at                       string // -at
	remote                   bool   // one of -s, -p, -un, -up, -upf was given
}

// parse reads the arguments of a tool. What it does not understand it refuses: a script that means something by it must not
// get the answer to another question.
func parse(tool string, args []string) (q question, err error) {
	seen := map[string]bool{}
	for i := 0; i < len(args); i++ {
		option := args[i]
		if seen[option] {
			return q, misused(tool, "%s is given twice", option)
		}
		seen[option] = true
		if option == "-al" {
			q.list = true
			continue
		}
		into := map[string]*string{"-s": &q.host, "-p": &q.port, "-un": &q.name, "-up": &q.password, "-upf": &q.fromFile, "-au": &q.of, "-at": &q.at}[option]
		if into == nil {
			return q, unknown(tool, option)
		}
		if i++; i == len(args) || args[i] == "" {
			return q, misused(tool, "%s: want a value behind it", option)
		}
		*into = args[i]
		q.remote = q.remote || option != "-au" && option != "-at"
	}
	if q.password != "" && q.fromFile != "" {
		return q, misused(tool, "want -up or -upf, not both")
	}
	return q, nil
}

// flowOptions are FlowTraq's that ask for flows. Each begins with one of these.
var flowOptions = [...]string{"-q", "-e", "-ei", "-ef", "-tn", "-te", "-tl", "-c", "-c+", "-snd", "-rcv", "-w", "-g", "-gx", "-gy"}

func unknown(tool, option string) error {
	for _, known := range flowOptions {
		if option == known {
			return misused(tool, "%s asks for flows, which need flow sources that this version does not have; want -al with -s, -p, -un, -up, -upf, -au, -at", option)
		}
	}
	if !strings.HasPrefix(option, "-") {
		return misused(tool, "argument %q belongs to no option", option)
	}
	return misused(tool, "%q is no option, want -al with -s, -p, -un, -up, -upf, -au, -at", option)
}

// server finds out whom to ask, and as whom: who names neither a server nor an account means the tocsin of this machine, as
// every command of tocsin does.
func (q *question) server(tool string, env func(string) string) (s Server, err error) {
	if !q.remote && env(EnvUser) == "" {
		return s, nil
	}
	host := q.host
	if host == "" {
		host = "localhost"
	}
	if s.URL, err = address(tool, host, q.port); err != nil {
		return s, err
	}
	s.User, s.Password = q.name, q.password
	if s.User == "" {
		s.User = env(EnvUser)
	}
	if q.fromFile != "" {
		if s.Password, err = secret(q.fromFile); err != nil {
			return s, err
		}
	}
	if s.Password == "" {
		s.Password = env(EnvPassword)
	}
	switch {
	case s.Password == "" && env(envToken) != "": // which says who asks
	case s.User == "":
		return s, misused(tool, "want -un with the name of an account (or %s, or a token in %s)", EnvUser, envToken)
	case s.Password == "":
		return s, misused(tool, "want the password of %s: -upf with a file that holds it, %s, or -up", s.User, EnvPassword)
	}
	return s, nil
}

// user is whose alerts are meant: those of -au, else of the account that asks; empty: everybody's.
func (q *question) user(s Server) string {
	if q.of != "" {
		return q.of
	}
	return s.User
}

// maxSecret bounds a file that holds a password.
const maxSecret = 4 << 10

// secret reads a password: the first line of a file that others may not read. What is no plain file, as a pipe, is nobody
// else's business.
func secret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, "-upf: %w", err))
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, "-upf: %w", err))
	}
	if info.Mode().IsRegular() && os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
		return "", cli.Refused(fault.New(fault.Invalid, "-upf %s: others may read it (chmod 600 it)", path))
	}
	line, err := firstLine(file)
	if err != nil {
		return "", cli.Refused(fault.New(fault.Invalid, "-upf %s: %w", path, err))
	}
	return line, nil
}
