package aggregate

import (
	"math"

	"github.com/axiomhq/hyperloglog"

	"tocsin/internal/event"
)

// ExactDistinct is how many different values of a group are counted exactly. Beyond, a HyperLogLog sketch with 2^14
// registers estimates them, with a standard error of 0.8 % (Flajolet and others, 2007).
const ExactDistinct = 4096

// sketchBytes is what a sketch may grow to.
const sketchBytes = 1 << 14

// distincts count different values. Values are told apart by 64-bit hashes with a secret of this process: among 4,096
// values two share one with a probability below 10^-12.
type distincts struct {
	source
	sets []set
	size int
}

// A set holds hashes: few in a list, more in a table with open addressing, many in a sketch.
type set struct {
	list   []uint64 // up to smallSet
	table  []uint64 // 0 for a free place
	n      int
	sketch *hyperloglog.Sketch
	cut    bool // something was left out for lack of memory
}

const smallSet = 8

func (c *distincts) extend(n int) {
	c.size += 80 * max(0, n-len(c.sets))
	c.sets = grown(c.sets, n)
}

func (c *distincts) bytes() int { return c.size }

func (c *distincts) fold(t *Table, b *event.Batch, rows []int32, groups []uint32) {
	col, at := c.values(t, b)
	if c.field != nil && col == nil {
		return
	}
	for i, row := range rows {
		v := at(row)
		if v < 0 {
			continue
		}
		var h uint64
		switch {
		case c.field == nil:
			h = hashText(b.Labels.Vals.At(v))
		default:
			h = hashValue(col, v)
		}
		c.size += c.sets[groups[i]].add(h, t.full)
	}
}

func hashValue(c *event.Column, v int) uint64 {
	switch c.Field.Type {
	case event.String:
		return hashText(c.Str(v))
	case event.IP:
		return hashAddress(&c.IPs[v])
	case event.Bool:
		if c.Nums[v] != 0 {
			return hashNumber(1)
		}
		return hashNumber(0)
	case event.Float:
		if f := c.Float(v); f == 0 || math.IsNaN(f) { // one zero, one NaN
			return hashNumber(int64(math.Float64bits(math.Abs(f))))
		}
		return hashNumber(c.Nums[v])
	default:
		return hashNumber(c.Nums[v])
	}
}

// add puts a hash into the set and returns by how much that grew. With full it must not grow.
func (s *set) add(h uint64, full bool) (grew int) {
	if h == 0 {
		h = 1 // 0 marks free places
	}
	switch {
	case s.sketch != nil:
		s.sketch.InsertHash(h)
		return 0
	case s.table != nil:
		return s.addTable(h, full)
	}
	for _, have := range s.list {
		if have == h {
			return 0
		}
	}
	if full && len(s.list) == cap(s.list) {
		s.cut = true
		return 0
	}
	if len(s.list) < smallSet {
		before := cap(s.list)
		s.list = append(s.list, h)
		s.n = len(s.list)
		return 8 * (cap(s.list) - before)
	}
	s.table = make([]uint64, 4*smallSet)
	for _, have := range s.list {
		s.place(have)
	}
	s.list = nil
	s.n = smallSet
	return 8*3*smallSet + s.addTable(h, full)
}

// place puts a hash into the table and reports whether it is new.
func (s *set) place(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	at := h & mask
	for ; s.table[at] != 0; at = (at + 1) & mask {
		if s.table[at] == h {
			return false
		}
	}
	s.table[at] = h
	return true
}

// has reports whether the table holds a hash.
func (s *set) has(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	at := h & mask
	for s.table[at] != 0 && s.table[at] != h {
		at = (at + 1) & mask
	}
	return s.table[at] == h
}

func (s *set) addTable(h uint64, full bool) (grew int) {
	switch {
	case s.n*2 < len(s.table):
		if s.place(h) {
			s.n++
		}
		return 0
	case s.has(h):
		return 0
	case full:
		s.cut = true
		return 0
	}
	old := s.table
	if s.n >= ExactDistinct {
		s.sketch, s.table = hyperloglog.NewNoSparse(), nil
		for _, have := range old {
			if have != 0 {
				s.sketch.InsertHash(have)
			}
		}
		s.sketch.InsertHash(h)
		return sketchBytes - 8*len(old)
	}
	s.table = make([]uint64, 2*len(old))
	for _, have := range old {
		if have != 0 {
			s.place(have)
		}
	}
	s.place(h)
	s.n++
	return 8 * len(old)
}

// merge adds another set, which is left as it is.
func (s *set) merge(o *set, full bool) (grew int) {
	s.cut = s.cut || o.cut
	if o.sketch != nil {
		if s.sketch == nil {
			if full {
				s.cut = true
				return 0
			}
			sketch := o.sketch.Clone()
			s.each(sketch.InsertHash)
			grew = sketchBytes - 8*(cap(s.list)+len(s.table))
			*s = set{sketch: sketch, cut: s.cut}
			return grew
		}
		// Both have the same precision, so this cannot fail; if it ever did, the number would be marked as cut.
		s.cut = s.sketch.Merge(o.sketch) != nil || s.cut
		return 0
	}
	o.each(func(h uint64) { grew += s.add(h, full) })
	return grew
}

// each calls f for every hash of a set without a sketch.
func (s *set) each(f func(uint64)) {
	for _, h := range s.list {
		f(h)
	}
	for _, h := range s.table {
		if h != 0 {
			f(h)
		}
	}
}

func (c *distincts) merge(into int, other cells, g int, full bool) {
	c.size += c.sets[into].merge(&other.(*distincts).sets[g], full)
}

func (c *distincts) number(_ *Table, g int) (v float64, estimate bool) {
	s := &c.sets[g]
	if s.sketch != nil {
		return float64(s.sketch.Estimate()), true
	}
	return float64(s.n), s.cut
}
