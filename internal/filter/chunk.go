package filter

import (
	"math/bits"
	"slices"

	"tocsin/internal/event"
)

// Batches are evaluated in chunks of so many rows, so that the rows of all slots stay in the cache.
const (
	chunkWords = 64
	chunkRows  = 64 * chunkWords
)

// A mask is a set of rows of a chunk.
type mask [chunkWords]uint64

// A chunk is the part of a batch that is being evaluated, and the rows found so far for every slot.
type chunk struct {
	batch *event.Batch
	from  int // first row
	rows  int
	words int
	full  mask // all rows

	slots slotRows

	scratch [chunkRows]int64 // values of a column that does not hold them plainly
	classes [chunkRows]uint32
	present mask // rows that have a value in the column at hand
	labels  labelRows
	cuts    []mask // scratch of tests with many limits
	cutUsed []bool
}

// start moves on to the rows from from on.
func (c *chunk) start(b *event.Batch, from int) {
	c.batch, c.from = b, from
	c.rows = min(b.Rows-from, chunkRows)
	c.words = (c.rows + 63) / 64
	fill(&c.full, c.rows)
	c.slots.clear()
}

// fill puts the first n rows into a mask.
func fill(m *mask, n int) {
	for w := range m {
		switch {
		case n >= 64*(w+1):
			m[w] = ^uint64(0)
		case n > 64*w:
			m[w] = 1<<uint(n-64*w) - 1
		default:
			m[w] = 0
		}
	}
}

// presence finds the rows that have a value in a column; false when there are none.
func (c *chunk) presence(col *event.Column) bool {
	if col == nil {
		return false
	}
	switch {
	case col.Codes != nil:
		some := uint64(0)
		codes := col.Codes[c.from : c.from+c.rows]
		for w := range c.words {
			var m uint64
			for i, code := range codes[w*64 : min(w*64+64, len(codes))] {
				m |= uint64((code|-code)>>31) << (uint(i) & 63)
			}
			c.present[w] = m
			some |= m
		}
		return some != 0
	case col.Present == nil:
		c.present = c.full
		return true
	}
	some := uint64(0)
	at := c.from / 64
	for w := range c.words {
		c.present[w] = col.Present[at+w] & c.full[w]
		some |= c.present[w]
	}
	return some != 0
}

// equalCodes finds the rows of a code that is not 0. The mask is good until the presence of another column is asked for.
func (c *chunk) equalCodes(col *event.Column, code uint32) *mask {
	codes := col.Codes[c.from : c.from+c.rows]
	for w := range c.words {
		var m uint64
		for i, have := range codes[w*64 : min(w*64+64, len(codes))] {
			differ := have ^ code
			m |= uint64((differ-1)&^differ>>31) << (uint(i) & 63)
		}
		c.present[w] = m
	}
	return &c.present
}

// values returns the numbers of a column for the rows of the chunk; of rows without a value it gives anything.
func (c *chunk) values(col *event.Column) []int64 {
	if col.Codes == nil {
		return col.Nums[c.from : c.from+c.rows]
	}
	out := c.scratch[:c.rows]
	for i, code := range col.Codes[c.from : c.from+c.rows] {
		out[i] = col.Nums[code]
	}
	return out
}

// spareRows is how much room putWord needs beyond what it writes.
const spareRows = 4

// putWord writes the rows of one word and returns how many they are. It writes some at once, without asking how many
// there are, because that cannot be foretold: dst must have room for spareRows more.
func putWord(dst []int32, base int32, word uint64) int {
	n := bits.OnesCount64(word)
	first := dst[:spareRows]
	for i := range first {
		first[i] = base + int32(bits.TrailingZeros64(word))
		word &= word - 1
	}
	for i := spareRows; word != 0; i++ {
		dst[i] = base + int32(bits.TrailingZeros64(word))
		word &= word - 1
	}
	return n
}

// appendRows writes the rows of a mask as row numbers of the batch.
func (c *chunk) appendRows(dst []int32, m *mask) []int32 {
	n := len(dst)
	dst = slices.Grow(dst, c.rows+spareRows)[:n+c.rows+spareRows]
	for w := range c.words {
		if m[w] != 0 {
			n += putWord(dst[n:], int32(c.from+w*64), m[w])
		}
	}
	return dst[:n]
}

// empty reports whether a mask has no rows.
func (c *chunk) empty(m *mask) bool {
	for w := range c.words {
		if m[w] != 0 {
			return false
		}
	}
	return true
}
