package main

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A record is what an exporter tells of one direction of a talk.
type record struct {
	from, to       netip.Addr
	sport, dport   uint16
	in, out        uint16 // interfaces
	proto, flags   byte
	bytes, packets uint32
	first, last    uint32 // milliseconds since the exporter started
}

// exportUp is how long the exporter runs.
const exportUp = 10 * time.Hour

// records are those of talks.
func records(list []talk, base, now time.Time) (all []record) {
	for _, t := range list {
		client, server := netip.MustParseAddr(t.client), netip.MustParseAddr(t.server)
		flags := byte(0)
		if t.proto == 6 {
			flags = 0x1b
		}
		first := uint32((exportUp - now.Sub(base.Add(t.after))).Milliseconds())
		last := first + uint32(t.lasts.Milliseconds())
		all = append(all,
			record{client, server, t.cport, t.sport, 3, 5, t.proto, flags, t.sent[0], t.sent[1], first, last},
			record{server, client, t.sport, t.cport, 5, 3, t.proto, flags, t.received[0], t.received[1], first, last})
	}
	return all
}

// export5 writes talks of IPv4 as one datagram of NetFlow 5, as Cisco's format has it.
func export5(list []talk, base, now time.Time) []byte {
	all := records(list, base, now)
	be := binary.BigEndian
	out := be.AppendUint16(nil, 5)
	out = be.AppendUint16(out, uint16(len(all)))
	out = be.AppendUint32(out, uint32(exportUp.Milliseconds()))
	out = be.AppendUint32(out, uint32(now.Unix()))
	out = append(out, make([]byte, 12)...)
	for _, r := range all {
		out = append(append(append(out, r.from.AsSlice()...), r.to.AsSlice()...), 0, 0, 0, 0)
		out = be.AppendUint16(be.AppendUint16(out, r.in), r.out)
		out = be.AppendUint32(be.AppendUint32(out, r.packets), r.bytes)
		out = be.AppendUint32(be.AppendUint32(out, r.first), r.last)
		out = be.AppendUint16(be.AppendUint16(out, r.sport), r.dport)
		out = append(out, 0, r.flags, r.proto, 0)
		out = be.AppendUint16(be.AppendUint16(out, systemOf(r.from.String())), systemOf(r.to.String()))
		out = append(out, 24, 24, 0, 0)
	}
	return out
}

// export9 writes talks of IPv6 as one datagram of NetFlow 9 (RFC 3954) with its template.
func export9(list []talk, base, now time.Time) []byte {
	all := records(list, base, now)
	be := binary.BigEndian
	fields := [][2]uint16{{27, 16}, {28, 16}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {10, 2}, {14, 2}, {1, 4}, {2, 4}, {22, 4}, {21, 4}}
	template := be.AppendUint16(be.AppendUint16(nil, 256), uint16(len(fields)))
	for _, f := range fields {
		template = be.AppendUint16(be.AppendUint16(template, f[0]), f[1])
	}
	var data []byte
	for _, r := range all {
		data = append(append(data, r.from.AsSlice()...), r.to.AsSlice()...)
		data = append(be.AppendUint16(be.AppendUint16(data, r.sport), r.dport), r.proto, r.flags)
		data = be.AppendUint16(be.AppendUint16(data, r.in), r.out)
		data = be.AppendUint32(be.AppendUint32(data, r.bytes), r.packets)
		data = be.AppendUint32(be.AppendUint32(data, r.first), r.last)
	}
	data = append(data, make([]byte, (4-len(data)%4)%4)...)
	out := be.AppendUint16(be.AppendUint16(nil, 9), uint16(1+len(all)))
	out = be.AppendUint32(be.AppendUint32(out, uint32(exportUp.Milliseconds())), uint32(now.Unix()))
	out = append(out, make([]byte, 8)...)
	for _, set := range []struct {
		id   uint16
		body []byte
	}{{0, template}, {256, data}} {
		out = append(be.AppendUint16(be.AppendUint16(out, set.id), uint16(4+len(set.body))), set.body...)
	}
	return out
}
