package filter

import (
	"slices"

	"tocsin/internal/event"
)

// An Expr is a filter that was read and checked against the schema. It is never changed and may be shared.
type Expr struct {
	root *node
}

// A node is one part of the tree of a filter.
type node struct {
	kind kind
	kids []*node // of and, or, not
	test *test   // of leaf
}

type kind uint8

const (
	always kind = iota + 1
	never
	and
	or
	not
	leaf
)

// An op is what a test asks of a value.
type op uint8

const (
	opHas     op = iota + 1 // there is a value
	opEqual                 // it equals one of the constants, or the other operand
	opWithin                // the address lies in one of the prefixes
	opListed                // the address is on a list
	opLess                  // it is smaller than the constant or the other operand
	opAtMost                //
	opGreater               //
	opAtLeast               //
	opContains
	opStarts
	opEnds
	opMatches  // regular expression, RE2
	opSame     // ieq: equal but for case
	opIncludes // icontains: contains, but for case
	opLike     // % stands for any text, _ for any one character
	opAlike    // ilike: like, but for case
)

// An operand is what a test looks at.
type operand struct {
	field *event.Field // nil for a label
	label string
	num   bool // num(label): the number that the label spells
}

// typ is the type under which values of the operand are compared.
func (o operand) typ() event.Type {
	switch {
	case o.field != nil:
		return o.field.Type
	case o.num:
		return event.Float
	default:
		return event.String
	}
}

// A test compares one operand with constants, or with another operand.
type test struct {
	op     op
	left   operand
	right  *operand
	consts []constant
	regex  *pattern // of opMatches
	list   string   // of opListed: its name
	on     Members  // of opListed, once With has found it; nil holds nothing
}

// And returns the filter that selects what all of the filters select. A nil one selects everything, and so does And of
// none.
func And(exprs ...*Expr) *Expr {
	var kids []*node
	for _, e := range exprs {
		if e != nil {
			kids = append(kids, e.root)
		}
	}
	return &Expr{root: join(and, kids)}
}

// join makes an and or an or of parts; parts of the same kind are taken apart and constants are resolved.
func join(k kind, parts []*node) *node {
	neutral, final := always, never
	if k == or {
		neutral, final = never, always
	}
	var kids []*node
	for _, p := range parts {
		switch p.kind {
		case neutral:
		case final:
			return &node{kind: final}
		case k:
			kids = append(kids, p.kids...)
		default:
			kids = append(kids, p)
		}
	}
	switch len(kids) {
	case 0:
		return &node{kind: neutral}
	case 1:
		return kids[0]
	default:
		return &node{kind: k, kids: kids}
	}
}

// negate makes the opposite of a part.
func negate(n *node) *node {
	switch n.kind {
	case always:
		return &node{kind: never}
	case never:
		return &node{kind: always}
	case not:
		return n.kids[0]
	default:
		return &node{kind: not, kids: []*node{n}}
	}
}

// each calls f for every test of the tree.
func (n *node) each(f func(*test)) {
	if n.kind == leaf {
		f(n.test)
	}
	for _, kid := range n.kids {
		kid.each(f)
	}
}

// operands calls f for every operand of the filter.
func (e *Expr) operands(f func(operand)) {
	if e == nil {
		return
	}
	e.root.each(func(t *test) {
		f(t.left)
		if t.right != nil {
			f(*t.right)
		}
	})
}

// Fields lists the stored fields that the filter looks at, in the order of their numbers; of a view those it stands for.
func (e *Expr) Fields() []event.FieldID {
	var ids []event.FieldID
	e.operands(func(o operand) {
		switch {
		case o.field == nil:
		case len(o.field.Any) > 0:
			ids = append(ids, o.field.Any...)
		default:
			ids = append(ids, o.field.ID)
		}
	})
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Labels lists the labels that the filter looks at, sorted.
func (e *Expr) Labels() []string {
	var names []string
	e.operands(func(o operand) {
		if o.field == nil {
			names = append(names, o.label)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}
