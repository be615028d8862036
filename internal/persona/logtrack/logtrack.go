// Package logtrack answers to LogTrack's commands: what its users type and what their scripts read stays as it was, and the
// work is done by tocsin's services. What LogTrack did wrong is not kept; docs/logtrack.md lists it.
package logtrack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/detector"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
)

// Options are what the commands work with. All are needed.
type Options struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string // as os.Getenv

	Formats   parser.Set
	Detectors detector.Set

	// Open finds the service: the one that holds the data, or the data itself. The function it returns lets go of it.
	Open func(context.Context) (api.Service, func() error, error)
	// OpenInput opens a file to be ingested; resume tells how far a source is known.
	OpenInput func(path string, in io.Reader, resume func(source string) (int64, bool)) (cli.Input, error)
	// Dash says where the page is. When no tocsin runs, it runs one until ctx ends.
	Dash func(ctx context.Context) error
}

// A face is one run of one command.
type face struct{ Options }

// A command is one of LogTrack's.
type command struct {
	name  string
	takes string // arguments, as shown to people
	short string
	most  int // of arguments
	run   func(f *face, ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"init-db", "", "load the rules of rules_config.json", 0, (*face).initDB},
		{"reset-db", "", "forget logs, alerts, and how far files were read", 0, (*face).resetDB},
		{"reinit", "", "reset-db, then init-db", 0, (*face).reinit},
		{"user", "NAME [ROLE]", "add an account", 2, (*face).user},
		{"ingest", "[FILE]", "read a log file, and print the first rows", 1, (*face).ingestAndPrint},
		{"detect", "", "judge all logs, report first bursts, keep the alerts", 0, (*face).detect},
		{"ingest-detect", "[FILE]", "read a log file, and judge", 1, (*face).ingestDetect},
		{"print", "", "print the first 20 rows", 0, (*face).print},
		{"clear-alerts", "", "delete all alerts", 0, (*face).clearAlerts},
		{"clear-logs", "HOURS", "delete logs that are older", 1, (*face).clearLogs},
		{"dash", "", "say where the page is; run it when nobody does", 0, (*face).dash},
		{"assert-golden", "[FILE]", "compare the parsed artifact with what is expected", 1, (*face).assertParsed},
		{"assert-alerts", "[FILE]", "compare the artifact of the alerts with what is expected", 1, (*face).assertAlerts},
	}
}

// Commands lists the commands, one a line, for people.
func Commands() string {
	var text strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&text, "  %-27s %s\n", strings.TrimSpace(c.name+" "+c.takes), c.short)
	}
	return text.String()
}

// Names lists the names of the commands.
func Names() (names []string) {
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// Run runs the command that stands first in args. An error of kind fault.Invalid is about how it was called, unless it went
// through cli.Refused.
func Run(ctx context.Context, o Options, args []string) error {
	if len(args) == 0 {
		return misused("want a command:\n%s", strings.TrimRight(Commands(), "\n"))
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		if extra := len(args) - 1 - c.most; extra > 0 {
			return misused("%s: %d arguments too many, want %s", c.name, extra, strings.TrimSpace(c.name+" "+c.takes))
		}
		return c.run(&face{o}, ctx, args[1:])
	}
	return misused("%q is no command of LogTrack, want one of:\n%s", args[0], strings.TrimRight(Commands(), "\n"))
}

// misused returns an error about how a command was called.
func misused(format string, args ...any) error {
	return fault.New(fault.Invalid, "logtrack: "+format, args...)
}

// note writes one line to standard error: what LogTrack did not say must not stand in what scripts read.
func (f *face) note(format string, args ...any) {
	_, _ = fmt.Fprintln(f.Err, cli.Clean(fmt.Sprintf("logtrack: "+format, args...))) // there is nowhere else to say it
}

// say writes one line to standard output. Foreign text in it is made harmless for a terminal.
func (f *face) say(format string, args ...any) error {
	_, err := fmt.Fprintln(f.Out, cli.Clean(fmt.Sprintf(format, args...)))
	return err
}

// ask calls do with the service, as the owner of the data.
func (f *face) ask(ctx context.Context, do func(ctx context.Context, svc api.Service) error) (err error) {
	svc, done, err := f.Open(ctx)
	if err != nil {
		return cli.Refused(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	return do(api.As(ctx, api.Local()), svc)
}

// argument returns the only argument, or where there is none the first variable of the environment that is set.
func (f *face) argument(args []string, variables ...string) string {
	if len(args) > 0 && args[0] != "" {
		return args[0]
	}
	for _, name := range variables {
		if value := f.Env(name); value != "" {
			return value
		}
	}
	return ""
}

// artifacts says whether what was parsed and found is written to files.
func (f *face) artifacts() bool { return f.Env("EMIT_ARTIFACTS") == "1" }

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) (text []byte, err error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // read only
	if text, err = io.ReadAll(io.LimitReader(in, limit+1)); err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fault.New(fault.Invalid, "read %s: more than %d bytes", path, limit)
	}
	return text, nil
}
