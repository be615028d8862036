package filter

import "slices"

// slotRows are the rows of all slots: of each a list while they are few, which is quick to write and to go through, else a
// mask. Rows come in order, and each once.
//
// Rows that are marked one by one are only noted at first, each with its slot; settle then sorts them by slot, counting
// them, into lists that lie side by side. To write each into a list of its own at once would take longer: so many places
// do not stay in the nearest cache.
type slotRows struct {
	counts []uint16 // rows in the list; 0 for no rows at all, manyRows when only the mask has them
	ready  []bool   // the mask has them
	ends   []uint32 // where the list ends in sorted
	masks  []mask

	touched []int32 // the slots that have rows
	settled int     // how many of touched have their list or mask
	marks   []slotRow
	sorted  []uint16

	classEnds [maxClasses + 1]uint32 // scratch of sortRows
}

// A slotRow is a row that was marked.
type slotRow struct {
	slot int32
	row  uint16
}

const (
	fewRows  = 96
	manyRows = fewRows + 1
)

func newSlotRows(n int) slotRows {
	return slotRows{counts: make([]uint16, n), ready: make([]bool, n), ends: make([]uint32, n), masks: make([]mask, n)}
}

// clear forgets all rows.
func (s *slotRows) clear() {
	for _, slot := range s.touched {
		s.counts[slot], s.ready[slot] = 0, false
	}
	s.touched, s.settled, s.sorted = s.touched[:0], 0, s.sorted[:0]
}

// mark notes one row for slots. Whoever marks settles when he is done with the slots, and does not mark them again.
func (s *slotRows) mark(slots []int32, row int) {
	for _, slot := range slots {
		s.markOne(slot, row)
	}
}

// markOne notes one row for a slot.
func (s *slotRows) markOne(slot int32, row int) {
	n := s.counts[slot]
	switch {
	case n < fewRows:
		if n == 0 {
			s.touched = append(s.touched, slot)
		}
		s.counts[slot] = n + 1
		s.marks = append(s.marks, slotRow{slot, uint16(row)})
		return
	case n == fewRows:
		s.counts[slot] = manyRows
		clear(s.masks[slot][:])
	}
	s.masks[slot][row>>6] |= 1 << (uint(row) & 63)
}

// settle makes lists of the rows that were marked. Slots that have more rows than a list holds get the first ones into
// their mask, which has the others already.
func (s *slotRows) settle() {
	fresh := s.touched[s.settled:]
	s.settled = len(s.touched)
	if len(s.marks) == 0 {
		return
	}
	end := uint32(len(s.sorted))
	s.sorted = slices.Grow(s.sorted, len(s.marks))[:len(s.sorted)+len(s.marks)]
	for _, slot := range fresh {
		s.ends[slot] = end // moves on with every row that is put in
		if !s.ready[slot] {
			end += uint32(min(s.counts[slot], fewRows))
		}
	}
	for _, m := range s.marks {
		s.sorted[s.ends[m.slot]] = m.row
		s.ends[m.slot]++
	}
	s.marks = s.marks[:0]
	for _, slot := range fresh {
		if s.counts[slot] == manyRows && !s.ready[slot] {
			s.ready[slot] = true
			s.masks[slot].put(s.sorted[s.ends[slot]-fewRows : s.ends[slot]])
		}
	}
}

// maxClasses bounds the classes that rows are sorted by, so that their ends stay in the cache.
const maxClasses = 1024

// sortable reports whether to sort so many rows by their class takes less time than to mark them.
func sortable(rows, classes int) bool { return classes <= maxClasses && classes <= rows/4 }

// sortRows sorts the rows of the chunk by class, all below n, and returns where the rows of each class end in sorted;
// before those of class 0 there is one more end, where they begin.
func (s *slotRows) sortRows(classes []uint32, n int) []uint32 {
	from := uint32(len(s.sorted))
	s.sorted = slices.Grow(s.sorted, len(classes))[:len(s.sorted)+len(classes)]
	sorted, ends := s.sorted, &s.classEnds
	clear(ends[:n+1])
	for _, class := range classes {
		ends[class%maxClasses+1]++
	}
	for k := range ends[:n+1] {
		from, ends[k] = from+ends[k], from // where class k-1 begins
	}
	for row, class := range classes {
		end := &ends[class%maxClasses+1]
		sorted[*end] = uint16(row)
		*end++
	}
	return ends[:n+1]
}

// addRows puts rows that lie in sorted into slots.
func (s *slotRows) addRows(slots []int32, from, end uint32) {
	for _, slot := range slots {
		s.addRun(slot, from, end)
	}
}

// addRun puts rows that lie in sorted into a slot.
func (s *slotRows) addRun(slot int32, from, end uint32) {
	m := &s.masks[slot]
	if s.counts[slot] == 0 {
		s.touched = append(s.touched, slot)
		s.settled = len(s.touched)
		if end-from <= fewRows {
			s.counts[slot], s.ends[slot] = uint16(end-from), end
			return
		}
		clear(m[:])
	} else if !s.ready[slot] {
		clear(m[:])
		m.put(s.list(slot))
	}
	s.counts[slot], s.ready[slot] = manyRows, true
	m.put(s.sorted[from:end])
}

// list returns the rows of a slot that has no more than fewRows.
func (s *slotRows) list(slot int32) []uint16 {
	end := s.ends[slot]
	return s.sorted[end-uint32(s.counts[slot]) : end]
}

// put adds rows to a mask.
func (m *mask) put(rows []uint16) {
	for _, row := range rows {
		m[row>>6&(chunkWords-1)] |= 1 << (row & 63)
	}
}

// dense returns the rows of a slot, which has some, as a mask.
func (c *chunk) dense(slot int32) *mask {
	m := &c.slots.masks[slot]
	if !c.slots.ready[slot] {
		c.slots.ready[slot] = true
		clear(m[:c.words])
		m.put(c.slots.list(slot))
	}
	return m
}

// add puts rows into a slot.
func (c *chunk) add(slot int32, rows *mask) {
	if c.empty(rows) {
		return
	}
	s := &c.slots
	if s.counts[slot] == 0 {
		s.touched = append(s.touched, slot)
		s.counts[slot], s.ready[slot] = manyRows, true
		copy(s.masks[slot][:c.words], rows[:c.words])
		return
	}
	m := c.dense(slot)
	s.counts[slot] = manyRows
	for w := range c.words {
		m[w] |= rows[w]
	}
}
