package filter

import (
	"math"
	"math/bits"
	"slices"

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

// A cutTable evaluates many ranges at once. The ends of all ranges cut the numbers into pieces; each row falls into one,
// and the rows of a range are those of a run of pieces, which two sums over the pieces give.
type cutTable struct {
	cuts   []uint64 // keys where a piece begins, sorted; piece 0 begins at 0
	spans  []span
	slots  []int32
	pieces [][2]int32 // of each span the first and last piece
	near   []uint16   // when the cuts lie near each other: the piece by key - cuts[0], up to the last cut
}

func (t *cutTable) add(s span, slot int32) {
	t.spans, t.slots = append(t.spans, s), append(t.slots, slot)
	if s.low > 0 {
		t.cuts = append(t.cuts, s.low)
	}
	if s.high+1 != 0 {
		t.cuts = append(t.cuts, s.high+1)
	}
}

func (t *cutTable) finish() {
	slices.Sort(t.cuts)
	t.cuts = slices.Compact(t.cuts)
	for _, s := range t.spans {
		t.pieces = append(t.pieces, [2]int32{int32(t.piece(s.low)), int32(t.piece(s.high))})
	}
	if len(t.cuts) > 0 {
		t.look()
	}
}

// look makes the table of pieces when the cuts lie near each other.
func (t *cutTable) look() {
	first, last := t.cuts[0], t.cuts[len(t.cuts)-1]
	if last-first >= maxLookup || len(t.cuts) > math.MaxUint16 {
		return
	}
	near := make([]uint16, last-first+1)
	for i := range near {
		near[i] = uint16(t.piece(first + uint64(i)))
	}
	t.near = near
}

// piece returns the piece that a key falls into: the number of cuts at or below it.
func (t *cutTable) piece(key uint64) int {
	if t.near != nil {
		at := key - t.cuts[0]
		switch {
		case key < t.cuts[0]:
			return 0
		case at < uint64(len(t.near)):
			return int(t.near[at])
		}
		return len(t.cuts)
	}
	cuts := t.cuts
	base, n := 0, len(cuts)
	for n > 0 {
		half := n / 2
		if cuts[base+half] <= key {
			base += half + 1
			n -= half + 1
		} else {
			n = half
		}
	}
	return base
}

func (t *cutTable) evaluate(c *chunk, values []int64, flip uint64) {
	for len(c.cuts) <= len(t.cuts) {
		c.cuts, c.cutUsed = append(c.cuts, mask{}), append(c.cutUsed, false)
	}
	pieces, used := c.cuts[:len(t.cuts)+1], c.cutUsed[:len(t.cuts)+1]
	clear(used)
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			p := t.piece(uint64(values[w*64+bit]) ^ flip)
			if !used[p] {
				used[p] = true
				clear(pieces[p][:c.words])
			}
			pieces[p][w] |= 1 << uint(bit)
		}
	}
	// From here on piece p stands for all pieces up to p.
	for p := range pieces {
		switch {
		case p == 0 && !used[0]:
			clear(pieces[0][:c.words])
		case p == 0:
		case !used[p]:
			copy(pieces[p][:c.words], pieces[p-1][:c.words])
		default:
			for w := range c.words {
				pieces[p][w] |= pieces[p-1][w]
			}
		}
	}
	for i, slot := range t.slots {
		t.sum(c, pieces, t.pieces[i], slot)
	}
}

func (t *cutTable) sum(c *chunk, pieces []mask, run [2]int32, slot int32) {
	rows := pieces[run[1]]
	if run[0] > 0 {
		before := &pieces[run[0]-1]
		for w := range c.words {
			rows[w] &^= before[w]
		}
	}
	c.add(slot, &rows)
}
