package main

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tocsin/internal/api"
)

// The demo shows an alert of each kind of its samples, and reading the configuration again leaves its rules as they are.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	d := launch(t, dir, command(t, dir, "", "demo", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "info", "--log-format", "json"))
	alert := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  ALERT ● HIGH     Somebody guesses accounts over SSH: `)
	d.eventually("an alert is shown", func() bool { return alert.MatchString(d.said.String()) })
	count := func() (running int) {
		var rules []api.Rule
		d.ask("GET", "/api/v1/rules", &rules)
		for _, r := range rules {
			if r.Enabled && r.Problem == "" {
				running++
			}
		}
		return running
	}
	before := count()
	if before != 5 {
		t.Errorf("%d rules run, want the five of the demo", before)
	}
	_ = d.cmd.Process.Signal(syscall.SIGHUP)
	d.eventually("the configuration was read again", func() bool { return strings.Contains(d.said.String(), "configuration") })
	if after := count(); after != before || !d.alive() {
		t.Errorf("%d rules run after SIGHUP, %d before\n%s", after, before, d.said)
	}
	d.stop()
}
