package sflow

import (
	"encoding/binary"

	"tocsin/internal/flow"
)

// A packet is the one that a sample tells of, as its records tell it.
type packet struct {
	out   *flow.Record
	found bool // its addresses are known
}

// record takes one record of a sample. Of two that tell the addresses the first counts.
func (p *packet) record(format uint32, data []byte) {
	in := reader{b: data}
	switch format {
	case rawHeader:
		protocol, length, stripped, size := in.u32(), in.u32(), in.u32(), in.u32()
		if head := in.bytes(min(size, uint32(len(in.b)))); !in.short && !p.found { //nolint:gosec // as long as a datagram
			p.header(protocol, head, int64(length)-int64(stripped))
		}
	case sampledIPv4, sampledIPv6:
		if !p.found {
			p.sampled(&in, format == sampledIPv6)
		}
	case extendedSwitch:
		if v := in.u32(); !in.short && v > 0 && v < 4095 {
			p.out.VLAN, p.out.Has = uint16(v), p.out.Has|flow.HasVLAN
		}
	case extendedGate:
		p.gateway(&in)
	}
}

// sampled takes what an agent tells of a packet without its header.
func (p *packet) sampled(in *reader, v6 bool) {
	length, protocol := in.u32(), in.u32()
	size := uint32(4)
	if v6 {
		size = 16
	}
	from, to := in.bytes(size), in.bytes(size)
	sourcePort, destinationPort, flags, tos := in.u32(), in.u32(), in.u32(), in.u32()
	if in.short {
		return
	}
	o := p.out
	if v6 {
		o.Source, o.Destination, o.Has = [16]byte(from), [16]byte(to), o.Has|flow.IsV6
	} else {
		o.Source, o.Destination = flow.V4(binary.BigEndian.Uint32(from)), flow.V4(binary.BigEndian.Uint32(to))
	}
	o.Bytes, o.Protocol, o.TOS = uint64(length), uint8(protocol), uint8(tos)                                //nolint:gosec // one byte each
	o.SourcePort, o.DestinationPort, o.TCPFlags = uint16(sourcePort), uint16(destinationPort), uint8(flags) //nolint:gosec // as wide as they are
	o.Has |= flow.HasAddresses | flow.HasProtocol
	switch o.Protocol {
	case 6:
		o.Has |= flow.HasPorts | flow.HasTCPFlags
	case 17, 33, 132, 136:
		o.Has |= flow.HasPorts
	}
	p.found = true
}

// gateway takes the autonomous systems between which the packet goes: the last of the path is the destination's.
func (p *packet) gateway(in *reader) {
	if _, known := in.address(); !known { // next hop
		return
	}
	own, source, _ := in.u32(), in.u32(), in.u32() // of the router, of the source, of the peer that it came from
	if source == 0 {
		source = own
	}
	destination := uint32(0)
	segments := in.u32()
	for range min(segments, 64) {
		kind, n := in.u32(), in.u32()
		path := in.bytes(4 * min(n, 1<<16))
		if in.short {
			return
		}
		if kind == 2 && len(path) >= 4 { // an ordered path
			destination = binary.BigEndian.Uint32(path[len(path)-4:])
		}
	}
	if in.short {
		return
	}
	if destination == 0 {
		destination = own
	}
	p.out.SourceAS, p.out.DestinationAS, p.out.Has = source, destination, p.out.Has|flow.HasAS
}

// What the header of a sampled packet begins with (sFlow Version 5, enum header_protocol).
const (
	headerEthernet = 1
	headerIPv4     = 11
	headerIPv6     = 12
	headerMPLS     = 13
)

// Types of Ethernet frames (IEEE registry).
const (
	typeIPv4    = 0x0800
	typeVLAN    = 0x8100
	typeQinQ    = 0x88a8
	typeQinQOld = 0x9100
	typeIPv6    = 0x86dd
	typeMPLS    = 0x8847
	typeMPLSUp  = 0x8848
	typePPPoE   = 0x8864
)

// header reads the beginning of a packet of length bytes.
func (p *packet) header(protocol uint32, b []byte, length int64) {
	switch protocol {
	case headerEthernet:
		p.ethernet(b, length)
	case headerIPv4:
		p.ipv4(b, length)
	case headerIPv6:
		p.ipv6(b, length)
	case headerMPLS:
		p.mpls(b, length)
	}
}

func (p *packet) ethernet(b []byte, length int64) {
	if len(b) < 14 {
		return
	}
	copy(p.out.DestinationMAC[:], b)
	copy(p.out.SourceMAC[:], b[6:])
	p.out.Has |= flow.HasMAC
	kind := binary.BigEndian.Uint16(b[12:])
	b, length = b[14:], length-14
	for tags := 0; tags < 4 && len(b) >= 4 && (kind == typeVLAN || kind == typeQinQ || kind == typeQinQOld); tags++ {
		p.out.VLAN, p.out.Has = binary.BigEndian.Uint16(b)&0xfff, p.out.Has|flow.HasVLAN
		kind = binary.BigEndian.Uint16(b[2:])
		b, length = b[4:], length-4
	}
	if kind == typePPPoE && len(b) >= 8 { // RFC 2516 section 4, RFC 1661 section 2
		switch binary.BigEndian.Uint16(b[6:]) {
		case 0x21:
			kind = typeIPv4
		case 0x57:
			kind = typeIPv6
		}
		b, length = b[8:], length-8
	}
	switch kind {
	case typeIPv4:
		p.ipv4(b, length)
	case typeIPv6:
		p.ipv6(b, length)
	case typeMPLS, typeMPLSUp:
		p.mpls(b, length)
	}
}

// mpls skips labels (RFC 3032 section 2.1); what lies below is told by its first four bits.
func (p *packet) mpls(b []byte, length int64) {
	for range 16 {
		if len(b) < 5 {
			return
		}
		last := b[2]&1 == 1
		b, length = b[4:], length-4
		if !last {
			continue
		}
		switch b[0] >> 4 {
		case 4:
			p.ipv4(b, length)
		case 6:
			p.ipv6(b, length)
		}
		return
	}
}

// ipv4 reads a header of RFC 791. Length is what is known of the packet's length from outside.
func (p *packet) ipv4(b []byte, length int64) {
	if len(b) < 20 || b[0]>>4 != 4 || b[0]&15 < 5 {
		return
	}
	o := p.out
	o.Source, o.Destination = flow.V4(binary.BigEndian.Uint32(b[12:])), flow.V4(binary.BigEndian.Uint32(b[16:]))
	o.TOS, o.Protocol = b[1], b[9]
	o.Has |= flow.HasAddresses | flow.HasProtocol
	p.found = true
	p.size(int64(binary.BigEndian.Uint16(b[2:])), length)
	if header := int(b[0]&15) * 4; binary.BigEndian.Uint16(b[6:])&0x1fff == 0 && header <= len(b) { // else it is no first fragment
		p.transport(b[header:])
	}
}

// ipv6 reads a header of RFC 8200 with its extensions.
func (p *packet) ipv6(b []byte, length int64) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	o := p.out
	o.Source, o.Destination = [16]byte(b[8:24]), [16]byte(b[24:40])
	o.TOS, o.Protocol = b[0]<<4|b[1]>>4, b[6]
	o.Has |= flow.HasAddresses | flow.HasProtocol | flow.IsV6
	p.found = true
	p.size(40+int64(binary.BigEndian.Uint16(b[4:])), length)
	b = b[40:]
	for range 8 {
		switch o.Protocol {
		case 0, 43, 60, 135: // hop by hop, routing, destination options, mobility
			if len(b) < 8 || len(b) < 8+8*int(b[1]) {
				return
			}
			o.Protocol, b = b[0], b[8+8*int(b[1]):]
		case 51: // authentication, whose length counts differently (RFC 4302 section 2.2)
			if len(b) < 8 || len(b) < 8+4*int(b[1]) {
				return
			}
			o.Protocol, b = b[0], b[8+4*int(b[1]):]
		case 44:
			if len(b) < 8 {
				return
			}
			first := binary.BigEndian.Uint16(b[2:])&^7 == 0
			o.Protocol, b = b[0], b[8:]
			if !first {
				return
			}
		default:
			p.transport(b)
			return
		}
	}
}

// size sets the bytes: those of the packet from its IP header on, as NetFlow counts them. A packet that the network card
// put together says 0 of itself; then what was seen from outside counts.
func (p *packet) size(told, seen int64) {
	if told == 0 || told == 40 && p.out.Has&flow.IsV6 != 0 && seen > 40 {
		told = seen
	}
	p.out.Bytes = uint64(max(told, 0)) //nolint:gosec // not negative
}

// transport reads ports and flags.
func (p *packet) transport(b []byte) {
	o := p.out
	switch o.Protocol {
	case 6, 17, 33, 132, 136: // TCP, UDP, DCCP, SCTP, UDP-Lite
		if len(b) < 4 {
			return
		}
		o.SourcePort, o.DestinationPort, o.Has = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), o.Has|flow.HasPorts
		if o.Protocol == 6 && len(b) >= 14 {
			o.TCPFlags, o.Has = b[13], o.Has|flow.HasTCPFlags
		}
	case 1, 58: // ICMP
		if len(b) >= 2 {
			o.DestinationPort, o.Has = binary.BigEndian.Uint16(b), o.Has|flow.IsICMP
		}
	}
}
