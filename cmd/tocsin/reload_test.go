package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/api"
)

// reloadConfig has a file and a rule by name.
const reloadConfig = base + `sources:
  syslog: []
  flows: []
  files: [%s]
rules: [%s]
`

const base = `http: {listen: "off"}
journal: {free_floor: "off"}
`

func fileSource(path string) string {
	return fmt.Sprintf("{name: %s, paths: [%s], format: jsonlines}", strings.TrimSuffix(filepath.Base(path), ".log"), path)
}

func countingRule(name string) string {
	return fmt.Sprintf("{name: %s, from: log, detect: {threshold: {at_least: 1000000}}}", name)
}

// eventLines makes JSON lines of events with ids.
func eventLines(ids ...string) string {
	var text strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&text, "{\"@timestamp\":%q,\"event.id\":%q}\n", time.Now().UTC().Format(time.RFC3339Nano), id)
	}
	return text.String()
}

func extend(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until ok holds; what says what it waits for.
func (d *daemon) eventually(what string, ok func() bool) {
	d.t.Helper()
	d.within(patience, what, ok)
}

// within is eventually for what may take longer.
func (d *daemon) within(limit time.Duration, what string, ok func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(limit); !ok(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: not within %s\n%s", what, limit, d.said)
		}
	}
}

// exactly reports whether the history holds the ids, each once, and no others.
func exactly(got map[string]int, ids ...string) bool {
	for _, id := range ids {
		if got[id] != 1 {
			return false
		}
	}
	return len(got) == len(ids)
}

func (d *daemon) ruleNames() (names []string) {
	d.t.Helper()
	var rules []api.Rule
	d.ask("GET", "/api/v1/rules", &rules)
	for _, r := range rules {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

// SIGHUP goes over to another configuration as a whole, or, when there is a mistake anywhere in it, not at all.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, first, second := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "first.log"), filepath.Join(dir, "second.log")
	write(t, first, eventLines("a1", "a2"), 0o600)
	write(t, second, eventLines("b1"), 0o600)
	write(t, config, fmt.Sprintf(reloadConfig, fileSource(first), countingRule("one")), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	d.eventually("first file is read", func() bool { return exactly(d.events(), "a1", "a2") })

	// A mistake in a rule keeps the file out as well, and the file that names it stays as it was.
	bad := strings.Replace(countingRule("two"), "at_least", "at_lest", 1)
	write(t, config, fmt.Sprintf(reloadConfig, fileSource(first)+", "+fileSource(second), bad), 0o600)
	d.hangUp()
	cause := d.told(`(?s)"configuration stays as it was","cause":"(.*)`)
	if !strings.Contains(cause, config+":7: rules[0].detect.threshold.at_lest: is not known here (did you mean at_least?)") {
		t.Errorf("a mistake is told as %.600s", cause)
	}
	if got := d.ruleNames(); !slices.Equal(got, []string{"one"}) {
		t.Errorf("rules after a bad file: %q", got)
	}
	extend(t, first, eventLines("a3"))
	d.eventually("first file is still followed", func() bool { return exactly(d.events(), "a1", "a2", "a3") })

	write(t, config, fmt.Sprintf(reloadConfig, fileSource(first)+", "+fileSource(second), countingRule("two")+", "+countingRule("three"))+"alerts: {max_open: 7}\n", 0o600)
	d.hangUp()
	if later := d.told(`"configuration read again".*"at the next start":"([^"]*)"`); later != "alerts" {
		t.Errorf("settings for the next start: %q, want alerts", later)
	}
	if got := d.ruleNames(); !slices.Equal(got, []string{"three", "two"}) {
		t.Errorf("rules after a good file: %q", got)
	}
	extend(t, first, eventLines("a4"))
	d.eventually("both files are followed", func() bool { return exactly(d.events(), "a1", "a2", "a3", "a4", "b1") })

	write(t, config, fmt.Sprintf(reloadConfig, fileSource(second), ""), 0o600)
	d.hangUp()
	d.eventually("rules are gone", func() bool { return len(d.ruleNames()) == 0 })
	d.stop()
}

func (d *daemon) hangUp() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		d.t.Fatal(err)
	}
}

// SIGTERM in the midst of intake, over HTTP and of a file: what was acknowledged is there after the next start, once.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, log := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "first.log")
	write(t, config, fmt.Sprintf(reloadConfig, fileSource(log), countingRule("one")), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	const senders, enough = 4, 40
	var mu sync.Mutex
	acked, sent := map[string]bool{}, map[string]bool{}
	var sending sync.WaitGroup
	loaded := make(chan struct{})
	for sender := range senders {
		sending.Go(func() {
			for n := 0; ; n++ {
				var ids []string
				for k := range 20 {
					ids = append(ids, fmt.Sprintf("s%d-%d-%d", sender, n, k))
				}
				err := d.post("", []byte(eventLines(ids...)))
				mu.Lock()
				for _, id := range ids {
					sent[id] = true
					acked[id] = err == nil
				}
				if len(sent) >= enough*20 {
					select {
					case <-loaded:
					default:
						close(loaded)
					}
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	var lines []string
	for n := range 3000 {
		lines = append(lines, fmt.Sprintf("file-%d", n))
	}
	extend(t, log, eventLines(lines...))
	<-loaded
	d.stop()
	sending.Wait()
	d = start(t, d.dir, config, "")
	d.eventually("the rest of the file is read", func() bool { return d.events()["file-2999"] > 0 })
	d.ask("POST", "/api/v1/flush", nil)
	got := d.events()
	for id, ok := range acked {
		if got[id] > 1 || ok && got[id] == 0 {
			t.Errorf("%s, acknowledged: %t, is there %d times", id, ok, got[id])
		}
		delete(got, id)
	}
	if !exactly(got, lines...) {
		t.Errorf("%d events besides those sent, want the %d of the file, each once", len(got), len(lines))
	}
	d.stop()
}
