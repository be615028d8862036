package traffic

import (
	"math"
	"math/bits"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Longest is how long a flow can be: exporters tell of long ones in pieces, every 30 minutes at most as they come. One that says
// it was longer counts as if it had all been sent within the last hour of it.
const Longest = time.Hour

// timeRange returns a range of time in nanoseconds since 1970 UTC; the zero times are the first and the last there are.
func timeRange(since, until time.Time) (from, to int64, err error) {
	from, to = math.MinInt64, math.MaxInt64
	if !since.IsZero() {
		from = since.UnixNano()
	}
	if !until.IsZero() {
		to = until.UnixNano()
	}
	if from >= to {
		return 0, 0, fault.New(fault.Invalid, "time range: since %s is not before until %s", since.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	return from, to, nil
}

// plus adds without running over.
func plus(t int64, d time.Duration) int64 {
	if t > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return t + int64(d)
}

// A reach is a part of a range that is read by itself.
type reach struct {
	since, until int64 // by the time of the event, which is the end of the flow; since or until of 0 has no bound
	clip         bool  // flows may lie in the range in part, or not at all
}

// reaches divides a range: flows that end in its first hour may have begun before it, those that end within an hour after it
// may have begun in it. The rest lies within it whole.
func reaches(from, to int64) []reach {
	whole, end, last := plus(from, Longest), to, plus(to, Longest)
	if whole == 0 { // which would be no bound: what is clipped may as well be read from a moment more
		whole = 1
	}
	if end == 0 {
		end = -1
	}
	if last == 0 {
		last = 1
	}
	switch {
	case from == math.MinInt64 && to == math.MaxInt64:
		return []reach{{}}
	case from == math.MinInt64:
		return []reach{{0, end, false}, {end, last, true}}
	case to == math.MaxInt64:
		return []reach{{from, whole, true}, {whole, 0, false}}
	case whole >= end:
		return []reach{{from, last, true}}
	default:
		return []reach{{from, whole, true}, {whole, end, false}, {end, last, true}}
	}
}

// spans tells when flows of a batch were under way.
type spans struct {
	time, start, end *event.Column
}

// spanFields are what spans looks at.
func spanFields() []event.FieldID {
	return []event.FieldID{event.Timestamp, event.EventStart, event.EventEnd}
}

func newSpans(b *event.Batch) spans {
	return spans{b.Column(event.Timestamp), b.Column(event.EventStart), b.Column(event.EventEnd)}
}

// of returns the stretch of time of a flow: it ends when the event happened, and lasts as long as the exporter says.
func (s *spans) of(row int32) (start, end int64) {
	end, _ = number(s.time, row)
	from, begun := number(s.start, row)
	to, ended := number(s.end, row)
	if !begun || !ended || to <= from || to-from < 0 {
		return end, end
	}
	length := min(to-from, int64(Longest))
	if end < math.MinInt64+length {
		return end, end
	}
	return end - length, end
}

// number returns the number in a row of a column, which may be nil.
func number(c *event.Column, row int32) (int64, bool) {
	if c == nil {
		return 0, false
	}
	v, ok := c.Value(int(row))
	if !ok {
		return 0, false
	}
	return c.Nums[v], true
}

// active reports whether a flow was under way in a range. One without length is when it happened.
func active(start, end, from, to int64) bool {
	return start < to && (end > from || start == end && start >= from)
}

// until returns how much of n was sent before a moment of a flow.
func until(n uint64, start, end, moment int64) uint64 {
	switch {
	case moment <= start:
		return 0
	case moment >= end:
		return n
	}
	high, low := bits.Mul64(n, uint64(moment)-uint64(start))
	q, _ := bits.Div64(high, low, uint64(end)-uint64(start)) // moment lies before end, so that it fits
	return q
}

// share returns how much of n was sent in a range. The shares of adjoining ranges add up to that of both.
func share(n uint64, start, end, from, to int64) uint64 {
	return until(n, start, end, to) - until(n, start, end, from)
}

// A clipper credits flows to a range of time.
type clipper struct {
	from, to int64
	rows     []int32
}

// clip returns those of rows that were under way in the range, and the batch with what of their bytes and packets lies in it.
// The rows are good until the next call.
func (c *clipper) clip(b *event.Batch, rows []int32) (*event.Batch, []int32) {
	s := newSpans(b)
	kept := c.rows[:0]
	partly := false
	for _, row := range rows {
		start, end := s.of(row)
		if !active(start, end, c.from, c.to) {
			continue
		}
		kept = append(kept, row)
		partly = partly || start < c.from || end > c.to
	}
	c.rows = kept
	if !partly || len(kept) == 0 {
		return b, kept
	}
	columns := append([]event.Column(nil), b.Columns()...)
	for i := range columns {
		if id := columns[i].Field.ID; id == event.SourceBytes || id == event.SourcePackets {
			columns[i] = c.shares(&columns[i], &s, kept, b.Rows)
		}
	}
	return event.NewBatch(b.Kind, b.Rows, columns, b.Labels), kept
}

// shares returns a column with what of its numbers lies in the range.
func (c *clipper) shares(col *event.Column, s *spans, rows []int32, n int) event.Column {
	out := event.Column{Field: col.Field, Nums: make([]int64, n), Present: event.NewBits(n)}
	for _, row := range rows {
		v, ok := number(col, row)
		if !ok {
			continue
		}
		start, end := s.of(row)
		out.Nums[row] = int64(share(uint64(v), start, end, c.from, c.to))
		out.Present.Set(int(row))
	}
	return out
}
