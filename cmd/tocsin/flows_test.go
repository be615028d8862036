package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/flow/flowtest"
)

// flowsDaemon runs the program with one port for flows, and returns the port's address.
func flowsDaemon(t *testing.T, dir string) (*daemon, string) {
	t.Helper()
	address := freePort(t, "udp")
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, fmt.Sprintf("http: {listen: \"off\"}\njournal: {free_floor: off}\nsources: {syslog: [], flows: [{name: flows, udp: %q}]}\n", address), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	d.told("listening for flows")
	return d, address
}

// answer runs a command beside the daemon.
func answer(t *testing.T, d *daemon, args ...string) string {
	t.Helper()
	out, err := command(t, d.dir, "", args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) { // 1: nothing found
		t.Fatalf("tocsin %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// TestFlowsOfRealExporters: what real exporters tell of one capture has in each protocol the sums of the capture, and
// no problems.
func TestFlowsOfRealExporters(t *testing.T) {
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(time.Now().Add(-time.Minute).Unix()), traffic) //nolint:gosec // of this century
	dir := t.TempDir()
	d, address := flowsDaemon(t, dir)
	to, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	send := func(datagrams [][]byte) {
		t.Helper()
		for _, b := range datagrams {
			if _, err := to.Write(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	total := func(dataset string) string {
		return answer(t, d, "top", "--kind", "flow", "--since", "1d", "--where", fmt.Sprintf("event.dataset == %q", dataset), "--by", "sum(source.bytes)", "-o", "csv") +
			answer(t, d, "top", "--kind", "flow", "--since", "1d", "--where", fmt.Sprintf("event.dataset == %q", dataset), "-o", "csv")
	}
	for dataset, test := range map[string]struct {
		datagrams [][]byte
		v6        bool
	}{
		"netflow5": {flowtest.Softflowd(t, capture, 5), false},
		"netflow9": {flowtest.Softflowd(t, capture, 9), true},
		"ipfix":    {flowtest.Softflowd(t, capture, 10), true},
		"sflow":    {flowtest.Pmacct(t, capture), true},
	} {
		sums := flowtest.Sums(traffic, test.v6)
		octets, packets := uint64(0), uint64(0)
		for _, s := range sums {
			octets, packets = octets+s.Bytes, packets+s.Packets
		}
		rows := uint64(len(sums))
		if dataset == "sflow" { // one row a packet
			rows = packets
		}
		send(test.datagrams)
		want := fmt.Sprintf("sum(source.bytes)\n%dcount\n%d", octets, rows)
		got := ""
		for deadline := time.Now().Add(time.Minute); got != want && time.Now().Before(deadline); {
			got = total(dataset)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", dataset, got, want)
		}
	}
	var e struct {
		Protocols []string
		Problems  map[string]int64
		Lost      int64
	}
	if text := answer(t, d, "exporters", "-o", "json"); json.Unmarshal([]byte(text), &e) != nil || len(e.Protocols) != 4 || e.Lost != 0 || len(e.Problems) > 0 {
		t.Errorf("exporters: got %s, want one of four protocols without problems", text)
	}
}
