package main

import (
	"bytes"
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// The demo shows an alert of each kind of its samples, and reading the configuration again leaves its rules as they are.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	d := launch(t, dir, command(t, dir, "", "demo", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "info", "--log-format", "json"))
	guessed := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  ALERT ● HIGH     Somebody guesses accounts over SSH: `)
	d.eventually("an alert is shown", func() bool { return guessed.MatchString(d.said.String()) })
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
	if before != 22 {
		t.Errorf("%d rules run, want the five of the demo and the seventeen of pack flow", before)
	}
	for _, what := range []string{
		`A host sends far more to the outside than usual: 10\.20\.1\.14: `,
		`One address tries one port on many hosts: 203\.0\.113\.66 → 22: `,
		`One address tries many ports of one host: 2001:db8:bad::99 → 2001:db8:20:2::80: `,
		`A host is flooded with answers that it may not have asked for: 192\.0\.2\.80 → 123: `,
		`A host is in contact with an address on the blacklist: 10\.20\.1\.17 → 198\.51\.100\.221: .*made-up botnet`,
		`Somebody guesses accounts over SSH: gate: `,
	} {
		line := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  ALERT . [A-Z]+ +` + what)
		d.eventually("an alert says "+what, func() bool { return line.MatchString(d.said.String()) })
	}
	var alerts []alert.Alert
	d.ask("GET", "/api/v1/alerts?user=*", &alerts)
	found := map[string]int{}
	for _, a := range alerts {
		if strings.HasPrefix(a.RuleName, "flow-") {
			found[a.RuleName]++
		}
	}
	want := map[string]int{"flow-exfiltration": 1, "flow-scan-hosts": 1, "flow-scan-ports": 1, "flow-reflection": 1, "flow-blacklist": 1}
	if !maps.Equal(found, want) {
		t.Errorf("rules of pack flow found %v, want %v", found, want)
	}
	for _, line := range regexp.MustCompile(`(?m)^  (\S+ (?:top|search) .*)$`).FindAllStringSubmatch(d.said.String(), -1) {
		ask, _, _ := strings.Cut(line[1], "     #")
		sh := exec.CommandContext(t.Context(), "/bin/sh", "-c", ask)
		sh.Env = command(t, dir, "").Env
		if out, err := sh.CombinedOutput(); err != nil || bytes.Count(out, []byte("\n")) < 5 {
			t.Errorf("what the demo says to ask, %s, gives %v:\n%s", ask, err, out)
		}
	}
	_ = d.cmd.Process.Signal(syscall.SIGHUP)
	d.eventually("the configuration was read again", func() bool { return strings.Contains(d.said.String(), "configuration") })
	if after := count(); after != before || !d.alive() {
		t.Errorf("%d rules run after SIGHUP, %d before\n%s", after, before, d.said)
	}
	d.stop()
}
