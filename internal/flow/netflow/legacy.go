package netflow

import (
	"encoding/binary"

	"tocsin/internal/flow"
)

// A layout is that of a protocol whose records all look alike. Offsets are from Cisco's "NetFlow Export Datagram Format"
// (user guide of the NetFlow Collection Engine, appendix B). What no layout names stands alike in 1, 5 and 7.
type layout struct {
	header, record       int
	protocol, tos, flags int
	as                   int  // of the source's AS, followed by the destination's; 0: there are none
	numbered             bool // the header has the number of its first flow at 16
	sampled              bool // the header has the sampling at 22, and the engine at 20
}

func layoutOf(version uint16) (layout, bool) {
	switch version {
	case 1:
		return layout{header: 16, record: 52, protocol: 38, tos: 39, flags: 40}, true
	case 5:
		return layout{header: 24, record: 48, flags: 37, protocol: 38, tos: 39, as: 40, numbered: true, sampled: true}, true
	case 7:
		return layout{header: 24, record: 52, flags: 37, protocol: 38, tos: 39, as: 40, numbered: true}, true
	default:
		return layout{}, false
	}
}

// legacy decodes a datagram of version 1, 5 or 7. The count of the header is not trusted: what is there counts.
func (d *Decoder) legacy(l layout, at arrival, b []byte, into []flow.Record, r *flow.Report) []flow.Record {
	if len(b) < l.header {
		r.Problem(flow.Truncated)
		return into
	}
	count := int(binary.BigEndian.Uint16(b[2:]))
	there := (len(b) - l.header) / l.record
	switch {
	case there < count:
		r.Problem(flow.Truncated)
	case there > count || (len(b)-l.header)%l.record != 0: // padding of less than a record is harmless, but odd
		r.Problem(flow.WrongCount)
	}
	count = min(count, there)
	var sampling uint32
	if l.sampled {
		r.Domain = uint32(binary.BigEndian.Uint16(b[20:]))
		if every := binary.BigEndian.Uint16(b[22:]) & 0x3fff; every > 1 { // the upper two bits are the mode
			sampling = uint32(every)
		}
	}
	uptime := binary.BigEndian.Uint32(b[4:])
	r.Exported = int64(binary.BigEndian.Uint32(b[8:]))*1e9 + int64(binary.BigEndian.Uint32(b[12:]))
	clock := clockOf(at, r, uptime)
	if l.numbered {
		m := d.enter(at, r)
		if m.number(r, binary.BigEndian.Uint32(b[16:]), uptime) {
			m.next += uint32(count) //nolint:gosec // at most 65,535
		}
		m.mu.Unlock()
	}
	r.Records = count
	for body := b[l.header:]; count > 0; count-- {
		rec := body[:l.record:l.record]
		body = body[l.record:]
		into = append(into, flow.Record{
			Source: flow.V4(binary.BigEndian.Uint32(rec)), Destination: flow.V4(binary.BigEndian.Uint32(rec[4:])),
			Ingress: uint32(binary.BigEndian.Uint16(rec[12:])), Egress: uint32(binary.BigEndian.Uint16(rec[14:])),
			Packets: uint64(binary.BigEndian.Uint32(rec[16:])), Bytes: uint64(binary.BigEndian.Uint32(rec[20:])),
			Start: clock.at(binary.BigEndian.Uint32(rec[24:])), End: clock.at(binary.BigEndian.Uint32(rec[28:])),
			SourcePort: binary.BigEndian.Uint16(rec[32:]), DestinationPort: binary.BigEndian.Uint16(rec[34:]),
			Protocol: rec[l.protocol], TOS: rec[l.tos], TCPFlags: rec[l.flags], Sampling: sampling, Domain: r.Domain,
			Has: flow.HasAddresses | flow.HasPorts | flow.HasProtocol | flow.HasTCPFlags | flow.HasInterfaces | flow.HasTimes,
		})
		out := &into[len(into)-1]
		if l.as > 0 {
			out.SourceAS, out.DestinationAS = uint32(binary.BigEndian.Uint16(rec[l.as:])), uint32(binary.BigEndian.Uint16(rec[l.as+2:]))
			out.Has |= flow.HasAS
		}
		settle(out)
	}
	return into
}

// settle puts right what depends on the protocol. ICMP has its type and code where others have the destination port.
func settle(r *flow.Record) {
	switch r.Protocol {
	case protoTCP:
	case protoICMP, protoICMPv6:
		r.Has = r.Has&^(flow.HasPorts|flow.HasTCPFlags) | flow.IsICMP
	case protoUDP, protoSCTP, protoDCCP, protoUDPLite:
		r.Has &^= flow.HasTCPFlags
	default:
		r.Has &^= flow.HasPorts | flow.HasTCPFlags
	}
	if r.End < r.Start {
		r.End = r.Start
	}
}

// Protocol numbers of IANA.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)
