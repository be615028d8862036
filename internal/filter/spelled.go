package filter

import (
	"math"
	"math/bits"
	"strconv"

	"tocsin/internal/event"
)

// numTests are all tests of num(label).
type numTests struct {
	label int
	has   int32
	slots []int32
	tests []*test
}

func newNumTests(g *operandTests, label int) *numTests {
	n := &numTests{label: label, has: -1}
	for i, t := range g.tests {
		if t.op == opHas {
			n.has = g.slots[i]
			continue
		}
		n.slots, n.tests = append(n.slots, g.slots[i]), append(n.tests, t)
	}
	return n
}

func (n *numTests) evaluate(c *chunk) {
	if !c.labelPresence(n.label) {
		return
	}
	entry := &c.labels.entry[n.label]
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			typ, value, ok := spelledNumber(c.batch.Labels.Vals.At(int(entry[row]) - 1))
			if !ok {
				continue
			}
			if n.has >= 0 {
				c.slots.markOne(n.has, row)
			}
			for i, t := range n.tests {
				if t.holdsNumber(typ, value) {
					c.slots.markOne(n.slots[i], row)
				}
			}
		}
	}
	c.slots.settle()
}

// holdsNumber compares a number with the constants of a test.
func (t *test) holdsNumber(typ event.Type, value uint64) bool {
	for _, c := range t.consts {
		if order, ok := compareNumbers(typ, value, c.typ, c.bits); ok && t.op.accepts(order) {
			return true
		}
	}
	return false
}

// accepts reports whether an order of two values is what the op asks for.
func (o op) accepts(order int) bool {
	switch o {
	case opEqual:
		return order == 0
	case opLess:
		return order < 0
	case opAtMost:
		return order <= 0
	case opGreater:
		return order > 0
	case opAtLeast:
		return order >= 0
	}
	return false
}

// maxNumberText bounds the digits that are read as a number.
const maxNumberText = 64

// spelledNumber reads a text that is a decimal number and nothing else: exactly when it is an integer of 64 bits, else as
// the nearest float.
func spelledNumber(v []byte) (typ event.Type, value uint64, ok bool) {
	if len(v) == 0 || len(v) > maxNumberText {
		return 0, 0, false
	}
	whole, digits := true, false
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case c == '.' || c == 'e' || c == 'E':
			whole = false
		case c != '-' && c != '+':
			return 0, 0, false
		}
	}
	if !digits {
		return 0, 0, false
	}
	if whole {
		if typ, value, ok = spelledInteger(v); ok {
			return typ, value, true
		}
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0, 0, false
	}
	return event.Float, math.Float64bits(f), true
}

// spelledInteger reads a sign and digits; false when they are no integer of 64 bits.
func spelledInteger(v []byte) (typ event.Type, value uint64, ok bool) {
	negative := v[0] == '-'
	if negative || v[0] == '+' {
		v = v[1:]
	}
	if len(v) == 0 {
		return 0, 0, false
	}
	for _, c := range v {
		d := uint64(c - '0')
		if d > 9 || value > (math.MaxUint64-d)/10 {
			return 0, 0, false
		}
		value = value*10 + d
	}
	switch {
	case !negative && value > math.MaxInt64:
		return event.Uint, value, true
	case !negative:
		return event.Int, value, true
	case value > 1<<63:
		return 0, 0, false
	default:
		return event.Int, -value, true
	}
}
