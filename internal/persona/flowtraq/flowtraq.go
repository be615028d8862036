// Package flowtraq answers to FlowTraq's command line tools: ns2hostsb and its siblings print alerts as they did, line for
// line, so that scripts which read them go on working. docs/flowtraq.md tells what stays and what is better done otherwise.
package flowtraq

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/detector"
	"tocsin/internal/fault"
)

// Port is where FlowTraq's server answered its tools, and where tocsin answers them.
const Port = "9640"

// Names of the tools that are no rankings.
const (
	sessions = "ns2sq"
	users    = "ns2um"
)

// Names lists the tools: 18 rankings, the query of sessions, and the management of users. A ranking is named by what is
// ranked (hosts, ports, pairs, countrys) and by what (bytes, packets, sessions, unique ports, unique hosts).
func Names() (names []string) {
	for _, entity := range []string{"hosts", "ports", "pairs", "countrys"} {
		for _, rank := range []string{"b", "p", "s", "up", "uh"} {
			if name := "ns2" + entity + rank; name != "ns2portsup" && name != "ns2pairsuh" { // which say nothing, and do not exist
				names = append(names, name)
			}
		}
	}
	return append(names, sessions, users)
}

// A Server is a tocsin to ask over the network. The zero Server is the one that holds the data, or the data itself.
type Server struct {
	URL            string
	User, Password string // an empty password: a token of the environment is shown
}

// Options are what a tool works with. All are needed.
type Options struct {
	Out io.Writer
	Env func(string) string // as os.Getenv
	Now func() time.Time

	Detectors detector.Set
	// Open finds the service. The function it returns lets go of it.
	Open func(context.Context, Server) (api.Service, func() error, error)
}

// Run runs one tool. An error of kind fault.Invalid is about how it was called, unless it went through cli.Refused.
func Run(ctx context.Context, o Options, name string, args []string) (err error) {
	q, err := parse(name, args)
	if err != nil {
		return err
	}
	if !q.list {
		return missing(name)
	}
	now := o.Now()
	var since time.Time
	if q.at != "" {
		if since, err = before(q.at, now); err != nil {
			return misused(name, "-at: %w", err)
		}
	}
	server, err := q.server(name, o.Env)
	if err != nil {
		return err
	}
	service, done, err := o.Open(ctx, server)
	if err != nil {
		return cli.Refused(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	return o.list(api.As(ctx, api.Local()), service, server.User, q.user(server), since)
}

// missing says what a tool does not do, and where it is done.
func missing(name string) error {
	switch name {
	case sessions:
		return misused(name, "sessions need flow sources, which this version does not have (with -al it lists alerts; tocsin search finds events)")
	case users:
		return misused(name, "accounts are managed by tocsin users (with -al it lists alerts)")
	default:
		return misused(name, "rankings of flows need flow sources, which this version does not have (with -al it lists alerts; tocsin top ranks other events)")
	}
}

// misused returns an error about how a tool was called.
func misused(name, format string, args ...any) error {
	return fault.New(fault.Invalid, name+": "+format, args...)
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
