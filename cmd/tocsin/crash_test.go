package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/alert"
)

// What the crash tests feed: bodies of events over HTTP, and lines of a file. Event times lie a little in the past and go
// on evenly, so that what must be found follows from the feed alone.
const (
	bodies       = 60
	bodyEvents   = 40
	fileLines    = 3000
	eventSpacing = 25 * time.Millisecond
	users        = 5
)

// crashRules fire many times over the feed: what they count must be exact after any crash.
const crashConfig = `
http: {listen: "off"}
sources:
  syslog: []
  flows: []
  files:
    - {name: web, paths: [%q], format: jsonlines}
journal: {free_floor: "off"}
history: {flush_rows: 1000, flush_after: 1s}
detect: {save_every: 1s}
notify:
  script: {via: {command: {program: %q}}}
rules:
  - name: busy-user
    from: log
    where: event.dataset == "feed"
    detect: {threshold: {metric: count, by: [user.name], over: 10s, at_least: 50}}
    severity: HIGH
  - name: many-bytes
    from: log
    where: has(http.response.bytes)
    detect: {threshold: {metric: sum(http.response.bytes), by: [], over: 5s, above: 10000}}
    severity: LOW
`

// A feeder brings the same events to any run, and remembers what was acknowledged.
type feeder struct {
	t      *testing.T
	config string
	file   string
	told   string // what the notifier's script wrote
	bodies [][]byte
	ids    map[string]bool
	next   int // body that is not acknowledged yet
}

func newFeeder(t *testing.T, base time.Time) *feeder {
	dir := t.TempDir()
	f := &feeder{t: t, config: filepath.Join(dir, "tocsin.yaml"), file: filepath.Join(dir, "web.log"), told: filepath.Join(dir, "told"), ids: map[string]bool{}}
	script := filepath.Join(dir, "tell")
	write(t, script, fmt.Sprintf("#!/bin/sh\nprintf '%%s %%s\\n' \"$1\" \"$TOCSIN_KEY\" >> %s\n", f.told), 0o755)
	write(t, f.config, fmt.Sprintf(crashConfig, f.file, script), 0o644)
	for i := range bodies {
		var body bytes.Buffer
		for k := range bodyEvents {
			n := i*bodyEvents + k
			id := fmt.Sprintf("http-%d", n)
			f.ids[id] = true
			fmt.Fprintf(&body, `{"@timestamp":%q,"event.dataset":"feed","event.id":%q,"user.name":"u%d"}`+"\n",
				base.Add(time.Duration(n)*eventSpacing).UTC().Format(time.RFC3339Nano), id, n%users)
		}
		f.bodies = append(f.bodies, body.Bytes())
	}
	var lines bytes.Buffer
	for n := range fileLines {
		id := fmt.Sprintf("file-%d", n)
		f.ids[id] = true
		fmt.Fprintf(&lines, `{"@timestamp":%q,"event.id":%q,"http.response.bytes":%d}`+"\n",
			base.Add(time.Duration(n)*eventSpacing/2).UTC().Format(time.RFC3339Nano), id, 50+n%17)
	}
	write(t, f.file, lines.String(), 0o644)
	return f
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// feed sends bodies until all are acknowledged or the daemon is gone. An answer that did not come leaves a body to be sent
// again under the same key.
func (f *feeder) feed(d *daemon) {
	for f.next < bodies && d.alive() {
		if d.post(fmt.Sprintf("body-%d", f.next), f.bodies[f.next]) == nil {
			f.next++
		}
	}
}

// outcome is what a run came to.
type outcome struct {
	missing, doubled []string
	alerts           []string
	keys             map[string]int // notices by kind
}

// finish feeds the rest, waits until all of it was judged, stops the daemon and tells what came of it.
func (f *feeder) finish(d *daemon) outcome {
	f.t.Helper()
	f.feed(d)
	if f.next < bodies {
		f.t.Fatalf("tocsin ended by itself\n%s", d.said)
	}
	var count map[string]int
	for deadline := time.Now().Add(patience); ; {
		d.ask("POST", "/api/v1/flush", nil)
		if count = d.events(); len(count) >= len(f.ids) || time.Now().After(deadline) {
			break
		}
	}
	var list []alert.Alert
	d.ask("GET", "/api/v1/alerts", &list)
	d.stop()
	o := outcome{keys: map[string]int{}}
	for id := range f.ids {
		switch {
		case count[id] == 0:
			o.missing = append(o.missing, id)
		case count[id] > 1:
			o.doubled = append(o.doubled, id)
		}
	}
	for _, a := range list {
		o.alerts = append(o.alerts, fmt.Sprintf("%s %s first=%s last=%s triggers=%d peak=%g", a.RuleName, a.Entity.Key(),
			a.First.UTC().Format(time.RFC3339Nano), a.Last.UTC().Format(time.RFC3339Nano), a.Triggers, a.Peak))
	}
	slices.Sort(o.alerts)
	told, err := os.ReadFile(f.told)
	if err != nil {
		f.t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(told)) {
		change, _, _ := strings.Cut(line, " ")
		if !seen[line] { // a repeat has the same key
			o.keys[change]++
		}
		seen[line] = true
	}
	return o
}

func (o outcome) check(t *testing.T, want outcome) {
	t.Helper()
	if len(o.missing) > 0 || len(o.doubled) > 0 {
		t.Errorf("%d events are missing (%.3v), %d are there more than once (%.3v)", len(o.missing), o.missing, len(o.doubled), o.doubled)
	}
	if !slices.Equal(o.alerts, want.alerts) {
		t.Errorf("alerts are\n  %s\nwant, as without a crash,\n  %s", strings.Join(o.alerts, "\n  "), strings.Join(want.alerts, "\n  "))
	}
	if !maps.Equal(o.keys, want.keys) {
		t.Errorf("notices are %v, want %v", o.keys, want.keys)
	}
}

// points are the named points at which a crash is least convenient, as far as a feed of seconds comes by them. Those of
// purging and merging need more data; the tests of journal and history kill processes there.
var points = []string{
	"after-publish-before-ack", "after-ack-before-return", "during-segment", "after-rename-before-manifest",
	"after-manifest-before-copy", "after-ledger-before-snapshot", "after-send-before-outbox",
}

// savePoints are those of saving the state of the rules, which is done for the last time when tocsin is told to stop.
var savePoints = []string{"during-state", "after-state-before-rename", "after-rename-before-cursor"}

// Every acknowledged event is kept exactly once, and each alert is opened once with the number of triggers of a run without
// a crash, wherever the process is killed: at each named point three times, and at random moments.
func TestCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes: skipped with -short")
	}
	base := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	calm := newFeeder(t, base)
	want := calm.finish(start(t, t.TempDir(), calm.config, ""))
	if len(want.alerts) < 3 || want.keys["CREATE"] < 3 || len(want.missing)+len(want.doubled) > 0 {
		t.Fatalf("a run without a crash comes to %+v", want)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			f, dir := newFeeder(t, base), t.TempDir()
			died := 0
			for _, n := range []int{1, 2, 5} {
				d := start(t, dir, f.config, fmt.Sprintf("%s:%d", point, n))
				f.feed(d)
				patience := 3 * time.Second
				if died == 0 && n == 1 { // sooner or later it comes by every point once
					patience = time.Minute
				}
				died += settle(d, patience)
			}
			if died == 0 {
				t.Errorf("the process never came by %s", point)
			}
			f.finish(start(t, dir, f.config, "")).check(t, want)
		})
	}
	for _, point := range savePoints {
		t.Run(point, func(t *testing.T) {
			f, dir := newFeeder(t, base), t.TempDir()
			for _, n := range []int{1, 2, 1} { // the states of both classes are saved
				d := start(t, dir, f.config, fmt.Sprintf("%s:%d", point, n))
				f.feedSome(d, bodies/4)
				_ = d.cmd.Process.Signal(syscall.SIGTERM)
				<-d.exited
				for tries := 0; tries < 20 && strings.Contains(d.said.String(), "stays as it was saved last"); tries++ {
					// The save before met a busy moment and took so long that another was not worth its time.
					d = start(t, dir, f.config, fmt.Sprintf("%s:%d", point, n))
					_ = d.cmd.Process.Signal(syscall.SIGTERM)
					<-d.exited
				}
				if code := d.cmd.ProcessState.ExitCode(); code >= 0 {
					t.Errorf("the process ended with code %d, not at %s\n%s", code, point, d.said)
				}
			}
			f.finish(start(t, dir, f.config, "")).check(t, want)
			left, err := filepath.Glob(filepath.Join(dir, "*.new*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind are %v; %v", left, err)
			}
		})
	}
	t.Run("random moments", func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		f, dir := newFeeder(t, base), t.TempDir()
		for range 30 {
			d := start(t, dir, f.config, "")
			after := time.AfterFunc(time.Duration(r.IntN(250))*time.Millisecond, func() { _ = d.cmd.Process.Kill() })
			if f.next < bodies-30 { // keep some for the kills to come
				f.feedSome(d, 1+r.IntN(3))
			}
			<-d.exited
			after.Stop()
		}
		f.finish(start(t, dir, f.config, "")).check(t, want)
	})
}

// feedSome sends a few bodies.
func (f *feeder) feedSome(d *daemon, n int) {
	for ; n > 0 && f.next < bodies && d.alive(); n-- {
		if d.post(fmt.Sprintf("body-%d", f.next), f.bodies[f.next]) == nil {
			f.next++
		}
	}
}

// settle gives a daemon that was fed everything a while to come by its point, and reports whether it died there.
func settle(d *daemon, patience time.Duration) int {
	select {
	case <-d.exited:
		return 1
	case <-time.After(patience):
		d.kill()
		return 0
	}
}
