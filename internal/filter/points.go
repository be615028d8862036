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
	base  uint64   // of near
	near  []uint16 // 1 + place in lists by value - base, 0 for none; nil when the values lie apart
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
	if uint64(last)-uint64(base) >= maxLookup || len(lists) > math.MaxUint16 {
		return nil
	}
	t := &pointTable{base: uint64(base), near: make([]uint16, last-base+1)}
	for key, slots := range lists {
		slices.Sort(slots)
		t.lists = append(t.lists, slots)
		t.near[key-t.base] = uint16(len(t.lists))
	}
	return t
}

func (t *pointTable) evaluate(c *chunk, values []int64) {
	if t.near != nil {
		t.lookUp(c, values)
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
					c.slots.mark(t.lists[at[i]-1], row)
				}
				break
			}
		}
	}
	c.slots.settle()
}

// lookUp is evaluate by near.
func (t *pointTable) lookUp(c *chunk, values []int64) {
	near, base := t.near, t.base
	if !sortable(len(values), 1+len(t.lists)) {
		for row, v := range values {
			if at := uint64(v) - base; at < uint64(len(near)) && near[at] != 0 && c.present.has(row) {
				c.slots.mark(t.lists[near[at]-1], row)
			}
		}
		c.slots.settle()
		return
	}
	classes := c.classes[:len(values)]
	for row, v := range values {
		class := uint16(0)
		if at := uint64(v) - base; at < uint64(len(near)) {
			class = near[at]
		}
		classes[row] = uint32(class)
	}
	for w := range c.words {
		for absent := c.full[w] &^ c.present[w]; absent != 0; absent &= absent - 1 {
			classes[w*64+bits.TrailingZeros64(absent)] = 0
		}
	}
	ends := c.slots.sortRows(classes, 1+len(t.lists))
	for i, slots := range t.lists {
		if from, end := ends[i+1], ends[i+2]; from < end {
			c.slots.addRows(slots, from, end)
		}
	}
}

func (m *mask) has(row int) bool { return m[row>>6]>>(uint(row)&63)&1 != 0 }
