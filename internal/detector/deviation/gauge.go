package deviation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/metric"
	"tocsin/internal/view"
	"tocsin/internal/window"
)

// gauge is the detector. Each entity has the measures of buckets that the watermark has not passed, and the values of those
// that it has.
type gauge struct {
	config Config // settled
	season season
	metric metric.Metric
	bucket int64
	room   int

	view   *view.View // nil when entities are told by stored fields alone
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
	ahead  []measure // by bucket, or by instant with align: newest
	past   []float64 // values of the newest closed buckets, oldest first; none with a season
	season *seasonal // with a season, once a bucket was closed
	due    int64
	peak   float64
	limit  float64
	state  state
}

type state uint8

const (
	known state = 1 << iota // a bucket of it was closed
	open                    // an alert stands
	below                   // for too low a value
	timed                   // due is set
)

const (
	entityBytes  = 96
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
	d.view.Each(b, rows, d.fold)
	d.shrink()
}

func (d *gauge) fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
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
	d.shrink()
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
	hour := uint8(0)
	if d.season.on() {
		hour = d.season.hour(k * d.bucket)
	}
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
		if d.season.on() {
			d.closeSeason(uint32(id), e, v, k, hour, m.estimate())
			continue
		}
		end := window.Later(k*d.bucket, d.bucket)
		if u, ok := d.habit(e, k); ok {
			d.judge(uint32(id), e, v, &u, k*d.bucket, end, k*d.bucket, end-1, m.estimate())
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

// habit returns what is usual for bucket k of an entity; false when too little is known of it to judge.
func (d *gauge) habit(e *entity, k int64) (u habit, ok bool) {
	switch {
	case !d.season.on():
		u.mean, u.deviation = usual(e.past)
		return u, len(e.past) >= d.config.MinBuckets && len(e.past) > 0
	case e.season == nil:
		return u, false
	default:
		return e.season.usual(d.season.hour(k*d.bucket), d.season.enough), e.season.known >= d.config.MinBuckets
	}
}

// judge holds a value against the usual ones and reports whether it is unusual. since and at are the bounds that the finding
// names; from and until those of its samples.
func (d *gauge) judge(id uint32, e *entity, v float64, u *habit, since, at, from, until int64, estimate bool) bool {
	var out state
	switch {
	case d.beyond(u, v, true):
		out = open
	case d.beyond(u, v, false):
		out = open | below
	case e.state&open != 0:
		d.end(id, e, at, fmt.Sprintf("%s was %s, as is usual again", d.metric, number(v)))
		f := &d.out[len(d.out)-1]
		f.Since, f.Window, f.Estimate = since, time.Duration(at-since), estimate
		return false
	default:
		return false
	}
	limit, _ := d.limit(u, out&below == 0)
	e.limit, e.peak = limit, v
	e.state = e.state&^(open|below) | out
	d.out = append(d.out, alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Since: since, Value: v, Limit: limit, Below: out&below != 0,
		Estimate: estimate, Window: time.Duration(at - since), Triggers: 1,
		Reason: d.reason(v, u), Samples: d.recent.Samples(id, from, until, d.sized()),
	})
	return true
}

// end ends the alert of an entity.
func (d *gauge) end(id uint32, e *entity, at int64, why string) {
	d.out = append(d.out, alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Value: e.peak, Limit: e.limit, Below: e.state&below != 0,
		Ended: true, Reason: why,
	})
	e.state &^= open | below
}

// sized are the values that make one row more unusual than another; nil when all rows are alike.
func (d *gauge) sized() *window.Values {
	if d.metric.Op == metric.Distinct {
		return nil
	}
	return d.values
}

func (d *gauge) drop(id uint32, e *entity) {
	d.bytes -= measureBytes*cap(e.ahead) + 8*cap(e.past)
	for _, m := range e.ahead {
		d.bytes -= 8 * len(m.set)
	}
	if e.season != nil {
		d.bytes -= seasonalBytes + slotBytes*cap(e.season.slots)
	}
	*e = entity{}
	d.table.Drop(id)
	d.recent.Forget(id)
}

// shrink gives up the smallest of a few entities while there are more than there is room for.
func (d *gauge) shrink() {
	for d.size() > d.room && d.table.Len() > 1 {
		worst := d.table.Least(&d.hand, func(a, b uint32) bool { return d.weight(&d.all[a]) < d.weight(&d.all[b]) })
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
	d.quiet.Thin(d.table.Len(), func(id uint32, at int64) bool { return d.entity(id).timed(at) })
}

// weight orders entities for eviction: those with an alert last, then by how much they did lately; with a season by how
// far they are on the way to being judged, up to when anything last came of them, and how near they last came to firing.
func (d *gauge) weight(e *entity) (w float64) {
	if e.state&open != 0 {
		w = 1e18
	}
	if d.season.on() {
		if e.season != nil {
			active := min(e.season.known-e.season.silent, d.config.MinBuckets)
			w += float64(active)/float64(max(d.config.MinBuckets, 1)) + e.season.near
		}
		return w
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
