package filter

import (
	"math/bits"

	"tocsin/internal/event"
)

// A textState is what a set keeps for one group.
type textState struct {
	round  uint32   // number of the batch
	memo   []uint64 // one a value of the dictionary: round in the upper half, place in lists in the lower
	lists  []int32  // the slots of values: a length and so many slots; place 0 is the empty list
	slots  []int32  // of the value at hand
	stamps []uint32 // one a test that waits for the searchers: the last value that it was tried on
	stamp  uint32
	fold   []byte // the value at hand, folded
}

// begin forgets the values of the batch before.
func (s *textState) begin(t *textTests, b *event.Batch) {
	s.lists = append(s.lists[:0], 0)
	if n := max(len(t.exact.found), len(t.folded.found)); s.stamps == nil && n > 0 {
		s.stamps = make([]uint32, n)
	}
	if s.round++; s.round == 0 {
		clear(s.memo)
		s.round = 1
	}
	if t.id == 0 {
		return
	}
	if col := b.Column(t.id); col != nil && col.Codes != nil && len(s.memo) < col.Strs.Len() {
		s.memo = make([]uint64, col.Strs.Len()+col.Strs.Len()/4)
	}
}

// evaluate finds, among the rows of demand, those of all slots of the group.
func (t *textTests) evaluate(c *chunk, s *textState, demand *mask) {
	if t.label >= 0 {
		if c.labelPresence(t.label) {
			t.each(c, s, demand, &c.batch.Labels.Vals, c.labels.entry[t.label][:c.rows])
		}
		return
	}
	col := c.batch.Column(t.id)
	if col != nil && col.Codes != nil && t.has < 0 && demand == &c.full && t.compared(c, s, col) {
		return
	}
	if !c.presence(col) {
		return
	}
	if col.Codes != nil {
		t.coded(c, s, demand, col)
		return
	}
	t.each(c, s, demand, &col.Strs, nil)
}

// each evaluates rows that have a value each: that of entry, counted from 1, or that of the row.
func (t *textTests) each(c *chunk, s *textState, demand *mask, values *event.Strings, entry []uint32) {
	if t.has >= 0 {
		c.add(t.has, &c.present)
		if t.exact.none() && t.folded.none() {
			return
		}
	}
	for w := range c.words {
		for word := c.present[w] & demand[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			at := c.from + row
			if entry != nil {
				at = int(entry[row]) - 1
			}
			v := values.At(at)
			if t.alone != nil {
				if s.lone(t.alone, v) {
					c.slots.markOne(t.alone.slot, row)
				}
				continue
			}
			c.slots.mark(t.slotsOf(s, v), row)
		}
	}
	c.slots.settle()
}

// lone tries a single test.
func (s *textState) lone(t *textTest, v []byte) bool {
	if t.folds() {
		s.fold = appendFolded(s.fold[:0], v)
		v = s.fold
	}
	return t.holds(v)
}

// Of a dictionary of so many values of which so few are asked for, rows are found by comparing their codes with each.
const (
	maxComparedDict = 64
	maxCompared     = 4
)

// compared evaluates all rows by comparing their codes, when few are asked for.
func (t *textTests) compared(c *chunk, s *textState, col *event.Column) bool {
	if col.Strs.Len() > min(maxComparedDict, c.rows) {
		return false
	}
	var asked [maxCompared]uint32
	n := 0
	for code := uint32(1); int(code) < col.Strs.Len(); code++ {
		if t.known(s, col, code) == 0 {
			continue
		}
		if n == maxCompared {
			return false
		}
		asked[n] = code
		n++
	}
	for _, code := range asked[:n] {
		rows := c.equalCodes(col, code)
		if at := t.known(s, col, code); at&oneSlot != 0 {
			c.add(int32(at&^oneSlot), rows)
		} else {
			for _, slot := range s.lists[at+1 : at+1+uint32(s.lists[at])] {
				c.add(slot, rows)
			}
		}
	}
	return true
}

// coded evaluates rows by the codes of a dictionary.
func (t *textTests) coded(c *chunk, s *textState, demand *mask, col *event.Column) {
	if t.has >= 0 {
		c.add(t.has, &c.present)
	}
	codes := col.Codes[c.from : c.from+c.rows]
	if demand == &c.full && sortable(c.rows, col.Strs.Len()) {
		t.sorted(c, s, col, codes)
		return
	}
	for w := range c.words {
		for word := c.present[w] & demand[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			switch at := t.known(s, col, codes[row]); {
			case at == 0:
			case at&oneSlot != 0:
				c.slots.markOne(int32(at&^oneSlot), row)
			default:
				c.slots.mark(s.lists[at+1:at+1+uint32(s.lists[at])], row)
			}
		}
	}
	c.slots.settle()
}

// sorted evaluates all rows by sorting them by code.
func (t *textTests) sorted(c *chunk, s *textState, col *event.Column, codes []uint32) {
	ends := c.slots.sortRows(codes, col.Strs.Len())
	for code := 1; code < col.Strs.Len(); code++ {
		from, end := ends[code], ends[code+1]
		if from == end {
			continue
		}
		switch at := t.known(s, col, uint32(code)); {
		case at == 0:
		case at&oneSlot != 0:
			c.slots.addRun(int32(at&^oneSlot), from, end)
		default:
			c.slots.addRows(s.lists[at+1:at+1+uint32(s.lists[at])], from, end)
		}
	}
}

// known returns the place of the slots of a code, see remember.
func (t *textTests) known(s *textState, col *event.Column, code uint32) uint32 {
	known := s.memo[code]
	if uint32(known>>32) != s.round {
		known = uint64(s.round)<<32 | uint64(s.remember(t.slotsOf(s, col.Strs.At(int(code)))))
		s.memo[code] = known
	}
	return uint32(known)
}

// oneSlot marks a place that is the slot itself, because the list has only that.
const oneSlot = 1 << 31

// remember keeps a list of slots and returns its place.
func (s *textState) remember(slots []int32) uint32 {
	switch len(slots) {
	case 0:
		return 0
	case 1:
		return uint32(slots[0]) | oneSlot
	}
	at := uint32(len(s.lists))
	s.lists = append(append(s.lists, int32(len(slots))), slots...)
	return at
}

// slotsOf returns the slots whose tests hold for a value, but for has; the list is good until the next call.
func (t *textTests) slotsOf(s *textState, v []byte) []int32 {
	s.slots = s.slots[:0]
	t.exact.search(s, v, v)
	if !t.folded.none() {
		s.fold = appendFolded(s.fold[:0], v)
		t.folded.search(s, s.fold, v)
	}
	return s.slots
}

// search adds the slots of the tests that hold for v, a form of the value whole.
func (x *textSearch) search(s *textState, v, whole []byte) {
	if x.equal != nil {
		s.slots = append(s.slots, x.equal[string(v)]...)
	}
	for _, t := range x.tests {
		if t.holdsFolded(v, whole) {
			s.slots = append(s.slots, t.slot)
		}
	}
	if len(x.searchers) == 0 {
		return
	}
	if s.stamp++; s.stamp == 0 {
		clear(s.stamps)
		s.stamp = 1
	}
	for _, a := range x.searchers {
		a.scan(v, func(n int32) {
			if s.stamps[n] == s.stamp {
				return
			}
			s.stamps[n] = s.stamp
			if t := x.found[n]; t.sure() || t.holdsFolded(v, whole) {
				s.slots = append(s.slots, t.slot)
			}
		})
	}
}
