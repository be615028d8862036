package window

import "slices"

// A Heard is a time, with both its ends, in nanoseconds since 1970 UTC, in which somebody was never silent for long. The events
// within need not be remembered.
type Heard struct{ From, To int64 }

// Hear joins h with those of list from which it is no further away than gap, in nanoseconds, and returns the list. The list is
// rising, and what is left of it lies further apart than gap.
func Hear(list []Heard, h Heard, gap int64) []Heard {
	i := len(list)
	for i > 0 && list[i-1].From > h.From {
		i--
	}
	if i > 0 && h.From-list[i-1].To <= gap {
		i--
		list[i].To = max(list[i].To, h.To)
	} else {
		list = slices.Insert(list, i, h)
	}
	for i+1 < len(list) && list[i+1].From-list[i].To <= gap {
		list[i].To = max(list[i].To, list[i+1].To)
		list = slices.Delete(list, i+1, i+2)
	}
	return list
}
