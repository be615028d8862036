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
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/config"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/list"
	"tocsin/internal/notifier"
	"tocsin/internal/pack"
	"tocsin/internal/parser"
	"tocsin/internal/rule"
	"tocsin/internal/source"
	"tocsin/internal/source/replay"
)

//go:embed demo.yaml
var demoRules []byte

// demo runs tocsin on bundled samples and on the traffic of a made-up office: the older part of them goes into the history, the
// newer part is replayed. Its data is made anew each time, so that their times fit. Flows come in as those of any exporter do: the
// older ones in a capture of what it sent, the newer ones over UDP.
func (p *program) demo(ctx context.Context, c cli.Common, o cli.DemoOptions) (err error) {
	flows, err := freeUDP(ctx)
	if err != nil {
		return err
	}
	load := func() (*app.Setup, error) { return demoSetup(c.Data, flows) }
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
	told := &bell{out: os.Stdout}
	found, err := p.prepareDemo(ctx, s, o.User, password)
	if err != nil {
		return err
	}
	exporter, err := (&net.Dialer{}).DialContext(ctx, "udp", flows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, exporter.Close()) }()
	web, err := newParser("combined")
	if err != nil {
		return err
	}
	auth, err := newParser("syslog")
	if err != nil {
		return err
	}
	address := o.Listen
	if address == "" {
		address = s.Config.Address(s.Config.HTTP.Listen)
	}
	fmt.Fprintf(os.Stdout, demoGreeting, address, o.User, password, c.Data, flows, os.Args[0])
	told.ring(found)
	send := func(datagram []byte) error {
		if _, err := exporter.Write(datagram); err != nil && !errors.Is(err, syscall.ECONNREFUSED) { // nobody listens yet
			return err
		}
		return nil
	}
	o.LogLevel = cmp.Or(o.LogLevel, "error") // the alerts are what there is to see
	return p.run(ctx, load, o.ServeOptions, app.Options{
		Extra: map[string]source.Source{"demo": replay.New(web, auth, send)}, Changed: told.ring,
	})
}

// demoGreeting is what the demo says first.
const demoGreeting = `tocsin demo: real log samples are replayed, and flows of a made-up office; alerts appear below.
Page: http://%[1]s  user: %[2]s  password: %[3]s
Data: %[4]s  Flows: UDP %[5]s  Stop with Ctrl-C.
Look at Alerts and Flows of the page, and ask in another terminal:
  export TOCSIN_DATA=%[4]s
  %[6]s top flow.host --by bytes --since 1h
  %[6]s search 'related.ip == "203.0.113.66"' --since 10m     # log lines and flows of one address

`

// freeUDP returns a UDP address of this machine on which nobody listens. tocsin listens there only when the past has been read in, so
// the port lies below those that the system gives to who asks for any (32768 and up on Linux, 49152 elsewhere).
func freeUDP(ctx context.Context) (address string, err error) {
	const first, ports = 20000, 10000
	for i := range ports {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(first+(os.Getpid()+i)%ports))
		probe, listenErr := new(net.ListenConfig).ListenPacket(ctx, "udp", address)
		if listenErr == nil {
			return address, probe.Close()
		}
		err = listenErr
	}
	return "", fmt.Errorf("find a port for the flows of the demo: %w", err)
}

// demoSetup is the configuration of the demo, which has no file.
func demoSetup(data, flows string) (*app.Setup, error) {
	s, err := app.Load("", nil)
	if err != nil {
		return nil, err
	}
	if s.Rules, err = rule.Decode("demo.yaml", demoRules, catalog.Detectors()); err != nil {
		return nil, err
	}
	office, _ := pack.Find("flow")
	rules, err := office.Rules(catalog.Detectors())
	if err != nil {
		return nil, err
	}
	s.Rules = append(s.Rules, rules...)
	s.Config.Data = data
	s.Config.Sources.Syslog = nil
	s.Config.Sources.Flows = []config.Flows{{Name: "office", UDP: flows, Sockets: 1, Buffer: 1 << 20}}
	s.Config.HTTP.FlowTraq = "off"             // the port is left to a tocsin that is no demo
	s.Config.Detect.Lateness = 2 * time.Second // the samples come in order; nobody should have to wait for late ones
	return s, nil
}

// prepareDemo makes the account, names what is in the office, reads what is older into the history, and has that judged, before
// anything runs. It returns the alerts of flows that were found. Of data that a demo was on before nothing but the password is changed.
func (p *program) prepareDemo(ctx context.Context, s *app.Setup, user, password string) (found []ledger.Change, err error) {
	file := filepath.Join(s.Config.Data, list.Path("blacklist"))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(replay.Blacklist), 0o600); err != nil {
		return nil, err
	}
	service, closeService, err := p.openLocal(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeService()) }()
	ctx = api.As(ctx, api.Local())
	err = service.PutUser(ctx, api.UserEdit{Name: user, Password: password, Admin: true, Create: true})
	if errors.Is(err, fault.Conflict) { // a demo ran on this data, and left its past here
		return nil, service.PutUser(ctx, api.UserEdit{Name: user, Password: password})
	}
	if err != nil {
		return nil, err
	}
	if err := nameOffice(ctx, service); err != nil {
		return nil, err
	}
	now := time.Now()
	past, err := replay.Past(now)
	if err != nil {
		return nil, err
	}
	for _, q := range []struct {
		api.IngestRequest
		content []byte
	}{
		{api.IngestRequest{Path: "access.log", Format: "combined"}, past},
		{api.IngestRequest{Path: "office.pcap"}, replay.PastFlows(now)},
	} {
		if _, err = service.Ingest(ctx, q.IngestRequest, bytes.NewReader(q.content)); err != nil {
			return nil, err
		}
	}
	if err := service.Flush(ctx); err != nil {
		return nil, err
	}
	return detectDemo(ctx, service, s.Rules)
}

// nameOffice tells names and traffic groups of the office, so that its flows are put into groups from the first one on.
func nameOffice(ctx context.Context, service api.Service) error {
	names := api.NamesEdit{Names: []api.NameEdit{{Kind: api.NameExporter, Key: replay.Router, Name: "office router"}}}
	for key, name := range replay.Names() {
		kind := api.NameAddress
		if strings.Contains(key, "/") {
			kind = api.NameNetwork
		}
		names.Names = append(names.Names, api.NameEdit{Kind: kind, Key: key, Name: name})
	}
	if _, err := service.PutNames(ctx, names); err != nil {
		return err
	}
	var groups api.GroupsEdit
	for name, members := range replay.Groups() {
		groups.Groups = append(groups.Groups, api.GroupEdit{Name: name, Members: members})
	}
	_, err := service.PutGroups(ctx, groups)
	return err
}

// detectDemo has the rules about flows judge the history.
func detectDemo(ctx context.Context, service api.Service, rules []rule.Rule) (found []ledger.Change, err error) {
	var q api.DetectRequest
	for i := range rules {
		if rules[i].From.Has(event.Flow) {
			q.Rules = append(q.Rules, rules[i].Name)
		}
	}
	answer, err := service.Detect(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, a := range answer.Alerts {
		found = append(found, ledger.Change{Kind: notifier.Create, Alert: a})
	}
	return found, nil
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
