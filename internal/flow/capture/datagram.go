package capture

import (
	"encoding/binary"
	"net/netip"
)

// A Datagram is one of UDP (RFC 768).
type Datagram struct {
	From, To netip.AddrPort // of version 4 without mapping
	Payload  []byte         // valid until the packet behind it is read
	Cut      bool           // not all of it was captured
}

// A Content says what a packet is.
type Content uint8

// The contents.
const (
	UDP        Content = iota // a datagram, with its last fragment if it came in several
	Fragment                  // a piece of one, of which others are still to come
	TCP                       //
	OtherIP                   // of IP, but neither
	NotIP                     // ARP and the like
	OtherLink                 // of a kind of network that this package does not know
	Headless                  // captured or damaged so that its headers cannot be read
	contentEnd                // how many there are
)

var contentNames = [contentEnd]string{"UDP", "fragment", "TCP", "other IP", "not IP", "unknown kind of network", "broken headers"}

// String returns words for people.
func (c Content) String() string { return contentNames[min(c, contentEnd-1)] }

// Contents counts packets by what they are.
type Contents [contentEnd]int64

// Kinds of links, of https://www.tcpdump.org/linktypes.html.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12 // what DLT_RAW was written as before LINKTYPE_RAW
	linkRawOpen  = 14
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

// Types of Ethernet (IANA's registry of IEEE 802 numbers).
const (
	etherIPv4 = 0x0800
	etherVLAN = 0x8100
	etherIPv6 = 0x86dd
	etherQinQ = 0x88a8
	etherOld  = 0x9100 // of two tags, before 802.1ad
)

// maxTags bounds how many VLAN tags a frame may have, and maxHeaders how many extension headers a packet of version 6.
const (
	maxTags    = 4
	maxHeaders = 16
)

// strip takes what stands before the IP packet away.
func strip(link uint32, b []byte) (ip []byte, what Content) {
	be := binary.BigEndian
	switch link {
	case linkNull, linkLoop:
		if len(b) < 4 {
			return nil, Headless
		}
		return b[4:], UDP // the family has other numbers on every system: the version of IP tells as much
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return b, UDP
	case linkEthernet:
		if len(b) < 14 {
			return nil, Headless
		}
		return untag(be.Uint16(b[12:]), b[14:])
	case linkCooked:
		if len(b) < 16 {
			return nil, Headless
		}
		return untag(be.Uint16(b[14:]), b[16:])
	case linkCooked2:
		if len(b) < 20 {
			return nil, Headless
		}
		return untag(be.Uint16(b), b[20:])
	}
	return nil, OtherLink
}

// untag takes VLAN tags (IEEE 802.1Q) away.
func untag(kind uint16, b []byte) (ip []byte, what Content) {
	for tags := 0; kind == etherVLAN || kind == etherQinQ || kind == etherOld; tags++ {
		if len(b) < 4 || tags == maxTags {
			return nil, Headless
		}
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if kind != etherIPv4 && kind != etherIPv6 {
		return nil, NotIP
	}
	return b, UDP
}

// Datagrams finds the datagrams in packets, and puts together those that came in fragments. The zero value is ready.
type Datagrams struct {
	Seen Contents

	fragments fragments
}

// Find returns the datagram of a packet, or the one that it completes; ok is false when there is none.
func (d *Datagrams) Find(p *Packet) (out Datagram, ok bool) {
	what := d.find(p, &out)
	d.Seen[what]++
	return out, what == UDP
}

// Incomplete returns how many datagrams lack a fragment: those given up, and those that wait for one now.
func (d *Datagrams) Incomplete() int64 { return d.fragments.lost + int64(len(d.fragments.waiting)) }

func (d *Datagrams) find(p *Packet, out *Datagram) Content {
	ip, what := strip(p.Link, p.Data)
	if what != UDP {
		return what
	}
	if len(ip) < 1 {
		return Headless
	}
	var h network
	switch ip[0] >> 4 {
	case 4:
		what = h.v4(ip)
	case 6:
		what = h.v6(ip)
	default:
		return NotIP
	}
	if what != UDP {
		return what
	}
	cut := p.Cut || h.cut
	if h.more || h.offset > 0 {
		if cut {
			return Headless
		}
		if h.body = d.fragments.add(&h, p.Time); h.body == nil {
			return Fragment
		}
	}
	return out.udp(&h, cut)
}

// udp reads the header of UDP (RFC 768).
func (d *Datagram) udp(h *network, cut bool) Content {
	if len(h.body) < 8 {
		return Headless
	}
	be := binary.BigEndian
	length := int(be.Uint16(h.body[4:]))
	switch {
	case length == 0: // a jumbogram (RFC 2675), or left to the network card
		length = len(h.body)
	case length < 8:
		return Headless
	case length > len(h.body):
		cut, length = true, len(h.body)
	default: // as a short packet is padded on Ethernet, or cut behind its end
		cut = false
	}
	d.From = netip.AddrPortFrom(h.from, be.Uint16(h.body))
	d.To = netip.AddrPortFrom(h.to, be.Uint16(h.body[2:]))
	d.Payload, d.Cut = h.body[8:length], cut
	return UDP
}

// network is what a header of IP says of a packet of UDP.
type network struct {
	from, to netip.Addr
	id       uint32
	offset   int  // of the fragment, in bytes
	more     bool // fragments follow
	cut      bool // less was captured than the header says
	body     []byte
}

const protoUDP = 17

// v4 reads a header of version 4 (RFC 791 section 3.1).
func (h *network) v4(b []byte) Content {
	be := binary.BigEndian
	if len(b) < 20 {
		return Headless
	}
	header, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	if total == 0 { // left to the network card
		total = len(b)
	}
	if header < 20 || total < header || len(b) < header {
		return Headless
	}
	switch b[9] {
	case protoUDP:
	case 6:
		return TCP
	default:
		return OtherIP
	}
	h.cut = total > len(b)
	h.body = b[header:min(total, len(b))]
	h.from, h.to = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	place := be.Uint16(b[6:])
	h.id, h.offset, h.more = uint32(be.Uint16(b[4:])), int(place&0x1fff)*8, place&0x2000 != 0
	return UDP
}

// v6 reads a header of version 6 and those behind it (RFC 8200 sections 3 and 4).
func (h *network) v6(b []byte) Content {
	be := binary.BigEndian
	if len(b) < 40 {
		return Headless
	}
	total := 40 + int(be.Uint16(b[4:]))
	if total == 40 { // a jumbogram (RFC 2675), or left to the network card
		total = len(b)
	}
	h.cut = total > len(b)
	h.from, h.to = netip.AddrFrom16([16]byte(b[8:])).Unmap(), netip.AddrFrom16([16]byte(b[24:])).Unmap()
	next, rest := b[6], b[40:min(total, len(b))]
	for range maxHeaders {
		var length int
		switch next {
		case protoUDP:
			h.body = rest
			return UDP
		case 6:
			return TCP
		case 0, 43, 60, 135, 139, 140: // hop by hop, routing, destination; mobility, HIP, shim6
			length = 8
			if len(rest) >= 2 {
				length += int(rest[1]) * 8
			}
		case 51: // authentication (RFC 4302 section 2.2)
			length = 8
			if len(rest) >= 2 {
				length += int(rest[1]) * 4
			}
		case 44: // a fragment (RFC 8200 section 4.5)
			length = 8
			if len(rest) >= 8 {
				place := be.Uint16(rest[2:])
				h.offset, h.more, h.id = int(place&^7), place&1 != 0, be.Uint32(rest[4:])
				if h.offset > 0 {
					if rest[0] != protoUDP { // of what the first one has behind its headers
						return OtherIP
					}
					h.body = rest[8:]
					return UDP
				}
			}
		default:
			return OtherIP
		}
		if len(rest) < length {
			return Headless
		}
		next, rest = rest[0], rest[length:]
	}
	return Headless
}
