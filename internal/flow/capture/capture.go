// Package capture reads captures of packets, and what of them are datagrams of UDP: how the exports of flows are found again
// in what tcpdump, Wireshark or a router wrote down.
//
// It reads the files of libpcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), of either byte order and any
// precision, as a stream. Every packet has its place in the file, so that reading can go on behind it. What is damaged in the
// middle is skipped up to where packets begin to make sense again, and told.
package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"tocsin/internal/fault"
)

// A Form is how a file holds packets.
type Form uint8

// The forms.
const (
	None Form = iota
	Pcap
	Pcapng
)

// String returns the word by which ingest names the form.
func (f Form) String() string { return [...]string{"", "pcap", "pcapng"}[min(f, 2)] }

// Magic is how many bytes Recognise looks at.
const Magic = 12

// Marks at the beginnings of files, as the number that their first four bytes are in the order of the network.
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d
	magicBlock = 0x0a0d0d0a // of pcapng: reads alike either way
	magicOrder = 0x1a2b3c4d // of pcapng, at 8
)

// Recognise tells the form of a file by its first bytes, Magic of them or all that there are. None is no capture.
func Recognise(head []byte) Form {
	if len(head) < 4 {
		return None
	}
	if binary.BigEndian.Uint32(head) == magicBlock {
		if len(head) >= Magic && orderOf(head[8:12], magicOrder) != nil {
			return Pcapng
		}
		return None
	}
	if orderOf(head, magicMicro) != nil || orderOf(head, magicNano) != nil {
		return Pcap
	}
	return None
}

// Refuse returns an error of kind fault.Invalid for files that are easily taken for captures, and are none: it says what they
// are and what to do. It returns nil for all others.
func Refuse(head []byte) error {
	if len(head) < 8 {
		return nil
	}
	little, big := binary.LittleEndian, binary.BigEndian
	switch {
	case little.Uint16(head) == 0xa50c && little.Uint16(head[2:]) < 8, big.Uint16(head) == 0xa50c && big.Uint16(head[2:]) < 8:
		return fault.New(fault.Invalid, "it is a file of nfcapd, want a capture of export packets "+
			"(listen, and replay it: nfreplay -r FILE -v 9 -H 127.0.0.1 -p 2055)")
	case orderOf(head, 0xa1b2cd34) != nil:
		return fault.New(fault.Invalid, "it is a capture of an old form of Linux, want pcap or pcapng (convert it: editcap FILE NEW.pcapng)")
	case bytes.HasPrefix(head, []byte("snoop\x00\x00\x00")):
		return fault.New(fault.Invalid, "it is a capture of snoop, want pcap or pcapng (convert it: editcap FILE NEW.pcapng)")
	}
	return nil
}

// orderOf returns the byte order in which head begins with a number; nil when neither does.
func orderOf(head []byte, number uint32) binary.ByteOrder {
	switch {
	case binary.BigEndian.Uint32(head) == number:
		return binary.BigEndian
	case binary.LittleEndian.Uint32(head) == number:
		return binary.LittleEndian
	}
	return nil
}

// Bounds of what is believed.
const (
	maxPacket = 256 << 10 // MAXIMUM_SNAPLEN of libpcap
	maxBlock  = 16 << 20  // of pcapng; blocks other than packets are passed over
	window    = 1 << 20   // that is looked at ahead
)

// A Packet is one packet, as far as it was captured.
type Packet struct {
	From, To int64  // its place in the file; behind To the next one may begin
	Time     int64  // nanoseconds since 1970 UTC; where the file tells none, that of the packet before
	Link     uint32 // LINKTYPE_ of https://www.tcpdump.org/linktypes.html
	Data     []byte // valid until the next call of Next
	Cut      bool   // it was longer than what was captured of it
}

// A Reader reads the packets of one capture. One goroutine may use it.
type Reader struct {
	form   Form
	in     *bufio.Reader
	at     int64
	order  binary.ByteOrder
	last   int64 // time of the packet before
	read   bool  // there was one
	pcap   classic
	blocks blocks

	fault   error // that ended the file
	ends    bool
	damages int
	skipped int64
}

// NewReader reads the beginning of a capture. What is none is an error of kind fault.Invalid; what ends before it has said how
// it is to be read has no packets.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(from, window)}
	head := r.peek(Magic)
	switch r.form = Recognise(head); r.form {
	case Pcap:
		return r, r.beginClassic()
	case Pcapng:
		return r, nil
	}
	if r.fault != nil {
		return nil, r.fault
	}
	if err := Refuse(head); err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Invalid, "it is no capture of pcap or pcapng")
}

// Form returns how the file holds packets.
func (r *Reader) Form() Form { return r.form }

// Offset is behind the last packet, or block of pcapng, that was read.
func (r *Reader) Offset() int64 { return r.at }

// Ends reports, after io.EOF, whether the file breaks off within a packet. Offset is before that one, so that it is read when
// it is whole.
func (r *Reader) Ends() bool { return r.ends }

// Damaged returns how often packets stopped to make sense, and how many bytes were skipped up to where they did again.
func (r *Reader) Damaged() (times int, skipped int64) { return r.damages, r.skipped }

// Next returns the next packet; io.EOF behind the last one. Other errors are those of what it reads from.
func (r *Reader) Next() (p Packet, err error) {
	if r.form == Pcap {
		err = r.nextClassic(&p)
	} else {
		err = r.nextBlock(&p)
	}
	switch {
	case err == nil:
		r.last, r.read = p.Time, true
	case errors.Is(err, io.EOF) && r.fault != nil:
		err = r.fault
	}
	return p, err
}

// peek returns the next bytes, fewer where the file ends before. An error ends the file, and is told behind its last packet.
func (r *Reader) peek(n int) []byte {
	b, err := r.in.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.fault = err
	}
	return b
}

// pass goes on by n bytes. Fewer are left only when the file ends.
func (r *Reader) pass(n int) error {
	passed, err := r.in.Discard(n)
	r.at += int64(passed)
	if err == nil {
		return nil
	}
	if r.ends = true; !errors.Is(err, io.EOF) {
		r.fault = err
	}
	return io.EOF
}

// broken skips bytes until whole tells that packets begin again, or the file ends. What whole looks at are the next bytes, window
// of them or all that there are.
func (r *Reader) broken(whole func(ahead []byte) bool) error {
	r.damages++
	for first := 1; ; first = 0 {
		ahead := r.peek(window)
		// Near the end of the window the rest of a packet may not be seen: such places are looked at again, in the next one.
		end := len(ahead) - maxPacket - 64
		if len(ahead) < window {
			end = len(ahead)
		}
		n := first
		for n < end && !whole(ahead[n:]) {
			n++
		}
		r.skipped += int64(n)
		if err := r.pass(n); err != nil {
			return err
		}
		if n < end || len(ahead) < window {
			r.ends = false
			return nil
		}
	}
}
