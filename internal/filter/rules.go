package filter

import (
	"slices"
)

// result appends the rows of a rule.
func (s *Set) result(i int, dst []int32) []int32 {
	r := &s.rules[i]
	if r.rest == nil {
		if r.first.flat {
			return s.appendFlat(dst, r.first)
		}
		out := s.level(0)
		if !s.run(r.first, out, 1) {
			return dst
		}
		return s.appendRows(dst, out)
	}
	if r.steps != nil {
		if !s.alive[i] {
			return dst
		}
		return s.appendRows(dst, &s.partial[i])
	}
	out := s.level(0)
	if !s.alive[i] || !s.run(r.rest, out, 1) {
		return dst
	}
	if r.first != nil {
		left := &s.partial[i]
		for w := range s.words {
			out[w] &= left[w]
		}
	}
	return s.appendRows(dst, out)
}

// appendFlat appends the rows of an and of tests and their opposites. It goes through the shortest list of rows among the
// tests when there is one, else through all words.
func (s *Set) appendFlat(dst []int32, b *branch) []int32 {
	least, shortest := int32(-1), uint16(manyRows)
	for _, slot := range b.with {
		n := s.slots.counts[slot]
		if n == 0 {
			return dst
		}
		if n < shortest {
			least, shortest = slot, n
		}
	}
	s.collect(b, least)
	if least < 0 {
		n := len(dst)
		dst = slices.Grow(dst, s.rows+spareRows)[:n+s.rows+spareRows]
		for w := range s.words {
			if word := s.word(w); word != 0 {
				n += putWord(dst[n:], int32(s.from+w*64), word)
			}
		}
		return dst[:n]
	}
	left := append(s.few[:0], s.slots.list(least)...)
	for _, m := range s.with {
		left = m.keep(left, 1)
	}
	for _, m := range s.without {
		left = m.keep(left, 0)
	}
	n := len(dst)
	dst = slices.Grow(dst, len(left))[:n+len(left)]
	for i, row := range left {
		dst[n+i] = int32(s.from) + int32(row)
	}
	return dst
}

// keep returns those of rows, in their place, whose bit in the mask is the given one.
func (m *mask) keep(rows []uint16, bit uint64) []uint16 {
	kept := 0
	for _, row := range rows {
		rows[kept] = row
		kept += int(m[row>>6&(chunkWords-1)]>>(row&63)&1 ^ bit ^ 1)
	}
	return rows[:kept]
}

// collect readies the masks of the tests of an and, but for one slot.
func (s *Set) collect(b *branch, but int32) {
	s.with, s.without = s.with[:0], s.without[:0]
	for _, slot := range b.with {
		if slot != but {
			s.with = append(s.with, s.dense(slot))
		}
	}
	for _, slot := range b.without {
		if s.slots.counts[slot] != 0 {
			s.without = append(s.without, s.dense(slot))
		}
	}
}

// word evaluates the tests that were collected for 64 rows.
func (s *Set) word(w int) uint64 {
	word := s.full[w]
	for _, m := range s.with {
		word &= m[w]
	}
	for _, m := range s.without {
		word &^= m[w]
	}
	return word
}

// level returns the scratch mask of a level of the tree.
func (s *Set) level(depth int) *mask {
	for len(s.stack) <= depth {
		s.stack = append(s.stack, new(mask))
	}
	return s.stack[depth]
}

// run evaluates a branch into out, with scratch from depth on. It reports false when it knows that there are no rows; out
// means nothing then.
func (s *Set) run(b *branch, out *mask, depth int) bool {
	switch b.kind {
	case always:
		*out = s.full
		return true
	case leaf:
		if s.slots.counts[b.slot] == 0 {
			return false
		}
		copy(out[:s.words], s.dense(b.slot)[:s.words])
		return true
	case not:
		if !s.run(b.kids[0], out, depth) {
			*out = s.full
			return true
		}
		for w := range s.words {
			out[w] = s.full[w] &^ out[w]
		}
		return true
	case and:
		return s.runAnd(b, out, depth)
	case or:
		return s.runOr(b, out, depth)
	}
	return false
}

func (s *Set) runAnd(b *branch, out *mask, depth int) bool {
	for _, slot := range b.with {
		if s.slots.counts[slot] == 0 {
			return false
		}
	}
	s.collect(b, -1)
	left := uint64(0)
	for w := range s.words {
		out[w] = s.word(w)
		left |= out[w]
	}
	for _, kid := range b.kids {
		if left == 0 {
			return false
		}
		m := s.level(depth)
		if !s.run(kid, m, depth+1) {
			return false
		}
		left = 0
		for w := range out[:s.words] {
			out[w] &= m[w]
			left |= out[w]
		}
	}
	return left != 0
}

func (s *Set) runOr(b *branch, out *mask, depth int) bool {
	some := false
	for _, kid := range b.kids {
		var m *mask
		switch {
		case kid.kind == leaf:
			if s.slots.counts[kid.slot] == 0 {
				continue
			}
			m = s.dense(kid.slot)
		case !some:
			some = s.run(kid, out, depth)
			continue
		default:
			m = s.level(depth)
			if !s.run(kid, m, depth+1) {
				continue
			}
		}
		if !some {
			copy(out[:s.words], m[:s.words])
			some = true
			continue
		}
		for w := range out[:s.words] {
			out[w] |= m[w]
		}
	}
	return some
}
