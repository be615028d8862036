package filter

import (
	"math/bits"

	"tocsin/internal/event"
)

// How many spans are compared one by one; with more a look-up pays.
const (
	maxDirectPoints = 4
	maxDirectRanges = 6
)

// numberTests are all tests of one numeric field: Int, Uint, Float, Bool or Time.
type numberTests struct {
	id     event.FieldID
	typ    event.Type
	flip   uint64 // what turns the bits of a value into its key, but for floats
	has    int32  // slot of has, -1 for none
	direct []directSpan
	points *pointTable // nil when single values are among direct
	cuts   *cutTable   // nil when ranges are among direct
}

// A directSpan holds where bits - low <= width, in the form that the column stores.
type directSpan struct {
	low, width uint64
	slot       int32
}

func newNumberTests(g *operandTests) *numberTests {
	n := &numberTests{id: g.operand.field.ID, typ: g.operand.typ(), has: -1}
	if n.typ != event.Uint && n.typ != event.Float {
		n.flip = signBit
	}
	type slotSpan struct {
		span
		slot int32
	}
	var points, ranges []slotSpan
	for i, t := range g.tests {
		if t.op == opHas {
			n.has = g.slots[i]
			continue
		}
		for _, s := range t.spans() {
			if s.low == s.high {
				points = append(points, slotSpan{s, g.slots[i]})
			} else {
				ranges = append(ranges, slotSpan{s, g.slots[i]})
			}
		}
	}
	if len(points) > maxDirectPoints {
		lists := map[uint64][]int32{}
		for _, p := range points {
			lists[p.low^n.flip] = append(lists[p.low^n.flip], p.slot)
		}
		n.points = newPointTable(lists)
		points = nil
	}
	if len(ranges) > maxDirectRanges {
		n.cuts = &cutTable{}
		for _, r := range ranges {
			n.cuts.add(r.span, r.slot)
		}
		n.cuts.finish()
		ranges = nil
	}
	for _, s := range append(points, ranges...) {
		n.direct = append(n.direct, directSpan{low: s.low ^ n.flip, width: s.high - s.low, slot: s.slot})
	}
	return n
}

// evaluate finds the rows of all slots of the group.
func (n *numberTests) evaluate(c *chunk) {
	col := c.batch.Column(n.id)
	if !c.presence(col) {
		return
	}
	if n.has >= 0 {
		c.add(n.has, &c.present)
	}
	values := c.values(col)
	if n.typ == event.Float {
		values = c.floatKeys(values)
	}
	for i := range n.direct {
		n.direct[i].evaluate(c, values)
	}
	if n.points != nil {
		n.points.evaluate(c, values)
	}
	if n.cuts != nil {
		n.cuts.evaluate(c, values, n.flip)
	}
}

// floatKeys turns floats into keys and takes NaN for missing.
func (c *chunk) floatKeys(values []int64) []int64 {
	for i, v := range values {
		key, ok := floatKey(uint64(v))
		if !ok {
			c.present[i>>6] &^= 1 << (uint(i) & 63)
		}
		c.scratch[i] = int64(key)
	}
	return c.scratch[:len(values)]
}

func (d *directSpan) evaluate(c *chunk, values []int64) {
	var rows mask
	low, width := d.low, d.width
	for w := range c.words {
		part := values[w*64 : min(w*64+64, len(values))]
		var m uint64
		for i, v := range part {
			_, beyond := bits.Sub64(width, uint64(v)-low, 0)
			m |= (beyond ^ 1) << (uint(i) & 63)
		}
		rows[w] = m & c.present[w]
	}
	c.add(d.slot, &rows)
}
