package filter

import (
	"slices"

	"tocsin/internal/event"
)

// A Set is many filters that are evaluated together: what they have in common is done once. It is used by one goroutine
// at a time; Clone makes another one.
type Set struct {
	*plan
	chunk
	states  []textState // one for each of plan.texts
	demand  []mask      // likewise: the rows on which a slow group must be evaluated
	partial []mask      // one a rule with a slow part: the rows that its quick part leaves
	alive   []bool      // one a rule: some rows are left
	stack   []*mask     // one for each level of the tree
	with    []*mask     // of the and at hand: the tests that must hold, and those that must not
	without []*mask
	done    []bool // one for each of plan.texts: evaluated in this chunk
	out     []int32
	lists   [][]int32 // the rows of each rule, of batches that have several chunks
}

// NewSet compiles filters together; nil ones select everything.
func NewSet(exprs []*Expr) *Set { return newSet(newPlan(exprs)) }

func newSet(p *plan) *Set {
	s := &Set{
		plan: p, states: make([]textState, len(p.texts)), demand: make([]mask, len(p.texts)),
		done: make([]bool, len(p.texts)), partial: make([]mask, len(p.rules)), alive: make([]bool, len(p.rules)),
	}
	s.slots = newSlotRows(p.slotCount)
	s.labels = newLabelRows(p.labelNames)
	return s
}

// Clone returns a set of its own for another goroutine.
func (s *Set) Clone() *Set { return newSet(s.plan) }

// Select calls each for every filter that selects rows of the batch, with its place in the list given to NewSet and all
// its rows in order; filters come in the order of that list. The rows are good until each returns.
func (s *Set) Select(b *event.Batch, each func(i int, rows []int32)) {
	s.begin(b)
	if b.Rows <= chunkRows {
		if b.Rows == 0 {
			return
		}
		s.evaluate(b, 0)
		for i := range s.rules {
			if s.out = s.result(i, s.out[:0]); len(s.out) > 0 {
				each(i, s.out)
			}
		}
		return
	}
	if s.lists == nil {
		s.lists = make([][]int32, len(s.rules))
	}
	for from := 0; from < b.Rows; from += chunkRows {
		s.evaluate(b, from)
		for i := range s.rules {
			s.lists[i] = s.result(i, s.lists[i])
		}
	}
	for i, rows := range s.lists {
		if len(rows) > 0 {
			each(i, rows)
			s.lists[i] = rows[:0]
		}
	}
}

// begin readies what is kept for a whole batch.
func (s *Set) begin(b *event.Batch) {
	for i, t := range s.texts {
		s.states[i].begin(t, b)
	}
	s.labels.begin(b)
}

// evaluate finds the rows of every slot: first the quick groups, then the others, on the rows that still matter.
func (s *Set) evaluate(b *event.Batch, from int) {
	s.start(b, from)
	c := &s.chunk
	c.labels.start(c)
	for _, g := range s.plan.nums {
		g.evaluate(c)
	}
	for _, g := range s.addrs {
		g.evaluate(c)
	}
	for i, g := range s.texts[:s.quick] {
		g.evaluate(c, &s.states[i], &c.full)
	}
	for _, g := range s.spelled {
		g.evaluate(c)
	}
	for _, g := range s.pairs {
		g.evaluate(c)
	}
	if len(s.rules) == 1 && s.rules[0].steps != nil {
		s.evaluateSteps(&s.rules[0])
		return
	}
	for i := s.quick; i < len(s.texts); i++ {
		clear(s.demand[i][:c.words])
	}
	for i := range s.rules {
		s.quickPart(i)
	}
	for i := s.quick; i < len(s.texts); i++ {
		if !c.empty(&s.demand[i]) {
			s.texts[i].evaluate(c, &s.states[i], &s.demand[i])
		}
	}
}

// evaluateSteps evaluates a filter that stands alone, step by step, each on the rows that are left.
func (s *Set) evaluateSteps(r *rule) {
	left := &s.partial[0]
	*left = s.full
	clear(s.done)
	s.alive[0] = r.first == nil || s.run(r.first, left, 0)
	for _, step := range r.steps {
		if !s.alive[0] || s.empty(left) {
			s.alive[0] = false
			return
		}
		for _, g := range step.slow {
			if s.done[g] { // then on more rows than are left now
				continue
			}
			s.done[g] = true
			s.texts[g].evaluate(&s.chunk, &s.states[g], left)
		}
		m := s.level(0)
		if s.alive[0] = s.run(step.part, m, 1); s.alive[0] {
			for w := range s.words {
				left[w] &= m[w]
			}
		}
	}
}

// quickPart evaluates what comes first in a rule with a slow part, and asks the slow groups for the rows that it leaves.
func (s *Set) quickPart(i int) {
	r := &s.rules[i]
	if r.rest == nil {
		return
	}
	left := &s.full
	if r.first != nil {
		left = &s.partial[i]
		if s.alive[i] = s.run(r.first, left, 0); !s.alive[i] {
			return
		}
	}
	s.alive[i] = true
	for _, g := range r.slow {
		d := &s.demand[g]
		for w := range s.words {
			d[w] |= left[w]
		}
	}
}

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
	list := s.slots.lists[least][:shortest]
	n := len(dst)
	dst = slices.Grow(dst, len(list))
	out := dst[n : n+len(list)]
	kept := 0
	for _, row := range list {
		w, bit := row>>6&(chunkWords-1), row&63
		ok := uint64(1)
		for _, m := range s.with {
			ok &= m[w] >> bit
		}
		for _, m := range s.without {
			ok &^= m[w] >> bit
		}
		out[kept] = int32(s.from) + int32(row)
		kept += int(ok)
	}
	return dst[:n+kept]
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
