package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"tocsin/internal/history"
)

// Rules that judge every flow, ten of each. None is to fire.
const (
	// those of FlowTraq's kind: what a host, a pair or a port sent, received, opened and reached
	viewRules = `- {name: sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: received, from: flow, detect: {threshold: {metric: sum(flow.received.bytes), by: [flow.host], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: opened, from: flow, where: 'related.port == 22', detect: {threshold: {metric: distinct(flow.initiated), by: [flow.host], over: 5m, above: 100000}}, severity: LOW}
- {name: hosts, from: flow, where: 'related.port == 25', detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 5m, above: 100000}}, severity: LOW}
- {name: ports, from: flow, where: 'source.packets < 2', detect: {threshold: {metric: distinct(flow.target.port), by: [flow.host], over: 1m, above: 100000}}, severity: LOW}
- {name: pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.pair], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: web-pair, from: flow, where: 'related.port == 80', detect: {threshold: {by: [flow.pair], over: 5m, above: 1000000000}}, severity: LOW}
- {name: port, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.port], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: port-packets, from: flow, detect: {threshold: {metric: sum(source.packets), by: [flow.port], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: port-clients, from: flow, where: 'related.port == 53', detect: {threshold: {metric: distinct(flow.client), by: [flow.port], over: 1m, above: 100000}}, severity: LOW}
`
	// the same over plain fields: a record counts for one end only
	plainRules = `- {name: sent, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [source.ip], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: packets, from: flow, detect: {threshold: {metric: sum(source.packets), by: [destination.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: ssh, from: flow, where: 'destination.port == 22', detect: {threshold: {by: [source.ip], over: 5m, above: 1000000000}}, severity: LOW}
- {name: web, from: flow, where: 'destination.port == 443', detect: {threshold: {by: [destination.ip], over: 1m, above: 1000000000}}, severity: LOW}
- {name: dns, from: flow, where: 'destination.port == 53', detect: {threshold: {metric: sum(source.bytes), by: [source.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: hosts, from: flow, where: 'destination.port == 25', detect: {threshold: {metric: distinct(destination.ip), by: [source.ip], over: 5m, above: 100000}}, severity: LOW}
- {name: ports, from: flow, where: 'source.packets < 2', detect: {threshold: {metric: distinct(destination.port), by: [source.ip], over: 1m, above: 100000}}, severity: LOW}
- {name: pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [source.ip, destination.ip], over: 1m, above: 1000000000000000}}, severity: LOW}
- {name: port, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [destination.port], over: 5m, above: 1000000000000000}}, severity: LOW}
- {name: all, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [], over: 1m, above: 9000000000000000}}, severity: LOW}
`
)

// A figures prints what was measured beside what it is held to.
type figures struct{ out *tabwriter.Writer }

func newFigures(out io.Writer) *figures {
	f := &figures{tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)}
	f.line("what", "figure", "target", "")
	return f
}

func (f *figures) line(what, figure, target, verdict string) {
	fmt.Fprintf(f.out, "%s\t%s\t%s\t%s\n", what, figure, target, verdict)
}

// held prints a figure that is to be the limit at most, or at least.
func (f *figures) held(what, form string, value float64, atLeast bool, limit float64) {
	verdict, word := "met", "at most "
	if atLeast {
		word = "at least "
	}
	if value > limit != atLeast && value != limit {
		verdict = "missed"
	}
	f.line(what, fmt.Sprintf(form, value), word+fmt.Sprintf(form, limit), verdict)
}

// said prints a figure that nothing is held to.
func (f *figures) said(what, form string, values ...any) {
	f.line(what, fmt.Sprintf(form, values...), "", "")
}

// flows measures what tocsin makes of flows, part by part and from the socket to history and rules, and what nfcapd and nfdump
// make of the same load.
func flows(o options) error {
	fmt.Printf("%d flows/s of NetFlow 5 for %v from %d addresses and %d exporters; %d CPUs, shared with the generator; load %s\n\n",
		o.flows, o.duration, flowSources, flowExporters, runtime.NumCPU(), load())
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f := newFigures(os.Stdout)
	switch o.part {
	case "":
	case "questions":
		err := questions(f, o, dir)
		if err == nil {
			err = nfcapd(f, o, dir)
		}
		return errors.Join(err, f.out.Flush())
	case "mutants":
		return errors.Join(mutants(f, o), f.out.Flush())
	case "whole":
		return errors.Join(wholePath(f, o, filepath.Join(dir, "views"), "rules over host, pair and port", viewRules), nfcapd(f, o, dir), f.out.Flush())
	case "flood":
		return errors.Join(flood(f, o, filepath.Join(dir, "flood"), "flood"), flood(f, o, filepath.Join(dir, "flood6"), "flood6"), f.out.Flush())
	case "decoders":
		return errors.Join(decoders(f), f.out.Flush())
	case "hosts":
		return errors.Join(millionHosts(f), f.out.Flush())
	default:
		return fmt.Errorf("no part %q (want decoders, mutants, whole, questions, hosts or flood)", o.part)
	}
	steps := []func() error{
		func() error { return decoders(f) },
		func() error { return mutants(f, o) },
		func() error {
			return wholePath(f, o, filepath.Join(dir, "views"), "rules over host, pair and port", viewRules)
		},
		func() error { return nfcapd(f, o, dir) },
		func() error { return questions(f, o, dir) },
		func() error { return millionHosts(f) },
		func() error { return flood(f, o, filepath.Join(dir, "flood"), "flood") },
		func() error { return flood(f, o, filepath.Join(dir, "flood6"), "flood6") },
	}
	if !o.short {
		steps = append(steps, func() error {
			return wholePath(f, o, filepath.Join(dir, "plain"), "rules over plain fields", plainRules)
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return errors.Join(err, f.out.Flush())
		}
		if err := f.out.Flush(); err != nil {
			return err
		}
	}
	fmt.Println("\nload at the end:", load())
	return nil
}

// load is what others make of the machine, where that can be known.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:1], "")
}

// takesFlows starts a daemon that takes flows on a port of its own.
func takesFlows(o options, dir, rules string) (d *daemon, address string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	if address, err = freePort(); err != nil {
		return nil, "", err
	}
	config := filepath.Join(dir, "tocsin.yaml")
	text := fmt.Sprintf("http: {listen: \"off\"}\nsources: {syslog: [], flows: [{name: flows, udp: %q}]}\n", address)
	if o.enrich {
		paths, err := enrichments(dir)
		if err != nil {
			return nil, "", err
		}
		text += fmt.Sprintf("enrich: {databases: [%q, %q]}\n", paths[0], paths[1])
	}
	text += "rules:\n" + rules
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	d, err = startDaemon(o.binary, filepath.Join(dir, "data"), config)
	return d, address, err
}

// wholePath measures socket, decoders, sessions, journal, rules and history together.
func wholePath(f *figures, o options, dir, what, rules string) error {
	d, address, err := takesFlows(o, dir, rules)
	if err != nil {
		return err
	}
	defer d.end()
	load, err := generate(o, address, o.shape)
	if err != nil {
		return err
	}
	kept, err := settle(d, load.sent)
	if err != nil {
		return err
	}
	used, err := d.cpu()
	if err != nil {
		return err
	}
	var found struct{ Events int64 }
	if err := d.get("/api/v1/top?kinds=flow", &found); err != nil {
		return err
	}
	rankings, err := rank(d)
	if err != nil {
		return err
	}
	full, err := awaitFull(d, "open", 15*time.Second) // the rules are looked at every ten
	if err != nil {
		return err
	}
	d.end()
	stored := filepath.Join(dir, "data", "history")
	size, err := treeSize(stored)
	if err != nil {
		return err
	}
	rolling, err := rollUp(stored)
	if err != nil {
		return err
	}
	n := float64(found.Events)
	f.said("whole path, ten "+what+enriching(o), "%d flows of %d sent, %d read", found.Events, load.sent, kept)
	f.held("  lost", "%.3f %%", 100*float64(load.sent-found.Events)/float64(load.sent), false, 0)
	f.held("  processor time", "%.2f CPU-s a million", (used+rolling).Seconds()/n*1e6, false, 5)
	f.said("    of it to roll the hour up", "%.2f CPU-s a million", rolling.Seconds()/n*1e6)
	f.said("  rules that had no room left", "%s", cmp.Or(full, "none"))
	f.said("  of the generator, apart", "%.2f CPU-s a million", load.used.Seconds()/float64(load.sent)*1e6)
	f.said("  memory at its peak", "%.0f MB", float64(d.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)/1e6)
	if o.enrich { // which the limit of 25 bytes is not meant for
		f.said("  history with country and AS", "%.1f bytes a flow", float64(size)/n)
	} else {
		f.held("  history", "%.1f bytes a flow", float64(size)/n, false, 25)
	}
	f.held("  top 10 sources by bytes, for 5 M flows", "%.3f CPU-s", rankings.Seconds()/n*5e6, false, 0.2)
	return nil
}

// rollUp rolls the hours of a history up that nobody writes to any more, which the daemon does once each is over, and returns
// the processor time.
func rollUp(dir string) (time.Duration, error) {
	s, err := history.Open(context.Background(), history.Options{Dir: dir, Rollups: 400 * 24 * time.Hour})
	if err != nil {
		return 0, err
	}
	began := processTime()
	err = s.Roll(context.Background(), time.Now().Add(24*time.Hour))
	return processTime() - began, errors.Join(err, s.Close())
}

// rank returns the processor time of one ranking of all flows, the mean of three.
func rank(d *daemon) (time.Duration, error) {
	const times = 3
	before, err := d.cpu()
	if err != nil {
		return 0, err
	}
	q := url.Values{"by": {"source.ip"}, "metric": {"sum(source.bytes)"}, "kinds": {"flow"}}
	for range times {
		if _, err := d.fetch(http.MethodGet, "/api/v1/top?"+q.Encode(), http.NoBody); err != nil {
			return 0, err
		}
	}
	after, err := d.cpu()
	return (after - before) / times, err
}

// freePort finds a UDP port of this machine that nobody listens on.
func freePort() (string, error) {
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", err
	}
	return l.LocalAddr().String(), l.Close()
}

// settle returns how many flows were read when all were and can be found, or those that came when no more come.
func settle(d *daemon, sent int64) (int64, error) {
	kept, still := int64(0), 0
	for end := time.Now().Add(2 * time.Minute); kept < sent && still < 20 && time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		var list []struct {
			Flows int64 `json:"flows"`
		}
		if err := d.get("/api/v1/exporters", &list); err != nil {
			return 0, err
		}
		total := int64(0)
		for _, e := range list {
			total += e.Flows
		}
		if still++; total != kept {
			still = 0
		}
		kept = total
	}
	_, err := d.fetch(http.MethodPost, "/api/v1/flush", http.NoBody)
	return kept, err
}
