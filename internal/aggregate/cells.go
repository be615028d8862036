package aggregate

import (
	"math"
	"math/big"
	"math/bits"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/metric"
)

// cells hold one metric for all groups.
type cells interface {
	// extend makes room for groups below n.
	extend(n int)
	// fold adds rows, each to its group.
	fold(t *Table, b *event.Batch, rows []int32, groups []uint32)
	// merge adds group g of other cells of the same kind; with full, without growing.
	merge(into int, other cells, g int, full bool)
	// number returns the number of a group, NaN when it has no value, and whether it is an estimate.
	number(t *Table, g int) (v float64, estimate bool)
	bytes() int
}

func newCells(m metric.Metric) cells {
	switch m.Op {
	case metric.Sum, metric.Avg:
		if m.Field.Type == event.Float {
			return &floatSums{field: m.Field, mean: m.Op == metric.Avg}
		}
		return &sums{field: m.Field, mean: m.Op == metric.Avg}
	case metric.Min, metric.Max:
		return &extremes{field: m.Field, most: m.Op == metric.Max}
	case metric.Distinct:
		return &distincts{source: source{field: m.Field, label: m.Label}}
	case metric.Quantile:
		return &quantiles{field: m.Field, q: m.Q}
	default:
		if m.Field == nil && m.Label == "" {
			return rowCounts{}
		}
		return &counts{source: source{field: m.Field, label: m.Label}}
	}
}

// grown returns a slice of at least n entries. It makes room for half as many more, so that little is copied again and again.
func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n > cap(s) {
		s = slices.Grow(s, max(n-len(s), len(s)/2))
	}
	return append(s, make([]T, n-len(s))...)
}

// rowCounts is the metric count of rows, which the table keeps anyway.
type rowCounts struct{}

func (rowCounts) extend(int)                                        {}
func (rowCounts) fold(*Table, *event.Batch, []int32, []uint32)      {}
func (rowCounts) merge(int, cells, int, bool)                       {}
func (rowCounts) number(t *Table, g int) (v float64, estimate bool) { return float64(t.rows[g]), false }
func (rowCounts) bytes() int                                        { return 0 }

// A source is a field or a label of which any value will do.
type source struct {
	field *event.Field // nil for a label
	label string
}

// values returns a function that gives the column and the place of the value of a row there; ok is false where the row
// has none. Labels come as a column of texts.
func (s *source) values(t *Table, b *event.Batch) (c *event.Column, at func(row int32) int) {
	if s.field == nil {
		return nil, t.labels.find(b, s.label)
	}
	c = b.Column(s.field.ID)
	return c, func(row int32) int {
		if c == nil {
			return -1
		}
		if v, ok := c.Value(int(row)); ok {
			return v
		}
		return -1
	}
}

// counts are numbers of rows that have a value.
type counts struct {
	source
	n []uint64
}

func (c *counts) extend(n int) { c.n = grown(c.n, n) }
func (c *counts) bytes() int   { return 8 * len(c.n) }

func (c *counts) fold(t *Table, b *event.Batch, rows []int32, groups []uint32) {
	_, at := c.values(t, b)
	for i, row := range rows {
		if at(row) >= 0 {
			c.n[groups[i]]++
		}
	}
}

func (c *counts) merge(into int, other cells, g int, _ bool) { c.n[into] += other.(*counts).n[g] }

func (c *counts) number(_ *Table, g int) (v float64, estimate bool) { return float64(c.n[g]), false }

// A sum has 128 bits, so that no number of 64-bit values of either sign can overflow it.
type sum struct {
	low  uint64
	high int64
}

func (s *sum) add(v uint64, above int64) {
	low, carry := bits.Add64(s.low, v, 0)
	s.low, s.high = low, s.high+above+int64(carry)
}

// float returns the nearest float64.
func (s sum) float() float64 {
	switch {
	case s.high == 0:
		return float64(s.low)
	case s.high == -1 && s.low > math.MaxInt64:
		return float64(int64(s.low))
	}
	n := new(big.Int).Lsh(big.NewInt(s.high), 64)
	f, _ := new(big.Float).SetInt(n.Add(n, new(big.Int).SetUint64(s.low))).Float64()
	return f
}

// sums are sums or means of integers.
type sums struct {
	field *event.Field
	mean  bool
	s     []sum
	n     []uint64 // values, of means only
}

func (c *sums) extend(n int) {
	c.s = grown(c.s, n)
	if c.mean {
		c.n = grown(c.n, n)
	}
}

func (c *sums) bytes() int { return 16*len(c.s) + 8*len(c.n) }

func (c *sums) fold(_ *Table, b *event.Batch, rows []int32, groups []uint32) {
	col := b.Column(c.field.ID)
	if col == nil {
		return
	}
	sign := uint64(math.MaxUint64) // of Int: spreads the sign into the upper half
	if c.field.Type == event.Uint {
		sign = 0
	}
	if col.Codes == nil && col.Present == nil && !c.mean {
		for i, row := range rows {
			v := col.Nums[row]
			c.s[groups[i]].add(uint64(v), int64(uint64(v>>63)&sign))
		}
		return
	}
	for i, row := range rows {
		at, ok := col.Value(int(row))
		if !ok {
			continue
		}
		v := col.Nums[at]
		c.s[groups[i]].add(uint64(v), int64(uint64(v>>63)&sign))
		if c.mean {
			c.n[groups[i]]++
		}
	}
}

func (c *sums) merge(into int, other cells, g int, _ bool) {
	o := other.(*sums)
	c.s[into].add(o.s[g].low, o.s[g].high)
	if c.mean {
		c.n[into] += o.n[g]
	}
}

// take adds groups of other sums, from, each to one of these, into.
func (c *sums) take(other *sums, into, from []uint32) {
	for i, g := range from {
		o := &other.s[g]
		c.s[into[i]].add(o.low, o.high)
	}
	if c.mean {
		for i, g := range from {
			c.n[into[i]] += other.n[g]
		}
	}
}

func (c *sums) number(_ *Table, g int) (v float64, estimate bool) {
	v = c.s[g].float()
	if c.mean {
		v /= float64(c.n[g])
	}
	return v, false
}

// floatSums are sums or means of floats, with the rounding errors carried along (Neumaier, ZAMM 54, 1974).
type floatSums struct {
	field *event.Field
	mean  bool
	s     []floatSum
}

type floatSum struct {
	sum, lost float64
	n         uint64
}

func (s *floatSum) add(v float64) {
	t := s.sum + v
	if math.Abs(s.sum) >= math.Abs(v) {
		s.lost += s.sum - t + v
	} else {
		s.lost += v - t + s.sum
	}
	s.sum = t
}

func (c *floatSums) extend(n int) { c.s = grown(c.s, n) }
func (c *floatSums) bytes() int   { return 24 * len(c.s) }

func (c *floatSums) fold(_ *Table, b *event.Batch, rows []int32, groups []uint32) {
	col := b.Column(c.field.ID)
	if col == nil {
		return
	}
	for i, row := range rows {
		if at, ok := col.Value(int(row)); ok {
			if v := col.Float(at); !math.IsNaN(v) && !math.IsInf(v, 0) {
				c.s[groups[i]].add(v)
				c.s[groups[i]].n++
			}
		}
	}
}

func (c *floatSums) merge(into int, other cells, g int, _ bool) {
	o := other.(*floatSums).s[g]
	c.s[into].add(o.sum)
	c.s[into].lost += o.lost
	c.s[into].n += o.n
}

func (c *floatSums) number(_ *Table, g int) (v float64, estimate bool) {
	v = c.s[g].sum + c.s[g].lost
	if c.mean {
		v /= float64(c.s[g].n)
	}
	return v, false
}

// extremes are the smallest or largest values of numbers or times.
type extremes struct {
	field *event.Field
	most  bool
	v     []int64 // as the column stores it
	some  []bool
}

func (c *extremes) extend(n int) { c.v, c.some = grown(c.v, n), grown(c.some, n) }
func (c *extremes) bytes() int   { return 9 * len(c.v) }

func (c *extremes) fold(_ *Table, b *event.Batch, rows []int32, groups []uint32) {
	col := b.Column(c.field.ID)
	if col == nil {
		return
	}
	for i, row := range rows {
		if at, ok := col.Value(int(row)); ok {
			c.offer(int(groups[i]), col.Nums[at])
		}
	}
}

func (c *extremes) offer(g int, v int64) {
	if c.field.Type == event.Float && math.IsNaN(math.Float64frombits(uint64(v))) {
		return
	}
	if !c.some[g] || c.less(v, c.v[g]) != c.most && v != c.v[g] {
		c.v[g], c.some[g] = v, true
	}
}

// less orders two values as the column stores them.
func (c *extremes) less(a, b int64) bool {
	switch c.field.Type {
	case event.Uint:
		return uint64(a) < uint64(b)
	case event.Float:
		return math.Float64frombits(uint64(a)) < math.Float64frombits(uint64(b))
	default:
		return a < b
	}
}

func (c *extremes) merge(into int, other cells, g int, _ bool) {
	if o := other.(*extremes); o.some[g] {
		c.offer(into, o.v[g])
	}
}

func (c *extremes) number(_ *Table, g int) (v float64, estimate bool) {
	switch {
	case !c.some[g]:
		return math.NaN(), false
	case c.field.Type == event.Uint:
		return float64(uint64(c.v[g])), false
	case c.field.Type == event.Float:
		return math.Float64frombits(uint64(c.v[g])), false
	default:
		return float64(c.v[g]), false
	}
}
