package filter

import (
	"math"

	"tocsin/internal/event"
)

// A span is a range of numbers, both ends included, as keys: unsigned integers in the order of the numbers that they
// stand for.
type span struct{ low, high uint64 }

const signBit = 1 << 63

// floatKey gives floats keys in their order; both zeros get the same one. NaN has none.
func floatKey(bits uint64) (key uint64, ok bool) {
	v := math.Float64frombits(bits)
	switch {
	case math.IsNaN(v):
		return 0, false
	case v == 0:
		return signBit, true
	case bits&signBit != 0:
		return ^bits, true
	default:
		return bits | signBit, true
	}
}

// keyRange returns the keys that values of a type can have.
func keyRange(t event.Type) span {
	if t == event.Float {
		low, _ := floatKey(math.Float64bits(math.Inf(-1)))
		high, _ := floatKey(math.Float64bits(math.Inf(1)))
		return span{low, high}
	}
	return span{0, math.MaxUint64}
}

// firstKey returns the smallest key of type t whose number is at least c, or with above more than c; false when there is
// none. It is exact over all numeric types.
func firstKey(t event.Type, c constant, above bool) (key uint64, ok bool) {
	all := keyRange(t)
	holds := func(key uint64) bool {
		order, _ := compareNumbers(t, keyBits(t, key), c.typ, c.bits)
		return order > 0 || order == 0 && !above
	}
	if !holds(all.high) {
		return 0, false
	}
	low, high := all.low, all.high // the answer lies between
	for low < high {
		if mid := low + (high-low)/2; holds(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, true
}

// keyBits is the inverse of the key of a type.
func keyBits(t event.Type, key uint64) uint64 {
	switch {
	case t == event.Uint:
		return key
	case t != event.Float:
		return key ^ signBit
	case key&signBit != 0:
		return key &^ signBit
	default:
		return ^key
	}
}

// spans returns the keys for which a test of a numeric field holds.
func (t *test) spans() []span {
	typ := t.left.typ()
	all := keyRange(typ)
	if typ == event.Bool {
		return boolSpans(t.consts)
	}
	var list []span
	for _, c := range t.consts {
		from, some := firstKey(typ, c, false)
		beyond, more := firstKey(typ, c, true)
		s, ok := all, false
		switch t.op {
		case opEqual:
			s.low, ok = from, some
			if more {
				s.high = beyond - 1
			}
			ok = ok && !(more && beyond == from)
		case opAtLeast:
			s.low, ok = from, some
		case opGreater:
			s.low, ok = beyond, more
		case opLess:
			if ok = !some || from > all.low; some && ok {
				s.high = from - 1
			}
		case opAtMost:
			if ok = !more || beyond > all.low; more && ok {
				s.high = beyond - 1
			}
		}
		if ok {
			list = append(list, s)
		}
	}
	return list
}

// boolSpans: false is 0 and true is whatever else the column holds. The key of 0 is the sign bit.
func boolSpans(consts []constant) []span {
	var list []span
	for _, c := range consts {
		if c.bits == 0 {
			list = append(list, span{signBit, signBit})
		} else {
			list = append(list, span{0, signBit - 1}, span{signBit + 1, math.MaxUint64})
		}
	}
	return list
}
