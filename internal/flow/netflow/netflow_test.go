package netflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

const second = int64(time.Second)

// legacyRecord writes the record of a TCP flow in the form of version 1, 5 or 7.
func legacyRecord(version uint16) *wire {
	w := new(wire).ip("10.0.0.1").ip("198.51.100.2").ip("0.0.0.0").u16(3, 4).u32(10, 8000).u32(uptime-9_000, uptime-1_000).u16(40000, 443)
	switch version {
	case 1:
		return w.u16(0).u8(6, 8, 0x1b, 0, 0, 0).u32(0, 0)
	case 5:
		return w.u8(0, 0x1b, 6, 8).u16(64500, 64501).u8(24, 16, 0, 0)
	default:
		return w.u8(0, 0x1b, 6, 8).u16(64500, 64501).u8(24, 16, 0, 0).u32(0)
	}
}

func legacy(version, count uint16, sequence uint32, records ...*wire) []byte {
	w := new(wire).u16(version, count).u32(uptime, exportTime, 500_000_000)
	switch version {
	case 5:
		w.u32(sequence).u8(2, 9).u16(1<<14 | 100)
	case 7:
		w.u32(sequence, 0)
	}
	for _, r := range records {
		w.text(string(r.b))
	}
	return w.b
}

func tcp() flow.Record {
	return flow.Record{
		Source: addr("10.0.0.1"), Destination: addr("198.51.100.2"), SourcePort: 40000, DestinationPort: 443, Protocol: 6, TOS: 8, TCPFlags: 0x1b,
		Bytes: 8000, Packets: 10, Ingress: 3, Egress: 4, Start: exportTime*second - 9*second, End: exportTime*second - second,
		Has: flow.HasAddresses | flow.HasPorts | flow.HasProtocol | flow.HasTCPFlags | flow.HasInterfaces | flow.HasTimes,
	}
}

func TestLegacy(t *testing.T) {
	for _, version := range []uint16{1, 5, 7} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			want := tcp()
			want.Start, want.End = want.Start+second/2, want.End+second/2
			if version != 1 {
				want.SourceAS, want.DestinationAS, want.Has = 64500, 64501, want.Has|flow.HasAS
			}
			if version == 5 {
				want.Sampling, want.Domain = 100, 2<<8|9
			}
			b := newBench(netflow.Options{})
			got, report := b.take(legacy(version, 2, 7, legacyRecord(version), legacyRecord(version)))
			if diff := cmp.Diff([]flow.Record{want, want}, got); diff != "" || report.String() != "" || report.Records != 2 {
				t.Errorf("%s, %d records (-want +got):\n%s", &report, report.Records, diff)
			}
		})
	}
}

// TestLegacyCounts: what is there counts, whatever the header says.
func TestLegacyCounts(t *testing.T) {
	r := legacyRecord(5)
	for name, c := range map[string]struct {
		datagram []byte
		records  int
		problems string
	}{
		"more counted":    {legacy(5, 65535, 0, r), 1, "truncated"},
		"none there":      {legacy(5, 65535, 0), 0, "truncated"},
		"fewer counted":   {legacy(5, 1, 0, r, r), 1, "wrong-count"},
		"cut in a record": {legacy(5, 2, 0, r, r)[:24+48+47], 1, "truncated"},
		"cut header":      {legacy(5, 1, 0, r)[:23], 0, "truncated"},
		"one byte":        {[]byte{0}, 0, "truncated"},
		"nothing":         {nil, 0, "truncated"},
		"version 8":       {legacy(8, 1, 0, r), 0, "unknown-version"},
	} {
		b := newBench(netflow.Options{})
		got, report := b.take(c.datagram)
		if len(got) != c.records || report.String() != c.problems {
			t.Errorf("%s: %d records and %q, want %d and %q", name, len(got), &report, c.records, c.problems)
		}
	}
}

// TestUptime: an uptime that went round after 49.7 days gives right times, and a clock that is years off is not believed.
func TestUptime(t *testing.T) {
	b := newBench(netflow.Options{})
	w := new(wire).u16(5, 1).u32(1_000, exportTime, 0).u32(0).u8(0, 0).u16(0)
	w.ip("10.0.0.1").ip("10.0.0.2").ip("0.0.0.0").u16(0, 0).u32(1, 40).u32(1<<32-4_000, 500).u16(1, 2).u8(0, 0, 17, 0).u16(0, 0).u8(0, 0, 0, 0)
	got, report := b.take(w.b)
	if want := exportTime * second; report.String() != "" || got[0].Start != want-5*second || got[0].End != want-second/2 {
		t.Errorf("%q: %v to %v before the export", &report, want-got[0].Start, want-got[0].End)
	}
	b.now += 3 * 365 * 24 * 3600 * second
	got, report = b.take(w.b)
	if report.String() != "bad-time" || got[0].End != b.now-second/2 {
		t.Errorf("clock years off: %q, end %v before the receipt", &report, b.now-got[0].End)
	}
}

func TestNumbering(t *testing.T) {
	b := newBench(netflow.Options{})
	r := legacyRecord(5)
	for i, step := range []struct {
		sequence        uint32
		lost            uint32
		late, restarted bool
	}{
		{1<<32 - 3, 0, false, false}, // the first that is seen
		{1<<32 - 1, 0, false, false},
		{1, 0, false, false}, // round
		{10, 7, false, false},
		{3, 0, true, false}, // late
		{12, 0, false, false},
		{1 << 30, 0, false, true}, // anew
		{1<<30 + 2, 0, false, false},
	} {
		_, report := b.take(legacy(5, 2, step.sequence, r, r))
		if report.Lost != step.lost || report.Late != step.late || report.Restarted != step.restarted {
			t.Errorf("datagram %d, number %d: %d lost, late %v, restarted %v", i, step.sequence, report.Lost, report.Late, report.Restarted)
		}
	}
}

// fields of a flow as softflowd exports it, in version 9 and, with times of its own, IPFIX.
func v9Fields() []element {
	return []element{{8, 4, 0}, {12, 4, 0}, {22, 4, 0}, {21, 4, 0}, {1, 4, 0}, {2, 4, 0}, {10, 4, 0}, {14, 4, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}, {6, 1, 0}, {5, 1, 0}}
}

func v9Record() *wire {
	return new(wire).ip("10.0.0.1").ip("198.51.100.2").u32(uptime-9_000, uptime-1_000, 8000, 10, 3, 4).u16(40000, 443).u8(6, 0x1b, 8)
}

func ipfixFields() []element {
	return []element{{8, 4, 0}, {12, 4, 0}, {152, 8, 0}, {153, 8, 0}, {1, 8, 0}, {2, 8, 0}, {10, 4, 0}, {14, 4, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}, {6, 2, 0}, {5, 1, 0}}
}

func ipfixRecord() *wire {
	return new(wire).ip("10.0.0.1").ip("198.51.100.2").u64(exportTime*1000-9000, exportTime*1000-1000, 8000, 10).u32(3, 4).u16(40000, 443).u8(6).u16(0x1b).u8(8)
}

// TestSameInAll: one flow, told by version 5, 9 and IPFIX, is the same.
func TestSameInAll(t *testing.T) {
	want := tcp()
	want.Domain = 7
	b := newBench(netflow.Options{})
	got, report := b.take(v9(1, 7, new(wire).set(0, template(300, v9Fields()...)).set(300, v9Record().u8(0)))) // padded
	if diff := cmp.Diff([]flow.Record{want}, got); diff != "" || report.String() != "" || report.Templates != 1 {
		t.Errorf("9: %s (-want +got):\n%s", &report, diff)
	}
	got, report = b.take(ipfix(1, 7, new(wire).set(2, template(300, ipfixFields()...)).set(300, ipfixRecord())))
	if diff := cmp.Diff([]flow.Record{want}, got); diff != "" || report.String() != "" || report.Templates != 1 {
		t.Errorf("IPFIX: %s (-want +got):\n%s", &report, diff)
	}
}

// TestWrongCountLosesNothing: softflowd counts data records alone where the datagram carries templates too.
func TestWrongCountLosesNothing(t *testing.T) {
	b := newBench(netflow.Options{})
	sets := new(wire).set(0, template(300, v9Fields()...)).set(0, template(301, v9Fields()...)).set(300, v9Record()).set(301, v9Record())
	datagram := v9(1, 7, sets)
	for _, count := range []uint16{0, 1, 2, 4, 3000} {
		datagram[2], datagram[3] = byte(count>>8), byte(count)
		if got, report := b.take(datagram); len(got) != 2 || (report.String() == "wrong-count") != (count == 3000) {
			t.Errorf("count %d: %d records, %q", count, len(got), &report)
		}
	}
}

// TestDataBeforeTemplate: it waits for its template, with its own times, whatever comes between; not for that of others.
func TestDataBeforeTemplate(t *testing.T) {
	b := newBench(netflow.Options{})
	got, report := b.take(v9(1, 7, new(wire).set(300, v9Record())))
	if len(got) != 0 || report.String() != "no-template" {
		t.Fatalf("%d records, %q", len(got), &report)
	}
	b.now += 60 * second
	later := new(wire).u16(9, 1).u32(uptime+60_000, exportTime+60, 2, 7).text(string(new(wire).set(0, template(300, v9Fields()...)).b)).b
	other := append([]byte{}, later...)
	other[19] = 8 // the domain
	if got, _ := b.take(other); len(got) != 0 {
		t.Errorf("the template of another domain gave %d records", len(got))
	}
	if got, _ := b.Decode(addr("192.0.2.2"), b.now, later, nil); len(got) != 0 {
		t.Errorf("the template of another exporter gave %d records", len(got))
	}
	want := tcp()
	want.Domain = 7
	got, report = b.take(later)
	if diff := cmp.Diff([]flow.Record{want}, got); diff != "" || report.String() != "" {
		t.Errorf("%s (-want +got):\n%s", &report, diff)
	}
	if got, _ := b.take(later); len(got) != 0 {
		t.Errorf("held data came twice: %v", got)
	}
}

func TestHoldingIsBounded(t *testing.T) {
	b := newBench(netflow.Options{HoldDomain: 200, HoldTotal: 300, HoldFor: time.Minute})
	data := func(domain uint32) []byte { return v9(1, domain, new(wire).set(300, v9Record())) } // 39 bytes a set
	held := func(domain uint32) (n int) {
		for range 10 {
			if _, report := b.take(data(domain)); report.Problems[flow.HeldTooMuch] == 0 {
				n++
			}
		}
		return n
	}
	if one, two := held(1), held(2); one != 5 || two != 2 {
		t.Errorf("held %d and %d sets, want 5 in 200 bytes and 2 in the 300 of all", one, two)
	}
	b.now += 61 * second
	_, report := b.take(data(1))
	if report.Problems[flow.HeldTooLong] != 5 || report.Problems[flow.HeldTooMuch] != 0 {
		t.Errorf("after a minute: %v dropped, %q", report.Problems[flow.HeldTooLong], &report)
	}
}

// TestTemplatesChange: a template is redefined, withdrawn, and forgotten when it is not sent again.
func TestTemplatesChange(t *testing.T) {
	b := newBench(netflow.Options{Expire: time.Hour})
	short := []element{{8, 4, 0}, {12, 4, 0}, {1, 4, 0}}
	record := new(wire).ip("10.0.0.9").ip("10.0.0.8").u32(77)
	b.take(ipfix(1, 7, new(wire).set(2, template(300, ipfixFields()...))))
	got, _ := b.take(ipfix(1, 7, new(wire).set(2, template(300, short...)).set(300, record)))
	if len(got) != 1 || got[0].Bytes != 77 {
		t.Errorf("redefined: %+v", got)
	}
	if _, report := b.take(ipfix(2, 7, new(wire).set(2, template(300)).set(300, record))); report.String() != "no-template" {
		t.Errorf("withdrawn: %q", &report)
	}
	b.take(ipfix(3, 7, new(wire).set(2, template(301, short...)).set(2, template(302, short...))))
	if _, report := b.take(ipfix(3, 7, new(wire).set(2, template(2)).set(301, record).set(302, record))); report.Problems[flow.NoTemplate] != 2 {
		t.Errorf("all withdrawn: %q", &report)
	}
	b.take(ipfix(4, 7, new(wire).set(2, template(303, short...))))
	b.now += 2 * 3600 * second
	if _, report := b.take(ipfix(4, 7, new(wire).set(303, record))); report.Problems[flow.NoTemplate] != 1 {
		t.Errorf("not sent again for two hours: %q", &report)
	}
}

func TestBadTemplates(t *testing.T) {
	b := newBench(netflow.Options{MaxTemplates: 3, MaxFields: 4})
	for name, c := range map[string]struct {
		body     *wire
		problems string
	}{
		"no length":       {template(300, element{1, 0, 0}, element{2, 0, 0}), "bad-template"},
		"too long":        {template(300, element{1, 40000, 0}, element{2, 40000, 0}), "bad-template"},
		"too many fields": {template(300, element{1, 1, 0}, element{1, 1, 0}, element{1, 1, 0}, element{1, 1, 0}, element{1, 1, 0}), "bad-template"},
		"reserved id":     {template(255, element{1, 4, 0}), "bad-template"},
		"cut":             {new(wire).u16(300, 65535, 1, 4), "truncated"},
		"cut enterprise":  {new(wire).u16(300, 1, 0x8001, 4).u16(1), "truncated"},
	} {
		if _, report := b.take(ipfix(1, 7, new(wire).set(2, c.body))); report.String() != c.problems || report.Templates != 0 {
			t.Errorf("%s: %q, %d templates", name, &report, report.Templates)
		}
	}
	for id := uint16(300); id < 306; id++ {
		_, report := b.take(ipfix(1, 7, new(wire).set(2, template(id, element{1, 4, 0}))))
		if (report.String() == "too-many-templates") != (id >= 303) {
			t.Errorf("template %d of 3: %q", id, &report)
		}
	}
}

// TestBadSets: what is wrong with one set is told, and those before it count.
func TestBadSets(t *testing.T) {
	good := new(wire).set(2, template(300, ipfixFields()...)).set(300, ipfixRecord())
	for name, c := range map[string]struct {
		rest     *wire
		problems string
	}{
		"length below 4": {new(wire).u16(300, 3), "bad-length"},
		"length of 0":    {new(wire).u16(300, 0), "bad-length"},
		"beyond the end": {new(wire).u16(300, 1000).u32(0), "truncated"},
		"reserved":       {new(wire).set(17, new(wire).u32(0)), "reserved-set"},
		"padding":        {new(wire).u8(0, 0, 0), ""},
	} {
		b := newBench(netflow.Options{})
		got, report := b.take(ipfix(1, 7, new(wire).text(string(good.b)+string(c.rest.b))))
		if len(got) != 1 || report.String() != c.problems {
			t.Errorf("%s: %d records, %q", name, len(got), &report)
		}
	}
	for _, length := range []uint16{0, 15, 9999} {
		b := newBench(netflow.Options{})
		datagram := ipfix(1, 7, good)
		datagram[2], datagram[3] = byte(length>>8), byte(length)
		if got, report := b.take(datagram); !strings.Contains(report.String(), "truncated") || len(got) > 1 {
			t.Errorf("message length %d: %q, %d records", length, &report, len(got))
		}
	}
}

// TestNumberingOfRecords: the number of an IPFIX message is that of the records before it; some exporters count its own too.
func TestNumberingOfRecords(t *testing.T) {
	for name, own := range map[string]bool{"before": false, "own": true} {
		b := newBench(netflow.Options{})
		b.take(ipfix(0, 7, new(wire).set(2, template(300, ipfixFields()...))))
		number, lost := uint32(0), uint32(0)
		for i, records := range []int{5, 3, 3, 8, 1, 2, 7} {
			data := new(wire)
			for range records {
				data.text(string(ipfixRecord().b))
			}
			if i == 5 {
				number += 10 // lost on the way
			}
			told := number
			number += uint32(records)
			if own {
				told = number
			}
			_, report := b.take(ipfix(told, 7, new(wire).set(300, data)))
			if i > 1 { // by then it is known how they count
				lost += report.Lost
			}
		}
		if lost != 10 {
			t.Errorf("%s: %d lost, want 10", name, lost)
		}
	}
}
