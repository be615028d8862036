package aggregate

import (
	"math/bits"
	"slices"
)

// A groupIndex numbers the combinations of values and time bucket. Open addressing, linear probing, at most half full.
type groupIndex struct {
	width   int
	tuples  []uint32 // width a group
	buckets []int64  // one a group
	hashes  []uint64 // one a group
	table   []uint64 // number of the group in the lower half, upper half of its hash in the upper; 0 for a free place
}

func (x *groupIndex) bytes() int {
	return 4*len(x.tuples) + 8*len(x.buckets) + 8*len(x.hashes) + 8*len(x.table)
}

// find returns the number of a combination. A new one is made if room says so; otherwise ok is false.
func (x *groupIndex) find(tuple []uint32, bucket int64, room func() bool) (g uint32, fresh, ok bool) {
	if x.table == nil { // number 0 is taken by the others
		x.table = make([]uint64, 64)
		x.hashes, x.buckets, x.tuples = make([]uint64, 1), make([]int64, 1), make([]uint32, x.width)
	}
	h := uint64(bucket) * 0x9e3779b97f4a7c15
	for _, v := range tuple {
		h = (bits.RotateLeft64(h, 26) ^ uint64(v)) * 0xff51afd7ed558ccd
	}
	h = scramble(h ^ salt)
	mask := uint64(len(x.table) - 1)
	at := h & mask
	for ; x.table[at] != 0; at = (at + 1) & mask {
		if x.table[at]>>32 != h>>32 {
			continue
		}
		g = uint32(x.table[at])
		if x.buckets[g] == bucket && slices.Equal(x.tuples[int(g)*x.width:int(g+1)*x.width], tuple) {
			return g, false, true
		}
	}
	if !room() {
		return 0, false, false
	}
	g = uint32(len(x.hashes))
	x.table[at] = h>>32<<32 | uint64(g)
	x.hashes, x.buckets, x.tuples = append(x.hashes, h), append(x.buckets, bucket), append(x.tuples, tuple...)
	if len(x.hashes)*2 > len(x.table) {
		x.grow()
	}
	return g, true, true
}

func (x *groupIndex) grow() {
	x.table = make([]uint64, 2*len(x.table))
	mask := uint64(len(x.table) - 1)
	for g := 1; g < len(x.hashes); g++ {
		at := x.hashes[g] & mask
		for x.table[at] != 0 {
			at = (at + 1) & mask
		}
		x.table[at] = x.hashes[g]>>32<<32 | uint64(g)
	}
}
