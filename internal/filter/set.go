package filter

import (
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
	few     [fewRows]uint16 // the rows of a list that are left
	done    []bool          // one for each of plan.texts: evaluated in this chunk
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
