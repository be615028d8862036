package filter

import "tocsin/internal/event"

// Certain returns the filter that selects a row only where what the row has proves it. What the language takes for false
// where a value is missing is unknown here, and so is its opposite: a != b selects no row that lacks a. It is the logic of
// three values of Kleene (Introduction to Metamathematics, 1952, section 64), in which a row is selected by true alone: of
// an or one part that is proven is enough.
//
// Of a whole event has(a) is known, also where a is missing, and the values that it has of a view are all there are. Of a
// part of one, as the entity of an alert is, neither is: !has(a) selects nothing, and the opposite of a condition on a view
// selects only what has all the fields that the view stands for.
//
// Every row that the result selects is selected by the filter itself.
func (e *Expr) Certain(part bool) *Expr {
	if e == nil {
		return nil
	}
	return &Expr{root: e.root.certain(part, false)}
}

// certain returns what proves the node or, with opposite, what disproves it.
func (n *node) certain(part, opposite bool) *node {
	switch n.kind {
	case leaf:
		if opposite {
			return n.test.disproved(part)
		}
		return n
	case not:
		return n.kids[0].certain(part, !opposite)
	case and, or:
		kids := make([]*node, len(n.kids))
		for i, kid := range n.kids {
			kids[i] = kid.certain(part, opposite)
		}
		if (n.kind == and) != opposite {
			return join(and, kids)
		}
		return join(or, kids)
	default:
		if opposite {
			return negate(n)
		}
		return n
	}
}

// disproved selects what proves the opposite of a test.
func (t *test) disproved(part bool) *node {
	if t.op == opHas {
		if part {
			return &node{kind: never}
		}
		return negate(single(t))
	}
	parts := append([]*node{negate(single(t))}, t.left.present(part)...)
	if t.right != nil {
		parts = append(parts, t.right.present(part)...)
	}
	return join(and, parts)
}

// present selects the rows of which all is known that the operand compares.
func (o operand) present(part bool) []*node {
	if !part || o.field == nil || len(o.field.Any) == 0 {
		return []*node{single(&test{op: opHas, left: o})}
	}
	var all []*node
	for _, id := range o.field.Any {
		if f, ok := event.FieldByID(id); ok {
			all = append(all, single(&test{op: opHas, left: operand{field: f}}))
		}
	}
	return all
}

// Opposite returns the filter that selects what this one does not.
func (e *Expr) Opposite() *Expr {
	if e == nil {
		return &Expr{root: &node{kind: never}}
	}
	return &Expr{root: negate(e.root)}
}
