package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/ledger/ledgertest"
)

// said runs a command to its end and returns what it wrote and whether it was done.
func said(t *testing.T, dir, crash string, env []string, args ...string) (string, bool) {
	t.Helper()
	cmd := command(t, dir, crash, args...)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// counted is how many events there are, as text.
func counted(t *testing.T, dir string) string {
	t.Helper()
	out, ok := said(t, dir, "", nil, "top", "-o", "csv")
	if !ok && strings.Contains(out, "no events found") {
		return "0"
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

func done(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	out, ok := said(t, dir, "", env, args...)
	if !ok {
		t.Fatalf("tocsin %q: %s", args, out)
	}
	return out
}

// Killed at any point of a reset, all events are there or none, with what is known of the file to match; after another reset
// the file comes in once more, whole.
func TestResetKilledAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"@timestamp":"2026-01-02T03:04:05Z","message":"event %d"}`+"\n", i)
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, point := range []string{"none:1", "after-manifest-before-copy:1", "after-manifest-before-copy:2", "after-merge-before-unlink:1"} {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			done(t, dir, nil, "ingest", path)
			said(t, dir, point, nil, "reset", "--yes")
			left := counted(t, dir)
			whole := left == "2000"
			if !whole && left != "0" {
				t.Errorf("%s are left, want all or none", left)
			}
			again, _ := said(t, dir, "", nil, "ingest", path)
			if known := strings.Contains(again, "nothing new"); known != whole {
				t.Errorf("%s are left, and reading the file again says %s", left, again)
			}
			done(t, dir, nil, "reset", "--yes")
			done(t, dir, nil, "ingest", path)
			if left = counted(t, dir); left != "2000" {
				t.Errorf("after a reset the file gives %s, want 2000", left)
			}
		})
	}
}

// A takeover that is killed, alone or with the daemon that it goes through, goes on and brings every row once; where the
// database is may stand in LogTrack's own variables.
func TestTakeOverKilledAnywhere(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	address := server.Database(t)
	const rows = 25_000
	execute(t, address, logTrackTables)
	execute(t, address, fmt.Sprintf(`INSERT INTO logs (timestamp, message) SELECT '2024-01-01 00:00:00+00', 'row ' || n FROM generate_series(1, %d) n`, rows))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"DB_HOST=" + u.Query().Get("host"), "DB_NAME=" + strings.Trim(u.Path, "/"), "DB_USER=" + u.User.Username()}
	dir := t.TempDir()
	conf := filepath.Join(t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(conf, []byte("http: {listen: \"\"}\nsources: {syslog: [], flows: []}\njournal: {free_floor: off}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "TOCSIN_CONFIG="+conf)
	d := start(t, dir, conf, "after-ack-before-return:2")
	if out, ok := said(t, dir, "", env, "import", "logtrack", address); ok {
		t.Errorf("a takeover through a daemon that dies: %s", out)
	}
	<-d.exited
	for _, point := range []string{"after-publish-before-ack:2", "after-ack-before-return:3", "during-segment:1", "after-rename-before-manifest:1"} {
		if out, ok := said(t, dir, point, env, "import", "logtrack"); ok {
			t.Errorf("not killed at %s: %s", point, out)
		}
	}
	d = start(t, dir, conf, "")
	done(t, dir, env, "import", "logtrack", address)
	if out := done(t, dir, env, "import", "logtrack", "-o", "csv"); !strings.Contains(out, fmt.Sprintf("logs,%d,0", rows)) {
		t.Errorf("another run says %s, want nothing new", out)
	}
	for name, n := range d.events() {
		if n != 1 {
			t.Fatalf("%s is there %d times", name, n)
		}
	}
	if n := len(d.events()); n != rows {
		t.Errorf("%d rows came over, want %d", n, rows)
	}
	d.stop()
}
