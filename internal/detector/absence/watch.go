package absence

import (
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// watch is the detector. Of each entity it knows when it was last heard, and the times in which it was heard since
// then that the watermark has not reached. Within one no silence is longer than idle, so the events of it need not be
// kept one by one, nor does the order matter in which they came.
type watch struct {
	idle, forget int64
	room         int

	table  *window.Table
	all    []entity
	recent window.Recent

	judged int64
	start  int64 // time of the earliest event of all, selected or not; the end of time before there is one
	placed bool  // expected entities are missed from start on
	due    *window.Calendar
	bytes  int
	hand   uint32
	out    []alert.Finding
	stats  detector.Stats
}

type entity struct {
	last  int64 // when it was last heard
	due   int64
	ahead []window.Heard
	state state
}

type state uint8

const (
	known    state = 1 << iota // last is set
	absent                     // it has been silent for too long; an alert stands
	expected                   // it is on the list
	timed                      // due is set
)

const (
	entityBytes = 56
	heardBytes  = 16
)

func (d *watch) entity(id uint32) *entity {
	for int(id) >= len(d.all) {
		d.all = append(d.all, entity{})
	}
	return &d.all[id]
}

// Fold takes rows in.
func (d *watch) Fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
	if !d.placed {
		if first, _, ok := clock.Range(); ok && first > d.judged {
			d.start = min(d.start, first)
		}
	}
	if len(rows) == 0 {
		return
	}
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
		d.hear(id, window.Heard{From: t, To: t})
		d.recent.Note(i, id)
	}
	d.shrink()
}

// hear notes that an entity was heard.
func (d *watch) hear(id uint32, h window.Heard) {
	e := d.entity(id)
	before := cap(e.ahead)
	e.add(h, d.idle)
	d.bytes += (cap(e.ahead) - before) * heardBytes
	if e.state&(known|absent) != known { // otherwise it is looked at when it would be missed
		d.schedule(id, e, e.ahead[0].From)
	}
}

// add takes in a time in which the entity was heard.
func (e *entity) add(h window.Heard, idle int64) {
	if e.state&(known|absent) == known && len(e.ahead) == 0 && h.From <= window.Later(e.last, idle) {
		e.last = max(e.last, h.To)
		return
	}
	e.ahead = window.Hear(e.ahead, h, idle)
}

func (d *watch) schedule(id uint32, e *entity, at int64) {
	if e.state&timed != 0 && e.due <= at {
		return
	}
	e.due = at
	e.state |= timed
	d.due.Add(at, id)
}

// timed reports whether it is as the calendar says: an entity is to be looked at then.
func (e *entity) timed(at int64) bool { return e.state&timed != 0 && e.due == at }

// Early returns nothing: a silence is only proven by the watermark.
func (d *watch) Early() []alert.Finding {
	d.release()
	return nil
}

// release lets go of rows, and keeps in writing who was heard last and what he said.
func (d *watch) release() {
	d.recent.Keep(window.Earlier(d.judged, 2*d.idle), nil, func(uint32) bool { return false })
	d.recent.Release()
}

// Judge tells who has been silent up to w.
func (d *watch) Judge(w event.Watermark) []alert.Finding {
	if int64(w) <= d.judged {
		return nil
	}
	d.judged = int64(w)
	if d.start == math.MaxInt64 {
		d.start = d.judged // nothing at all has come so far: those expected are missed all the same
	}
	if !d.placed && d.start <= d.judged {
		d.place()
	}
	d.due.Due(d.judged, func(id uint32, at int64) {
		if e := d.entity(id); e.timed(at) {
			e.state &^= timed
			d.settle(id, e)
		}
	})
	d.release()
	out := d.out
	d.out = nil
	return window.Order(out)
}

// place makes the expected ones missed as if they had been heard at the start.
func (d *watch) place() {
	d.placed = true
	for id := range d.all {
		if e := &d.all[id]; e.state&(expected|known) == expected {
			e.last = d.start
			e.state |= known
			d.schedule(uint32(id), e, window.Later(d.start, d.idle))
		}
	}
}

// settle brings an entity up to the watermark.
func (d *watch) settle(id uint32, e *entity) {
	for {
		limit := window.Later(e.last, d.idle)
		switch {
		case e.state&known == 0:
			if len(e.ahead) == 0 {
				return // expected, and to be placed
			}
			if e.ahead[0].From > d.judged {
				d.schedule(id, e, e.ahead[0].From)
				return
			}
			e.state |= known
			e.last = e.ahead[0].To
			d.take(e)
		case e.state&absent == 0 && len(e.ahead) > 0 && e.ahead[0].From <= limit:
			e.last = max(e.last, e.ahead[0].To)
			d.take(e)
		case e.state&absent == 0 && limit > d.judged:
			d.schedule(id, e, limit)
			return
		case e.state&absent == 0:
			e.state |= absent
			d.report(id, e, limit)
		case len(e.ahead) > 0 && e.ahead[0].From <= d.judged && !d.gone(e, e.ahead[0].From-1):
			e.state &^= absent
			d.ended(id, e.ahead[0].From, e.last, "heard again after ")
			e.last = e.ahead[0].To
			d.take(e)
		case d.gone(e, d.judged):
			d.ended(id, window.Later(e.last, d.forget), e.last, "no longer missed after ")
			e.state &^= absent | known
			if len(e.ahead) == 0 {
				d.drop(id, e)
				return
			}
		default:
			next := int64(math.MaxInt64)
			if e.state&expected == 0 {
				next = window.Later(e.last, d.forget)
			}
			if len(e.ahead) > 0 {
				next = min(next, e.ahead[0].From)
			}
			d.schedule(id, e, next)
			return
		}
	}
}

// gone reports whether an entity is forgotten at a time.
func (d *watch) gone(e *entity, at int64) bool {
	return e.state&expected == 0 && window.Later(e.last, d.forget) <= at
}

// take removes the first time of those ahead.
func (d *watch) take(e *entity) {
	if e.ahead = slices.Delete(e.ahead, 0, 1); len(e.ahead) == 0 {
		d.bytes -= cap(e.ahead) * heardBytes
		e.ahead = nil
	}
}

func (d *watch) report(id uint32, e *entity, at int64) {
	f := alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Since: e.last, Value: float64(d.idle) / 1e9, Limit: float64(d.idle) / 1e9,
		Window: time.Duration(d.idle), Triggers: 1,
	}
	since := time.Unix(0, e.last).UTC().Format(time.RFC3339)
	f.Reason = fmt.Sprintf("nothing for %s, last heard %s", window.Span(time.Duration(d.idle)), since)
	if d.start == e.last && e.state&expected != 0 {
		f.Reason = fmt.Sprintf("nothing for %s, and never since the beginning at %s", window.Span(time.Duration(d.idle)), since)
	}
	f.Samples = d.recent.Samples(id, f.Since, f.Time, nil)
	d.out = append(d.out, f)
}

func (d *watch) ended(id uint32, at, last int64, why string) {
	d.out = append(d.out, alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: at, Since: last, Value: float64(at-last) / 1e9, Limit: float64(d.idle) / 1e9,
		Window: time.Duration(d.idle), Ended: true, Reason: why + window.Span(time.Duration(at-last).Round(time.Second)),
		Samples: d.recent.Samples(id, at, at, nil),
	})
}

func (d *watch) drop(id uint32, e *entity) {
	d.bytes -= cap(e.ahead) * heardBytes
	*e = entity{}
	d.table.Drop(id)
	d.recent.Forget(id)
}

// shrink gives up the longest silent of a few entities while there are more than there is room for.
func (d *watch) shrink() {
	for d.size() > d.room && d.table.Len() > 1 {
		worst, found := uint32(0), false
		for n, tries := 0, 0; n < 16 && tries < d.table.Cap(); d.hand++ {
			tries++
			id := d.hand % uint32(d.table.Cap())
			if !d.table.Used(id) || d.all[id].state&expected != 0 {
				continue
			}
			n++
			if !found || d.all[id].heard() < d.all[worst].heard() {
				worst, found = id, true
			}
		}
		if !found {
			break // all are expected: their number is bounded by the list
		}
		e := d.entity(worst)
		if e.state&absent != 0 {
			d.ended(worst, window.Later(e.last, d.idle), e.last, "given up for lack of memory after ")
		}
		d.stats.Evicted++
		d.drop(worst, e)
	}
	d.due.Thin(d.table.Len(), func(id uint32, at int64) bool { return d.entity(id).timed(at) })
}

func (e *entity) heard() int64 {
	if n := len(e.ahead); n > 0 {
		return e.ahead[n-1].To
	}
	return e.last
}

// Stats tells how full it is.
func (d *watch) Stats() detector.Stats {
	s := d.stats
	s.Entities = d.table.Len()
	s.Bytes = d.size()
	return s
}

func (d *watch) size() int { return d.bytes + d.table.Bytes() + d.table.Len()*entityBytes }
