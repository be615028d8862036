package netflow_test

import (
	"testing"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// one decodes one IPFIX record of a template that begins with two addresses.
func one(t *testing.T, b *bench, fields []element, record *wire) flow.Record {
	t.Helper()
	fields = append([]element{{8, 4, 0}, {12, 4, 0}}, fields...)
	body := new(wire).ip("10.0.0.1").ip("10.0.0.2").text(string(record.b))
	got, report := b.take(ipfix(1, 7, new(wire).set(2, template(999, fields...)).set(999, body)))
	if len(got) != 1 || report.String() != "" {
		t.Fatalf("%d records, %q", len(got), &report)
	}
	return got[0]
}

// TestElements: each way in which exporters tell the same.
func TestElements(t *testing.T) {
	now := exportTime * second
	ntp := func(ns int64) uint64 {
		return uint64(ns/second+2_208_988_800)<<32 | uint64(ns%second)<<32/uint64(second) //nolint:gosec // positive
	}
	for name, c := range map[string]struct {
		fields []element
		record *wire
		is     func(r flow.Record) bool
	}{
		"seconds":      {[]element{{150, 4, 0}, {151, 4, 0}}, new(wire).u32(exportTime-5, exportTime-1), func(r flow.Record) bool { return r.Start == now-5*second && r.End == now-second }},
		"microseconds": {[]element{{154, 8, 0}, {155, 8, 0}}, new(wire).u64(ntp(now-5*second), ntp(now-second/2)), func(r flow.Record) bool { return r.Start == now-5*second && r.End == now-second/2 }},
		"nanoseconds":  {[]element{{156, 8, 0}, {157, 8, 0}}, new(wire).u64(ntp(now-5*second), ntp(now-second/2)), func(r flow.Record) bool { return r.Start == now-5*second && r.End == now-second/2 }},
		"deltas":       {[]element{{158, 4, 0}, {159, 4, 0}}, new(wire).u32(3_000_000, 1_000_000), func(r flow.Record) bool { return r.Start == now-3*second && r.End == now-second }},
		"duration":     {[]element{{150, 4, 0}, {161, 4, 0}}, new(wire).u32(exportTime-5, 2500), func(r flow.Record) bool { return r.End == now-5*second+2500*1e6 }},
		"to the end":   {[]element{{162, 4, 0}, {151, 4, 0}}, new(wire).u32(2_000_000, exportTime-1), func(r flow.Record) bool { return r.Start == now-3*second }},
		"uptimes":      {[]element{{22, 4, 0}, {21, 4, 0}, {160, 8, 0}}, new(wire).u32(1000, 3000).u64((exportTime - 10) * 1000), func(r flow.Record) bool { return r.Start == now-9*second && r.End == now-7*second }},
		"no times":     {nil, new(wire), func(r flow.Record) bool { return r.Start == now && r.End == now && r.Has&flow.HasTimes == 0 }},
		"end first":    {[]element{{150, 4, 0}, {151, 4, 0}}, new(wire).u32(exportTime-1, exportTime-5), func(r flow.Record) bool { return r.End == r.Start }},
		"short counts": {[]element{{1, 3, 0}, {2, 1, 0}}, new(wire).u8(1, 0, 0, 9), func(r flow.Record) bool { return r.Bytes == 65536 && r.Packets == 9 }},
		"totals":       {[]element{{85, 8, 0}, {86, 8, 0}}, new(wire).u64(1<<40, 7), func(r flow.Record) bool { return r.Bytes == 1<<40 && r.Packets == 7 }},
		"out alone":    {[]element{{23, 4, 0}, {24, 4, 0}}, new(wire).u32(500, 5), func(r flow.Record) bool { return r.Bytes == 500 && r.Packets == 5 }},
		"in and out":   {[]element{{23, 4, 0}, {24, 4, 0}, {1, 4, 0}, {2, 4, 0}}, new(wire).u32(500, 5, 600, 6), func(r flow.Record) bool { return r.Bytes == 600 && r.Packets == 6 }},
		"biflow": {[]element{{1, 4, 0}, {1, 4, 29305}, {2, 4, 29305}}, new(wire).u32(10, 20, 3), func(r flow.Record) bool {
			return r.Bytes == 10 && r.ReverseBytes == 20 && r.ReversePackets == 3 && r.Has&flow.HasReverse != 0
		}},
		"initiator": {[]element{{231, 8, 0}, {232, 8, 0}, {298, 8, 0}, {299, 8, 0}}, new(wire).u64(10, 20, 1, 2), func(r flow.Record) bool {
			return r.Bytes == 10 && r.ReverseBytes == 20 && r.Packets == 1 && r.ReversePackets == 2
		}},
		"enterprise": {[]element{{1, 4, 0}, {1, 4, 9999}}, new(wire).u32(10, 20), func(r flow.Record) bool { return r.Bytes == 10 && r.ReverseBytes == 0 }},
		"icmp": {[]element{{4, 1, 0}, {32, 2, 0}}, new(wire).u8(1).u16(8<<8 | 3), func(r flow.Record) bool {
			return r.DestinationPort == 8<<8|3 && r.Has&flow.IsICMP != 0 && r.Has&flow.HasPorts == 0
		}},
		"icmp apart":   {[]element{{176, 1, 0}, {177, 1, 0}, {4, 1, 0}}, new(wire).u8(3, 1, 1), func(r flow.Record) bool { return r.DestinationPort == 3<<8|1 }},
		"icmp as port": {[]element{{4, 1, 0}, {11, 2, 0}, {32, 2, 0}}, new(wire).u8(1).u16(8<<8, 0), func(r flow.Record) bool { return r.DestinationPort == 8<<8 }},
		"icmp in tcp":  {[]element{{4, 1, 0}, {11, 2, 0}, {32, 2, 0}}, new(wire).u8(6).u16(443, 99), func(r flow.Record) bool { return r.DestinationPort == 443 }},
		"gre":          {[]element{{4, 1, 0}, {7, 2, 0}, {11, 2, 0}}, new(wire).u8(47).u16(0, 0), func(r flow.Record) bool { return r.Has&flow.HasPorts == 0 && r.Has&flow.HasProtocol != 0 }},
		"mac and vlan": {[]element{{56, 6, 0}, {80, 6, 0}, {58, 2, 0}}, new(wire).u8(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2).u16(0xf00a), func(r flow.Record) bool {
			return r.SourceMAC[5] == 1 && r.DestinationMAC[5] == 2 && r.VLAN == 10 && r.Has&(flow.HasMAC|flow.HasVLAN) == flow.HasMAC|flow.HasVLAN
		}},
		"as of 2 and 4":   {[]element{{16, 2, 0}, {17, 4, 0}}, new(wire).u16(64500).u32(4_200_000_000), func(r flow.Record) bool { return r.SourceAS == 64500 && r.DestinationAS == 4_200_000_000 }},
		"sampling":        {[]element{{34, 4, 0}}, new(wire).u32(1000), func(r flow.Record) bool { return r.Sampling == 1000 }},
		"every and space": {[]element{{305, 4, 0}, {306, 4, 0}}, new(wire).u32(1, 99), func(r flow.Record) bool { return r.Sampling == 100 }},
		"egress":          {[]element{{61, 1, 0}}, new(wire).u8(1), func(r flow.Record) bool { return r.Direction == 1 && r.Has&flow.HasDirection != 0 }},
		"variable":        {[]element{{82, 65535, 0}, {1, 4, 0}, {83, 65535, 0}, {2, 4, 0}}, new(wire).u8(3).text("eth").u32(5).u8(255).u16(4).text("long").u32(6), func(r flow.Record) bool { return r.Bytes == 5 && r.Packets == 6 }},
		"no length":       {[]element{{210, 0, 0}, {1, 4, 0}}, new(wire).u32(5), func(r flow.Record) bool { return r.Bytes == 5 }},
		"odd lengths": {[]element{{1, 12, 0}, {8, 3, 0}, {56, 8, 0}}, new(wire).u32(9, 0, 5).u8(1, 2, 3).u64(1), func(r flow.Record) bool {
			return r.Bytes == 5 && r.Source == addr("10.0.0.1") && r.Has&flow.HasMAC == 0
		}},
	} {
		if r := one(t, newBench(netflow.Options{}), c.fields, c.record); !c.is(r) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestV6: version 6, also where a template has both and fills the other with zeros.
func TestV6(t *testing.T) {
	for _, order := range [][]element{{{8, 4, 0}, {12, 4, 0}, {27, 16, 0}, {28, 16, 0}}, {{27, 16, 0}, {28, 16, 0}, {8, 4, 0}, {12, 4, 0}}} {
		v6first := order[0].id == 27
		record := func(v4, v6 *wire) *wire {
			if v6first {
				v4, v6 = v6, v4
			}
			return new(wire).text(string(v4.b) + string(v6.b))
		}
		b := newBench(netflow.Options{})
		no4, no6 := new(wire).u32(0, 0), new(wire).u64(0, 0, 0, 0)
		sets := new(wire).set(2, template(300, order...)).
			set(300, record(no4, new(wire).ip("2001:db8::1").ip("2001:db8::2"))).
			set(300, record(new(wire).ip("10.0.0.1").ip("10.0.0.2"), no6))
		got, report := b.take(ipfix(1, 7, sets))
		if len(got) != 2 || report.String() != "" {
			t.Fatalf("%d records, %q", len(got), &report)
		}
		if got[0].Source != addr("2001:db8::1") || got[0].Destination != addr("2001:db8::2") || got[0].Has&flow.IsV6 == 0 {
			t.Errorf("version 6, told first %v: %+v", v6first, got[0])
		}
		if got[1].Source != addr("10.0.0.1") || got[1].Destination != addr("10.0.0.2") || got[1].Has&flow.IsV6 != 0 {
			t.Errorf("version 4, told after 6 %v: %+v", v6first, got[1])
		}
	}
}

// TestOptions: sampling of samplers and of the domain, and names of interfaces and applications, in both protocols.
func TestOptions(t *testing.T) {
	b := newBench(netflow.Options{})
	// Version 9: scope is a length in bytes, of one scope (interface), then the options.
	names := new(wire).u16(400, 4, 8).u16(2, 4).u16(82, 8, 83, 8)
	sampler := new(wire).u16(401, 4, 8).u16(1, 4).u16(48, 1, 50, 4)
	data := new(wire).u32(3).text("Gi0/3\x00\x00\x00uplink\x00\x1b")
	_, report := b.take(v9(1, 7, new(wire).set(1, names).set(1, sampler).set(400, data).set(401, new(wire).u32(0).u8(5).u32(512))))
	if report.Options != 2 || report.Templates != 2 || report.String() != "" {
		t.Errorf("%d options, %d templates, %q", report.Options, report.Templates, &report)
	}
	if all := b.Interfaces(addr("192.0.2.1")); all[3] != "Gi0/3" || len(b.Interfaces(addr("192.0.2.2"))) != 0 {
		t.Errorf("its interfaces are %v", all)
	}
	if name, _ := b.Names(addr("192.0.2.1"), 9, 7, 3, 0); name != "Gi0/3" {
		t.Errorf("interface 3 is %q", name)
	}
	fields := []element{{8, 4, 0}, {12, 4, 0}, {48, 1, 0}}
	flows := new(wire).ip("10.0.0.1").ip("10.0.0.2").u8(5).ip("10.0.0.1").ip("10.0.0.2").u8(6)
	got, _ := b.take(v9(2, 7, new(wire).set(0, template(300, fields...)).set(300, flows)))
	if len(got) != 2 || got[0].Sampling != 512 || got[1].Sampling != 0 {
		t.Errorf("sampled by sampler 5 and by 6, which is not known: %+v", got)
	}

	apps := new(wire).u16(402, 2, 1).fields([]element{{95, 4, 0}, {96, 65535, 0}})
	domain := new(wire).u16(403, 3, 1).fields([]element{{149, 4, 0}, {305, 4, 0}, {306, 4, 0}})
	_, report = b.take(ipfix(1, 7, new(wire).set(3, apps).set(3, domain).set(402, new(wire).u32(0x0d000001).u8(4).text("http")).set(403, new(wire).u32(7, 1, 999))))
	if report.Options != 2 || report.String() != "" {
		t.Errorf("IPFIX: %d options, %q", report.Options, &report)
	}
	if _, name := b.Names(addr("192.0.2.1"), 10, 7, 0, 0x0d000001); name != "http" {
		t.Errorf("the application is %q", name)
	}
	if r := one(t, b, []element{{95, 4, 0}}, new(wire).u32(0x0d000001)); r.Sampling != 1000 || r.Application != 0x0d000001 {
		t.Errorf("a flow of a sampled domain: %+v", r)
	}
}

// TestNoAddresses: records of other things, as of firewalls' events, are no flows.
func TestNoAddresses(t *testing.T) {
	b := newBench(netflow.Options{})
	got, report := b.take(ipfix(1, 7, new(wire).set(2, template(300, element{1, 4, 0}, element{8, 4, 0})).set(300, new(wire).u32(1, 2, 3, 4))))
	if len(got) != 0 || report.Problems[flow.NoAddresses] != 2 {
		t.Errorf("%d records, %q", len(got), &report)
	}
}

// TestDomainsAreBounded: spoofed exporters push out the one silent longest, with what it holds.
func TestDomainsAreBounded(t *testing.T) {
	b := newBench(netflow.Options{MaxDomains: 10, HoldTotal: 10 * 39})
	for i := range uint32(1_000) {
		_, report := b.take(v9(1, i, new(wire).set(300, v9Record())))
		if report.Problems[flow.HeldTooMuch] > 0 {
			t.Fatalf("domain %d: what forgotten domains hold counts on", i)
		}
	}
	template := new(wire).set(0, template(300, v9Fields()...))
	if got, _ := b.take(v9(2, 999, template)); len(got) != 1 {
		t.Errorf("the newest domain was forgotten")
	}
	if got, _ := b.take(v9(2, 989, template)); len(got) != 0 {
		t.Errorf("more than 10 domains are known")
	}
}
