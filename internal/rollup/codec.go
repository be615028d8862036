package rollup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Kept is how many values of an entity Encode keeps: those with most bytes and those with most packets, so many of each.
const Kept = 10_000

// ErrDamaged is wrapped by what Add returns of bytes that no Encode wrote.
var ErrDamaged = errors.New("damaged rollup")

// magic begins the bytes of a rollup. Its last byte is the version.
const magic = "tocsin-rollup\n\x01"

// Encode writes the rollup: its totals, and of each entity the values with most. Behind stands a CRC-32C of it all.
func (r *Rollup) Encode() []byte {
	out := []byte(magic)
	sampled := uint64(0)
	if r.totals.Sampled {
		sampled = 1
	}
	out = numbersOf(out, r.totals.Flows, r.totals.Bytes, r.totals.Packets, r.totals.Sessions, sampled)
	var section []byte
	for e, t := range r.tables {
		if t == nil {
			continue
		}
		slots, floors := t.largest(Kept), t.floors
		t.least(slots, &floors)
		section = section[:0]
		for _, slot := range slots {
			c := &t.cells[slot]
			section = numbersOf(t.appendKey(section, slot), c.SentBytes, c.ReceivedBytes, c.SentPackets, c.ReceivedPackets, c.Initiated, c.Accepted)
		}
		out = numbersOf(out, uint64(e)+1)
		out = numbersOf(out, floors[:]...)
		out = append(numbersOf(out, uint64(len(slots)), uint64(len(section))), section...)
	}
	return seal(append(out, 0))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func numbersOf(dst []byte, list ...uint64) []byte {
	for _, n := range list {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// v4 is how the address of IPv4 begins in its mapped form (RFC 4291 section 2.5.5.2).
const v4 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"

// appendKey writes a value behind its length, which is 0 for none; numbers and addresses of IPv4 are short.
func (t *table) appendKey(dst []byte, slot uint32) []byte {
	if slot == 0 {
		return append(dst, 0)
	}
	if t.text() {
		return append(numbersOf(dst, uint64(len(t.words[slot]))+1), t.words[slot]...)
	}
	k := t.keys[slot]
	switch {
	case t.entity != Host && t.entity != Exporter:
		return append(append(dst, 9), k[8:]...)
	case string(k[:12]) == v4:
		return append(append(dst, 5), k[12:]...)
	default:
		return append(append(dst, 17), k[:]...)
	}
}

// A decoder takes bytes apart. After the first fault everything is zero.
type decoder struct {
	data []byte
	at   int
	bad  bool
}

func (d *decoder) left() int { return len(d.data) - d.at }

func (d *decoder) fail() {
	d.bad, d.at = true, len(d.data)
}

func (d *decoder) number() uint64 {
	v, shift := uint64(0), 0
	for at, b := range d.data[d.at:] {
		if b < 0x80 {
			if at == binary.MaxVarintLen64-1 && b > 1 {
				break
			}
			d.at += at + 1
			return v | uint64(b)<<shift
		}
		if at == binary.MaxVarintLen64-1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		shift += 7
	}
	d.fail()
	return 0
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(d.left()) {
		d.fail()
		return nil
	}
	d.at += int(n)
	return d.data[d.at-int(n) : d.at]
}

// Add adds what Encode wrote, as far as the rollup has its entities. After an error, which wraps ErrDamaged, the rollup is of no
// use any more.
func (r *Rollup) Add(data []byte) error {
	n := len(data) - 4
	if n < len(magic) || string(data[:len(magic)]) != magic {
		return fmt.Errorf("add rollup: %w: it does not begin as one", ErrDamaged)
	}
	if binary.LittleEndian.Uint32(data[n:]) != crc32.Checksum(data[:n], castagnoli()) {
		return fmt.Errorf("add rollup: %w: checksum", ErrDamaged)
	}
	d := decoder{data: data[len(magic):n]}
	t := Totals{Flows: d.number(), Bytes: d.number(), Packets: d.number(), Sessions: d.number()}
	t.Sampled = d.number() != 0
	for !d.bad {
		e := d.number()
		if e == 0 {
			break
		}
		var floors [measures]uint64
		for m := range floors {
			floors[m] = d.number()
		}
		count, size := d.number(), d.number()
		section := decoder{data: d.take(size)}
		if e > uint64(entities) || r.tables[e-1] == nil {
			continue
		}
		into := r.tables[e-1]
		if !d.bad && !into.addRows(&section, count) {
			d.bad = true
		}
		into.raise(&floors)
	}
	if d.bad || d.left() > 0 {
		return fmt.Errorf("add rollup: %w: it ends early or late", ErrDamaged)
	}
	r.totals.add(t)
	r.prune()
	return nil
}

// together is how many rows are looked for at a time.
const together = 256

// addRows adds the rows of a section; false when they are not as many as they should be.
func (t *table) addRows(d *decoder, count uint64) bool {
	if count > uint64(d.left()) { // a row has seven bytes at least
		return false
	}
	if len(t.keys) == 1 { // a first one: others will have much the same values
		size := len(t.index)
		for size < 4*int(count) {
			size *= 2
		}
		t.keys, t.cells = slices.Grow(t.keys, 2*int(count)), slices.Grow(t.cells, 2*int(count))
		t.grow(size)
	}
	var some [together]Cell
	var keys [together]key
	var slots [together]uint32
	for count > 0 {
		n := int(min(count, together))
		count -= uint64(n)
		for i := range n {
			slots[i] = t.decodeKey(d, &keys[i])
			some[i] = Cell{
				SentBytes: d.number(), ReceivedBytes: d.number(), SentPackets: d.number(), ReceivedPackets: d.number(), Initiated: d.number(), Accepted: d.number(),
			}
		}
		if d.bad {
			return false
		}
		if !t.text() {
			t.find(keys[:n], slots[:n])
		}
		for i, slot := range slots[:n] {
			t.cells[slot].add(&some[i])
		}
	}
	return d.left() == 0
}

// wanted stands for a slot that is to be looked for.
const wanted = ^uint32(0)

// find looks for the slots of keys that are wanted. Memory is what this costs: so it is asked for many places at once, and none
// waits for the one before.
func (t *table) find(keys []key, slots []uint32) {
	var hashes, near [together]uint64
	for i := range keys {
		hashes[i] = t.hash(&keys[i])
	}
	mask := uint64(len(t.index) - 1)
	for i, h := range hashes[:len(keys)] {
		near[i] = t.index[h&mask]
	}
	for i := range keys {
		if slots[i] != wanted {
			continue
		}
		if n := near[i]; n != 0 && n>>32 == hashes[i]>>32 && t.keys[uint32(n)] == keys[i] {
			slots[i] = uint32(n)
		} else {
			slots[i] = t.slot(&keys[i])
		}
	}
}

// decodeKey returns the slot of a text or of none; else wanted, and the key.
func (t *table) decodeKey(d *decoder, k *key) uint32 {
	n := d.number()
	if n == 0 {
		return 0
	}
	v := d.take(n - 1)
	if t.text() {
		if d.bad {
			return 0
		}
		return t.word(v)
	}
	switch len(v) {
	case 4:
		*k = key{10: 0xff, 11: 0xff}
		copy(k[12:], v)
	case 8:
		*k = key{}
		copy(k[8:], v)
	case 16:
		*k = key(v)
	default:
		d.fail()
		return 0
	}
	return wanted
}

// seal puts the checksum behind what it is of.
func seal(out []byte) []byte {
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli()))
}
