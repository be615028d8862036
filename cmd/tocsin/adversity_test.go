package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/ledger/ledgertest"
)

// A second process on a data directory is told who has it, and harms nobody.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	config, dir := filepath.Join(t.TempDir(), "tocsin.yaml"), t.TempDir()
	write(t, config, quietConfig, 0o600)
	d := start(t, dir, config, "")
	if err := d.post("", []byte(good("before", 1))); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, dir, "", "serve", "--config", config).CombinedOutput()
	if want := fmt.Sprintf("is locked by pid %d (stop it, or use another directory with --data)", d.cmd.Process.Pid); exitCode(t, err) != 1 || !strings.Contains(string(out), want) {
		t.Errorf("a second serve: %v: %s, want exit code 1 and %q", err, out, want)
	}
	// A command that cannot reach the daemon does not open the directory beside it.
	if err := os.Rename(filepath.Join(dir, "tocsin.sock"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, dir, "", "search", "--config", config).CombinedOutput(); exitCode(t, err) != 1 || !strings.Contains(string(out), "is locked by pid") {
		t.Errorf("search without the socket: %v: %s", err, out)
	}
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "tocsin.sock")); err != nil {
		t.Fatal(err)
	}
	if err := d.post("", []byte(good("after", 1))); err != nil {
		t.Fatal(err)
	}
	d.eventually("the first one works on", func() bool { return exactly(d.events(), "before0", "after0") })
	d.kill()
	// A socket and lock that a killed process left are no obstacle, and what it had accepted is found by whoever comes next.
	if out, err := command(t, dir, "", "top", "--config", config, "-o", "csv").CombinedOutput(); err != nil || string(out) != "count\n2\n" {
		t.Errorf("top after a kill: %v: %s", err, out)
	}
	d = start(t, dir, config, "")
	if err := d.post("", []byte(good("last", 1))); err != nil {
		t.Fatal(err)
	}
	d.kill()
	d = start(t, dir, config, "")
	d.ask("POST", "/api/v1/flush", nil)
	if got := d.events(); !exactly(got, "before0", "after0", "last0") {
		t.Errorf("after a kill: %v", got)
	}
	d.stop()
}

// ledgerConfig alerts on every fifth event of a user, and writes each notice to a file.
const ledgerConfig = base + `sources: {syslog: [], flows: []}
ledger: {dsn: %q}
detect: {save_every: 1s}
notify:
  script: {via: {command: {program: %q}}, min_severity: INFO}
rules:
  - name: busy
    from: log
    detect: {threshold: {by: [user.name], over: 10m, at_least: 5}}
    severity: HIGH
`

// userEvents returns n events of a user, now.
func userEvents(user string, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"@timestamp\":%q,\"event.id\":\"%s%d\",\"user.name\":%q}\n", time.Now().UTC().Format(time.RFC3339Nano), user, i, user)
	}
	return b.Bytes()
}

// The ledger is a PostgreSQL that is away when the daemon starts, comes, goes while events come in, and comes again: intake
// never stops, and each alert arrives afterwards, once, with all its triggers.
func TestLedgerAway(t *testing.T) {
	t.Parallel()
	server := ledgertest.StartPostgres(t)
	dir := t.TempDir()
	config, told, script := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "told"), filepath.Join(dir, "tell")
	write(t, script, fmt.Sprintf("#!/bin/sh\nprintf '%%s %%s %%s\\n' \"$1\" \"$TOCSIN_ENTITY\" \"$TOCSIN_KEY\" >> %s\n", told), 0o755)
	write(t, config, fmt.Sprintf(ledgerConfig, server.Database(t), script), 0o600)
	server.Stop(t)
	d := start(t, filepath.Join(dir, "data"), config, "")
	if err := d.post("a", userEvents("early", 5)); err != nil {
		t.Fatalf("intake without a ledger: %v", err)
	}
	var health api.Health
	d.eventually("health tells of the ledger", func() bool {
		d.ask("GET", "/api/v1/health", &health)
		return !health.OK && health.Ready && strings.Contains(strings.Join(health.Problems, "\n"), "ledger")
	})
	d.eventually("events are found without a ledger", func() bool { return len(d.events()) == 5 })
	alerts := func() (list []string) {
		var found []alert.Alert
		if d.try("GET", "/api/v1/alerts", &found) != nil {
			return nil
		}
		for i := range found {
			list = append(list, fmt.Sprintf("%s %d", found[i].Entity.Key(), found[i].Triggers))
		}
		return list
	}
	server.Start(t)
	d.eventually("the early alert comes", func() bool { return len(alerts()) == 1 })

	server.Stop(t)
	if err := d.post("b", userEvents("away", 5)); err != nil {
		t.Fatalf("intake while the ledger is away: %v", err)
	}
	if err := d.try("GET", "/api/v1/alerts", nil); err == nil {
		t.Error("alerts are listed without a ledger")
	}
	d.eventually("events are found while the ledger is away", func() bool { return len(d.events()) == 10 })
	// Killed in this state it loses nothing either.
	d.kill()
	d = start(t, d.dir, config, "")
	if err := d.post("c", userEvents("later", 5)); err != nil {
		t.Fatalf("intake after a restart without a ledger: %v", err)
	}
	server.Start(t)
	d.eventually("the other alerts come", func() bool { return len(alerts()) == 3 })
	d.eventually("health is well again", func() bool {
		health = api.Health{}
		d.ask("GET", "/api/v1/health", &health)
		return health.OK
	})
	d.eventually("all are told", func() bool { return len(creations(t, told)) == 3 })
	d.stop()
	d = start(t, d.dir, config, "")
	d.eventually("alerts are listed again", func() bool { return alerts() != nil })
	for _, a := range alerts() {
		if !strings.HasSuffix(a, " 1") {
			t.Errorf("alert %s, want one trigger", a)
		}
	}
	if got := alerts(); len(got) != 3 {
		t.Errorf("alerts after all: %q, want one each of early, away, later", got)
	}
	for entity, keys := range creations(t, told) {
		if keys != 1 {
			t.Errorf("%s was told under %d keys, want 1", entity, keys)
		}
	}
	d.stop()
}

// creations returns how many keys each entity was told under as new. The same key again is a repeat.
func creations(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	keys, seen := map[string]int{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if word := strings.Fields(line); len(word) == 3 && word[0] == "CREATE" && !seen[line] {
			seen[line] = true
			keys[word[1]]++
		}
	}
	return keys
}

// try is ask with an error.
func (d *daemon) try(method, path string, into any) error {
	r, err := http.NewRequestWithContext(context.Background(), method, "http://tocsin"+path, http.NoBody)
	if err != nil {
		return err
	}
	res, err := d.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return errors.New(res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}
