package sflow

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
)

const now = int64(1_700_000_000e9)

func addr(text string) [16]byte { return netip.MustParseAddr(text).As16() }

func take(t *testing.T, d *Decoder, datagram []byte) ([]flow.Record, flow.Report) {
	t.Helper()
	return d.Decode(addr("192.0.2.1"), now, datagram, nil)
}

// tcpRecord is the flow that tcp4 tells of.
func tcpRecord() flow.Record {
	return flow.Record{
		Source: addr("10.0.0.1"), Destination: addr("198.51.100.2"), SourcePort: 40000, DestinationPort: 443, Protocol: 6, TOS: 0x10, TCPFlags: 0x12,
		Bytes: 1400, Packets: 1, Sampling: 400, Ingress: 3, Egress: 4, Start: now, End: now,
		SourceMAC: [6]byte{2, 0, 0, 0, 0, 1}, DestinationMAC: [6]byte{2, 0, 0, 0, 0, 2},
		Has: flow.HasAddresses | flow.HasPorts | flow.HasProtocol | flow.HasTCPFlags | flow.HasInterfaces | flow.HasMAC,
	}
}

// expanded is an expanded flow sample with the records.
func expanded(records ...[]byte) []byte {
	body := words(1, 0, 3, 400, 1000, 0, 0, 3, 0, 4, uint32(len(records)))
	for _, r := range records {
		body = append(body, r...)
	}
	return framed(expandedFlowSample, body)
}

func TestSamples(t *testing.T) {
	dropped := tcpRecord()
	dropped.Sampling, dropped.Has = 1, dropped.Has|flow.Dropped
	vlan := tcpRecord()
	vlan.VLAN, vlan.Has = 10, vlan.Has|flow.HasVLAN
	as := tcpRecord()
	as.SourceAS, as.DestinationAS, as.Has = 64500, 64502, as.Has|flow.HasAS
	for name, c := range map[string]struct {
		sample []byte
		want   flow.Record
	}{
		"flow":     {flowSampleOf(400, raw(1418, tcp4())), tcpRecord()},
		"expanded": {expanded(raw(1418, tcp4())), tcpRecord()},
		"drop":     {framed(dropSample, append(words(1, 0, 3, 0, 3, 4, 258, 1), raw(1418, tcp4())...)), dropped},
		"switch":   {flowSampleOf(400, framed(extendedSwitch, words(10, 0, 20, 0)), raw(1418, tcp4())), vlan},
		"gateway":  {flowSampleOf(400, raw(1418, tcp4()), framed(extendedGate, words(1, 0xc0000202, 64499, 64500, 64501, 1, 2, 2, 64501, 64502, 0, 100))), as},
		"unknown":  {flowSampleOf(400, framed(4000<<12|7, words(1, 2)), raw(1418, tcp4())), tcpRecord()},
	} {
		got, report := take(t, New(), datagramOf(1, c.sample))
		if diff := cmp.Diff([]flow.Record{c.want}, got); diff != "" || report.String() != "" || report.Records != 1 {
			t.Errorf("%s: %q (-want +got):\n%s", name, &report, diff)
		}
	}
	got, report := take(t, New(), datagramOf(1, framed(counterSample, words(1, 2, 0)), framed(expandedCounterSample, words(1, 0, 2, 0)), framed(9<<12|1, words(1)), framed(77, words(1))))
	if len(got) != 0 || report.Counters != 2 || report.String() != "" {
		t.Errorf("counters and unknown samples: %d records, %+v", len(got), report)
	}
}

// TestSampledWithoutHeader: agents that tell addresses and ports in place of a header.
func TestSampledWithoutHeader(t *testing.T) {
	v4 := framed(sampledIPv4, words(1400, 17, 0x0a000001, 0x0a000002, 53, 40000, 0, 8))
	v6 := framed(sampledIPv6, append(append(words(1400, 6), append(netip.MustParseAddr("2001:db8::1").AsSlice(), netip.MustParseAddr("2001:db8::2").AsSlice()...)...), words(1, 2, 0x12, 0)...))
	got, report := take(t, New(), datagramOf(1, flowSampleOf(10, v4), flowSampleOf(10, v6)))
	if len(got) != 2 || report.String() != "" || got[0].Bytes != 1400 || got[0].Source != addr("10.0.0.1") || got[0].SourcePort != 53 || got[0].Has&flow.HasTCPFlags != 0 ||
		got[1].Destination != addr("2001:db8::2") || got[1].Has&flow.IsV6 == 0 || got[1].TCPFlags != 0x12 {
		t.Errorf("%q: %+v", &report, got)
	}
}

// wrap puts what stands between Ethernet addresses and the packet.
func wrap(between []byte, packet []byte) []byte {
	return append(append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, between...), packet...)
}

func udp6(next byte, rest ...byte) []byte {
	b := append([]byte{0x61, 0x20, 0, 0, 0, byte(len(rest)), next, 64}, netip.MustParseAddr("2001:db8::1").AsSlice()...)
	return append(append(b, netip.MustParseAddr("2001:db8::2").AsSlice()...), rest...)
}

// TestPackets: what may stand before and in an IP packet.
func TestPackets(t *testing.T) {
	ip4 := tcp4()[14:]
	fragment := append([]byte{}, ip4...)
	fragment[6], fragment[7] = 0x20, 0x10
	zero := append([]byte{}, ip4...)
	zero[2], zero[3] = 0, 0
	options := append([]byte{0x46}, append(append([]byte{}, ip4[1:20]...), append([]byte{1, 1, 1, 1}, ip4[20:]...)...)...)
	icmp := append([]byte{}, ip4...)
	icmp[9], icmp[20], icmp[21] = 1, 8, 0
	ports := []byte{0, 53, 0x9c, 0x40, 0, 0, 0, 0}
	for name, c := range map[string]struct {
		header []byte
		is     func(r flow.Record) bool
	}{
		"vlan":          {wrap([]byte{0x81, 0, 0x20, 10, 8, 0}, ip4), func(r flow.Record) bool { return r.VLAN == 10 && r.DestinationPort == 443 }},
		"two vlans":     {wrap([]byte{0x88, 0xa8, 0, 20, 0x81, 0, 0, 10, 8, 0}, ip4), func(r flow.Record) bool { return r.VLAN == 10 && r.DestinationPort == 443 }},
		"mpls":          {wrap([]byte{0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64}, ip4), func(r flow.Record) bool { return r.DestinationPort == 443 }},
		"pppoe":         {wrap([]byte{0x88, 0x64, 0x11, 0, 0, 1, 0, 60, 0, 0x21}, ip4), func(r flow.Record) bool { return r.DestinationPort == 443 }},
		"options":       {wrap([]byte{8, 0}, options), func(r flow.Record) bool { return r.SourcePort == 40000 && r.TCPFlags == 0x12 }},
		"fragment":      {wrap([]byte{8, 0}, fragment), func(r flow.Record) bool { return r.Has&flow.HasPorts == 0 && r.Bytes == 1400 }},
		"offloaded":     {wrap([]byte{8, 0}, zero), func(r flow.Record) bool { return r.Bytes == 1500-4-14 }},
		"icmp":          {wrap([]byte{8, 0}, icmp), func(r flow.Record) bool { return r.DestinationPort == 8<<8 && r.Has&flow.IsICMP != 0 }},
		"cut ports":     {wrap([]byte{8, 0}, ip4[:22]), func(r flow.Record) bool { return r.Has&flow.HasPorts == 0 && r.Source == addr("10.0.0.1") }},
		"cut flags":     {wrap([]byte{8, 0}, ip4[:30]), func(r flow.Record) bool { return r.Has&flow.HasPorts != 0 && r.Has&flow.HasTCPFlags == 0 }},
		"v6":            {wrap([]byte{0x86, 0xdd}, udp6(17, ports...)), func(r flow.Record) bool { return r.SourcePort == 53 && r.TOS == 0x12 && r.Bytes == 48 }},
		"v6 hop by hop": {wrap([]byte{0x86, 0xdd}, udp6(0, append([]byte{17, 0, 0, 0, 0, 0, 0, 0}, ports...)...)), func(r flow.Record) bool { return r.Protocol == 17 && r.SourcePort == 53 }},
		"v6 fragment":   {wrap([]byte{0x86, 0xdd}, udp6(44, append([]byte{17, 0, 0, 9, 0, 0, 0, 1}, ports...)...)), func(r flow.Record) bool { return r.Protocol == 17 && r.Has&flow.HasPorts == 0 }},
		"v6 first":      {wrap([]byte{0x86, 0xdd}, udp6(44, append([]byte{17, 0, 0, 1, 0, 0, 0, 1}, ports...)...)), func(r flow.Record) bool { return r.SourcePort == 53 }},
		"v6 ah":         {wrap([]byte{0x86, 0xdd}, udp6(51, append([]byte{17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ports...)...)), func(r flow.Record) bool { return r.SourcePort == 53 }},
		"v6 ext cut":    {wrap([]byte{0x86, 0xdd}, udp6(60, 17, 200, 0, 0)), func(r flow.Record) bool { return r.Has&flow.HasPorts == 0 }},
	} {
		got, report := take(t, New(), datagramOf(1, flowSampleOf(1, raw(1500, c.header))))
		if len(got) != 1 || report.String() != "" || !c.is(got[0]) {
			t.Errorf("%s: %q %+v", name, &report, got)
		}
	}
	for name, header := range map[string][]byte{
		"arp": wrap([]byte{8, 6}, make([]byte, 28)), "cut ethernet": tcp4()[:13], "cut ip": tcp4()[:33], "version": wrap([]byte{8, 0}, udp6(17, ports...)),
		"short header": wrap([]byte{8, 0}, append([]byte{0x44}, ip4[1:]...)), "endless labels": wrap([]byte{0x88, 0x47}, make([]byte, 100)), "nothing": {},
	} {
		if got, report := take(t, New(), datagramOf(1, flowSampleOf(1, raw(1500, header)))); len(got) != 0 || report.String() != "no-packet" {
			t.Errorf("%s: %q %+v", name, &report, got)
		}
	}
}

// TestDamage: what breaks off or counts what is not there is told, and what was whole before counts.
func TestDamage(t *testing.T) {
	good := datagramOf(1, flowSampleOf(400, raw(1418, tcp4())), flowSampleOf(400, raw(1418, tcp4())))
	for n := range good {
		got, report := take(t, New(), good[:n])
		want := 0
		if n >= 28+(len(good)-28)/2 {
			want = 1
		}
		if len(got) != want || report.String() == "" {
			t.Fatalf("%d of %d bytes: %d records and %q", n, len(good), len(got), &report)
		}
	}
	for name, c := range map[string]struct {
		at       int
		value    uint32
		problems string
		records  int
	}{
		"version":        {0, 4, "unknown-version", 0},
		"agent":          {4, 3, "truncated", 0},
		"more samples":   {24, 1 << 31, "wrong-count", 2},
		"fewer samples":  {24, 1, "wrong-count", 1},
		"sample length":  {32, 1 << 30, "truncated", 0},
		"more records":   {64, 9, "wrong-count", 2},
		"record length":  {72, 1 << 30, "truncated,no-packet", 1},
		"header length":  {88, 1 << 30, "", 2}, // what is there is read
		"sampling of 0":  {44, 0, "", 2},
		"many discarded": {52, 1<<32 - 1, "", 2},
	} {
		datagram := append([]byte{}, good...)
		binary.BigEndian.PutUint32(datagram[c.at:], c.value)
		if got, report := take(t, New(), datagram); len(got) != c.records || report.String() != c.problems {
			t.Errorf("%s: %d records and %q, want %d and %q", name, len(got), &report, c.records, c.problems)
		}
	}
}

func TestPorts(t *testing.T) {
	datagram := datagramOf(1, flowSampleOf(1, raw(1418, tcp4())))
	binary.BigEndian.PutUint32(datagram[56:], 1<<30|7)  // input: discarded
	binary.BigEndian.PutUint32(datagram[60:], 2<<30|12) // output: several
	if got, _ := take(t, New(), datagram); got[0].Ingress != 0 || got[0].Egress != 0 {
		t.Errorf("%+v", got)
	}
}

func TestNumbering(t *testing.T) {
	d := New()
	for i, step := range []struct {
		sequence, uptime uint32
		lost             uint32
		late, restarted  bool
	}{
		{7, 1e6, 0, false, false}, {8, 1e6, 0, false, false}, {12, 1e6, 3, false, false}, {9, 1e6, 0, true, false}, {13, 1e6, 0, false, false},
		{1, 500, 0, false, true}, {2, 600, 0, false, false}, {1 << 30, 700, 0, false, true},
	} {
		datagram := datagramOf(step.sequence)
		binary.BigEndian.PutUint32(datagram[20:], step.uptime)
		if _, r := take(t, d, datagram); r.Lost != step.lost || r.Late != step.late || r.Restarted != step.restarted {
			t.Errorf("datagram %d: %+v", i, r)
		}
	}
	for i := range uint32(2 * maxAgents) { // spoofed ones do not grow it
		datagram := datagramOf(1)
		binary.BigEndian.PutUint32(datagram[12:], i+1)
		take(t, d, datagram)
	}
	if len(d.agents) != maxAgents || d.order.Len() != maxAgents {
		t.Errorf("%d agents are remembered", len(d.agents))
	}
}

func TestKnows(t *testing.T) {
	if !Knows(datagramOf(1)) || Knows([]byte{0, 5, 0, 1, 0, 0, 0, 0}) || Knows([]byte{0, 0, 0, 5}) {
		t.Error("sFlow is not told from others")
	}
}

// FuzzDecode: whatever comes, each record has a whole IP header in the bytes that were sent, and each interface all its counters.
func FuzzDecode(f *testing.F) {
	f.Add(datagramOf(1, flowSampleOf(400, raw(1418, tcp4())), framed(counterSample, words(1, 2, 0))))
	f.Add(datagramOf(1, expanded(framed(extendedGate, words(1, 0xc0000202, 64499, 64500, 64501, 1, 2, 2, 64501, 64502, 0, 100)), raw(100, wrap([]byte{0x86, 0xdd}, udp6(17, 0, 53, 0, 53, 0, 0, 0, 0))))))
	f.Add(datagramOf(1, framed(dropSample, append(words(1, 0, 3, 0, 3, 4, 258, 1), raw(1418, tcp4())...))))
	f.Add(datagramOf(1, countersOf(7, generics(interfaces()), framed(portName, named("eno1")), dot3s(1, 2, 3, 4)), flowSampleOf(400, raw(1418, tcp4()))))
	f.Add(datagramOf(1, framed(expandedCounterSample, append(words(1, 0, 2, 1), generics(interfaces())...))))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		got, report := New().Decode([16]byte{}, now, datagram, nil)
		checkCounters(t, datagram, report)
		if report.Records != len(got) || len(got) > len(datagram)/20 {
			t.Fatalf("%d records of %d bytes, and the report says %d", len(got), len(datagram), report.Records)
		}
		for _, r := range got {
			if r.Packets != 1 || r.Has&flow.HasAddresses == 0 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
