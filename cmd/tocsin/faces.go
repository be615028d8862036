package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/httpapi"
	"tocsin/internal/persona/flowtraq"
	"tocsin/internal/persona/logtrack"
)

// faces are the names under which the program is another one; the one list of them.
func faces() []string { return append([]string{"logtrack"}, flowtraq.Names()...) }

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

// faces are the command lines of other programs.
func (p *program) faces() []cli.Face {
	list := []cli.Face{p.logtrack()}
	for _, name := range flowtraq.Names() {
		list = append(list, p.flowtraq(name))
	}
	return list
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

// flowtraq is one of FlowTraq's tools. The list of commands shows the one that its manual shows.
func (p *program) flowtraq(name string) cli.Face {
	return cli.Face{
		Name: name, Short: flowtraq.Does(name),
		Long: flowtraq.Does(name) + `, with its options; a script that calls it runs as it stands. docs/flowtraq.md tells what is printed, what
stays and what is better done otherwise. The tools: ` + strings.Join(flowtraq.Names(), ", ") + `.

` + flowtraq.Usage(name) + `
Without -s, -p, -un, -up and -upf it asks the tocsin that holds the data directory, or the directory itself.`,
		Example: flowtraq.Example(name),
		Options: true, Hidden: name != "ns2hostsb",
		Run: func(ctx context.Context, c cli.Common, args []string) error {
			return flowtraq.Run(ctx, flowtraq.Options{
				Out: os.Stdout, Env: os.Getenv, Now: time.Now, Detectors: catalog.Detectors(),
				Open: func(ctx context.Context, at flowtraq.Server) (api.Service, func() error, error) {
					return p.openFlowTraq(ctx, c, at)
				},
				NewPassword: func() (string, error) { return cli.NewPassword(os.Stdin, os.Stderr) },
				Create:      func(path string) (io.WriteCloser, error) { return os.Create(path) },
			}, name, args)
		},
	}
}

// openFlowTraq finds the service that one of FlowTraq's tools asks.
func (p *program) openFlowTraq(ctx context.Context, c cli.Common, at flowtraq.Server) (api.Service, func() error, error) {
	if at.URL == "" {
		return p.open(ctx, c)
	}
	client, err := httpapi.NewClient(at.URL, c.Token)
	if at.Password != "" {
		client, err = httpapi.NewLogin(at.URL, at.User, at.Password)
	}
	if err != nil {
		return nil, nil, err
	}
	return client, client.Close, nil
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
