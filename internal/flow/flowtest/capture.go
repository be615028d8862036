// Package flowtest makes captures of traffic whose flows are known, and has real exporters tell of them.
package flowtest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Packet is one packet of a capture.
type Packet struct {
	From, To     netip.AddrPort
	Protocol     uint8
	Flags        uint8  // of TCP
	Payload      int    // bytes behind the header of the transport
	Microseconds int64  // since the beginning of the capture
	Body         []byte // of a datagram, in the place of Payload zeros; nil: they are there
}

// Bytes is the length of the packet from its IP header on.
func (p *Packet) Bytes() int { return len(p.ip()) }

func (p *Packet) ip() []byte {
	var transport []byte
	body := p.Body
	if body == nil {
		body = make([]byte, p.Payload)
	}
	switch p.Protocol {
	case 6:
		transport = make([]byte, 20)
		transport[12], transport[13] = 5<<4, p.Flags
	case 17:
		transport = make([]byte, 8)
		binary.BigEndian.PutUint16(transport[4:], uint16(8+len(body))) //nolint:gosec // small
	default: // ICMP: type and code stand in the port
		transport = make([]byte, 8)
		binary.BigEndian.PutUint16(transport, p.To.Port())
	}
	if p.Protocol == 6 || p.Protocol == 17 {
		binary.BigEndian.PutUint16(transport, p.From.Port())
		binary.BigEndian.PutUint16(transport[2:], p.To.Port())
	}
	transport = slices.Concat(transport, body)
	if p.From.Addr().Is4() {
		h := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, p.Protocol, 0, 0}
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(transport))) //nolint:gosec // small
		h = append(append(h, p.From.Addr().AsSlice()...), p.To.Addr().AsSlice()...)
		binary.BigEndian.PutUint16(h[10:], checksum(h))
		return append(h, transport...)
	}
	h := []byte{0x60, 0, 0, 0, 0, 0, p.Protocol, 64}
	binary.BigEndian.PutUint16(h[4:], uint16(len(transport))) //nolint:gosec // small
	h = append(append(h, p.From.Addr().AsSlice()...), p.To.Addr().AsSlice()...)
	return append(h, transport...)
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum) //nolint:gosec // folded
}

// WriteCapture writes packets, in their order, to a file in the form of libpcap (draft-ietf-opsawg-pcap), from a second of 1970 on.
func WriteCapture(t testing.TB, second uint32, packets []Packet) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "capture.pcap")
	if err := os.WriteFile(path, Capture(second, packets), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Exports are the packets by which an exporter sends datagrams, one every millisecond.
func Exports(from, to netip.AddrPort, datagrams [][]byte) (packets []Packet) {
	for i, d := range datagrams {
		packets = append(packets, Packet{From: from, To: to, Protocol: 17, Body: d, Microseconds: int64(i) * 1000})
	}
	return packets
}

// Capture is what WriteCapture writes.
func Capture(second uint32, packets []Packet) []byte {
	var b bytes.Buffer
	le := binary.LittleEndian
	header := le.AppendUint32(nil, 0xa1b2c3d4)
	header = le.AppendUint16(le.AppendUint16(header, 2), 4)
	header = le.AppendUint32(le.AppendUint32(header, 0), 0)
	header = le.AppendUint32(le.AppendUint32(header, 65535), 1) // Ethernet
	b.Write(header)
	for i := range packets {
		p := &packets[i]
		frame := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}
		if p.From.Addr().Is6() {
			frame[12], frame[13] = 0x86, 0xdd
		}
		frame = append(frame, p.ip()...)
		r := le.AppendUint32(nil, second+uint32(p.Microseconds/1e6))                    //nolint:gosec // of this century
		r = le.AppendUint32(r, uint32(p.Microseconds%1e6))                              //nolint:gosec // below a million
		r = le.AppendUint32(le.AppendUint32(r, uint32(len(frame))), uint32(len(frame))) //nolint:gosec // small
		b.Write(append(r, frame...))
	}
	return b.Bytes()
}

// Traffic is what some clients and a scanner do: TCP conversations both ways, questions over UDP, pings, and probes that
// nobody answers, in versions 4 and 6. The packets are in order of time.
func Traffic() []Packet {
	var all []Packet
	clock := int64(0)
	add := func(from, to string, protocol, flags uint8, payload int) {
		clock += 1000
		all = append(all, Packet{From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to), Protocol: protocol, Flags: flags, Payload: payload, Microseconds: clock})
	}
	const fin, syn, rst, psh, ack = 1, 2, 4, 8, 16
	for i := range 40 {
		client, server := addrPort("10.0.0.", i%9+1, 40000+i), "198.51.100.7:443"
		if i%4 == 3 {
			client, server = addrPort("[2001:db8::", i%9+1, 40000+i), "[2001:db8:1::7]:443"
		}
		add(client, server, 6, syn, 0)
		add(server, client, 6, syn|ack, 0)
		add(client, server, 6, psh|ack, 200+i)
		for range i%5 + 1 {
			add(server, client, 6, ack, 1200)
		}
		add(client, server, 6, fin|ack, 0)
		add(server, client, 6, fin|ack, 0)
	}
	for i := range 30 {
		client := addrPort("10.0.1.", i+1, 50000+i)
		add(client, "10.0.0.53:53", 17, 0, 40+i)
		add("10.0.0.53:53", client, 17, 0, 100+i)
	}
	for i := range 25 {
		add("203.0.113.9:61000", addrPort("10.0.2.", 1, 20+i), 6, syn, 0)
		if i%2 == 0 {
			add(addrPort("10.0.2.", 1, 20+i), "203.0.113.9:61000", 6, rst|ack, 0)
		}
	}
	for i := range 5 {
		add(addrPort("10.0.3.", i+1, 0), addrPort("10.0.0.", 1, 8<<8), 1, 0, 56)
	}
	return all
}

func addrPort(prefix string, last, port int) string {
	return prefix + strconv.Itoa(last) + map[bool]string{true: "]:", false: ":"}[strings.HasPrefix(prefix, "[")] + strconv.Itoa(port)
}
