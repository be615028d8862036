package deviation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// gauge is the detector. Each entity has the measures of buckets that the watermark has not passed, and the values of those
// that it has.
type gauge struct {
	config Config
	metric metric.Metric
	bucket int64
	room   int

	table  *window.Table
	all    []entity
	values *window.Values
	recent window.Recent

	judged int64
	closed int64              // newest bucket that was closed
	seen   map[int64]struct{} // buckets after that in which any event was seen, selected or not
	quiet  *window.Calendar   // with align: newest, when entities may have fallen silent
	bytes  int
	hand   uint32
	out    []alert.Finding
	stats  detector.Stats
}

type entity struct {
	ahead []measure // by bucket, or by instant with align: newest
	past  []float64 // values of the newest closed buckets, oldest first
	due   int64
	peak  float64
	limit float64
	state state
}

type state uint8

const (
	known state = 1 << iota // a bucket of it was closed
	open                    // an alert stands
	below                   // for too low a value
	timed                   // due is set
)

const (
	entityBytes  = 88
	measureBytes = 56
)

func (d *gauge) entity(id uint32) *entity {
	for int(id) >= len(d.all) {
		d.all = append(d.all, entity{})
	}
	return &d.all[id]
}

func (d *gauge) newest() bool { return d.config.Align == "newest" }

// Fold takes rows in.
func (d *gauge) Fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
	if !d.newest() {
		d.mark(b, &clock)
	}
	if len(rows) == 0 {
		return
	}
	d.table.Bind(b)
	d.values.Bind(b)
	d.recent.Begin(b, rows)
	for i, row := range rows {
		t := clock.At(row)
		if t <= d.judged || t == 0 {
			d.stats.Late++
			continue
		}
		v, ok := d.values.At(row)
		if !ok {
			continue
		}
		id, ok := d.table.Row(row)
		if !ok {
			d.stats.Skipped++
			continue
		}
		m := measure{at: d.place(t)}
		m.add(d.metric.Op, v, 1, t)
		d.add(id, m)
		d.recent.Note(i, id)
	}
	d.shrink()
}

// mark notes in which buckets anything was seen.
func (d *gauge) mark(b *event.Batch, clock *window.Clock) {
	last := d.closed
	for row := range b.Rows {
		t := clock.At(int32(row))
		if t == 0 || t <= d.judged {
			continue
		}
		if k := window.FloorDiv(t, d.bucket); k != last && k > d.closed {
			d.seen[k] = struct{}{}
			last = k
		}
	}
}

// place is the number of the bucket of t, or t itself where buckets are laid out later.
func (d *gauge) place(t int64) int64 {
	if d.newest() {
		return t
	}
	return window.FloorDiv(t, d.bucket)
}

// add joins a measure with what an entity has at its place.
func (d *gauge) add(id uint32, m measure) {
	e := d.entity(id)
	before := cap(e.ahead)
	i := len(e.ahead) - 1
	for i >= 0 && e.ahead[i].at > m.at {
		i--
	}
	if i >= 0 && e.ahead[i].at == m.at {
		held := len(e.ahead[i].set)
		e.ahead[i].join(d.metric.Op, m)
		d.bytes += 8 * (len(e.ahead[i].set) - held)
	} else {
		e.ahead = slices.Insert(e.ahead, i+1, m)
		d.bytes += 8 * len(m.set)
	}
	d.bytes += measureBytes * (cap(e.ahead) - before)
	if d.newest() {
		d.prune(e)
		d.await(id, e)
	}
}

// Early returns nothing: a bucket is only complete by the watermark.
func (d *gauge) Early() []alert.Finding {
	d.release()
	return nil
}

// release lets go of rows that were judged, and keeps some of those in writing whose bucket is still open.
func (d *gauge) release() {
	d.recent.Keep(window.Earlier(d.judged, 2*d.bucket), d.sized(), func(id uint32) bool { return d.entity(id).state&open != 0 })
	d.recent.Release()
}

// Judge closes the buckets that end at w or before.
func (d *gauge) Judge(w event.Watermark) []alert.Finding {
	if int64(w) <= d.judged {
		return nil
	}
	d.judged = int64(w)
	if d.newest() {
		d.judgeNewest()
	} else {
		d.closeUpTo(window.FloorDiv(d.judged, d.bucket) - 1)
	}
	d.release()
	out := d.out
	d.out = nil
	return window.Order(out)
}

// closeUpTo closes buckets one by one. Those in which nothing was seen are outages, and left out; or they are zero, and
// closed as long as there are entities that it matters to.
func (d *gauge) closeUpTo(last int64) {
	for _, k := range slices.Sorted(maps.Keys(d.seen)) {
		if k > last {
			break
		}
		if d.config.Gaps == "zero" {
			d.closeEmpty(k - 1)
		}
		d.close(k)
		delete(d.seen, k)
	}
	if d.config.Gaps == "zero" {
		d.closeEmpty(last)
	}
	d.closed = max(d.closed, last)
}

// closeEmpty closes the buckets up to last, in which nothing was seen.
func (d *gauge) closeEmpty(last int64) {
	for k := d.closed + 1; k <= last && d.tracked(); k++ {
		d.close(k)
	}
	d.closed = max(d.closed, last)
}

// tracked reports whether any entity has closed buckets.
func (d *gauge) tracked() bool {
	for id := range d.all {
		if d.all[id].state&known != 0 {
			return true
		}
	}
	return false
}

// close judges bucket k of every entity and makes it part of what is usual.
func (d *gauge) close(k int64) {
	for id := range d.all {
		e := &d.all[id]
		if !d.table.Used(uint32(id)) {
			continue
		}
		m := measure{at: k}
		if len(e.ahead) > 0 && e.ahead[0].at == k {
			m = e.ahead[0]
			e.ahead = slices.Delete(e.ahead, 0, 1)
			d.bytes -= 8 * len(m.set)
		} else if e.state&known == 0 {
			continue // it was first seen after k
		}
		e.state |= known
		v := m.value(d.metric.Op, d.values.Scale())
		end := window.Later(k*d.bucket, d.bucket)
		if len(e.past) >= d.config.MinBuckets && len(e.past) > 0 {
			d.judge(uint32(id), e, v, e.past, k*d.bucket, end, k*d.bucket, end-1, m.estimate())
		}
		d.remember(e, v)
		if e.state&open != 0 || slices.ContainsFunc(e.past, func(v float64) bool { return v != 0 }) {
			continue
		}
		e.past, e.state = e.past[:0], 0 // it is as one that was never seen
		if len(e.ahead) == 0 {
			d.drop(uint32(id), e)
		}
	}
	d.closed = max(d.closed, k)
}

func (m *measure) estimate() bool { return len(m.set) == maxMembers }

func (d *gauge) remember(e *entity, v float64) {
	before := cap(e.past)
	if len(e.past) == d.config.Baseline {
		e.past = append(e.past[:0], e.past[1:]...)
	}
	e.past = append(e.past, v)
	d.bytes += 8 * (cap(e.past) - before)
}

// judge holds a value against the usual ones. since and at are the bounds that the finding names; from and until those of
// its samples.
func (d *gauge) judge(id uint32, e *entity, v float64, past []float64, since, at, from, until int64, estimate bool) {
	mean, deviation := usual(past)
	up, down := d.config.Direction != "down", d.config.Direction != "up"
	high, low := mean+d.config.Z*deviation, mean-d.config.Z*deviation
	out := state(0)
	switch {
	case deviation > 0 && up && (v-mean)/deviation >= d.config.Z && v >= d.config.MinValue:
		out = open
	case deviation > 0 && down && (mean-v)/deviation >= d.config.Z && mean >= d.config.MinValue:
		out, high = open|below, low
	case deviation == 0 && d.config.Zero == "logtrack" && up && v > mean*d.config.Z && v >= d.config.MinValue:
		out, high = open, mean*d.config.Z
	}
	f := alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Since: since, Value: v, Limit: high, Below: out&below != 0,
		Estimate: estimate, Window: time.Duration(at - since), Triggers: 1,
	}
	switch {
	case out != 0:
		f.Reason = d.reason(v, mean, deviation)
		f.Samples = d.recent.Samples(id, from, until, d.sized())
		e.limit, e.peak = high, v
	case e.state&open != 0:
		f.Ended, f.Triggers, f.Value, f.Limit, f.Below = true, 0, e.peak, e.limit, e.state&below != 0
		f.Reason = fmt.Sprintf("%s was %s, as is usual again", d.metric, number(v))
	default:
		return
	}
	e.state = e.state&^(open|below) | out
	d.out = append(d.out, f)
}

// sized are the values that make one row more unusual than another; nil when all rows are alike.
func (d *gauge) sized() *window.Values {
	if d.metric.Op == metric.Distinct {
		return nil
	}
	return d.values
}

func (d *gauge) reason(v, mean, deviation float64) string {
	if deviation == 0 {
		return fmt.Sprintf("%s was %s in %s, where it always was %s (deviation 0)", d.metric, number(v), window.Span(d.config.Bucket), number(mean))
	}
	return fmt.Sprintf("%s was %s in %s, usual are %s ± %s (z=%.2f)",
		d.metric, number(v), window.Span(d.config.Bucket), number(mean), number(deviation), (v-mean)/deviation)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func (d *gauge) drop(id uint32, e *entity) {
	d.bytes -= measureBytes*cap(e.ahead) + 8*cap(e.past)
	for _, m := range e.ahead {
		d.bytes -= 8 * len(m.set)
	}
	*e = entity{}
	d.table.Drop(id)
	d.recent.Forget(id)
}

// shrink gives up the smallest of a few entities while there are more than there is room for.
func (d *gauge) shrink() {
	for d.size() > d.room && d.table.Len() > 1 {
		worst := d.table.Least(&d.hand, func(a, b uint32) bool { return d.all[a].weight() < d.all[b].weight() })
		e := d.entity(worst)
		if e.state&open != 0 {
			d.out = append(d.out, alert.Finding{
				Entity: d.table.Keys().Entity(d.table.Key(worst)), Time: max(d.judged, 0), Value: e.peak, Limit: e.limit,
				Below: e.state&below != 0, Ended: true, Reason: "given up for lack of memory",
			})
		}
		d.stats.Evicted++
		d.drop(worst, e)
	}
}

// weight orders entities for eviction: those with an alert last, then by how much they did lately.
func (e *entity) weight() (w float64) {
	if e.state&open != 0 {
		w = 1e18
	}
	for _, m := range e.ahead {
		w += float64(m.n)
	}
	if n := len(e.past); n > 0 {
		w += e.past[n-1]
	}
	return w
}

// Stats tells how full it is.
func (d *gauge) Stats() detector.Stats {
	s := d.stats
	s.Entities = d.table.Len()
	s.Bytes = d.size()
	return s
}

func (d *gauge) size() int { return d.bytes + d.table.Bytes() + d.table.Len()*entityBytes }
