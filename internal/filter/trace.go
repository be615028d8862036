package filter

import (
	"bytes"
	"slices"

	"tocsin/internal/event"
)

// A Trace says why a filter selects a row or does not: the filter taken apart into the conditions that it is made of.
type Trace struct {
	// Word joins Parts: "and", "or" or "not"; it is "" for a condition that stands for itself, and then Parts are none.
	Word  string
	Text  string // the filter or the part of it, as it is spelled
	Holds bool
	Has   []Held // what the row has of what the condition looks at
	Parts []*Trace
}

// Held is what a row has of one field or label.
type Held struct {
	Name   string
	Values []string // as text; none when the row lacks it; several of a view
}

// Explain traces a filter over one row. A nil filter selects everything.
func (e *Expr) Explain(b *event.Batch, row int32) *Trace {
	if e == nil {
		return &Trace{Text: "true", Holds: true}
	}
	return e.root.trace(b, row)
}

func (n *node) trace(b *event.Batch, row int32) *Trace {
	t := &Trace{Text: string(n.append(nil, 0))}
	switch n.kind {
	case always, never:
		t.Holds = n.kind == always
		return t
	case leaf:
		t.Holds = n.holds(b, row)
		t.Has = n.test.held(b, row)
		return t
	case not:
		if kid := n.kids[0]; kid.kind == leaf && kid.test.negatable() { // it is spelled as one condition
			t.Holds, t.Has = !kid.holds(b, row), kid.test.held(b, row)
			return t
		}
		t.Word = "not"
	case and:
		t.Word = "and"
	case or:
		t.Word = "or"
	}
	t.Holds = n.kind == and
	for _, kid := range n.kids {
		part := kid.trace(b, row)
		t.Parts = append(t.Parts, part)
		switch n.kind {
		case not:
			t.Holds = !part.Holds
		case and:
			t.Holds = t.Holds && part.Holds
		default:
			t.Holds = t.Holds || part.Holds
		}
	}
	return t
}

// holds evaluates one condition as the whole filter does.
func (n *node) holds(b *event.Batch, row int32) bool {
	return slices.Contains(Compile(&Expr{root: n}).Select(b, nil), row)
}

// held reads what the test looks at.
func (t *test) held(b *event.Batch, row int32) []Held {
	list := []Held{t.left.held(b, row)}
	if t.right != nil && *t.right != t.left {
		list = append(list, t.right.held(b, row))
	}
	return list
}

// heldBytes bounds each value that is shown.
const heldBytes = 1 << 10

func (o operand) held(b *event.Batch, row int32) Held {
	h := Held{Name: o.name()}
	add := func(text []byte) {
		if len(text) > heldBytes {
			text = append(bytes.ToValidUTF8(text[:heldBytes], nil), "…"...)
		}
		h.Values = append(h.Values, string(text))
	}
	if o.field == nil {
		if c := b.LabelColumn(o.label); c != nil {
			if v, ok := c.Value(int(row)); ok {
				add(c.Str(v))
			}
		}
		return h
	}
	ids := o.field.Any
	if len(ids) == 0 {
		ids = []event.FieldID{o.field.ID}
	}
	for _, id := range ids {
		c := b.Column(id)
		if c == nil {
			continue
		}
		if v, ok := c.Value(int(row)); ok {
			add(c.AppendValueText(nil, v))
		}
	}
	return h
}

// Blame lists the conditions that decided: of a filter that does not hold those by which it fails, of one that holds those by
// which it holds. Of an and that fails these are the parts that fail, of an or that fails all parts.
func (t *Trace) Blame() []*Trace {
	var list []*Trace
	switch {
	case len(t.Parts) == 0:
		return []*Trace{t}
	case t.Word == "not":
		return t.Parts[0].Blame()
	}
	for _, p := range t.Parts {
		if p.Holds == t.Holds {
			list = append(list, p.Blame()...)
		}
	}
	return list
}
