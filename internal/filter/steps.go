package filter

import (
	"cmp"
	"slices"
)

// newRule splits a filter into what is quick and the rest, which is then evaluated on few rows.
func newRule(root *branch, slow []int) rule {
	var r rule
	if root.kind == leaf { // an and of one test is what appendFlat takes
		root = &branch{kind: and, kids: []*branch{root}}
	}
	root.mark(slow, &r.slow)
	slices.Sort(r.slow)
	r.slow = slices.Compact(r.slow)
	if !root.slow {
		return rule{first: root}
	}
	r.rest = root
	if root.kind != and {
		return r
	}
	first, rest := &branch{kind: and}, &branch{kind: and, slow: true}
	for _, kid := range root.kids {
		if kid.slow {
			rest.kids = append(rest.kids, kid)
		} else {
			first.kids = append(first.kids, kid)
		}
	}
	r.rest = rest
	if len(first.kids) > 0 {
		r.first = first
	}
	return r
}

// steps orders the slow parts of an and by what they cost.
func (p *planner) steps(parts []*branch, slow []int) []step {
	var list []step
	for _, part := range parts {
		s := step{part: part}
		part.mark(slow, &s.slow)
		slices.Sort(s.slow)
		s.slow = slices.Compact(s.slow)
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b step) int { return cmp.Compare(p.cost(a.part), p.cost(b.part)) })
	return list
}

// cost ranks a part: a plain search before patterns, these before regular expressions, these before whatever is joined.
func (p *planner) cost(b *branch) int {
	switch {
	case b.kind == not:
		return p.cost(b.kids[0])
	case b.kind != leaf:
		return 100
	case p.tests[b.slot].op == opMatches:
		return 3
	case p.tests[b.slot].op >= opSame:
		return 2
	}
	return 1
}

// mark notes which branches are slow, and collects the groups that they look at.
func (b *branch) mark(slow []int, groups *[]int) {
	if b.kind == leaf && slow[b.slot] >= 0 {
		b.slow = true
		*groups = append(*groups, slow[b.slot])
	}
	for _, kid := range b.kids {
		kid.mark(slow, groups)
		b.slow = b.slow || kid.slow
	}
}
