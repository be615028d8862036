package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tocsin/internal/fault"
)

// A told packet is what a test expects of one.
type told struct {
	Time int64
	Link uint32
	Data string
	Cut  bool
}

// readAll reads a capture, and checks that the places of packets follow one another and that reading on at each gives the rest.
func readAll(t *testing.T, file []byte) (all []told, r *Reader) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	behind := int64(0)
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.From < behind || p.To <= p.From || p.To > int64(len(file)) || !bytes.Contains(file[p.From:p.To], p.Data) {
			t.Fatalf("packet %d stands at %d to %d, behind %d, of %d bytes", len(all), p.From, p.To, behind, len(file))
		}
		behind = p.To
		all = append(all, told{p.Time, p.Link, string(p.Data), p.Cut})
	}
	if r.Offset() > int64(len(file)) {
		t.Fatalf("offset %d of %d bytes", r.Offset(), len(file))
	}
	return all, r
}

// classicOf writes a file of libpcap by hand, in either order.
func classicOf(order binary.AppendByteOrder, nano bool, link uint32, packets ...told) []byte {
	magic, unit := uint32(0xa1b2c3d4), int64(1e3)
	if nano {
		magic, unit = 0xa1b23c4d, 1
	}
	b := order.AppendUint16(order.AppendUint16(order.AppendUint32(nil, magic), 2), 4)
	b = order.AppendUint32(order.AppendUint32(order.AppendUint32(order.AppendUint32(b, 0), 0), 262144), link)
	for _, p := range packets {
		length := len(p.Data)
		if p.Cut {
			length += 100
		}
		b = order.AppendUint32(order.AppendUint32(b, uint32(p.Time/1e9)), uint32(p.Time%1e9/unit))
		b = append(order.AppendUint32(order.AppendUint32(b, uint32(len(p.Data))), uint32(length)), p.Data...)
	}
	return b
}

// blockOf writes a block of pcapng by hand.
func blockOf(order binary.AppendByteOrder, kind uint32, body ...[]byte) []byte {
	content := slices.Concat(body...)
	for len(content)%4 != 0 {
		content = append(content, 0)
	}
	n := uint32(12 + len(content))
	return order.AppendUint32(append(order.AppendUint32(order.AppendUint32(nil, kind), n), content...), n)
}

func numbers(order binary.AppendByteOrder, all ...uint32) (b []byte) {
	for _, v := range all {
		b = order.AppendUint32(b, v)
	}
	return b
}

func sectionOf(order binary.AppendByteOrder) []byte {
	return blockOf(order, sectionBlock, numbers(order, magicOrder), order.AppendUint16(order.AppendUint16(nil, 1), 0), numbers(order, 1<<32-1, 1<<32-1))
}

func interfaceOf(order binary.AppendByteOrder, link uint16, snap uint32, options ...byte) []byte {
	return blockOf(order, interfaceBlock, order.AppendUint16(order.AppendUint16(nil, link), 0), numbers(order, snap), options)
}

func enhanced(order binary.AppendByteOrder, number uint32, stamp uint64, data string, length int) []byte {
	return blockOf(order, packetBlock, numbers(order, number, uint32(stamp>>32), uint32(stamp), uint32(len(data)), uint32(length)), []byte(data))
}

var orders = map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian}

const second = int64(1_700_000_000e9)

func TestClassic(t *testing.T) {
	for name, order := range orders {
		for _, nano := range []bool{false, true} {
			want := []told{{second + 1000, 1, "first", false}, {second + 2000, 1, "", true}, {second + 3000, 1, strings.Repeat("x", maxPacket), false}, {second + 5000, 1, "y", true}}
			if nano {
				want[0].Time += 7
			}
			got, r := readAll(t, classicOf(order, nano, 1, want...))
			if times, _ := r.Damaged(); cmp.Diff(want, got) != "" || r.Ends() || times != 0 || r.Form() != Pcap {
				t.Errorf("%s, nanoseconds %v: %v (-want +got):\n%.500s", name, nano, r.Ends(), cmp.Diff(want, got))
			}
		}
	}
}

func TestPcapng(t *testing.T) {
	for name, order := range orders {
		resolution := func(v byte) []byte {
			return append(order.AppendUint16(order.AppendUint16(nil, optionResolution), 1), v, 0, 0, 0)
		}
		offset := order.AppendUint64(order.AppendUint16(order.AppendUint16(resolution(6), optionOffset), 8), 1000)
		file := slices.Concat(sectionOf(order), interfaceOf(order, 1, 0), interfaceOf(order, 113, 4, resolution(9)...), interfaceOf(order, 101, 0, resolution(0x80|10)...),
			interfaceOf(order, 1, 0, offset...), interfaceOf(order, 1, 0, resolution(30)...),
			enhanced(order, 0, uint64(second/1e3)+5, "micro", 5),
			blockOf(order, namesBlock, make([]byte, 40)), blockOf(order, 0x12345678, make([]byte, 4)), blockOf(order, namesBlock, make([]byte, 2<<20)),
			enhanced(order, 1, uint64(second)+7, "nano", 90), enhanced(order, 2, uint64(second/1e9)<<10+512, "half a second", 13),
			enhanced(order, 3, uint64(second/1e3), "later", 5), enhanced(order, 4, 5, "no time", 7),
			blockOf(order, simpleBlock, numbers(order, 6), []byte("simple")),
			blockOf(order, oldPacketBlock, order.AppendUint16(order.AppendUint16(nil, 1), 0), numbers(order, uint32(uint64(second)>>32), uint32(second&(1<<32-1)), 3, 3), []byte("old")))
		want := []told{{second + 5000, 1, "micro", false}, {second + 7, 113, "nano", true}, {second + 5e8, 101, "half a second", false}, {second + 1000e9, 1, "later", false},
			{second + 1000e9, 1, "no time", false}, {second + 1000e9, 1, "simple", false}, {second, 113, "old", false}}
		for other, swapped := range orders { // a section of either order may follow
			got, r := readAll(t, slices.Concat(file, sectionOf(swapped), interfaceOf(swapped, 7, 0), enhanced(swapped, 0, uint64(second/1e3), "again", 5)))
			all := append(slices.Clip(want), told{second, 7, "again", false})
			if times, _ := r.Damaged(); cmp.Diff(all, got) != "" || r.Ends() || times != 0 || r.Form() != Pcapng {
				t.Errorf("%s, then %s: ends %v, damaged %d (-want +got):\n%s", name, other, r.Ends(), times, cmp.Diff(all, got))
			}
		}
	}
}

// TestOthersFiles: what another writer writes.
func TestOthersFiles(t *testing.T) {
	var classic, nano, blocks bytes.Buffer
	a, b := pcapgo.NewWriter(&classic), pcapgo.NewWriterNanos(&nano)
	for _, w := range []*pcapgo.Writer{a, b} {
		if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
			t.Fatal(err)
		}
	}
	c, err := pcapgo.NewNgWriter(&blocks, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	var want []told
	for i := range 50 {
		data := strings.Repeat("abc", i+1)
		at := time.Unix(0, second+int64(i)*1_000_000_000+1000)
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: len(data) + i%2}
		want = append(want, told{at.UnixNano(), 1, data, i%2 == 1})
		if err := errors.Join(a.WritePacket(info, []byte(data)), b.WritePacket(info, []byte(data)), c.WritePacket(info, []byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"micro": classic.Bytes(), "nano": nano.Bytes(), "blocks": blocks.Bytes()} {
		if got, _ := readAll(t, file); cmp.Diff(want, got) != "" {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
		}
	}
}

func TestRecognise(t *testing.T) {
	for text, want := range map[string]Form{
		"": None, "\xa1\xb2\xc3": None, "\xa1\xb2\xc3\xd4": Pcap, "\xd4\xc3\xb2\xa1 and more": Pcap, "\x4d\x3c\xb2\xa1": Pcap, "\xa1\xb2\x3c\x4d": Pcap,
		"\n\r\r\n": None, "\n\r\r\nline of a log": None, "\n\r\r\n\x00\x00\x00\x20\x1a\x2b\x3c\x4d": Pcapng, "\n\r\r\n\x20\x00\x00\x00\x4d\x3c\x2b\x1a": Pcapng, "2026-11-21 a log line": None,
	} {
		if got := Recognise([]byte(text)); got != want {
			t.Errorf("Recognise(%q) = %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"\x0c\xa5\x02\x00\x0e\x01\x0f\xf1": "nfreplay -r FILE", "\xa5\x0c\x00\x01\x00\x00\x00\x00": "nfreplay -r FILE", "\x34\xcd\xb2\xa1\x02\x00\x04\x00": "editcap", "snoop\x00\x00\x00\x00\x00\x00\x02": "editcap",
	} {
		if err := Refuse([]byte(text)); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("Refuse(%q) = %v, want it to say %q", text, err, want)
		}
	}
	if err := Refuse([]byte("2026-11-21 a log")); err != nil {
		t.Errorf("a log is refused: %v", err)
	}
	for _, text := range []string{"", "x", "a log line\n"} {
		if _, err := NewReader(strings.NewReader(text)); !errors.Is(err, fault.Invalid) {
			t.Errorf("NewReader of %q: %v, want it invalid", text, err)
		}
	}
}

// numbered are packets that tell their number.
func numbered(n int) (all []told) {
	for i := range n {
		all = append(all, told{second + int64(i)*1e9, 1, strings.Repeat(string(rune('a'+i%26)), 60+i%7), false})
	}
	return all
}

func forms(packets []told) map[string][]byte {
	files := map[string][]byte{}
	for name, order := range orders {
		files["pcap "+name] = classicOf(order, false, 1, packets...)
		blocks := slices.Concat(sectionOf(order), interfaceOf(order, 1, 0))
		for _, p := range packets {
			blocks = append(blocks, enhanced(order, 0, uint64(p.Time/1e3), p.Data, len(p.Data))...)
		}
		files["pcapng "+name] = blocks
	}
	return files
}

// TestTruncated: of a file that ends anywhere every whole packet is read, and the end is told where it is within one. What is
// there of the next packet is read when it has come.
func TestTruncated(t *testing.T) {
	packets := numbered(8)
	for name, file := range forms(packets) {
		_, whole := readAll(t, file)
		ends := map[int64]bool{}
		for r, _ := NewReader(bytes.NewReader(file)); ; {
			p, err := r.Next()
			if err != nil {
				break
			}
			ends[p.From], ends[p.To] = true, true
		}
		for n := Magic; n < len(file); n++ {
			got, r := readAll(t, file[:n])
			if diff := cmp.Diff(packets[:len(got)], got, cmp.Comparer(func(a, b []told) bool { return slices.Equal(a, b) })); diff != "" {
				t.Fatalf("%s: of %d bytes:\n%s", name, n, diff)
			}
			begins := int64(n) < whole.Offset() && len(got) == 0 && !ends[int64(n)]
			if r.Ends() == ends[int64(n)] && !begins && len(got) > 0 {
				t.Fatalf("%s: %d bytes, %d packets: it ends early: %v", name, n, len(got), r.Ends())
			}
			if times, _ := r.Damaged(); times != 0 {
				t.Fatalf("%s: %d bytes are taken for damaged", name, n)
			}
			if int64(n) < r.Offset() {
				t.Fatalf("%s: offset %d of %d bytes", name, r.Offset(), n)
			}
		}
	}
}

// TestDamaged: whatever is overwritten in the middle costs the packets that stood there, and few beside; it is told.
func TestDamaged(t *testing.T) {
	packets := numbered(60)
	for name, file := range forms(packets) {
		for _, foul := range []string{"\x00", "\xff", "damage "} {
			for at := 200; at < len(file)-600; at += 131 {
				damaged := slices.Clone(file)
				copy(damaged[at:], strings.Repeat(foul, 300)[:300])
				got, r := readAll(t, damaged)
				good := 0
				for _, p := range got {
					if slices.Contains(packets, p) {
						good++
					}
				}
				times, skipped := r.Damaged()
				if good < len(packets)-7 || times == 0 || times > 6 || len(got)-good > 3 || r.Ends() || skipped > 700 || got[len(got)-1] != packets[len(packets)-1] {
					t.Fatalf("%s: %q at %d: %d packets, %d of them good; damaged %d times, %d bytes skipped, ends %v", name, foul, at, len(got), good, times, skipped, r.Ends())
				}
			}
		}
	}
}

// TestHole: what is missing from the middle, as after a full disk, costs what is missing.
func TestHole(t *testing.T) {
	packets := numbered(60)
	for name, file := range forms(packets) {
		for _, size := range []int{1, 50, 77, 3 * window} {
			damaged := slices.Clone(file[:1000])
			if size > 1000 { // zeros come in
				damaged = append(append(damaged, make([]byte, size)...), file[1000:]...)
			} else {
				damaged = append(damaged, file[1000+size:]...)
			}
			got, r := readAll(t, damaged)
			if times, _ := r.Damaged(); len(got) < 56 || times == 0 || got[len(got)-1] != packets[59] {
				t.Errorf("%s: %d bytes: %d packets, damaged %d times", name, size, len(got), times)
			}
		}
	}
}

// FuzzReader: whatever a file holds, packets are parts of it, in order, and reading ends.
func FuzzReader(f *testing.F) {
	for _, file := range forms(numbered(4)) {
		f.Add(file)
		f.Add(file[:len(file)-3])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if Recognise(file) == None {
			return
		}
		packets, r := readAll(t, file)
		var d Datagrams
		total := 0
		for _, p := range packets {
			total += len(p.Data)
			if out, ok := d.Find(&Packet{Time: p.Time, Link: p.Link, Data: []byte(p.Data), Cut: p.Cut}); ok && len(out.Payload) > maxDatagram {
				t.Fatalf("%d bytes in a datagram", len(out.Payload))
			}
		}
		if times, skipped := r.Damaged(); total > len(file) || skipped > int64(len(file)) || times > len(file) {
			t.Fatalf("%d bytes in packets of %d, %d skipped in %d places", total, len(file), skipped, times)
		}
	})
}
