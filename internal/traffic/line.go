package traffic

import (
	"math"
	"time"

	"tocsin/internal/aggregate"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// checkSteps checks the length of a step as far as the question alone tells.
func (r *ranking) checkSteps() error {
	switch {
	case r.Bucket == 0:
		return nil
	case r.Bucket < time.Second:
		return fault.New(fault.Invalid, "bucket: got %v, want 1s or more", r.Bucket)
	case r.from != math.MinInt64 && r.to != math.MaxInt64:
		_, err := r.stepsOf(r.from, r.to)
		return err
	default:
		return nil
	}
}

// stepsOf divides a range into steps, and refuses too many.
func (r *ranking) stepsOf(from, to int64) (*steps, error) {
	length := uint64(to) - uint64(from)
	if length > math.MaxInt64 { // as from 1700 until now: what lies between two of its moments is no length of time
		return nil, fault.New(fault.Invalid, "time range: no line over time is longer than 292 years")
	}
	n := (length-1)/uint64(r.Bucket) + 1
	if n > maxSteps {
		return nil, fault.New(fault.Invalid, "bucket: %v gives %d steps, want at most %d (take longer steps, or less time)", r.Bucket, n, maxSteps)
	}
	if n*uint64(r.Limit) > maxPoints {
		return nil, fault.New(fault.Invalid, "bucket: %d steps of %d rows are more than %d points (take longer steps, or fewer rows)", n, r.Limit, maxPoints)
	}
	return &steps{from: from, to: to, length: int64(r.Bucket), n: int(n)}, nil
}

// steps returns those of the lines; nil when none are wanted. Where the range is open they go as far as there are flows, and
// begin at a multiple of their length.
func (r *ranking) steps(seen *looker) (*steps, error) {
	if r.Bucket == 0 {
		return nil, nil //nolint:nilnil // which is no line
	}
	from, to := r.from, r.to
	if from == math.MinInt64 {
		from = seen.first - seen.first%int64(r.Bucket)
		if from > seen.first {
			from -= int64(r.Bucket)
		}
	}
	if to == math.MaxInt64 {
		to = max(seen.last, from) + 1
	}
	return r.stepsOf(from, to)
}

// steps are those of a line over time.
type steps struct {
	from, to, length int64
	n                int
	// What spread shows, kept for the next call.
	pick []int32
	at   []int64
}

func (s *steps) clone() *steps {
	if s == nil {
		return nil
	}
	return &steps{from: s.from, to: s.to, length: s.length, n: s.n}
}

// spreadRows is how many rows spread shows at once.
const spreadRows = 4096

// spread shows rows once for each step in which they were under way, with their share of it, as batches whose times are those of
// the steps, counted from 0.
func (s *steps) spread(b *event.Batch, rows []int32, show func(*event.Batch, []int32)) {
	spans := newSpans(b)
	s.pick, s.at = s.pick[:0], s.at[:0]
	for _, row := range rows {
		start, end := spans.of(row)
		if !active(start, end, s.from, s.to) {
			continue
		}
		if end > start {
			end-- // what ends where a step begins is not in it
		}
		last := (min(end, s.to-1) - s.from) / s.length
		for at := (max(start, s.from) - s.from) / s.length; at <= last; at++ {
			s.pick, s.at = append(s.pick, row), append(s.at, at)
			if len(s.pick) == spreadRows {
				s.show(b, &spans, show)
			}
		}
	}
	if len(s.pick) > 0 {
		s.show(b, &spans, show)
	}
}

// show makes a batch of the rows in pick, each for the step beside it in at, and forgets them.
func (s *steps) show(b *event.Batch, spans *spans, show func(*event.Batch, []int32)) {
	n := len(s.pick)
	rows, times := make([]int32, n), make([]int64, n)
	for i, at := range s.at {
		rows[i], times[i] = int32(i), at*s.length
	}
	var columns []event.Column
	for _, c := range b.Columns() {
		switch c.Field.ID {
		case event.Timestamp:
			continue
		case event.SourceBytes, event.SourcePackets, event.FlowSentBytes, event.FlowSentPackets, event.FlowReceivedBytes, event.FlowReceivedPackets:
			columns = append(columns, s.shares(&c, spans))
		default:
			columns = append(columns, pickRows(c, s.pick))
		}
	}
	columns = append([]event.Column{{Field: field(event.Timestamp), Nums: times}}, columns...)
	show(event.NewBatch(b.Kind, n, columns, event.Labels{}), rows)
	s.pick, s.at = s.pick[:0], s.at[:0]
}

// shares returns a column with what of each number lies in the step.
func (s *steps) shares(c *event.Column, spans *spans) event.Column {
	out := event.Column{Field: c.Field, Nums: make([]int64, len(s.pick)), Present: event.NewBits(len(s.pick))}
	for i, row := range s.pick {
		v, ok := number(c, row)
		if !ok {
			continue
		}
		start, end := spans.of(row)
		from := s.from + s.at[i]*s.length
		out.Nums[i] = int64(share(uint64(v), start, end, from, min(plus(from, time.Duration(s.length)), s.to)))
		out.Present.Set(i)
	}
	return out
}

// pickRows returns a column with the values of some rows in the order in which these are listed.
func pickRows(c event.Column, rows []int32) event.Column {
	out := event.Column{Field: c.Field, Nums: c.Nums, IPs: c.IPs, Strs: c.Strs}
	if c.Codes != nil {
		out.Codes = make([]uint32, len(rows))
		for i, row := range rows {
			out.Codes[i] = c.Codes[row]
		}
		return out
	}
	if c.Present != nil {
		out.Present = event.NewBits(len(rows))
		for i, row := range rows {
			if c.Present.Get(int(row)) {
				out.Present.Set(i)
			}
		}
	}
	switch c.Field.Type {
	case event.String:
		out.Strs = event.Strings{}
		for _, row := range rows {
			out.Strs.Append(c.Strs.At(int(row)))
		}
	case event.IP:
		out.IPs = make([][16]byte, len(rows))
		for i, row := range rows {
			out.IPs[i] = c.IPs[row]
		}
	default:
		out.Nums = make([]int64, len(rows))
		for i, row := range rows {
			out.Nums[i] = c.Nums[row]
		}
	}
	return out
}

// lines fills the lines of the rows in.
func (s *steps) lines(answer *api.TrafficAnswer, table *aggregate.Table, e *entity) {
	if s == nil {
		return
	}
	answer.Start, answer.Bucket = time.Unix(0, s.from).UTC(), time.Duration(s.length)
	at := map[[2]string]int{}
	for i := range answer.Rows {
		answer.Rows[i].Line = make([]float64, s.n)
		at[pairOf(answer.Rows[i].Values)] = i
	}
	for _, row := range table.Rank(0, 0, false) {
		if i, ok := at[pairOf(e.people(row.Values))]; ok {
			answer.Rows[i].Line[row.Bucket/s.length] = row.Numbers[0]
			answer.Estimate = answer.Estimate || row.Estimate
		}
	}
}

// pairOf returns the values of a row, of which there are one or two, as the key of a map.
func pairOf(values []string) (k [2]string) {
	copy(k[:], values)
	return k
}
