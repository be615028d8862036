// Package window holds what detectors over time are made of: entities and their numbers, the time at which a row is
// judged, a calendar of what falls due, rows kept as evidence, and the encoding of states.
package window

import (
	"math"
	"time"

	"tocsin/internal/event"
)

// MaxAhead is how far the time that a sender claims may lie ahead of the time of receipt. An event further ahead is judged
// at the time of receipt.
const MaxAhead = time.Minute

// A Clock tells at which time the rows of a batch are judged.
type Clock struct {
	times    []int64
	received *event.Column
	plain    []int64 // received, when every row has it
}

// NewClock returns the clock of a batch.
func NewClock(b *event.Batch) Clock {
	c := Clock{times: b.Times(), received: b.Column(event.Ingested)}
	if c.received != nil && c.received.Codes == nil && c.received.Present == nil {
		c.plain = c.received.Nums
	}
	return c
}

// At returns the time at which a row is judged, in nanoseconds since 1970 UTC: what its sender claims, or the time of
// receipt where that is missing or too far ahead; 0 when the row has no time at all.
func (c *Clock) At(row int32) int64 {
	if c.plain == nil {
		return judged(c.times[row], c.Received(row))
	}
	return judged(c.times[row], c.plain[row])
}

func judged(t, received int64) int64 {
	if received != 0 && (t == 0 || t-received > int64(MaxAhead)) {
		return received
	}
	return t
}

// Received returns the time of receipt of a row; 0 when it has none.
func (c *Clock) Received(row int32) int64 {
	if c.received == nil {
		return 0
	}
	v, ok := c.received.Value(int(row))
	if !ok {
		return 0
	}
	return c.received.Int(v)
}

// Range returns the earliest and latest time of all rows of the batch that have one; false when none has.
func (c *Clock) Range() (first, last int64, ok bool) {
	first, last = math.MaxInt64, math.MinInt64
	for row := range c.times {
		if t := c.At(int32(row)); t != 0 {
			first, last = min(first, t), max(last, t)
		}
	}
	if first > last {
		return 0, 0, false
	}
	return first, last, true
}

// Span writes a length of time as people do: 90s is 1m30s, 1h0m0s is 1h, whole days are 7d.
func Span(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return itoa(int64(d/(24*time.Hour))) + "d"
	}
	s := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		s = s[:len(s)-2]
	}
	if d >= time.Hour && d%time.Hour == 0 {
		s = s[:len(s)-2]
	}
	return s
}
