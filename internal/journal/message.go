package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/s2"

	"tocsin/internal/event"
)

// A message of the journal, version 1. Numbers are little endian.
//
//	0  magic "tcj1"
//	4  CRC-32C of everything behind it, uint32
//	8  epoch, 8 bytes
//	16 generation, uint32
//	20 partition, uint16
//	22 number of batches, uint16, 1 or more
//	24 number of the first batch, uint64; the others follow without a gap
//	32 number of the last batch of the message before, uint64, 0 for none
//	40 the batches, each: kind byte, rows uvarint, number of source ranges uvarint and each as id (length, bytes), from and
//	   to varint, length of the encoding uvarint, length of its s2 block uvarint, the block
//
// The source ranges are in the encoding too; they stand here so that a restart finds them without unpacking rows.
const (
	messageMagic  = "tcj1"
	messageHeader = 40
	maxGroup      = 1024 // batches a message
)

// maxEncoded bounds the encoding of one batch, so that a foul length cannot cost more memory than this.
const maxEncoded = 64 << 20

// errForeign is wrapped by every error that means the bytes are no message of this journal.
var errForeign = errors.New("not a journal message")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A header is the front of a message.
type header struct {
	epoch      [8]byte
	generation uint32
	partition  uint16
	count      uint16
	first      uint64 // number of the first batch
	prev       uint64 // number of the last batch of the message before
}

// last returns the number of the last batch in the message.
func (h *header) last() uint64 { return h.first + uint64(h.count) - 1 }

// append writes the front of a message with an empty checksum.
func (h *header) append(dst []byte) []byte {
	dst = append(dst, messageMagic...)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, h.epoch[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, h.generation)
	dst = binary.LittleEndian.AppendUint16(dst, h.partition)
	dst = binary.LittleEndian.AppendUint16(dst, h.count)
	dst = binary.LittleEndian.AppendUint64(dst, h.first)
	return binary.LittleEndian.AppendUint64(dst, h.prev)
}

// seal puts the checksum into a finished message.
func seal(msg []byte) {
	binary.LittleEndian.PutUint32(msg[4:], crc32.Checksum(msg[8:], castagnoli))
}

// parseHeader checks magic and checksum of a message and takes it apart; rest are the batches.
func parseHeader(msg []byte) (h header, rest []byte, err error) {
	if len(msg) < messageHeader || string(msg[:4]) != messageMagic {
		return h, nil, fmt.Errorf("%d bytes without the magic: %w", len(msg), errForeign)
	}
	if got, want := crc32.Checksum(msg[8:], castagnoli), binary.LittleEndian.Uint32(msg[4:]); got != want {
		return h, nil, fmt.Errorf("checksum is %08x, want %08x: %w", got, want, errForeign)
	}
	copy(h.epoch[:], msg[8:])
	h.generation = binary.LittleEndian.Uint32(msg[16:])
	h.partition = binary.LittleEndian.Uint16(msg[20:])
	h.count = binary.LittleEndian.Uint16(msg[22:])
	h.first = binary.LittleEndian.Uint64(msg[24:])
	h.prev = binary.LittleEndian.Uint64(msg[32:])
	if h.count == 0 || h.first == 0 || h.first <= h.prev || h.last() < h.first {
		return h, nil, fmt.Errorf("batches %d+%d behind %d: %w", h.first, h.count, h.prev, errForeign)
	}
	return h, msg[messageHeader:], nil
}

// A frame is one batch as it stands in a message.
type frame struct {
	kind    event.Kind
	rows    int
	sources []event.SourceRange
	raw     int    // length of the encoding
	block   []byte // s2
}

// appendFrame encodes a batch for a message behind dst. scratch is memory for the encoding, which is returned for the next
// call.
func appendFrame(dst, scratch []byte, b *event.Batch) (framed, scratchOut []byte, err error) {
	scratch = b.Append(scratch[:0])
	if len(scratch) > maxEncoded {
		return dst, scratch, fmt.Errorf("%d rows take %d bytes, want %d at most", b.Rows, len(scratch), maxEncoded)
	}
	dst = append(dst, byte(b.Kind))
	dst = binary.AppendUvarint(dst, uint64(b.Rows))
	dst = binary.AppendUvarint(dst, uint64(len(b.Sources)))
	for _, s := range b.Sources {
		dst = binary.AppendUvarint(dst, uint64(len(s.ID)))
		dst = append(dst, s.ID...)
		dst = binary.AppendVarint(dst, s.From)
		dst = binary.AppendVarint(dst, s.To)
	}
	dst = binary.AppendUvarint(dst, uint64(len(scratch)))
	// The length of the block is known only behind it: it gets a fixed width of five bytes, which is still a uvarint.
	at := len(dst)
	need := at + 5 + s2.MaxEncodedLen(len(scratch))
	if cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	block := s2.Encode(dst[at+5:need], scratch)
	putUvarint5(dst[at:at+5], uint32(len(block)))
	return dst[:at+5+len(block)], scratch, nil
}

// putUvarint5 writes v as a uvarint of exactly five bytes.
func putUvarint5(dst []byte, v uint32) {
	for i := range 4 {
		dst[i] = byte(v) | 0x80
		v >>= 7
	}
	dst[4] = byte(v)
}

// frames takes the batches of a message apart without unpacking their rows. The frames point into rest.
func frames(h *header, rest []byte) ([]frame, error) {
	c := cutter{rest: rest}
	list := make([]frame, 0, min(int(h.count), len(rest)/4))
	for range h.count {
		f := frame{kind: event.Kind(c.byte()), rows: int(c.uvarint(event.MaxRows))}
		for n := c.uvarint(uint64(len(c.rest))); n > 0 && !c.bad; n-- {
			id := string(c.take(c.uvarint(uint64(len(c.rest)))))
			f.sources = append(f.sources, event.SourceRange{ID: id, From: c.varint(), To: c.varint()})
		}
		f.raw = int(c.uvarint(maxEncoded))
		f.block = c.take(c.uvarint(uint64(len(c.rest))))
		if c.bad {
			return nil, fmt.Errorf("batch %d of %d is cut: %w", len(list)+1, h.count, errForeign)
		}
		list = append(list, f)
	}
	if len(c.rest) > 0 {
		return nil, fmt.Errorf("%d bytes left over: %w", len(c.rest), errForeign)
	}
	return list, nil
}

// batch unpacks the rows of a frame.
func (f *frame) batch() (*event.Batch, error) {
	if n, err := s2.DecodedLen(f.block); err != nil || n != f.raw {
		return nil, fmt.Errorf("block of %d bytes says %d, want %d: %w", len(f.block), n, f.raw, errForeign)
	}
	raw, err := s2.Decode(nil, f.block)
	if err != nil {
		return nil, fmt.Errorf("unpack block of %d bytes: %w", len(f.block), errors.Join(err, errForeign))
	}
	b, err := event.Decode(raw)
	if err != nil {
		return nil, errors.Join(err, errForeign)
	}
	if b.Rows != f.rows || b.Kind != f.kind {
		return nil, fmt.Errorf("%d rows of %s where %d of %s were told: %w", b.Rows, b.Kind, f.rows, f.kind, errForeign)
	}
	return b, nil
}

// A cutter takes values off the front of rest. Once bad it yields zeros.
type cutter struct {
	rest []byte
	bad  bool
}

func (c *cutter) byte() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cutter) take(n uint64) []byte {
	if c.bad || n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	v := c.rest[:n:n]
	c.rest = c.rest[n:]
	return v
}

// uvarint reads a number of at most limit.
func (c *cutter) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(c.rest)
	if c.bad || n <= 0 || v > limit {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cutter) varint() int64 {
	v, n := binary.Varint(c.rest)
	if c.bad || n <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return v
}
