package filter

import (
	"bytes"

	"tocsin/internal/event"
)

// A pairTest compares two operands of the same row.
type pairTest struct {
	slot        int32
	test        *test
	left, right side
}

// A side is one operand of a pairTest.
type side struct {
	operand operand
	label   int // place among the labels looked at, -1 for a field
}

// A sideValue is what a side holds in one row.
type sideValue struct {
	typ  event.Type
	bits uint64
	text []byte
	addr [16]byte
}

func (s *side) value(c *chunk, row int) (v sideValue, ok bool) {
	if s.label >= 0 {
		e := c.labels.entry[s.label][row]
		if e == 0 {
			return v, false
		}
		text := c.batch.Labels.Vals.At(int(e) - 1)
		if s.operand.num {
			v.typ, v.bits, ok = spelledNumber(text)
			return v, ok
		}
		return sideValue{typ: event.String, text: text}, true
	}
	col := c.batch.Column(s.operand.field.ID)
	if col == nil {
		return v, false
	}
	at, ok := col.Value(c.from + row)
	if !ok {
		return v, false
	}
	v.typ = s.operand.field.Type
	switch v.typ {
	case event.String:
		v.text = col.Str(at)
	case event.IP:
		v.addr = col.IP(at)
	case event.Bool:
		if col.Bool(at) {
			v.bits = 1
		}
	default:
		v.bits = uint64(col.Int(at))
	}
	return v, true
}

func (p *pairTest) evaluate(c *chunk) {
	for row := range c.rows {
		a, ok := p.left.value(c, row)
		if !ok {
			continue
		}
		b, ok := p.right.value(c, row)
		if ok && p.test.op.compares(&a, &b) {
			c.slots.markOne(p.slot, row)
		}
	}
	c.slots.settle()
}

func (o op) compares(a, b *sideValue) bool {
	switch a.typ {
	case event.String:
		return o.accepts(bytes.Compare(a.text, b.text))
	case event.IP:
		return a.addr == b.addr
	}
	order, ok := compareNumbers(a.typ, a.bits, b.typ, b.bits)
	return ok && o.accepts(order)
}
