// Command tocsin takes logins, network flows, log lines and devices in, judges them by rules, and alerts.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/config"
	"tocsin/internal/enrich"
	"tocsin/internal/fault"
	"tocsin/internal/httpapi"
	"tocsin/internal/rule"
	"tocsin/internal/trial"
)

func main() { os.Exit(run(arguments(os.Args), nil)) }

// version is set by the build.
var version = "devel"

// run is the whole program. crash, in tests, is called at named points.
func run(args []string, crash func(point string)) int {
	tuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{crash: crash}
	return cli.Run(ctx, cli.Options{
		Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Version: version,
		Formats:     strings.Split(catalog.Formats().Names(), ", "),
		ListFormats: listFormats, TestFormats: testFormats, CheckDeclaration: checkDeclaration,
		Open: p.open, Running: running, Serve: p.serve, Demo: p.demo, Check: p.check, TestRule: p.testRule, TestSamples: testSamples, Detectors: catalog.Detectors(), OpenInput: openInput, TakeOver: takeOver,
		Faces: p.faces(),
	})
}

// A program is one run of tocsin.
type program struct {
	crash func(point string)
	ready func(page string) // told where the page is, once it is; nil: nobody asks
}

// setup reads the configuration that a command names.
func setup(c cli.Common) (*app.Setup, error) {
	s, err := app.Load(c.Config, environ())
	if err != nil {
		return nil, err
	}
	// The directory of the command line or the environment wins; c.Data is the default where neither names one.
	if c.DataNamed || s.Config.Data == "" {
		s.Config.Data = c.Data
	}
	return s, nil
}

// environ is the environment without what only tests set.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "TOCSIN_TEST_") || strings.HasPrefix(entry, "TOCSIN_DATA=")
	})
}

// open finds the service that a command speaks to: a named server, the tocsin that runs on the data directory, or the
// directory itself.
func (p *program) open(ctx context.Context, c cli.Common) (api.Service, func() error, error) {
	if c.Server != "" {
		client, err := httpapi.NewClient(c.Server, c.Token)
		if err != nil {
			return nil, nil, err
		}
		return client, client.Close, nil
	}
	s, err := setup(c)
	if err != nil {
		return nil, nil, err
	}
	socket := filepath.Join(s.Config.Data, app.SocketName)
	if answers(ctx, socket) {
		client, err := httpapi.NewClient(socket, "")
		if err != nil {
			return nil, nil, err
		}
		return client, client.Close, nil
	}
	return p.openLocal(ctx, s)
}

// running reports whether a tocsin runs on the data that a command names. A named server is taken to.
func running(ctx context.Context, c cli.Common) bool {
	if c.Server != "" {
		return true
	}
	s, err := setup(c)
	return err == nil && answers(ctx, filepath.Join(s.Config.Data, app.SocketName))
}

// answers reports whether somebody listens on a socket.
func answers(ctx context.Context, socket string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// openLocal opens the data directory in this process, without listening anywhere.
func (p *program) openLocal(ctx context.Context, s *app.Setup) (api.Service, func() error, error) {
	a, err := app.New(ctx, s, app.Options{Version: version, Log: logger(os.Stderr, "error", "text"), Crash: p.crash})
	if err != nil {
		return nil, nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	waiting, stopWaiting := context.WithCancel(ctx)
	go func() {
		defer stopWaiting()
		ended <- a.Run(running)
	}()
	closeAll := func() error {
		stop()
		return errors.Join(<-ended, a.Close())
	}
	// What a killed tocsin left in the journal must be found as well, unless the history cannot be written.
	if err := a.Replayed(waiting); err != nil && fault.Kind(err) == nil {
		return nil, nil, cmp.Or(closeAll(), err)
	}
	return a.Service(), closeAll, nil
}

// serve runs tocsin until ctx ends.
func (p *program) serve(ctx context.Context, c cli.Common, o cli.ServeOptions) error {
	return p.run(ctx, func() (*app.Setup, error) { return setup(c) }, o, app.Options{})
}

// run runs tocsin on what load returns until ctx ends; SIGHUP loads again.
func (p *program) run(ctx context.Context, load func() (*app.Setup, error), o cli.ServeOptions, options app.Options) error {
	s, err := load()
	if err != nil {
		return err
	}
	s.Config.HTTP.Listen = cmp.Or(o.Listen, s.Config.HTTP.Listen)
	log := logger(os.Stderr, cmp.Or(o.LogLevel, s.Config.Log.Level), cmp.Or(o.LogFormat, s.Config.Log.Format))
	options.Version, options.Log, options.Live, options.Crash = version, log, true, p.crash
	a, err := app.New(ctx, s, options)
	if err != nil {
		return err
	}
	for _, doubt := range s.Doubts {
		log.Warn("doubtful setting", "doubt", doubt)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			select {
			case <-running.Done():
				return
			case <-hangup:
				next, err := load()
				if err == nil {
					next.Config.HTTP.Listen = cmp.Or(o.Listen, next.Config.HTTP.Listen)
					_, err = a.Reload(running, next)
				}
				if err != nil {
					log.Error("configuration stays as it was", "cause", err)
				}
			}
		}
	}()
	go greet(running, a, log)
	log.Info("tocsin runs", "version", version, "data", s.Config.Data, "page", a.Address())
	if p.ready != nil {
		p.ready(a.Address())
	}
	err = a.Run(running)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	log.Info("tocsin has stopped")
	return nil
}

// greet tells how to make the first account, as long as there is none.
func greet(ctx context.Context, a *app.App, log *slog.Logger) {
	token, err := a.Accounts().SetupToken(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Error("accounts cannot be read", "cause", err)
	case token != "" && a.Address() != "": // over the socket nobody needs one
		log.Warn("there is no account yet: make the first with `tocsin users add NAME --admin`, or on the page with this token",
			"page", a.Address()+"/login", "token", token)
	}
}

// check reads the configuration and everything it names.
func (p *program) check(_ context.Context, c cli.Common, out io.Writer) error {
	s, err := setup(c)
	if err != nil {
		return err
	}
	if err := s.CheckLists(); err != nil {
		return err
	}
	for _, doubt := range append(s.Doubts, s.Resting()...) {
		if _, err := fmt.Fprintln(out, doubt); err != nil {
			return err
		}
	}
	var failed []error
	for i := range s.Formats {
		for _, f := range s.Formats[i].Test() {
			failed = append(failed, f)
		}
	}
	if err := errors.Join(errors.Join(failed...), enrich.Check(s.Config.DatabasePaths())); err != nil {
		return err
	}
	name := c.Config
	if name == "" {
		name = "built-in configuration"
	}
	_, err = fmt.Fprintf(out, "%s: good; %d rules in files, %d sources, %d channels\n", name, len(s.Rules),
		len(s.Config.Sources.Files)+len(s.Config.Sources.Syslog)+len(s.Config.Sources.Flows), len(s.Config.Notify))
	return err
}

// testRule judges a file by one rule in a directory of its own, which is removed afterwards.
func (p *program) testRule(ctx context.Context, c cli.Common, text string, q api.IngestRequest, body io.Reader) (a api.DetectAnswer, err error) {
	s, err := app.Load("", nil)
	if err != nil {
		return a, err
	}
	own, err := setup(c)
	if err != nil {
		return a, err
	}
	s.UseFormats(own)
	if s.Config.Data, err = os.MkdirTemp("", "tocsin-test-"); err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Config.Data)) }()
	s.Config.Journal.FreeFloor = config.Floor{}
	service, closeService, err := p.openLocal(ctx, s)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, closeService()) }()
	ctx = api.As(ctx, api.Local())
	kept, err := service.PutRule(ctx, api.RuleEdit{Text: text})
	if err != nil {
		return a, err
	}
	if _, err := service.Ingest(ctx, q, body); err != nil {
		return a, err
	}
	if err := service.Flush(ctx); err != nil {
		return a, err
	}
	return service.Detect(ctx, api.DetectRequest{Rules: []string{kept.Name}, DryRun: true})
}

// testSamples tries the rules of a document on the samples that stand in it.
func testSamples(ctx context.Context, name, text string) ([]api.SampleResult, error) {
	rules, err := rule.Decode(name, []byte(text), catalog.Detectors())
	if err != nil {
		return nil, err
	}
	return trial.Run(ctx, rules, catalog.Formats())
}

// logger writes to w: text in colours on a terminal; else, unless text is asked for, JSON.
func logger(w *os.File, level, format string) *slog.Logger {
	var least slog.Level
	if least.UnmarshalText([]byte(level)) != nil {
		least = slog.LevelInfo
	}
	switch {
	case format != "json" && term.IsTerminal(int(w.Fd())):
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: least, TimeFormat: time.TimeOnly}))
	case format == "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: least}))
	default:
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least}))
	}
}
