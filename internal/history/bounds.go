package history

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

func missing(c *event.Column, from, to int) (n int) {
	if c.Codes != nil {
		for _, code := range c.Codes[from:to] {
			if code == 0 {
				n++
			}
		}
		return n
	}
	for row := from; row < to; row++ {
		if !c.Has(row) {
			n++
		}
	}
	return n
}

// bounded tells the types whose smallest and largest value are kept, a page and a group.
func bounded(t event.Type) bool {
	return t == event.Int || t == event.Uint || t == event.Time || t == event.IP
}

// bounds adds one page to the column index and to the statistics of the chunk.
func (w *segmentWriter) bounds(index *format.ColumnIndex, st *format.Statistics, c *event.Column, from, to int) {
	low, high, nulls := extremes(c, from, to)
	index.NullPages = append(index.NullPages, low < 0)
	index.NullCounts = append(index.NullCounts, int64(nulls))
	st.NullCount += int64(nulls)
	if low < 0 {
		index.MinValues, index.MaxValues = append(index.MinValues, []byte{}), append(index.MaxValues, []byte{})
		return
	}
	a, b := valueBytes(c, low), valueBytes(c, high)
	index.MinValues, index.MaxValues = append(index.MinValues, a), append(index.MaxValues, b)
	if st.MinValue == nil || lessBytes(c.Field.Type, a, st.MinValue) {
		st.MinValue = a
	}
	if st.MaxValue == nil || lessBytes(c.Field.Type, st.MaxValue, b) {
		st.MaxValue = b
	}
}

// extremes returns the numbers of the smallest and the largest value of some rows, -1 when none has one, and how many have none.
func extremes(c *event.Column, from, to int) (low, high, nulls int) {
	switch {
	case c.Codes != nil && c.Len() <= 2: // the same in all rows that have one
		if nulls = missing(c, from, to); nulls == to-from {
			return -1, -1, nulls
		}
		return 1, 1, nulls
	case c.Field.Type == event.IP:
		return addressExtremes(c, from, to)
	}
	flip := int64(0)
	if c.Field.Type == event.Uint {
		flip = math.MinInt64 // so that signed numbers order as unsigned ones do
	}
	low, high = -1, -1
	var least, most int64
	for row := from; row < to; row++ {
		v, ok := c.Value(row)
		if !ok {
			nulls++
			continue
		}
		n := c.Nums[v] ^ flip
		if low < 0 || n < least {
			low, least = v, n
		}
		if high < 0 || n > most {
			high, most = v, n
		}
	}
	return low, high, nulls
}

func addressExtremes(c *event.Column, from, to int) (low, high, nulls int) {
	low, high = -1, -1
	var least, most [2]uint64
	for row := from; row < to; row++ {
		v, ok := c.Value(row)
		if !ok {
			nulls++
			continue
		}
		a, b := binary.BigEndian.Uint64(c.IPs[v][:8]), binary.BigEndian.Uint64(c.IPs[v][8:])
		if low < 0 || a < least[0] || a == least[0] && b < least[1] {
			low, least[0], least[1] = v, a, b
		}
		if high < 0 || a > most[0] || a == most[0] && b > most[1] {
			high, most[0], most[1] = v, a, b
		}
	}
	return low, high, nulls
}

func valueBytes(c *event.Column, v int) []byte {
	if c.Field.Type == event.IP {
		b := c.IPs[v]
		return b[:]
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(c.Nums[v]))
}

func lessBytes(t event.Type, a, b []byte) bool {
	switch t {
	case event.IP:
		return string(a) < string(b)
	case event.Uint:
		return le64(a) < le64(b)
	default:
		return int64(le64(a)) < int64(le64(b))
	}
}
