package netflow_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// FuzzDecode: whatever comes, nothing is made up: every record has its addresses in bytes that were sent, times near the
// receipt, and what is held stays within its bounds.
func FuzzDecode(f *testing.F) {
	good := new(wire).set(0, template(300, v9Fields()...)).set(300, v9Record())
	f.Add(v9(1, 7, good), v9(2, 7, new(wire).set(300, v9Record())))
	f.Add(ipfix(1, 7, new(wire).set(2, template(300, ipfixFields()...)).set(300, ipfixRecord())), ipfix(2, 7, new(wire).set(2, template(300))))
	f.Add(v9(1, 7, new(wire).set(300, v9Record())), v9(2, 7, good))
	f.Add(legacy(5, 2, 1, legacyRecord(5), legacyRecord(5)), legacy(1, 1, 0, legacyRecord(1)))
	f.Add(ipfix(1, 7, new(wire).set(3, new(wire).u16(402, 2, 1).fields([]element{{95, 4, 0}, {96, 65535, 0}}))), legacy(7, 1, 0, legacyRecord(7)))
	for _, some := range []map[string]oddity{firewalls(), routers(), probes()} {
		for _, c := range some {
			f.Add(c.datagrams[0], c.datagrams[len(c.datagrams)-1])
		}
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		b := newBench(netflow.Options{HoldDomain: 1 << 16, HoldTotal: 1 << 16})
		held := 0
		for range 2 {
			for _, datagram := range [][]byte{one, two} {
				if len(datagram) > 65_535 {
					return
				}
				got, report := b.take(datagram)
				if report.Records != len(got) {
					t.Fatalf("%d records, and the report says %d", len(got), report.Records)
				}
				if len(got) > (len(datagram)+held)/8 {
					t.Fatalf("%d records from %d bytes and %d held before", len(got), len(datagram), held)
				}
				held += len(datagram)
				for _, r := range got {
					if r.End < r.Start || r.Start < b.now-401*24*3600*second || r.End > b.now+50*24*3600*second {
						t.Fatalf("times %d to %d around a receipt at %d", r.Start, r.End, b.now)
					}
				}
			}
		}
	})
}

// TestAnyTemplate: a record of any fields in any order is read as it was written, also with data sets cut between records,
// with templates of several ids, and with data before its template.
func TestAnyTemplate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.Permutation([]uint16{8, 12, 1, 2, 4, 5, 6, 7, 11, 10, 14, 16, 17, 61, 152, 153, 210, 999}).Draw(t, "order")
		lengths := map[uint16]uint16{8: 4, 12: 4, 1: 8, 2: 8, 4: 1, 5: 1, 6: 2, 7: 2, 11: 2, 10: 4, 14: 4, 16: 4, 17: 4, 61: 1, 152: 8, 153: 8}
		var fields []element
		for _, id := range ids {
			length, known := lengths[id]
			if !known {
				length = rapid.SampledFrom([]uint16{0, 1, 5, 65535}).Draw(t, "length")
			}
			fields = append(fields, element{id: id, length: length})
		}
		type told struct {
			from, to              uint32
			bytes, packets        uint64
			start, end            int64
			sourcePort, toPort    uint16
			ingress, egress       uint32
			sourceAS, toAS        uint32
			tos, flags, direction uint8
		}
		n := rapid.IntRange(1, 5).Draw(t, "records")
		var want []told
		data := new(wire)
		for range n {
			r := told{
				from: rapid.Uint32().Draw(t, "from"), to: rapid.Uint32().Draw(t, "to"), bytes: rapid.Uint64Min(1).Draw(t, "bytes"), packets: rapid.Uint64Min(1).Draw(t, "packets"),
				start: exportTime*1000 - rapid.Int64Range(0, 1e6).Draw(t, "start"), end: exportTime*1000 + rapid.Int64Range(0, 1000).Draw(t, "end"),
				sourcePort: rapid.Uint16().Draw(t, "port"), toPort: rapid.Uint16().Draw(t, "port"), ingress: rapid.Uint32().Draw(t, "in"), egress: rapid.Uint32().Draw(t, "out"),
				sourceAS: rapid.Uint32().Draw(t, "as"), toAS: rapid.Uint32().Draw(t, "as"), tos: rapid.Uint8().Draw(t, "tos"), flags: rapid.Uint8().Draw(t, "flags"),
				direction: rapid.Uint8Range(0, 1).Draw(t, "direction"),
			}
			want = append(want, r)
			for _, f := range fields {
				switch f.id {
				case 8:
					data.u32(r.from)
				case 12:
					data.u32(r.to)
				case 1:
					data.u64(r.bytes)
				case 2:
					data.u64(r.packets)
				case 4:
					data.u8(6)
				case 5:
					data.u8(r.tos)
				case 6:
					data.u16(uint16(r.flags))
				case 7:
					data.u16(r.sourcePort)
				case 11:
					data.u16(r.toPort)
				case 10:
					data.u32(r.ingress)
				case 14:
					data.u32(r.egress)
				case 16:
					data.u32(r.sourceAS)
				case 17:
					data.u32(r.toAS)
				case 61:
					data.u8(r.direction)
				case 152:
					data.u64(uint64(r.start))
				case 153:
					data.u64(uint64(r.end))
				default:
					if f.length != 65535 {
						data.text(string(make([]byte, f.length)))
						break
					}
					value := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
					if len(value) < 255 {
						data.u8(uint8(len(value))).text(string(value))
					} else {
						data.u8(255).u16(uint16(len(value))).text(string(value))
					}
				}
			}
		}
		datagrams := [][]byte{ipfix(1, 7, new(wire).set(2, template(300, fields...))), ipfix(1, 7, new(wire).set(300, data))}
		if rapid.Bool().Draw(t, "data first") {
			slices.Reverse(datagrams)
		}
		b := newBench(netflow.Options{})
		var got []flow.Record
		for _, datagram := range datagrams {
			more, _ := b.take(datagram)
			got = append(got, more...)
		}
		if len(got) != n {
			t.Fatalf("%d records, want %d", len(got), n)
		}
		for i, r := range got {
			is := told{binary.BigEndian.Uint32(r.Source[12:]), binary.BigEndian.Uint32(r.Destination[12:]), r.Bytes, r.Packets, r.Start / 1e6, r.End / 1e6,
				r.SourcePort, r.DestinationPort, r.Ingress, r.Egress, r.SourceAS, r.DestinationAS, r.TOS, r.TCPFlags, r.Direction}
			if is != want[i] {
				t.Fatalf("record %d is\n%+v, want\n%+v", i, is, want[i])
			}
		}
	})
}
