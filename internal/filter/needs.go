package filter

import (
	"bytes"
	"math"
	"net/netip"
	"slices"
	"sync"

	"tocsin/internal/event"
)

// maxAlternatives bounds the values of one Need; a condition with more is left out.
const maxAlternatives = 10_000

// maxNeeds bounds the conditions that are kept where alternatives meet. To leave one out is always sound.
const maxNeeds = 16

// Needs returns conditions that every selected event meets; none when nothing of use is known.
func (e *Expr) Needs() []Need {
	if e == nil {
		return nil
	}
	return e.root.needs()
}

func (n *node) needs() []Need {
	switch n.kind {
	case leaf:
		return n.test.needs()
	case and:
		var all []Need
		for _, kid := range n.kids {
			all = append(all, kid.needs()...)
		}
		return all
	case or:
		return needsOfAny(n.kids)
	default:
		return nil
	}
}

// needsOfAny returns what must hold when one of several conditions does.
func needsOfAny(kids []*node) []Need {
	if len(kids) == 1 {
		return kids[0].needs()
	}
	a, b := needsOfAny(kids[:len(kids)/2]), needsOfAny(kids[len(kids)/2:])
	var out []Need
	for i := range a {
		for j := range b {
			if n, ok := a[i].or(&b[j]); ok && len(out) < maxNeeds {
				out = append(out, n)
			}
		}
	}
	return out
}

// or joins two conditions of the same form on the same field, or on two fields that a view stands for: that they hold for one
// of them is what the view is asked.
func (n *Need) or(m *Need) (Need, bool) {
	u := Need{Field: n.Field, Label: n.Label}
	if n.Field != m.Field {
		u.Field = viewOf(n.Field, m.Field)
	}
	switch {
	case u.Field == 0 && u.Label == "" || n.Label != m.Label:
		return u, false
	case n.Values != nil && m.Values != nil:
		u.Values = sortedValues(append(slices.Clone(n.Values), m.Values...))
	case n.Range && m.Range:
		u.Range, u.Low, u.High = true, min(n.Low, m.Low), max(n.High, m.High)
	case n.Contains != nil && m.Contains != nil:
		u.Contains = append(slices.Clone(n.Contains), m.Contains...)
	case n.Prefixes != nil && m.Prefixes != nil:
		u.Prefixes = append(slices.Clone(n.Prefixes), m.Prefixes...)
	default:
		return u, false
	}
	return u, len(u.Values)+len(u.Contains)+len(u.Prefixes) <= maxAlternatives
}

// viewOf returns the view that stands for both fields, or is one of them and stands for the other; 0 for none.
func viewOf(a, b event.FieldID) event.FieldID {
	for _, f := range viewFields() {
		if in := append([]event.FieldID{f.ID}, f.Any...); slices.Contains(in, a) && slices.Contains(in, b) {
			return f.ID
		}
	}
	return 0
}

// viewFields are the fields that stand for several others.
var viewFields = sync.OnceValue(func() []event.Field {
	return slices.DeleteFunc(event.Fields(), func(f event.Field) bool { return len(f.Any) == 0 || f.View })
})

func sortedValues(list [][]byte) [][]byte {
	slices.SortFunc(list, bytes.Compare)
	return slices.CompactFunc(list, bytes.Equal)
}

// needs returns what one test needs.
func (t *test) needs() []Need {
	if t.right != nil || t.left.num {
		return nil
	}
	n := Need{Label: t.left.label}
	if t.left.field != nil {
		n.Field = t.left.field.ID
	}
	switch t.left.typ() {
	case event.String:
		return n.ofText(t)
	case event.IP:
		return n.ofAddress(t)
	case event.Int, event.Uint, event.Time:
		return n.ofNumber(t)
	}
	return nil
}

func (n Need) ofText(t *test) []Need {
	switch t.op {
	case opEqual:
		for _, c := range t.consts {
			n.Values = append(n.Values, c.key())
		}
		n.Values = sortedValues(n.Values)
		return []Need{n}
	case opContains, opStarts, opEnds, opMatches, opLike:
		if must := newTextTest(t, 0).must; len(must) > 0 {
			n.Contains = [][]byte{must}
			return []Need{n}
		}
	}
	return nil
}

func (n Need) ofAddress(t *test) []Need {
	switch t.op {
	case opEqual:
		for _, c := range t.consts {
			n.Values = append(n.Values, c.key())
		}
		n.Values = sortedValues(n.Values)
	case opWithin:
		for _, c := range t.consts {
			n.Prefixes = append(n.Prefixes, c.prefix)
		}
		slices.SortFunc(n.Prefixes, netip.Prefix.Compare)
	default:
		return nil
	}
	return []Need{n}
}

// ofNumber gives the range of the test, and the values when they are few and single.
func (n Need) ofNumber(t *test) []Need {
	if t.op == opHas {
		return nil
	}
	spans := t.spans()
	if len(spans) == 0 {
		return nil
	}
	typ := t.left.typ()
	low, high := spans[0].low, spans[0].high
	values := n
	single := true
	for _, s := range spans {
		low, high = min(low, s.low), max(high, s.high)
		single = single && s.low == s.high
		values.Values = append(values.Values, constant{typ: typ, bits: keyBits(typ, s.low)}.key())
	}
	var list []Need
	if single {
		values.Values = sortedValues(values.Values)
		list = append(list, values)
	}
	n.Range = true
	n.Low, n.High = limits(typ, low, high)
	if n.Low == math.MinInt64 && n.High == math.MaxInt64 {
		return list
	}
	return append(list, n)
}

// limits turns keys into the limits of a Need. A limit that int64 cannot hold becomes none.
func limits(typ event.Type, low, high uint64) (int64, int64) {
	if typ != event.Uint {
		return int64(low ^ signBit), int64(high ^ signBit)
	}
	l, h := int64(math.MinInt64), int64(math.MaxInt64)
	if low > 0 {
		l = int64(min(low, math.MaxInt64))
	}
	if high <= math.MaxInt64 {
		h = int64(high)
	}
	return l, h
}
