package filter

import (
	"math"
	"math/bits"
	"slices"
)

// maxLookup is the width of a range of values for which a table with one entry a value is made.
const maxLookup = 1 << 16

// A pointTable finds the slots of single values: when they lie near each other by a table with an entry for each value,
// otherwise by open addressing with linear probing, at most a quarter full.
type pointTable struct {
	base  uint64    // of near
	near  [][]int32 // slots by value - base; nil when the values lie apart
	keys  []uint64
	at    []uint32 // 1 + place in lists, 0 for a free place
	lists [][]int32
	shift uint
}

// spread mixes the bits of a key into the top ones (Fibonacci hashing, Knuth, The Art of Computer Programming 3, 6.4).
func spread(key uint64) uint64 { return (key ^ key>>32) * 0x9e3779b97f4a7c15 }

func newPointTable(lists map[uint64][]int32) *pointTable {
	if t := newNearTable(lists); t != nil {
		return t
	}
	log := max(4, bits.Len(uint(len(lists)*4-1)))
	t := &pointTable{keys: make([]uint64, 1<<log), at: make([]uint32, 1<<log), shift: uint(64 - log)}
	for key, slots := range lists {
		slices.Sort(slots)
		i := spread(key) >> t.shift
		for t.at[i] != 0 {
			i = (i + 1) & uint64(len(t.at)-1)
		}
		t.lists = append(t.lists, slots)
		t.keys[i], t.at[i] = key, uint32(len(t.lists))
	}
	return t
}

// newNearTable makes a table with an entry for each value; nil when they lie too far apart.
func newNearTable(lists map[uint64][]int32) *pointTable {
	base, last := int64(math.MaxInt64), int64(math.MinInt64)
	for key := range lists {
		base, last = min(base, int64(key)), max(last, int64(key))
	}
	if uint64(last)-uint64(base) >= maxLookup {
		return nil
	}
	t := &pointTable{base: uint64(base), near: make([][]int32, last-base+1)}
	for key, slots := range lists {
		slices.Sort(slots)
		t.near[key-t.base] = slots
	}
	return t
}

func (t *pointTable) evaluate(c *chunk, values []int64) {
	if near := t.near; near != nil {
		for row, v := range values {
			if at := uint64(v) - t.base; at < uint64(len(near)) && len(near[at]) > 0 && c.present.has(row) {
				c.mark(near[at], row)
			}
		}
		return
	}
	keys, at, shift := t.keys, t.at, t.shift
	if len(keys) != len(at) || len(at) == 0 {
		return
	}
	for row, v := range values {
		for i := spread(uint64(v)) >> shift; at[i] != 0; i = (i + 1) & uint64(len(at)-1) {
			if keys[i] == uint64(v) {
				if c.present.has(row) {
					c.mark(t.lists[at[i]-1], row)
				}
				break
			}
		}
	}
}

func (m *mask) has(row int) bool { return m[row>>6]>>(uint(row)&63)&1 != 0 }
