package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/persona/logtrack"
)

// faces are the names under which the program is another one.
func faces() []string { return []string{"logtrack"} }

// arguments returns those of the command line. Called by the name of another program, it is that one's.
func arguments(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	called := strings.TrimSuffix(filepath.Base(all[0]), ".exe")
	for _, name := range faces() {
		if called == name {
			return append([]string{name}, all[1:]...)
		}
	}
	return all[1:]
}

// logtrack is the command line of LogTrack.
func (p *program) logtrack() cli.Face {
	return cli.Face{
		Name: "logtrack", Short: "LogTrack's commands",
		Long: "Answers to LogTrack's commands, as its Makefile calls them. What stays and what falls away: docs/logtrack.md.\n\n" + logtrack.Commands() + `
The environment counts as it does there: FILE, EMIT_ARTIFACTS=1, ZSCORE_ENABLED=1; and RULES_CONFIG names the file of rules
(default rules_config.json, or where there is none the built-in ones), SERVICE the service of the logs.
Called by the name logtrack, the program is this command.`,
		Example: `  logtrack init-db
  logtrack ingest-detect example.clf
  ZSCORE_ENABLED=1 logtrack detect`,
		Commands: logtrack.Names(),
		Run: func(ctx context.Context, c cli.Common, args []string) error {
			return logtrack.Run(ctx, logtrack.Options{
				In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv,
				Formats: catalog.Formats(), Detectors: catalog.Detectors(),
				Open:      func(ctx context.Context) (api.Service, func() error, error) { return p.open(ctx, c) },
				OpenInput: openInput,
				Dash:      func(ctx context.Context) error { return p.dash(ctx, c) },
			}, args)
		},
	}
}

// dash says where the page is. Where no tocsin holds the data it runs one.
func (p *program) dash(ctx context.Context, c cli.Common) error {
	if c.Server != "" {
		_, err := fmt.Fprintf(os.Stdout, "URL: %s\n", strings.TrimRight(c.Server, "/"))
		return err
	}
	s, err := setup(c)
	if err != nil {
		return err
	}
	switchedOff := fault.New(fault.Invalid, `the page is switched off (set http.listen to other than "off")`)
	say := func(page string) { _, _ = fmt.Fprintf(os.Stdout, "URL: %s\n", page) } // when nobody reads it, the page is there all the same
	if answers(ctx, filepath.Join(s.Config.Data, app.SocketName)) {
		return p.dashOf(ctx, c, say, switchedOff)
	}
	if s.Config.Address(s.Config.HTTP.Listen) == "" {
		return switchedOff
	}
	p.ready = say
	return p.serve(ctx, c, cli.ServeOptions{})
}

// dashOf says where the page of the tocsin is that runs.
func (p *program) dashOf(ctx context.Context, c cli.Common, say func(page string), switchedOff error) (err error) {
	service, closeService, err := p.open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeService()) }()
	health, err := service.Health(api.As(ctx, api.Local()))
	if err != nil {
		return err
	}
	if health.Page == "" {
		return switchedOff
	}
	say(health.Page)
	return nil
}
