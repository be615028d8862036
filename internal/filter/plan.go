package filter

import (
	"slices"

	"tocsin/internal/event"
)

// A plan is what a list of filters compiles to. Every different test has a slot; tests of the same operand form a group,
// which looks at each value once for all of them. A plan is never changed and is shared by all clones.
type plan struct {
	rules      []rule
	slotCount  int
	nums       []*numberTests
	addrs      []*addressTests
	texts      []*textTests // the quick ones first
	quick      int          // how many of texts are quick
	spelled    []*numTests
	pairs      []*pairTest
	labelNames []string // every label looked at
}

// A rule is the program of one filter.
type rule struct {
	first *branch // what is quick to evaluate; nil when the rule has nothing of the sort, which means every row
	rest  *branch // what must be evaluated besides, on the rows that first leaves; nil for nothing
	slow  []int   // which of plan.texts rest looks at
	steps []step  // of a filter that stands alone: the parts of rest, the cheapest first
}

// A step is a part of an and with the slow groups that it looks at.
type step struct {
	part *branch
	slow []int
}

// A branch is a node whose tests are slots.
type branch struct {
	kind kind
	kids []*branch
	slot int32
	slow bool // some slot in it belongs to a group that is not quick

	// Of an and, the tests among the kids are taken out: their slots, and the slots of those of which the opposite counts.
	with, without []int32
	flat          bool // an and of nothing else
}

// settle takes the tests out of the ands of a tree.
func (b *branch) settle() {
	kids := b.kids
	if b.kind == and {
		b.kids = nil
	}
	for _, kid := range kids {
		kid.settle()
		switch {
		case b.kind != and:
		case kid.kind == leaf:
			b.with = append(b.with, kid.slot)
		case kid.kind == not && kid.kids[0].kind == leaf:
			b.without = append(b.without, kid.kids[0].slot)
		default:
			b.kids = append(b.kids, kid)
		}
	}
	b.flat = b.kind == and && len(b.kids) == 0
}

// A planner collects the tests of all filters.
type planner struct {
	plan
	slotOf map[string]int32
	tests  []*test // by slot
	groups map[groupKey]*operandTests
	order  []*operandTests
	alone  bool // tests of texts go into groups of their own
	cross  []*pairTest
}

// A groupKey tells groups apart: by operand, and those of a single test also by its slot.
type groupKey struct {
	operand operand
	alone   int32 // 1 + slot, 0 for a group of many
}

// operandTests are all tests of one operand against constants.
type operandTests struct {
	operand operand
	slots   []int32
	tests   []*test
}

func newPlan(exprs []*Expr) *plan {
	p := &planner{slotOf: map[string]int32{}, groups: map[groupKey]*operandTests{}}
	roots := make([]*branch, len(exprs))
	for i, e := range exprs {
		if e == nil {
			roots[i] = &branch{kind: always}
		} else {
			roots[i] = p.root(e.root, len(exprs) == 1)
		}
	}
	p.slotCount = len(p.tests)
	slow := p.group()
	for _, root := range roots {
		r := newRule(root, slow)
		var rests []*branch
		if r.rest != nil {
			rests = r.rest.kids
		}
		if len(roots) == 1 && r.rest != nil && root.kind == and {
			r.steps = p.steps(rests, slow)
		}
		for _, part := range []*branch{r.first, r.rest} {
			if part != nil {
				part.settle()
			}
		}
		p.rules = append(p.rules, r)
	}
	return &p.plan
}

// root puts the tests of a filter into slots. Where a filter stands alone, each test of a text that must hold (or must not)
// is a group of its own: it is then evaluated only on the rows that the tests before it left.
func (p *planner) root(n *node, only bool) *branch {
	if !only || n.kind != and {
		return p.branch(n)
	}
	b := &branch{kind: and}
	for _, kid := range n.kids {
		p.alone = kid.kind == leaf || kid.kind == not && kid.kids[0].kind == leaf
		b.kids = append(b.kids, p.branch(kid))
	}
	p.alone = false
	return b
}

// branch puts the tests of a tree into slots.
func (p *planner) branch(n *node) *branch {
	if n.kind == leaf {
		return p.leaf(n.test)
	}
	b := &branch{kind: n.kind}
	for _, kid := range n.kids {
		b.kids = append(b.kids, p.branch(kid))
	}
	return b
}

// leaf puts a test into a slot; one of a view becomes an or over the fields that it stands for.
func (p *planner) leaf(t *test) *branch {
	lefts, rights := []operand{t.left}, []*operand{t.right}
	if f := t.left.field; f != nil && len(f.Any) > 0 {
		lefts = members(f)
	}
	if t.right != nil && t.right.field != nil && len(t.right.field.Any) > 0 {
		rights = nil
		for _, o := range members(t.right.field) {
			rights = append(rights, &o)
		}
	}
	either := &branch{kind: or}
	for _, l := range lefts {
		for _, r := range rights {
			member := *t
			member.left, member.right = l, r
			either.kids = append(either.kids, &branch{kind: leaf, slot: p.slot(&member)})
		}
	}
	if len(either.kids) == 1 {
		return either.kids[0]
	}
	return either
}

func members(view *event.Field) []operand {
	var list []operand
	for _, id := range view.Any {
		if f, ok := event.FieldByID(id); ok {
			list = append(list, operand{field: f})
		}
	}
	return list
}

// slot returns the slot of a test; equal tests share one.
func (p *planner) slot(t *test) int32 {
	spelling := string(t.append(nil, false))
	if s, ok := p.slotOf[spelling]; ok {
		return s
	}
	s := int32(len(p.tests))
	p.slotOf[spelling] = s
	p.tests = append(p.tests, t)
	if t.right != nil {
		p.cross = append(p.cross, &pairTest{slot: s, test: t})
		return s
	}
	key := groupKey{operand: t.left}
	if p.alone && t.op >= opContains {
		key.alone = 1 + s
	}
	g := p.groups[key]
	if g == nil {
		g = &operandTests{operand: t.left}
		p.groups[key] = g
		p.order = append(p.order, g)
	}
	g.slots = append(g.slots, s)
	g.tests = append(g.tests, t)
	return s
}

// group compiles the tests of every operand together. It returns for every slot the place of its group in texts when that
// is not a quick one, else -1.
func (p *planner) group() []int {
	slow := make([]int, p.slotCount)
	for i := range slow {
		slow[i] = -1
	}
	var late []*textTests
	for _, g := range p.order {
		switch {
		case g.operand.num:
			p.spelled = append(p.spelled, newNumTests(g, p.label(g.operand.label)))
		case g.operand.typ() == event.String:
			t := newTextTests(g)
			t.label = -1
			if g.operand.field == nil {
				t.label = p.label(g.operand.label)
			}
			if t.quick() {
				p.texts = append(p.texts, t)
			} else {
				late = append(late, t)
			}
		case g.operand.typ() == event.IP:
			p.addrs = append(p.addrs, newAddressTests(g))
		default:
			p.nums = append(p.nums, newNumberTests(g))
		}
	}
	p.quick = len(p.texts)
	for _, t := range late {
		for _, s := range t.slots {
			slow[s] = len(p.texts)
		}
		p.texts = append(p.texts, t)
	}
	p.pairs = p.cross
	for _, pair := range p.pairs {
		pair.left, pair.right = p.side(pair.test.left), p.side(*pair.test.right)
	}
	return slow
}

func (p *planner) side(o operand) side {
	s := side{operand: o, label: -1}
	if o.field == nil {
		s.label = p.label(o.label)
	}
	return s
}

// label returns the place of a label in the list of those looked at.
func (p *planner) label(name string) int {
	at := slices.Index(p.labelNames, name)
	if at < 0 {
		at = len(p.labelNames)
		p.labelNames = append(p.labelNames, name)
	}
	return at
}
