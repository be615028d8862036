package window

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// An index finds the numbers of keys: a hash table with open addressing and linear probing. A slot holds a short key itself, so
// that a search reads one place of sixteen bytes as a rule; unlike in a map, the places of many keys can be looked at together.
type index struct {
	seeds [3]uint64
	long  maphash.Seed
	slots []slot // as many as a power of two, three quarters of them used at most
	used  int
}

// A slot holds a head, whose two parts stand here so that there is no gap behind them, and a number. Number 0 is none; others are
// one too large.
type slot struct {
	a         uint64
	b, number uint32
}

func (s *slot) head() head { return head{s.a, s.b} }

// A head is a short key: how many bytes it has, and these; or isLong and a hash of a long one.
type head struct {
	a uint64
	b uint32
}

const (
	shortKey = 11   // bytes of the longest key that a head holds
	isLong   = 0xff // in place of the length
	isFree   = 0xfe // likewise, of a number that stands for nobody

	leastSlots = 16
)

func (h head) long() bool { return h.a&0xff == isLong }

// length of a short key, in bytes.
func (h head) length() int { return int(h.a & 0xff) }

func newIndex() index {
	x := index{long: maphash.MakeSeed(), slots: make([]slot, leastSlots)}
	for i := range x.seeds { // differ from table to table, so that nobody can choose keys that meet
		x.seeds[i] = maphash.Comparable(x.long, i)
	}
	return x
}

// head returns the head of a key.
func (x *index) head(key []byte) head {
	if len(key) > shortKey {
		h := maphash.Bytes(x.long, key)
		return head{isLong | h<<8, uint32(h >> 32)}
	}
	var k [1 + shortKey]byte
	k[0] = byte(len(key))
	copy(k[1:], key)
	return head{binary.LittleEndian.Uint64(k[:]), binary.LittleEndian.Uint32(k[8:])}
}

// append writes a short key behind dst.
func (h head) append(dst []byte) []byte {
	var k [1 + shortKey]byte
	binary.LittleEndian.PutUint64(k[:], h.a)
	binary.LittleEndian.PutUint32(k[8:], h.b)
	return append(dst, k[1:1+h.length()]...)
}

// hash mixes a head with secret numbers by multiplication, as wyhash does (Wang Yi, 2019), which Go's own maps take where the
// processor has no instruction for it.
func (x *index) hash(h head) uint32 {
	hi, lo := bits.Mul64(h.a^x.seeds[0], uint64(h.b)^x.seeds[1])
	hi, lo = bits.Mul64(hi^lo, x.seeds[2]|1)
	return uint32(hi ^ lo)
}

func (x *index) place(hash uint32) uint32 { return hash & uint32(len(x.slots)-1) }

// first returns 1 + the number at the place where the search for a hash begins, 0 for none.
func (x *index) first(hash uint32) uint32 { return x.slots[x.place(hash)].number }

// find returns the number of a key, which is not looked at when it is short; n are the keys by number. When there is none, at is
// the place where add puts it.
func (x *index) find(h head, hash uint32, key []byte, n *names) (number, at uint32, ok bool) {
	for at = x.place(hash); ; at = x.place(at + 1) {
		switch s := &x.slots[at]; {
		case s.number == 0:
			return 0, at, false
		case s.a == h.a && s.b == h.b && (!h.long() || n.is(s.number-1, key)):
			return s.number - 1, at, true
		}
	}
}

// add puts in a number whose key find has not found.
func (x *index) add(h head, at, number uint32) {
	x.slots[at] = slot{h.a, h.b, number + 1}
	if x.used++; x.used <= len(x.slots)/4*3 {
		return
	}
	old := x.slots
	x.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.number == 0 {
			continue
		}
		at := x.place(x.hash(s.head()))
		for x.slots[at].number != 0 {
			at = x.place(at + 1)
		}
		x.slots[at] = s
	}
}

// remove takes a number out that is there. Those behind it that its place was in the way of move up.
func (x *index) remove(hash, number uint32) {
	hole := x.place(hash)
	for x.slots[hole].number != number+1 {
		hole = x.place(hole + 1)
	}
	for at := x.place(hole + 1); x.slots[at].number != 0; at = x.place(at + 1) {
		// It may stand in the hole when its search, which begins at home, comes by there before it comes to where it is.
		if home := x.place(x.hash(x.slots[at].head())); x.place(at-home) >= x.place(at-hole) {
			x.slots[hole] = x.slots[at]
			hole = at
		}
	}
	x.slots[hole] = slot{}
	x.used--
}
