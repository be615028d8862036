package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
	"tocsin/internal/parser"
	"tocsin/internal/rule"
	"tocsin/internal/source"
	"tocsin/internal/source/replay"
)

//go:embed demo.yaml
var demoRules []byte

// demo runs tocsin on bundled samples: the older part of them goes into the history, the newer part is replayed. Its data is
// made anew each time, so that their times fit.
func (p *program) demo(ctx context.Context, c cli.Common, o cli.DemoOptions) (err error) {
	load := func() (*app.Setup, error) { return demoSetup(c.Data) }
	s, err := load()
	if err != nil {
		return err
	}
	if !o.DataSet {
		if err := os.RemoveAll(c.Data); err != nil {
			return err
		}
	}
	password := o.Password
	if password == "" {
		password = rand.Text()
	}
	if err := p.prepareDemo(ctx, s, o.User, password); err != nil {
		return err
	}
	web, err := newParser("combined")
	if err != nil {
		return err
	}
	auth, err := newParser("syslog")
	if err != nil {
		return err
	}
	told := &bell{out: os.Stdout}
	address := o.Listen
	if address == "" {
		address = s.Config.Address(s.Config.HTTP.Listen)
	}
	fmt.Fprintf(os.Stdout, "tocsin demo: real samples are replayed; alerts appear below.\nPage: http://%s  user: %s  password: %s\nData: %s  Stop with Ctrl-C.\n\n",
		address, o.User, password, c.Data)
	o.LogLevel = cmp.Or(o.LogLevel, "error") // the alerts are what there is to see
	return p.run(ctx, load, o.ServeOptions, app.Options{
		Extra: map[string]source.Source{"demo": replay.New(web, auth)}, Changed: told.ring,
	})
}

// demoSetup is the configuration of the demo, which has no file.
func demoSetup(data string) (*app.Setup, error) {
	s, err := app.Load("", nil)
	if err != nil {
		return nil, err
	}
	if s.Rules, err = rule.Decode("demo.yaml", demoRules, catalog.Detectors()); err != nil {
		return nil, err
	}
	s.Config.Data = data
	s.Config.Sources.Syslog, s.Config.Sources.Flows = nil, nil
	s.Config.HTTP.FlowTraq = "off"             // the port is left to a tocsin that is no demo
	s.Config.Detect.Lateness = 2 * time.Second // the samples come in order; nobody should have to wait for late ones
	return s, nil
}

// prepareDemo makes the account and reads the older samples into the history, before anything runs.
func (p *program) prepareDemo(ctx context.Context, s *app.Setup, user, password string) (err error) {
	service, closeService, err := p.openLocal(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeService()) }()
	ctx = api.As(ctx, api.Local())
	err = service.PutUser(ctx, api.UserEdit{Name: user, Password: password, Admin: true, Create: true})
	if errors.Is(err, fault.Conflict) {
		err = service.PutUser(ctx, api.UserEdit{Name: user, Password: password})
	}
	if err != nil {
		return err
	}
	past, err := replay.Past(time.Now())
	if err != nil {
		return err
	}
	_, err = service.Ingest(ctx, api.IngestRequest{Path: "access.log", Format: "combined"}, bytes.NewReader(past))
	if err != nil {
		return err
	}
	return service.Flush(ctx)
}

func newParser(format string) (parser.Parser, error) {
	return catalog.Formats()[format].Default().New()
}

// A bell prints what happens to alerts, one line each.
type bell struct{ out io.Writer }

// shapes mark severities, so that they can be told apart without colours.
var shapes = map[alert.Severity]string{alert.Info: "·", alert.Low: "○", alert.Medium: "◐", alert.High: "●", alert.Critical: "▲"}

func (b *bell) ring(changes []ledger.Change) {
	for _, c := range changes {
		word := map[notifier.Change]string{notifier.Create: "ALERT", notifier.Update: "again", notifier.End: "ended"}[c.Kind]
		a := c.Alert
		fmt.Fprintf(b.out, "%s  %-5s %s %-8s %s: %s\n", a.Last.Local().Format(time.TimeOnly), word, shapes[a.Severity], a.Severity, a.Title, a.Reason)
	}
}
