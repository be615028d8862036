package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/alert"
)

// houseConfig judges at once, and has one rule that every event of a host triggers.
const houseConfig = quietConfig + `detect: {lateness: 0s}
rules:
  - {name: any, title: 'Trouble "in" a house', from: log, detect: {threshold: {by: [host.name], over: 1m, at_least: 1}}, severity: HIGH}
`

// trouble sends an event that makes an alert of a host.
func (d *daemon) trouble(host string) {
	d.t.Helper()
	line, err := json.Marshal(map[string]any{"@timestamp": time.Now(), "message": "m", "host.name": host})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.post(hex.EncodeToString([]byte(host)), append(line, '\n')); err != nil {
		d.t.Fatalf("%v\n%s", err, d.said)
	}
}

// A followed is one run of tocsin alerts follow.
type followed struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *transcript
	said  *transcript
	ended chan struct{}
}

func followAlerts(t *testing.T, dir, config string, args ...string) *followed {
	t.Helper()
	f := &followed{t: t, out: &transcript{}, said: &transcript{}, ended: make(chan struct{})}
	f.cmd = command(t, dir, "", append([]string{"alerts", "follow", "--config", config, "-o", "json"}, args...)...)
	f.cmd.Stdout, f.cmd.Stderr = f.out, f.said
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = f.cmd.Wait() // the exit code is looked at by stop
		close(f.ended)
	}()
	t.Cleanup(func() { _ = f.cmd.Process.Kill(); <-f.ended })
	return f
}

// changes reads what was printed: change numbers, which must grow, and the hosts of the alerts.
func (f *followed) changes() (numbers []int64, hosts map[string]int) {
	f.t.Helper()
	hosts = map[string]int{}
	for line := range strings.Lines(f.out.String()) {
		var c struct {
			Change int64
			Alert  alert.Alert
		}
		if !strings.HasSuffix(line, "\n") {
			break // it is still being written
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			f.t.Fatalf("follow printed %q: %v", line, err)
		}
		if n := len(numbers); n > 0 && c.Change <= numbers[n-1] {
			f.t.Fatalf("follow printed change %d behind %d", c.Change, numbers[n-1])
		}
		numbers = append(numbers, c.Change)
		hosts[c.Alert.Entity.String()]++
	}
	return numbers, hosts
}

// until waits for an alert of a host.
func (f *followed) until(host string) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		if _, hosts := f.changes(); hosts[host] > 0 {
			return
		}
		select {
		case <-f.ended:
			f.t.Fatalf("follow has ended before it told of %s: %s", host, f.said)
		default:
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("follow does not tell of %s:\n%s%s", host, f.out, f.said)
		}
	}
}

// stop ends it as an init system would, and wants it to end well.
func (f *followed) stop() {
	f.t.Helper()
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	<-f.ended
	if code := f.cmd.ProcessState.ExitCode(); code != 0 {
		f.t.Fatalf("follow ended with exit code %d: %s", code, f.said)
	}
}

// Who follows alerts is told of each change once: over a restart of tocsin, over one of his own, and of what happened while he
// was away.
func TestAlertsFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, data, state := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "data"), filepath.Join(dir, "seen")
	write(t, config, houseConfig, 0o600)
	d := start(t, data, config, "")
	d.trouble("before")
	d.waitForAlerts(1)

	f := followAlerts(t, data, config, "--state-file", state, "--since-change", "0")
	f.until("before")
	d.trouble("first")
	f.until("first")
	d.stop()
	d = start(t, data, config, "")
	d.trouble("second")
	f.until("second")
	d.kill()
	d = start(t, data, config, "")
	d.trouble("third")
	f.until("third")
	f.stop()
	seen, _ := f.changes()

	d.trouble("away")
	d.waitForAlerts(5)
	f = followAlerts(t, data, config, "--state-file", state)
	f.until("away")
	f.stop()
	again, hosts := f.changes()
	if again[0] <= seen[len(seen)-1] {
		t.Errorf("the second run began with change %d, though the first had told %d", again[0], seen[len(seen)-1])
	}
	if hosts["away"] == 0 {
		t.Errorf("the second run told of %v, want what happened meanwhile", hosts)
	}

	// Without a tocsin there is nothing to follow, and a directory that is not held is not held by this either.
	d.stop()
	f = followAlerts(t, data, config)
	<-f.ended
	if code := f.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(f.said.String(), "no tocsin runs") {
		t.Errorf("follow without a tocsin: exit code %d, %s", code, f.said)
	}
}

// waitForAlerts waits until there are as many alerts.
func (d *daemon) waitForAlerts(n int) {
	d.t.Helper()
	var list []alert.Alert
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if d.ask("GET", "/api/v1/alerts", &list); len(list) >= n {
			return
		}
	}
	d.t.Fatalf("%d alerts, want %d\n%s", len(list), n, d.said)
}

// At a terminal of 80 columns each alert is on its line, in colours, and what a log says does nothing.
func TestAlertsAtTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, data := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "data")
	write(t, config, houseConfig, 0o600)
	d := start(t, data, config, "")
	d.trouble("a-host-with-a-name-that-is-rather-long.example.com")
	d.trouble("\x1b[2J\x1b]0;owned\x07\u202e")
	d.waitForAlerts(2)
	var list []alert.Alert
	d.ask("GET", "/api/v1/alerts", &list)
	cmd := exec.Command("bash", "-c", `stty cols 80 rows 24 && exec "$0" alerts --config "$1"`, command(t, data, "").Path, config)
	cmd.Env = append(command(t, data, "").Env, "TERM=xterm", "NO_COLOR=")
	shown, err := atTerminal(t, cmd).end()
	if err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	var plain bytes.Buffer
	for i := 0; i < len(shown); i++ {
		if end := strings.IndexByte(shown[i:], 'm'); strings.HasPrefix(shown[i:], "\x1b[") && end > 0 && strings.Trim(shown[i+2:i+end], "0123456789;") == "" {
			i += end // a colour
			continue
		}
		plain.WriteByte(shown[i])
	}
	if strings.ContainsAny(plain.String(), "\x1b\x07\u202e") || !strings.Contains(shown, "\x1b[") {
		t.Errorf("the terminal is shown %q", shown)
	}
	for line := range strings.Lines(plain.String()) {
		if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, part := range []string{"HIGH", "a-host-", "any", "count was 1", "…", list[0].Last.Local().Format("01-02")} {
		if !strings.Contains(plain.String(), part) {
			t.Errorf("%q is missing:\n%s", part, &plain)
		}
	}
}
