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
	table []uint32
	list  [][16]byte
}

func hashIP(v [16]byte) uint64 {
	a := le64(v[:8]) ^ 0x9e3779b97f4a7c15
	b := le64(v[8:]) ^ 0xe7037ed1a0b428db
	hi, lo := bits.Mul64(a, b)
	h := hi ^ lo
	h *= 0x9fb21c651e98df25
	return h ^ h>>32
}

func (t *ipTable) code(v [16]byte) uint32 {
	if len(t.list)*2 >= len(t.table) {
		t.table = make([]uint32, max(256, 4*len(t.table)))
		for code := 1; code < len(t.list); code++ {
			t.table[t.place(t.list[code])] = uint32(code)
		}
	}
	at := t.place(v)
	if t.table[at] == 0 {
		t.list = append(t.list, v)
		t.table[at] = uint32(len(t.list) - 1)
	}
	return t.table[at]
}

// place returns where v stands in the table, or would.
func (t *ipTable) place(v [16]byte) uint64 {
	mask := uint64(len(t.table) - 1)
	at := hashIP(v) & mask
	for t.table[at] != 0 && t.list[t.table[at]] != v {
		at = (at + 1) & mask
	}
	return at
}
