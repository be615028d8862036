package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// udpOf is a datagram from port 4000 to port 2055.
func udpOf(payload string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x0f, 0xa0, 0x08, 0x07}, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// v4Of is a packet of version 4; place is that of a fragment, with the flags.
func v4Of(protocol byte, id, place uint16, body []byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint16([]byte{0x45, 0}, uint16(20+len(body)))
	b = be.AppendUint16(be.AppendUint16(b, id), place)
	return slices.Concat(b, []byte{64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9}, body)
}

// v6Of is a packet of version 6.
func v6Of(next byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(body)))
	return slices.Concat(b, []byte{next, 64}, netip.MustParseAddr("2001:db8::1").AsSlice(), netip.MustParseAddr("2001:db8::9").AsSlice(), body)
}

func ethernet(rest ...[]byte) []byte {
	return append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, slices.Concat(rest...)...)
}

func TestLinks(t *testing.T) {
	four, six := v4Of(17, 1, 0, udpOf("export")), v6Of(17, udpOf("export"))
	deep := v6Of(0, slices.Concat([]byte{60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{51, 0, 0, 0, 0, 0, 0, 0}, []byte{17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, udpOf("export")))
	options := slices.Concat([]byte{0x46}, four[1:2], []byte{0, 38}, four[4:20], []byte{1, 1, 1, 1}, four[20:])
	unsaid := slices.Clone(four)
	unsaid[2], unsaid[3] = 0, 0
	cooked := append([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, 0x08, 0)
	for name, c := range map[string]struct {
		link uint32
		data []byte
	}{
		"ethernet": {1, ethernet([]byte{8, 0}, four)}, "ethernet, v6": {1, ethernet([]byte{0x86, 0xdd}, six)},
		"padded": {1, ethernet([]byte{8, 0}, four, make([]byte, 18))}, "vlan": {1, ethernet([]byte{0x81, 0, 0, 7, 8, 0}, four)},
		"two vlans": {1, ethernet([]byte{0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd}, six)}, "cooked": {113, append(slices.Clone(cooked), four...)},
		"cooked, vlan": {113, slices.Concat(cooked[:14], []byte{0x81, 0, 0, 7, 0x86, 0xdd}, six)},
		"cooked 2":     {276, slices.Concat([]byte{0x86, 0xdd, 0, 0}, make([]byte, 16), six)}, "null": {0, slices.Concat([]byte{2, 0, 0, 0}, four)},
		"null, v6": {0, slices.Concat([]byte{30, 0, 0, 0}, six)}, "loop": {108, slices.Concat([]byte{0, 0, 0, 24}, six)}, "raw": {101, four}, "raw, v6": {101, six},
		"raw of BSD": {12, four}, "v4": {228, four}, "v6": {229, six}, "extension headers": {101, deep}, "options": {101, options}, "length of 0": {101, unsaid},
	} {
		var d Datagrams
		got, ok := d.Find(&Packet{Link: c.link, Data: c.data, Time: 1})
		from, to := "192.0.2.1:4000", "198.51.100.9:2055"
		if got.From.Addr().Is6() {
			from, to = "[2001:db8::1]:4000", "[2001:db8::9]:2055"
		}
		if !ok || string(got.Payload) != "export" || got.Cut || got.From.String() != from || got.To.String() != to || d.Seen[UDP] != 1 {
			t.Errorf("%s: %v, %+v, seen %v", name, ok, got, d.Seen)
		}
	}
}

// TestOthers: what is no datagram is told as what it is; every packet may be cut anywhere.
func TestOthers(t *testing.T) {
	four, six := v4Of(17, 1, 0, udpOf("export")), v6Of(17, udpOf("export"))
	short := slices.Clone(four)
	short[25] = 7
	for name, c := range map[string]struct {
		link uint32
		data []byte
		want Content
	}{
		"arp": {1, ethernet([]byte{8, 6}, make([]byte, 28)), NotIP}, "tcp": {101, v4Of(6, 1, 0, make([]byte, 20)), TCP}, "icmp": {101, v4Of(1, 1, 0, make([]byte, 20)), OtherIP},
		"tcp, v6": {101, v6Of(6, make([]byte, 20)), TCP}, "icmp, v6": {101, v6Of(58, make([]byte, 20)), OtherIP}, "wifi": {105, four, OtherLink},
		"tags without end": {1, ethernet(bytes.Repeat([]byte{0x81, 0, 0, 1}, 9)), Headless}, "udp of 7 bytes": {101, short, Headless}, "version 9": {101, []byte{0x90, 0}, NotIP},
		"headers without end": {101, v6Of(60, bytes.Repeat([]byte{60, 0, 0, 0, 0, 0, 0, 0}, 30)), Headless}, "short header": {101, append([]byte{0x44}, four[1:]...), Headless},
		"fragment of another": {101, v6Of(44, []byte{6, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}), OtherIP},
	} {
		var d Datagrams
		if _, ok := d.Find(&Packet{Link: c.link, Data: c.data}); ok || d.Seen[c.want] != 1 {
			t.Errorf("%s: a datagram %v; seen %v, want one %v", name, ok, d.Seen, c.want)
		}
	}
	for name, data := range map[string][]byte{"v4": ethernet([]byte{8, 0}, four), "v6": ethernet([]byte{0x86, 0xdd}, six)} {
		for n := range data {
			var d Datagrams
			got, ok := d.Find(&Packet{Link: 1, Data: data[:n], Cut: true})
			if begin := bytes.Index(data, []byte("export")); ok != (n >= begin) || ok && (!got.Cut || string(got.Payload) != "export"[:n-begin]) {
				t.Errorf("%s: of %d bytes: %v, %+v", name, n, ok, got)
			}
		}
	}
}

// pieces cuts a datagram into fragments of both versions.
func pieces(version int, id uint16, body []byte, size int) (packets [][]byte) {
	for at := 0; at < len(body); at += size {
		end := min(at+size, len(body))
		more := uint16(0)
		if end < len(body) {
			more = 1
		}
		if version == 4 {
			packets = append(packets, v4Of(17, id, uint16(at/8)|more<<13, body[at:end]))
			continue
		}
		header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16([]byte{17, 0}, uint16(at)|more), uint32(id))
		packets = append(packets, v6Of(44, append(header, body[at:end]...)))
	}
	return packets
}

func TestFragments(t *testing.T) {
	text := strings.Repeat("0123456789", 800)
	for _, version := range []int{4, 6} {
		for name, order := range map[string]func(p [][]byte) [][]byte{
			"in order":  func(p [][]byte) [][]byte { return p },
			"backwards": func(p [][]byte) [][]byte { slices.Reverse(p); return p },
			"twice":     func(p [][]byte) [][]byte { return slices.Concat(p[:3], p[1:3], p[2:]) },
		} {
			var d Datagrams
			found := 0
			for _, p := range order(pieces(version, 7, udpOf(text), 1400)) {
				got, ok := d.Find(&Packet{Link: linkRaw, Data: p, Time: 5})
				if ok {
					found++
					if string(got.Payload) != text || got.Cut || got.To.Port() != 2055 {
						t.Errorf("version %d, %s: %d bytes, cut %v", version, name, len(got.Payload), got.Cut)
					}
				}
			}
			if found != 1 || d.Incomplete() != 0 || d.Seen[Fragment] < 5 {
				t.Errorf("version %d, %s: found %d, incomplete %d, seen %v", version, name, found, d.Incomplete(), d.Seen)
			}
		}
	}
}

// TestFoulFragments: what no sender makes is dropped and counted, and nothing grows.
func TestFoulFragments(t *testing.T) {
	give := func(d *Datagrams, at int64, packets ...[]byte) (found int) {
		for _, p := range packets {
			if _, ok := d.Find(&Packet{Link: linkRaw, Data: p, Time: at}); ok {
				found++
			}
		}
		return found
	}
	body := udpOf(strings.Repeat("x", 3000))
	good := pieces(4, 1, body, 1000)
	var d Datagrams
	if give(&d, 0, good[0], v4Of(17, 1, 0x2000|120, body[960:1960])) != 0 || d.Incomplete() != 1 {
		t.Errorf("fragments over each other: %d incomplete", d.Incomplete())
	}
	if give(&d, 1, v4Of(17, 2, 8191, body[:1000])) != 0 || give(&d, 1, v4Of(17, 3, 0x2000, body[:1001])) != 0 || give(&d, 1, v4Of(17, 4, 0x2000, nil)) != 0 || d.Incomplete() != 4 {
		t.Errorf("fragments that cannot be: %d incomplete", d.Incomplete())
	}
	if give(&d, 2, good[0]); give(&d, 2+waitFor+1, good[1:]...) != 0 {
		t.Error("a fragment waits for ever")
	}
	for i := range 10_000 { // a flood of beginnings
		give(&d, 1<<40, v4Of(17, uint16(i), 0x2000, body[:1000]))
	}
	if len(d.fragments.waiting) != maxWaiting || d.Incomplete() < 10_000 {
		t.Errorf("%d wait, %d are incomplete", len(d.fragments.waiting), d.Incomplete())
	}
	if d = (Datagrams{}); give(&d, 0, pieces(4, 9, udpOf(strings.Repeat("y", 20_000)), 8)...) != 0 || d.Incomplete() == 0 {
		t.Error("a datagram of thousands of fragments is put together")
	}
	d = Datagrams{}
	if _, ok := d.Find(&Packet{Link: linkRaw, Data: good[0], Cut: true}); ok || d.Seen[Headless] != 1 {
		t.Errorf("a fragment that is cut: %v", d.Seen)
	}
}
