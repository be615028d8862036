package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// counterDatagram is sFlow 5 of agent 192.0.2.1 with one counter sample of its interface 3, in gigabit, called xe-0/0/3, that was up
// for so many milliseconds, and in all that time took 125 bytes and sent 250 a millisecond. What stands in broken is cut off.
func counterDatagram(sequence, uptime uint32, broken int) []byte {
	var b []byte
	put := func(list ...uint32) {
		for _, v := range list {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	const unknown = math.MaxUint32
	put(5, 1, 0xc0000201, 0, sequence, uptime, 1, 2, 12+8+88+8+12, sequence, 3, 2)
	put(1, 88, 3, 6, 0, 1_000_000_000, 1, 3)
	b = binary.BigEndian.AppendUint64(b, 125*uint64(uptime))
	put(uptime, 0, 0, 0, sequence, unknown)
	b = binary.BigEndian.AppendUint64(b, 250*uint64(uptime))
	put(2*uptime, unknown, unknown, 0, 0, 0)
	put(1005, 12, 8)
	return append(b, "xe-0/0/3"...)[:len(b)+8-broken]
}

// TestInterfaces: what an agent counts becomes rates, with the names that people and it have for the interface, outlasts a restart,
// and what is broken off is counted.
func TestInterfaces(t *testing.T) {
	dir := t.TempDir()
	d, address := flowsDaemon(t, dir)
	to, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	began, sequence := time.Now().Add(-time.Hour), uint32(0)
	send := func(broken int) {
		t.Helper()
		sequence++
		if _, err := to.Write(counterDatagram(sequence, uint32(time.Since(began).Milliseconds()), broken)); err != nil { //nolint:gosec // of some hours
			t.Fatal(err)
		}
	}
	read := func(known func(i *api.Interface) bool) (i api.Interface) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for i.Index == 0 || !known(&i) {
			if time.Now().After(deadline) {
				t.Fatalf("it remains at %+v", i)
			}
			send(0)
			i = api.Interface{}
			if text := answer(t, d, "exporters", "interfaces", "-o", "json"); text != "" {
				if err := json.Unmarshal([]byte(text), &i); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
		}
		return i
	}
	i := read(func(i *api.Interface) bool { return i.In.Bits != nil })
	if math.Abs(*i.In.Bits-1e6) > 1 || math.Abs(*i.Out.Bits-2e6) > 1 || math.Abs(*i.In.Packets-1000) > 1 || i.In.Utilisation == nil || math.Abs(*i.In.Utilisation-0.1) > 1e-3 ||
		i.Exporter != "127.0.0.1" || i.Agent != "192.0.2.1" || i.Index != 3 || i.Label != "xe-0/0/3" || i.State != "up" || i.Duplex != "full" || i.Speed != 1e9 || *i.In.TotalErrors < 1 {
		t.Errorf("got %+v", i)
	}
	answer(t, d, "names", "set", "interface", "127.0.0.1#3", "uplink")
	answer(t, d, "names", "set", "exporter", "127.0.0.1", "core")
	for _, of := range []string{"127.0.0.1", "Core"} {
		send(0)
		if text := answer(t, d, "exporters", "interfaces", of); !strings.Contains(text, "core (127.0.0.1)") || !strings.Contains(text, "uplink") || !strings.Contains(text, "  1G  ") {
			t.Errorf("the table of %s is\n%s", of, text)
		}
	}
	d.stop()
	d = start(t, d.dir, filepath.Join(dir, "tocsin.yaml"), "")
	d.told("listening for flows")
	before := i.Samples
	if i = read(func(*api.Interface) bool { return true }); i.Samples <= before || i.Restarts != 0 {
		t.Errorf("after a restart %d samples, and %d before", i.Samples, before)
	}
	read(func(i *api.Interface) bool { return i.In.Bits != nil && math.Abs(*i.In.Bits-1e6) < 1 })
	send(30)
	send(120)
	d.eventually("two problems", func() bool {
		var e api.Exporter
		text := answer(t, d, "exporters", "-o", "json")
		return json.Unmarshal([]byte(text), &e) == nil && e.Problems["truncated"] == 2 && e.Counted == 1
	})
	if _, err := os.Stat(filepath.Join(d.dir, "flows", "interfaces.json")); err != nil {
		t.Error(err)
	}
}
