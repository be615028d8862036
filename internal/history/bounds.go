package history

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

func missing(c *event.Column, from, to int) (n int) {
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
	low, high := -1, -1
	nulls := 0
	for row := from; row < to; row++ {
		v, ok := c.Value(row)
		if !ok {
			nulls++
			continue
		}
		if low < 0 || less(c, v, low) {
			low = v
		}
		if high < 0 || less(c, high, v) {
			high = v
		}
	}
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

func less(c *event.Column, a, b int) bool {
	switch c.Field.Type {
	case event.IP:
		return string(c.IPs[a][:]) < string(c.IPs[b][:])
	case event.Uint:
		return uint64(c.Nums[a]) < uint64(c.Nums[b])
	default:
		return c.Nums[a] < c.Nums[b]
	}
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
