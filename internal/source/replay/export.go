package replay

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A record is one direction of a session, as the router of the office tells of it.
type record struct {
	source, destination netip.AddrPort
	protocol, flags     uint8
	packets, bytes      uint64
	start, end          time.Time
}

// Protocols of IP.
const (
	tcp = 6
	udp = 17
)

// Numbers of IPFIX, RFC 7011 and its registry of information elements.
const (
	ipfixVersion  = 10
	ipfixHeader   = 16
	templateSet   = 2
	templateIPv4  = 256
	templateIPv6  = 257
	setHeader     = 4
	recordsAtOnce = 16 // fit into a datagram of 1,500 bytes, templates included, also with IPv6
)

// elements are the fields of a record behind its two addresses: number and length in bytes.
var elements = [...][2]uint16{
	{7, 2}, {11, 2}, // sourceTransportPort, destinationTransportPort
	{4, 1}, {6, 1}, // protocolIdentifier, tcpControlBits
	{1, 8}, {2, 8}, // octetDeltaCount, packetDeltaCount
	{152, 8}, {153, 8}, // flowStartMilliseconds, flowEndMilliseconds
}

// An exporter writes records as datagrams of IPFIX.
type exporter struct{ sequence uint32 }

// datagrams spells records. Each datagram brings its templates along, so that it can be read by itself.
func (e *exporter) datagrams(records []record, now time.Time) (all [][]byte) {
	for len(records) > 0 {
		n := min(len(records), recordsAtOnce)
		all = append(all, e.datagram(records[:n], now))
		records = records[n:]
	}
	return all
}

func (e *exporter) datagram(records []record, now time.Time) []byte {
	b := make([]byte, ipfixHeader, 1500)
	b = appendSet(b, templateSet, func(b []byte) []byte {
		b = appendTemplate(b, templateIPv4, 8, 12, 4)      // sourceIPv4Address, destinationIPv4Address
		return appendTemplate(b, templateIPv6, 27, 28, 16) // sourceIPv6Address, destinationIPv6Address
	})
	for _, v6 := range []bool{false, true} {
		id := uint16(templateIPv4)
		if v6 {
			id = templateIPv6
		}
		b = appendSet(b, id, func(b []byte) []byte {
			for i := range records {
				if records[i].source.Addr().Is6() == v6 {
					b = appendRecord(b, &records[i])
				}
			}
			return b
		})
	}
	binary.BigEndian.PutUint16(b, ipfixVersion)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))     //nolint:gosec // recordsAtOnce bounds it
	binary.BigEndian.PutUint32(b[4:], uint32(now.Unix())) //nolint:gosec // until 2106
	binary.BigEndian.PutUint32(b[8:], e.sequence)
	e.sequence += uint32(len(records)) //nolint:gosec // few
	return b
}

// appendSet appends a set, unless nothing is in it.
func appendSet(b []byte, id uint16, content func([]byte) []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, id)
	b = content(append(b, 0, 0))
	if len(b) == at+setHeader {
		return b[:at]
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at)) //nolint:gosec // recordsAtOnce bounds it
	return b
}

func appendTemplate(b []byte, id, source, destination, length uint16) []byte {
	for _, v := range []uint16{id, uint16(2 + len(elements)), source, length, destination, length} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	for _, e := range elements {
		b = binary.BigEndian.AppendUint16(b, e[0])
		b = binary.BigEndian.AppendUint16(b, e[1])
	}
	return b
}

func appendRecord(b []byte, r *record) []byte {
	b = append(b, r.source.Addr().AsSlice()...)
	b = append(b, r.destination.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, r.source.Port())
	b = binary.BigEndian.AppendUint16(b, r.destination.Port())
	b = append(b, r.protocol, r.flags)
	b = binary.BigEndian.AppendUint64(b, r.bytes)
	b = binary.BigEndian.AppendUint64(b, r.packets)
	b = binary.BigEndian.AppendUint64(b, uint64(r.start.UnixMilli()))  //nolint:gosec // after 1970
	return binary.BigEndian.AppendUint64(b, uint64(r.end.UnixMilli())) //nolint:gosec // after 1970
}

// Numbers of a capture of packets, https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html.
const (
	captureMagic   = 0xa1b2c3d4 // times in microseconds
	captureRaw     = 101        // packets begin with the header of IP
	captureLongest = 65535
	ipv4Header     = 20
	udpHeader      = 8
	ipfixPort      = 4739
)

// appendCaptureHeader begins a capture.
func appendCaptureHeader(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, captureMagic)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, captureLongest)
	return binary.LittleEndian.AppendUint32(b, captureRaw)
}

// appendPacket appends a datagram to a capture, as it goes from an exporter of this machine to a collector of it.
func appendPacket(b, datagram []byte, at time.Time) []byte {
	size := ipv4Header + udpHeader + len(datagram)
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Unix()))            //nolint:gosec // until 2106
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Nanosecond()/1000)) //nolint:gosec // below a million
	b = binary.LittleEndian.AppendUint32(b, uint32(size))                 //nolint:gosec // of one datagram
	b = binary.LittleEndian.AppendUint32(b, uint32(size))                 //nolint:gosec // of one datagram
	b = append(b, 0x45, 0)                                                // version 4, five words of header
	b = binary.BigEndian.AppendUint16(b, uint16(size))                    //nolint:gosec // of one datagram
	b = append(b, 0, 0, 0, 0, 64, udp, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)  // no fragment, time to live, from and to
	b = binary.BigEndian.AppendUint16(b, ipfixPort)                       // from
	b = binary.BigEndian.AppendUint16(b, ipfixPort)                       // to
	b = binary.BigEndian.AppendUint16(b, uint16(udpHeader+len(datagram))) //nolint:gosec // of one datagram
	return append(append(b, 0, 0), datagram...)
}
