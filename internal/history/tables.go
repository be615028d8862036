package history

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"tocsin/internal/event"
)

// A stringTable numbers strings, beginning with 1: number 0 stands for "missing".
type stringTable struct {
	table []uint32
	list  event.Strings
	seed  maphash.Seed
}

func newStringTable() *stringTable {
	t := &stringTable{table: make([]uint32, 256), seed: maphash.MakeSeed()}
	t.list.Append(nil)
	return t
}

func (t *stringTable) code(v []byte) uint32 {
	if t.list.Len()*2 >= len(t.table) {
		t.grow()
	}
	mask := uint64(len(t.table) - 1)
	for at := maphash.Bytes(t.seed, v) & mask; ; at = (at + 1) & mask {
		code := t.table[at]
		if code == 0 {
			t.list.Append(v)
			code = uint32(t.list.Len() - 1)
			t.table[at] = code
			return code
		}
		if bytes.Equal(t.list.At(int(code)), v) {
			return code
		}
	}
}

func (t *stringTable) grow() {
	t.table = make([]uint32, 4*len(t.table))
	mask := uint64(len(t.table) - 1)
	for code := 1; code < t.list.Len(); code++ {
		at := maphash.Bytes(t.seed, t.list.At(code)) & mask
		for t.table[at] != 0 {
			at = (at + 1) & mask
		}
		t.table[at] = uint32(code)
	}
}

// An ipTable numbers addresses as a stringTable does strings.
type ipTable struct {
	table []uint64 // code in the lower 31 bits, the bits of its hash above; 0 for a free place
	list  [][16]byte
	salts [2]uint64
}

func newIPTable() *ipTable {
	seed := maphash.MakeSeed()
	return &ipTable{list: make([][16]byte, 1, 256), salts: [2]uint64{maphash.Comparable(seed, 0), maphash.Comparable(seed, 1)}}
}

// codeBits is how many bits a code has. The bit above them is set in hashes whose upper half tells the address.
const (
	codeBits = 31
	codeMask = 1<<codeBits - 1
	tellsAll = 1 << codeBits
)

// hash mixes all bits. Those of IPv4 addresses it mixes one to one (the function "lowbias32" of Wellons, 2018). Both halves of others
// are mixed with a secret, as who makes one of them 0 takes the other out of the product.
func (t *ipTable) hash(v *[16]byte) uint64 {
	a, b := le64(v[:8]), le64(v[8:])
	if a == 0 && uint32(b) == 0xffff0000 {
		x := uint32(b>>32) ^ uint32(t.salts[0]>>32)
		x ^= x >> 16
		x *= 0x7feb352d
		x ^= x >> 15
		x *= 0x846ca68b
		x ^= x >> 16
		return uint64(x)<<32 | tellsAll | uint64(x)
	}
	hi, lo := bits.Mul64(a^t.salts[0], b^t.salts[1])
	h := hi ^ lo
	h *= 0x9fb21c651e98df25
	return (h ^ h>>32) &^ tellsAll
}

func (t *ipTable) code(v *[16]byte) uint32 {
	if len(t.list)*2 >= len(t.table) {
		t.table = make([]uint64, max(256, 4*len(t.table)))
		for code := 1; code < len(t.list); code++ {
			h := t.hash(&t.list[code])
			t.table[t.place(&t.list[code], h)] = h>>codeBits<<codeBits | uint64(code)
		}
	}
	h := t.hash(v)
	at := t.place(v, h)
	if t.table[at] == 0 {
		t.list = append(t.list, *v)
		t.table[at] = h>>codeBits<<codeBits | uint64(len(t.list)-1)
	}
	return uint32(t.table[at] & codeMask)
}

// place returns where v stands in the table, or would.
func (t *ipTable) place(v *[16]byte, h uint64) uint64 {
	mask := uint64(len(t.table) - 1)
	at := h & mask
	for ; t.table[at] != 0; at = (at + 1) & mask {
		if n := t.table[at]; n>>codeBits == h>>codeBits && (h&tellsAll != 0 || t.list[n&codeMask] == *v) {
			break
		}
	}
	return at
}
