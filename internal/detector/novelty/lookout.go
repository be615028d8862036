package novelty

import (
	"math"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/view"
	"tocsin/internal/window"
)

// lookout is the detector. Of the sightings that wait for the watermark it keeps the first and the last of each day: what
// lies between decides nothing, as an entity is never forgotten within a day.
type lookout struct {
	known              map[string]bool
	learn, forget, end int64
	daily              bool
	room               int

	view    *view.View // nil when entities are told by stored fields alone
	table   *window.Table
	all     []entity
	recent  window.Recent
	touched []uint32

	judged int64
	start  int64 // time of the earliest event of all, selected or not; the end of time before there is one
	due    *window.Calendar
	bytes  int
	hand   uint32
	out    []alert.Finding
	stats  detector.Stats
}

type entity struct {
	last    int64 // when it was last seen
	trigger int64 // when it last fired
	early   int64 // when it fires, as told early
	due     int64
	ahead   []sightings
	state   state
}

// sightings are those of one day.
type sightings struct{ first, last int64 }

type state uint8

const (
	seen    state = 1 << iota // last is set
	news                      // it fired since it was last forgotten
	open                      // an alert stands
	told                      // it was told early and is still to come
	timed                     // due is set
	touched                   // in the list of that name
)

const (
	entityBytes    = 72
	sightingsBytes = 16
)

func (d *lookout) entity(id uint32) *entity {
	for int(id) >= len(d.all) {
		d.all = append(d.all, entity{})
	}
	return &d.all[id]
}

func day(t int64) int64 { return window.FloorDiv(t, int64(dayLength)) }

// Fold takes rows in.
func (d *lookout) Fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
	if d.start > d.judged {
		if first, _, ok := clock.Range(); ok && first > d.judged {
			d.start = min(d.start, first)
		}
	}
	if len(rows) == 0 {
		return
	}
	d.view.Each(b, rows, d.fold)
	d.shrink()
}

func (d *lookout) fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
	d.table.Bind(b)
	d.recent.Begin(b, rows)
	for i, row := range rows {
		t := clock.At(row)
		if t <= d.judged || t == 0 {
			d.stats.Late++
			continue
		}
		id, ok := d.table.Row(row)
		if !ok {
			d.stats.Skipped++
			continue
		}
		d.see(id, sightings{t, t})
		d.recent.Note(i, id)
	}
}

// see notes that an entity was seen.
func (d *lookout) see(id uint32, s sightings) {
	e := d.entity(id)
	if n := len(e.ahead); n > 0 && day(e.ahead[n-1].first) == day(s.first) {
		a := &e.ahead[n-1]
		a.first, a.last = min(a.first, s.first), max(a.last, s.last)
	} else {
		before := cap(e.ahead)
		e.insert(s)
		d.bytes += (cap(e.ahead) - before) * sightingsBytes
	}
	d.schedule(id, e, e.ahead[0].first)
	if e.state&(touched|seen) == 0 {
		e.state |= touched
		d.touched = append(d.touched, id)
	}
}

func (e *entity) insert(s sightings) {
	i, there := slices.BinarySearchFunc(e.ahead, day(s.first), func(a sightings, want int64) int { return int(day(a.first) - want) })
	if there {
		a := &e.ahead[i]
		a.first, a.last = min(a.first, s.first), max(a.last, s.last)
		return
	}
	if e.ahead == nil {
		e.ahead = make([]sightings, 0, 1)
	}
	e.ahead = slices.Insert(e.ahead, i, s)
}

func (d *lookout) schedule(id uint32, e *entity, at int64) {
	if e.state&timed != 0 && e.due <= at {
		return
	}
	e.due = at
	e.state |= timed
	d.due.Add(at, id)
}

// timed reports whether it is as the calendar says: an entity is to be looked at then.
func (e *entity) timed(at int64) bool { return e.state&timed != 0 && e.due == at }

// learned is the time from which on what is seen first is news.
func (d *lookout) learned() int64 { return window.Later(d.start, d.learn) }

// Early tells of entities that were never seen before, once nothing late can have been seen while still learning.
func (d *lookout) Early() []alert.Finding {
	for _, id := range d.touched {
		e := d.entity(id)
		e.state &^= touched
		if e.state&(seen|told) != 0 || len(e.ahead) == 0 || d.learned() > d.judged || d.table.Among(d.known, id) {
			continue
		}
		e.state |= told
		e.early = e.ahead[0].first
		d.report(id, e.early, 1, d.first())
	}
	d.touched = d.touched[:0]
	return d.findings()
}

// Judge tells who was new up to w.
func (d *lookout) Judge(w event.Watermark) []alert.Finding {
	if int64(w) <= d.judged {
		return nil
	}
	d.judged = int64(w)
	for _, id := range d.touched {
		d.entity(id).state &^= touched
	}
	d.touched = d.touched[:0]
	d.due.Due(d.judged, func(id uint32, at int64) {
		if e := d.entity(id); e.timed(at) {
			e.state &^= timed
			d.settle(id, e)
		}
	})
	return d.findings()
}

func (d *lookout) findings() []alert.Finding {
	d.recent.Release()
	out := d.out
	d.out = nil
	return window.Order(out)
}

// settle brings an entity up to the watermark.
func (d *lookout) settle(id uint32, e *entity) {
	for len(e.ahead) > 0 && e.ahead[0].first <= d.judged {
		a := e.ahead[0]
		if e.ahead = slices.Delete(e.ahead, 0, 1); len(e.ahead) == 0 {
			d.bytes -= cap(e.ahead) * sightingsBytes
			e.ahead = nil
		}
		d.expire(id, e, a.first-1)
		d.sight(id, e, a.first)
		e.last = max(e.last, a.last)
	}
	d.expire(id, e, d.judged)
	forgotten := d.forget != 0 && window.Later(e.last, d.forget) < d.judged
	if len(e.ahead) == 0 && e.state&(open|told) == 0 && forgotten {
		d.drop(id, e)
		return
	}
	next := int64(math.MaxInt64)
	if len(e.ahead) > 0 {
		next = e.ahead[0].first
	}
	if e.state&open != 0 {
		next = min(next, window.Later(e.trigger, d.end))
	} else if d.forget != 0 && !forgotten {
		next = min(next, window.Later(window.Later(e.last, d.forget), 1))
	}
	if next != math.MaxInt64 {
		d.schedule(id, e, max(next, window.Later(d.judged, 1)))
	}
}

// sight judges the first sighting of a day.
func (d *lookout) sight(id uint32, e *entity, t int64) {
	why := ""
	switch {
	case e.state&seen == 0:
		why = d.first()
	case d.forget != 0 && t-e.last > d.forget:
		why = d.first()
		e.state &^= news
	case e.state&news != 0 && d.daily && day(t) != day(e.trigger):
		why = "still unknown, and seen again today"
	}
	e.state |= seen
	if why == "" || t < d.learned() || d.table.Among(d.known, id) {
		return
	}
	e.state |= news | open
	e.trigger = t
	if e.state&told != 0 {
		e.state &^= told
		if t < e.early { // what came late shows that it was seen earlier
			d.report(id, t, 0, why)
		}
		return
	}
	d.report(id, t, 1, why)
}

// first is the reason of a finding. Whoever was forgotten is gone, so it cannot say when it was seen before.
func (d *lookout) first() string {
	if d.forget != 0 {
		return "seen for the first time in " + window.Span(time.Duration(d.forget))
	}
	return "seen for the first time"
}

// expire ends the alert of an entity when it is old enough at x.
func (d *lookout) expire(id uint32, e *entity, x int64) {
	at := window.Later(e.trigger, d.end)
	if e.state&open == 0 || at > x {
		return
	}
	e.state &^= open
	d.out = append(d.out, alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Since: e.trigger, Value: 1, Limit: 0, Ended: true,
		Reason: "no news for " + window.Span(time.Duration(d.end)),
	})
}

func (d *lookout) report(id uint32, t int64, triggers int, why string) {
	d.out = append(d.out, alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: t, Since: t, Value: 1, Limit: 0, Triggers: triggers, Reason: why,
		Samples: d.recent.Samples(id, t, t, nil),
	})
}

func (d *lookout) drop(id uint32, e *entity) {
	d.bytes -= cap(e.ahead) * sightingsBytes
	*e = entity{state: e.state & touched}
	d.table.Drop(id)
	d.recent.Forget(id)
}

// shrink gives up the one of a few entities that was not seen for longest while there are more than there is room for. It
// will be news again.
func (d *lookout) shrink() {
	for d.size() > d.room && d.table.Len() > 1 {
		worst := d.table.Least(&d.hand, func(a, b uint32) bool { return d.all[a].newest() < d.all[b].newest() })
		e := d.entity(worst)
		if e.state&(open|told) != 0 {
			d.out = append(d.out, alert.Finding{
				Entity: d.table.Keys().Entity(d.table.Key(worst)), Time: max(e.trigger, e.early), Value: 1, Ended: true,
				Reason: "given up for lack of memory",
			})
		}
		d.stats.Evicted++
		d.drop(worst, e)
	}
	d.due.Thin(d.table.Len(), func(id uint32, at int64) bool { return d.entity(id).timed(at) })
}

func (e *entity) newest() int64 {
	if n := len(e.ahead); n > 0 {
		return e.ahead[n-1].last
	}
	return e.last
}

// Stats tells how full it is.
func (d *lookout) Stats() detector.Stats {
	s := d.stats
	s.Entities = d.table.Len()
	s.Bytes = d.size()
	return s
}

func (d *lookout) size() int { return d.bytes + d.table.Bytes() + d.table.Len()*entityBytes }
