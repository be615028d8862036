package netflow_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// TestOverARestart: templates, sampling and names are known again, and data needs no new template.
func TestOverARestart(t *testing.T) {
	b := newBench(netflow.Options{})
	b.take(v9(1, 7, new(wire).set(0, template(300, v9Fields()...)).set(1, new(wire).u16(400, 4, 8).u16(2, 4).u16(82, 8, 83, 8)).
		set(400, new(wire).u32(3).text("Gi0/3\x00\x00\x00uplink\x00\x00"))))
	b.take(ipfix(0, 8, new(wire).set(2, template(301, append(ipfixFields(), element{82, 65535, 0})...)).
		set(2, template(302, element{8, 4, 0}, element{12, 4, 0}, element{22, 4, 0}, element{21, 4, 0})).
		set(3, new(wire).u16(403, 4, 1).fields([]element{{149, 4, 0}, {305, 4, 0}, {306, 4, 0}, {160, 8, 0}})).set(403, new(wire).u32(8, 1, 999).u64((exportTime-90)*1000))))
	text, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	after := newBench(netflow.Options{})
	if err := after.Load(text); err != nil {
		t.Fatal(err)
	}
	for _, datagram := range [][]byte{v9(2, 7, new(wire).set(300, v9Record())), ipfix(1, 8, new(wire).set(301, ipfixRecord().u8(2).text("hi"))),
		ipfix(2, 8, new(wire).set(302, new(wire).ip("10.0.0.1").ip("10.0.0.2").u32(80_000, 85_000)))} {
		want, _ := b.take(datagram)
		got, report := after.take(datagram)
		if diff := cmp.Diff(want, got); diff != "" || len(got) != 1 || report.String() != "" || got[0].Has&flow.HasTimes == 0 {
			t.Errorf("%s (-before +after):\n%s", &report, diff)
		}
	}
	if name, _ := after.Names(addr("192.0.2.1"), 9, 7, 3, 0); name != "Gi0/3" {
		t.Errorf("interface 3 is %q", name)
	}
	if again, err := after.Save(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("saved again: %v\n%s\nwas\n%s", err, again, text)
	}
}

// TestFoulSave: what is damaged is refused as a whole, and whatever is taken harms nothing.
func TestFoulSave(t *testing.T) {
	b := newBench(netflow.Options{})
	b.take(ipfix(0, 8, new(wire).set(2, template(301, ipfixFields()...))))
	good, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range good {
		for _, flip := range []byte{1, 8, 128} {
			foul := bytes.Clone(good)
			foul[i] ^= flip
			after := newBench(netflow.Options{})
			if err := after.Load(foul); err != nil {
				refused++
				if !errors.Is(err, fault.Invalid) {
					t.Fatalf("byte %d: %v", i, err)
				}
			}
			if got, report := after.take(ipfix(1, 8, new(wire).set(301, ipfixRecord()))); len(got) > 10 || len(got) == 0 && report == (flow.Report{}) {
				t.Fatalf("byte %d: %d records, %+v", i, len(got), report)
			}
		}
	}
	if refused < len(good) {
		t.Errorf("%d of %d damaged saves were refused", refused, 3*len(good))
	}
	for name, text := range map[string]string{
		"newer": `{"version":2}`, "empty": ``, "no exporter": `{"version":1,"domains":[{"protocol":9}]}`,
		"version 5": `{"version":1,"domains":[{"exporter":"10.0.0.1","protocol":5}]}`,
		"reserved":  `{"version":1,"domains":[{"exporter":"10.0.0.1","protocol":9,"templates":[{"id":3,"count":1,"fields":"AAEABA=="}]}]}`,
		"count":     `{"version":1,"domains":[{"exporter":"10.0.0.1","protocol":9,"templates":[{"id":300,"count":-1,"fields":"AAEABA=="}]}]}`,
	} {
		if err := newBench(netflow.Options{}).Load([]byte(text)); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "load templates") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
