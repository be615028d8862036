// Package flowtraq answers to FlowTraq's command line tools: ns2hostsb and its siblings rank flows, list sessions, accounts,
// names and traffic groups, and print alerts as they did, line for line, so that scripts which read them go on working.
// docs/flowtraq.md tells what stays and what is better done otherwise.
package flowtraq

import (
	"context"
	"errors"
	"io"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/detector"
	"tocsin/internal/fault"
	"tocsin/internal/traq"
)

// Port is where FlowTraq's server answered its tools, and where tocsin answers them.
const Port = "9640"

// patience is how long another machine may take to answer: scripts that cron starts each minute must not pile up for ever before
// one that hangs.
const patience = 5 * time.Minute

// Options are what a tool works with. All are needed.
type Options struct {
	Out io.Writer
	Env func(string) string // as os.Getenv
	Now func() time.Time

	Detectors detector.Set
	// Open finds the service. The function it returns lets go of it.
	Open func(context.Context, Server) (api.Service, func() error, error)
	// NewPassword asks for a new password without showing it.
	NewPassword func() (string, error)
	// Create opens a file to be written, in the place of one that is there.
	Create func(path string) (io.WriteCloser, error)
}

// Run runs one tool. An error of kind fault.Invalid is about how it was called, unless it went through cli.Refused.
func Run(ctx context.Context, o Options, name string, args []string) (err error) {
	t, ok := toolOf(name)
	if !ok {
		return fault.New(fault.Invalid, "%s is none of FlowTraq's tools", name)
	}
	q, err := parse(t, args)
	if err != nil {
		return err
	}
	do, err := o.plan(&q)
	if err != nil {
		return err
	}
	server, err := q.server(o.Env)
	if err != nil {
		return err
	}
	if server.URL != "" {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, patience, fault.New(fault.Unavailable, "no answer within %v", patience))
		defer stop()
	}
	service, done, err := o.Open(ctx, server)
	if err != nil {
		return cli.Refused(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	return do(api.As(ctx, api.Local()), service, server)
}

// A job is what is done once the service is open.
type job func(ctx context.Context, service api.Service, server Server) error

// plan finds out what is asked, and refuses what cannot be, before anybody is asked for it.
func (o *Options) plan(q *question) (job, error) {
	switch {
	case q.has("-al"):
		return o.planAlerts(q)
	case q.tool.kind&ranked != 0:
		return o.planRanking(q)
	case q.tool.kind == sessions:
		return o.planSessions(q)
	case q.tool.kind == accounts:
		return o.planAccounts(q)
	case q.tool.kind == naming:
		return o.planNames(q)
	default:
		return o.planGroups(q)
	}
}

// planAlerts lists alerts.
func (o *Options) planAlerts(q *question) (job, error) {
	var since time.Time
	if at, ok := q.given["-at"]; ok {
		var err error
		if since, err = traq.Before(at, o.Now()); err != nil {
			return nil, misused(q.tool.name, "-at: %w", err)
		}
	}
	return func(ctx context.Context, service api.Service, server Server) error {
		return o.list(ctx, service, server.User, q.user(server), since)
	}, nil
}

// user is whose alerts are meant: those of -au, else of the account that asks; empty: everybody's.
func (q *question) user(s Server) string {
	if q.given["-au"] != "" {
		return q.given["-au"]
	}
	return s.User
}

// misused returns an error about how a tool was called.
func misused(name, format string, args ...any) error {
	return fault.New(fault.Invalid, name+": "+format, args...)
}
