package netflow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// An oddity is how the devices of one maker depart from the plain case, as the public payloads named in docs/conformance.md show it.
type oddity struct {
	datagrams [][]byte
	want      []flow.Record
	options   int
	problems  string // of all datagrams
	also      func(t *testing.T, b *bench)
}

// toldBy is what most records of oddities have: addresses, ports, a protocol, and what change adds.
func toldBy(domain uint32, protocol uint8, change func(r *flow.Record)) flow.Record {
	r := flow.Record{
		Source: addr("10.0.0.1"), Destination: addr("198.51.100.2"), SourcePort: 40000, DestinationPort: 443, Protocol: protocol, Domain: domain,
		Start: exportTime * second, End: exportTime * second, Has: flow.HasAddresses | flow.HasPorts | flow.HasProtocol,
	}
	if change != nil {
		change(&r)
	}
	return r
}

// ends is what all these records begin with: both addresses, both ports and the protocol, in that order.
func ends() []element { return []element{{8, 4, 0}, {12, 4, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}} }

func endsRecord(protocol uint8) *wire {
	return new(wire).ip("10.0.0.1").ip("198.51.100.2").u16(40000, 443).u8(protocol)
}

// chars is a text field of fixed length.
func (w *wire) chars(s string, length int) *wire {
	return w.text(s + strings.Repeat("\x00", length-len(s)))
}

// varied is a value that brings its length, in three bytes where long is asked for (RFC 7011 section 7).
func (w *wire) varied(s string, long bool) *wire {
	if long || len(s) > 254 {
		return w.u8(255).u16(uint16(len(s))).text(s)
	}
	return w.u8(uint8(len(s))).text(s)
}

// enterprises whose elements these devices send (IANA registry "Private Enterprise Numbers").
const (
	yafOf       = 6871
	vmwareOf    = 6876
	barracudaOf = 10704
	proceraOf   = 15397
	netscalerOf = 5951
	ntopOf      = 35632
)

func firewalls() map[string]oddity {
	nsel := append(ends(), element{148, 4, 0}, element{10, 2, 0}, element{14, 2, 0}, element{176, 1, 0}, element{177, 1, 0}, element{225, 4, 0}, element{226, 4, 0}, element{233, 1, 0},
		element{33002, 2, 0}, element{323, 8, 0}, element{152, 8, 0}, element{231, 4, 0}, element{232, 4, 0}, element{33000, 12, 0}, element{40000, 20, 0})
	event := func(protocol, icmpType, kind uint8, sent, received uint32) *wire {
		return endsRecord(protocol).u32(77).u16(3, 4).u8(icmpType, 0).ip("203.0.113.1").ip("198.51.100.2").u8(kind).u16(0).u64(exportTime*1000, exportTime*1000-5000).
			u32(sent, received).chars("", 12).chars("alice", 20)
	}
	asa := func(protocol uint8, sent, received uint64, more flow.Has) flow.Record {
		return toldBy(0, protocol, func(r *flow.Record) {
			r.Bytes, r.ReverseBytes, r.Ingress, r.Egress, r.Start = sent, received, 3, 4, exportTime*second-5*second
			r.Has |= flow.HasInterfaces | flow.HasTimes | flow.HasReverse | more
		})
	}
	ping := asa(1, 56, 56, flow.IsICMP)
	ping.DestinationPort, ping.Has = 8<<8, ping.Has&^flow.HasPorts
	old := append(ends(), element{85, 4, 0}, element{40005, 1, 0})
	barracuda := append(ends(), element{21, 4, 0}, element{22, 4, 0}, element{161, 4, 0}, element{85, 8, 0}, element{86, 8, 0}, element{1, 8, 0}, element{2, 8, 0}, element{233, 1, 0},
		element{1, 4, barracudaOf}, element{6, 65535, barracudaOf}, element{7, 65535, barracudaOf})
	long := strings.Repeat("rule ", 80)
	paloAlto := append(ends(), element{1, 8, 0}, element{2, 8, 0}, element{233, 1, 0}, element{346, 4, 0}, element{56701, 32, 0}, element{56702, 64, 0})
	fortigate := append(ends(), element{1, 4, 0}, element{2, 4, 0}, element{22, 4, 0}, element{21, 4, 0}, element{95, 9, 0})
	return map[string]oddity{
		"Cisco ASA: events of both directions, of a ping, and of what was denied": {
			datagrams: [][]byte{v9(1, 0, new(wire).set(0, template(263, nsel...))), v9(2, 0, new(wire).set(263, event(6, 0, 1, 0, 0)).set(263, event(6, 0, 5, 81, 763)).set(263, event(6, 0, 3, 0, 0)).
				set(263, event(1, 8, 2, 56, 56)))},
			want: []flow.Record{asa(6, 0, 0, 0), asa(6, 81, 763, 0), asa(6, 0, 0, flow.Dropped), ping},
		},
		"Cisco ASA before 8.4: events by its own element, and bytes since the beginning": {
			datagrams: [][]byte{v9(1, 0, new(wire).set(0, template(256, old...)).set(256, endsRecord(17).u32(300).u8(2)).set(256, endsRecord(17).u32(0).u8(3)))},
			want:      []flow.Record{toldBy(0, 17, func(r *flow.Record) { r.Bytes = 300 }), toldBy(0, 17, func(r *flow.Record) { r.Has |= flow.Dropped })},
		},
		"Barracuda: long texts, bytes since the last record and since the beginning, an uptime of nobody knows when": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, template(256, barracuda...))), ipfix(0, 0, new(wire).set(256, endsRecord(6).u32(1_957_197_969, 1_957_190_000).u32(7969).u64(9000, 90, 500, 5).
				u8(1).u32(1_524_039_407).varied("", true).varied(long, true)))},
			want: []flow.Record{toldBy(0, 6, func(r *flow.Record) { r.Bytes, r.Packets = 500, 5 })},
		},
		"Palo Alto: one set in a datagram that is filled up with zeros": {
			datagrams: [][]byte{v9(1, 1, new(wire).set(0, template(257, paloAlto...))), append(v9(2, 1, new(wire).set(257, endsRecord(6).u64(363, 3).u8(2).u32(25461).chars("kerberos", 32).chars("", 64))), make([]byte, 1000)...)},
			want:      []flow.Record{toldBy(1, 6, func(r *flow.Record) { r.Bytes, r.Packets = 363, 3 })},
		},
		"FortiGate: flows that are told as of days after their export; application ids of nine bytes": {
			datagrams: [][]byte{v9(1, 1, new(wire).set(0, template(258, fortigate...)).set(258, endsRecord(6).u32(152, 3, uptime+601_000_000, uptime+601_009_000).u8(20, 0, 0, 48, 68, 0, 0, 0x8f, 0x34)))},
			want:      []flow.Record{toldBy(1, 6, func(r *flow.Record) { r.Bytes, r.Packets, r.Application = 152, 3, 0x8f34 })},
			problems:  "bad-time",
		},
	}
}

func routers() map[string]oddity {
	counts := []element{{1, 4, 0}, {2, 4, 0}}
	counted := func(domain uint32, change func(r *flow.Record)) flow.Record {
		return toldBy(domain, 6, func(r *flow.Record) {
			r.Bytes, r.Packets = 1000, 10
			if change != nil {
				change(r)
			}
		})
	}
	plain := func() *wire { return endsRecord(6).u32(1000, 10) }
	mpls := append(ends(), element{1, 4, 0}, element{2, 4, 0}, element{56, 6, 0}, element{80, 6, 0}, element{70, 3, 0}, element{71, 3, 0}, element{72, 3, 0})
	reduced := append(ends(), element{1, 3, 0}, element{2, 2, 0}, element{154, 8, 0}, element{155, 8, 0})
	varstring := append(ends(), element{1, 4, 0}, element{2, 4, 0}, element{236, 65535, 0}, element{61, 1, 0})
	none := append(ends(), element{1, 4, 0}, element{39, 1, 0}, element{2, 4, 0}, element{0, 0, 0}, element{0, 0, 0}, element{0, 0, 0})
	v6 := []element{{27, 16, 0}, {28, 16, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}, {1, 4, 0}, {2, 4, 0}}
	names := func(iface uint32, app uint32, wantIface, wantApp string) func(t *testing.T, b *bench) {
		return func(t *testing.T, b *bench) {
			if gotIface, gotApp := b.Names(addr("192.0.2.1"), 9, 7, iface, app); gotIface != wantIface || gotApp != wantApp {
				t.Errorf("interface %d is %q and application %d %q, want %q and %q", iface, gotIface, app, gotApp, wantIface, wantApp)
			}
		}
	}
	return map[string]oddity{
		"Cisco ASR 9000: names of interfaces under the scope of the system": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(1, new(wire).u16(256, 4, 8).u16(1, 4).u16(10, 4, 83, 16))), v9(2, 7, new(wire).set(256, new(wire).u32(0xc1c50003, 104).chars("TenGigE0_6_0_2", 16).
				u32(0xc1c50003, 105).chars("TenGigE0_6_0_3", 16)))},
			options: 2, also: names(105, 0, "TenGigE0_6_0_3", ""),
		},
		"Cisco NBAR: names of applications in fixed fields, and flows of them": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(1, new(wire).u16(260, 4, 12).u16(1, 4).u16(95, 4, 96, 24, 94, 55)).set(260, new(wire).u32(0x0a1e125f, 1<<24|13).chars("argus", 24).chars("ARGUS", 55))),
				v9(2, 7, new(wire).set(0, template(262, append(ends(), element{95, 4, 0}, element{1, 4, 0}, element{2, 4, 0})...)).set(262, endsRecord(6).u32(1<<24|13, 1000, 10)))},
			want: []flow.Record{counted(7, func(r *flow.Record) { r.Application = 1<<24 | 13 })}, options: 1, also: names(0, 1<<24|13, "", "argus"),
		},
		"Cisco WLC: stations alone, with nobody at the other end": {
			datagrams: [][]byte{v9(1, 1, new(wire).set(0, template(261, element{365, 6, 0}, element{366, 4, 0}, element{95, 4, 0}, element{147, 33, 0}, element{61, 1, 0}, element{1, 8, 0}, element{2, 8, 0})).
				set(261, new(wire).chars("", 6).ip("10.0.0.1").u32(5).chars("guests", 33).u8(1).u64(4096, 7)))},
			problems: "no-addresses",
		},
		"Cisco ACI: templates, and zeros up to the end": {
			datagrams: [][]byte{append(v9(1, 1, new(wire).set(0, template(256, append(ends(), counts...)...))), make([]byte, 120)...), v9(2, 1, new(wire).set(256, plain()))},
			want:      []flow.Record{counted(1, nil)},
		},
		"Juniper SRX: a scope without a length": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(1, new(wire).u16(256, 4, 8).u16(1, 0).u16(34, 4, 35, 1)).set(256, new(wire).u32(50).u8(2)).set(0, template(257, append(ends(), counts...)...)).set(257, plain()))},
			want:      []flow.Record{counted(7, func(r *flow.Record) { r.Sampling = 50 })}, options: 1,
		},
		"Juniper MX: sampling among all that it tells of itself": {
			datagrams: [][]byte{ipfix(0, 7, new(wire).set(3, new(wire).u16(512, 6, 1).fields([]element{{144, 4, 0}, {41, 8, 0}, {160, 8, 0}, {130, 4, 0}, {131, 16, 0}, {34, 4, 0}})).
				set(512, new(wire).u32(2).u64(76, 1_262_761_598_000).ip("192.0.2.1").ip("::").u32(1000)).set(2, template(257, append(ends(), counts...)...)).set(257, plain()))},
			want: []flow.Record{counted(7, func(r *flow.Record) { r.Sampling = 1000 })}, options: 1,
		},
		"MikroTik: IPFIX of both versions of addresses in one message": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, new(wire).text(string(template(258, append(ends(), counts...)...).b)+string(template(259, v6...).b)))), ipfix(0, 0, new(wire).set(258, plain()).
				set(259, new(wire).ip("fe80::1").ip("ff02::1:3").u16(40000, 443).u8(6).u32(1000, 10)))},
			want: []flow.Record{counted(0, nil), counted(0, func(r *flow.Record) {
				r.Source, r.Destination, r.Has = addr("fe80::1"), addr("ff02::1:3"), r.Has|flow.IsV6
			})},
		},
		"H3C: texts of variable length in NetFlow 9, where there are none": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(0, template(3281, varstring...))), v9(2, 7, new(wire).set(3281, plain().varied("", false).u8(1).text(string(plain().varied("vpn-blue", false).u8(0).b))))},
			want:      []flow.Record{counted(7, func(r *flow.Record) { r.Direction, r.Has = 1, r.Has|flow.HasDirection }), counted(7, func(r *flow.Record) { r.Has |= flow.HasDirection })},
		},
		"Ubiquiti: labels of MPLS and hardware addresses": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(0, template(1024, mpls...)).set(1024, plain().u8(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2).text("\x00\x00\x11\x00\x00\x21\x00\x00\x31")))},
			want: []flow.Record{counted(7, func(r *flow.Record) {
				r.SourceMAC, r.DestinationMAC, r.Has = [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}, r.Has|flow.HasMAC
			})},
		},
		"ipt_NETFLOW: numbers in fewer bytes, and data of a template that never comes": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(0, template(260, reduced...)).set(260, endsRecord(6).u8(0, 3, 0xe8).u16(10).u64((exportTime-4+2_208_988_800)<<32, (exportTime-1+2_208_988_800)<<32)).set(261, new(wire).u64(1, 2)))},
			want: []flow.Record{counted(7, func(r *flow.Record) {
				r.Start, r.End, r.Has = (exportTime-4)*second, (exportTime-1)*second, r.Has|flow.HasTimes
			})},
			problems: "no-template",
		},
		"fields of no length between and behind others": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(0, template(256, none...)).set(256, endsRecord(6).u32(1000).u8(1).u32(10)))},
			want:      []flow.Record{counted(7, nil)},
		},
		"Huawei: systems of four bytes, bytes behind a middlebox, and a status that says dropped": {
			datagrams: [][]byte{v9(1, 7, new(wire).set(0, template(300, append(ends(), element{16, 4, 0}, element{17, 4, 0}, element{23, 4, 0}, element{24, 4, 0}, element{89, 1, 0})...)).
				set(300, endsRecord(6).u32(4_200_000_001, 64500, 1000, 10).u8(0x82)))},
			want: []flow.Record{counted(7, func(r *flow.Record) {
				r.SourceAS, r.DestinationAS, r.Has = 4_200_000_001, 64500, r.Has|flow.HasAS|flow.Dropped
			})},
		},
	}
}

func probes() map[string]oddity {
	yaf := append(ends(), element{85, 8, 0}, element{86, 8, 0}, element{85, 8, 29305}, element{86, 8, 29305}, element{152, 8, 0}, element{153, 8, 0}, element{14, 1, yafOf}, element{33, 2, yafOf}, element{293, 65535, 0})
	list := new(wire).u8(3).u16(0xc003, 8).u16(0x1012).u8(0x12) // of RFC 6313 section 4.5.3, which holds a record of a template of its own
	nprobe := append(ends(), element{1, 4, 0}, element{2, 4, 0}, element{22, 4, 0}, element{21, 4, 0}, element{152, 8, 0}, element{153, 8, 0}, element{118, 2, ntopOf}, element{188, 65535, ntopOf})
	vmware := append(ends(), element{1, 8, 0}, element{2, 8, 0}, element{6, 2, 0}, element{61, 1, 0}, element{880, 1, vmwareOf}, element{881, 1, vmwareOf}, element{351, 8, 0})
	netscaler := append(ends(), element{1, 8, 0}, element{2, 4, 0}, element{144, 4, netscalerOf}, element{128, 65535, netscalerOf}, element{291, 65535, 0}, element{292, 65535, 0}, element{140, 65535, netscalerOf})
	nokia := []element{{148, 8, 0}, {8, 4, 0}, {152, 8, 0}, {91, 2, 637}, {92, 2, 637}, {12, 4, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}, {93, 65535, 637}}
	procera := append(ends(), element{1, 65535, proceraOf}, element{3, 8, proceraOf}, element{4, 8, proceraOf}, element{150, 4, 0}, element{151, 4, 0})
	uptimes := append(ends(), element{1, 4, 0}, element{2, 4, 0}, element{22, 4, 0}, element{21, 4, 0})
	counted := func(domain uint32, change func(r *flow.Record)) flow.Record {
		return toldBy(domain, 6, func(r *flow.Record) {
			r.Bytes, r.Packets = 1000, 10
			change(r)
		})
	}
	span := func(r *flow.Record) {
		r.Start, r.End, r.Has = exportTime*second-3*second, exportTime*second-second, r.Has|flow.HasTimes
	}
	const ms = exportTime * 1000
	booted := new(wire).set(3, new(wire).u16(258, 3, 1).fields([]element{{143, 4, 0}, {160, 8, 0}, {305, 4, 0}})).set(258, new(wire).u32(9).u64(ms-90_000).u32(1))
	const around = 1 << 32 // ms after which an uptime begins anew
	return map[string]oddity{
		"YAF: totals of both directions, a list of lists behind them, and padding": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, template(45841, yaf...))), ipfix(0, 0, new(wire).set(45841, endsRecord(6).u64(1000, 10, 2000, 20, ms-3000, ms-1000).u8(0).u16(53).varied(string(list.b), true).u8(0, 0)))},
			want: []flow.Record{counted(0, func(r *flow.Record) {
				span(r)
				r.ReverseBytes, r.ReversePackets, r.Has = 2000, 20, r.Has|flow.HasReverse
			})},
		},
		"nProbe: times by its uptime and by the clock in one record, and elements of ntop": {
			datagrams: [][]byte{ipfix(0, 231, new(wire).set(2, template(257, nprobe...)).set(257, endsRecord(6).u32(1000, 10, 22_474_460, 22_474_460).u64(ms-3000, ms-1000).u16(37).varied("www.example.com", false)))},
			want:      []flow.Record{counted(231, span)},
		},
		"softflowd: IPFIX by uptime, whose beginning stands in option data": {
			datagrams: [][]byte{ipfix(0, 0, booted), ipfix(0, 0, new(wire).set(2, template(1024, uptimes...)).set(1024, endsRecord(6).u32(1000, 10, 87_000, 89_000)))},
			want: []flow.Record{counted(0, func(r *flow.Record) {
				span(r)
				r.Sampling = 1
			})},
			options: 1,
		},
		"an uptime that has gone round since": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, template(1024, append(uptimes, element{160, 8, 0})...)).set(1024, endsRecord(6).u32(1000, 10, 87_000, 89_000).u64(ms-90_000-3*around)))},
			want:      []flow.Record{counted(0, span)},
		},
		"VMware: ports of a distributed switch, and elements of its own": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, template(264, vmware...)).set(264, endsRecord(6).u64(1000, 10).u16(2).u8(1, 1, 2).u64(5001)))},
			want: []flow.Record{counted(0, func(r *flow.Record) {
				r.TCPFlags, r.Direction, r.Has = 2, 1, r.Has|flow.HasTCPFlags|flow.HasDirection
			})},
		},
		"NetScaler: cookies of hundreds of bytes, lists of values and of records (RFC 6313), and a set of another template between": {
			datagrams: [][]byte{ipfix(0, 0, new(wire).set(2, template(258, netscaler...))), ipfix(0, 0, new(wire).set(999, new(wire).u64(1)).set(258, endsRecord(6).u64(1000).u32(10, 1).varied(strings.Repeat("beer=1;", 90), false).
				varied("\x03\x00\x0a\x00\x04\x00\x00\x00\x07", false).varied("\x03\x01\x03\x00\x00\x00\x01", true).varied("", false)))},
			want: []flow.Record{counted(0, func(*flow.Record) {})}, problems: "no-template",
		},
		"Nokia: what an address translator did, without counts": {
			datagrams: [][]byte{ipfix(0, 7, new(wire).set(2, template(256, nokia...)).set(256, new(wire).u64(3389049088).ip("10.0.0.1").u64(ms-3000).u16(100, 0).ip("198.51.100.2").u16(40000, 443).u8(6).varied("USER1@10.10.0.123", false)))},
			want:      []flow.Record{toldBy(7, 6, func(r *flow.Record) { r.Start, r.Has = exportTime*second-3*second, r.Has|flow.HasTimes })},
		},
		"Procera: counts by elements of its own, of which nobody says whose direction they are": {
			datagrams: [][]byte{ipfix(0, 7, new(wire).set(2, template(52935, procera...)).set(52935, endsRecord(6).varied("BGP-4", false).u64(7076, 3310).u32(exportTime-3, exportTime-1)))},
			want:      []flow.Record{toldBy(7, 6, span)},
		},
	}
}

// TestOddities: what devices of many makers send is read as they mean it.
func TestOddities(t *testing.T) {
	for _, some := range []map[string]oddity{firewalls(), routers(), probes()} {
		for name, c := range some {
			t.Run(name, func(t *testing.T) {
				b := newBench(netflow.Options{})
				got, all := b.takeAll(c.datagrams)
				if diff := cmp.Diff(c.want, got); diff != "" || all.Options != c.options || all.String() != c.problems {
					t.Errorf("%d options, want %d; problems %q, want %q (-want +got):\n%s", all.Options, c.options, &all, c.problems, diff)
				}
				if c.also != nil {
					c.also(t, b)
				}
			})
		}
	}
}
