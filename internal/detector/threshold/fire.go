package threshold

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// commit goes through what happened to an entity up to w, in order of time.
func (d *judge) commit(id uint32, e *entity, w int64) {
	d.tidy(e)
	d.pour(e, w)
	at := int64(math.MinInt64) // the instant at hand, which stays whole
	for int(e.came) < len(e.next) {
		t := e.next[e.came].t
		if t > w {
			break
		}
		if t != at {
			d.pass(id, e, t-1)
			if d.metric.Op != metric.Distinct && d.together(e) {
				continue
			}
			at = t
		}
		if e.state&known == 0 {
			if e.state |= known; d.warms {
				d.raise(e).first = t
			}
		}
		if n := e.next[e.came].n; d.sessions && (n >= 0 || len(d.instant) == 0 || d.instant[len(d.instant)-1] != n) {
			d.instant = append(d.instant, n)
		}
		d.arrive(e)
		if int(e.came) < len(e.next) && e.next[e.came].t == t {
			continue // members, and sessions, of one instant are judged together
		}
		if e.more != nil {
			d.takeShares(e, t)
		}
		d.check(id, e, t, true)
		d.instant = d.instant[:0]
	}
	d.pass(id, e, w)
	d.flush(id, e)
	d.compact(e)
}

// pass lets time go by up to x, without anything happening: entries leave the window, and alerts end.
func (d *judge) pass(id uint32, e *entity, x int64) {
	if d.grows && !d.warms && e.state&(open|told|blind) == 0 { // all that can happen is that entries leave, which breaks nothing
		for int(e.head) < len(e.past) && window.Later(e.past[e.head].t, d.over) <= x {
			d.leave(e)
		}
		return
	}
	for {
		leaves, warm, ends, sees := int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64)
		if int(e.head) < len(e.past) {
			leaves = window.Later(e.past[e.head].t, d.over)
		}
		if d.warms && e.state&(known|open|broken) == known {
			warm = window.Later(e.last().first, d.over)
			if warm <= d.from(e) {
				warm = math.MaxInt64
			}
		}
		if e.state&blind != 0 {
			sees = d.covered(e, e.last().early)
		}
		switch {
		case e.state&open != 0 && e.state&broken == 0:
			ends = window.Later(e.last().held, d.end)
		case e.state&open != 0 && int(e.head) == len(e.past):
			ends = d.forgotten(e)
		}
		at := min(leaves, warm, ends, sees)
		if at > x {
			break
		}
		switch at {
		case leaves:
			d.leave(e)
			for int(e.head) < len(e.past) && window.Later(e.past[e.head].t, d.over) == at {
				d.leave(e) // what leaves at one instant is judged together
			}
			if !d.grows || e.state&open != 0 {
				d.check(id, e, at, false)
			}
		case warm:
			d.raise(e).held = at
			d.check(id, e, at, false)
		case sees:
			e.state &^= blind // whatever a saved state says, it is looked at once
			d.check(id, e, at, false)
		default:
			d.ended(id, e, at)
		}
	}
	if e.state&(told|open) == told {
		if _, end := d.bucket(e.last().early); end <= x {
			d.retract(id, e)
		}
	}
}

// from returns up to when an entity that must be known for one window was judged.
func (d *judge) from(e *entity) int64 {
	if held := e.last().held; held != 0 {
		return held
	}
	return math.MinInt64
}

// value returns what is measured now; false when the window is empty and has no such value.
func (d *judge) value(e *entity) (v float64, ok bool) {
	switch d.metric.Op {
	case metric.Count, metric.Distinct:
		return float64(e.n), true
	case metric.Sum:
		return float64(e.sum) * d.scale, true
	case metric.Avg:
		return float64(e.sum) / float64(e.n) * d.scale, e.n > 0
	default:
		return float64(e.sum) * d.scale, e.n > 0
	}
}

// check holds the value at t against the limit.
func (d *judge) check(id uint32, e *entity, t int64, arrival bool) {
	if d.warms && t < window.Later(e.last().first, d.over) {
		return
	}
	v, ok := d.value(e)
	if e.state &^= blind; d.warms && d.limit.broken(v) && d.covered(e, t) != t {
		e.state |= blind
		d.raise(e).early = t
		return
	}
	if !ok || !d.limit.broken(v) {
		if e.state&broken != 0 {
			e.state &^= broken
			d.raise(e).held = t
		}
		return
	}
	a := d.raise(e)
	a.held = t
	e.state |= broken
	if e.state&open == 0 {
		d.opened(id, e, t, v)
		if d.sessions {
			d.trigger(e, t, 1)
		}
		return
	}
	if d.limit.below {
		a.peak = min(a.peak, v)
	} else {
		a.peak = max(a.peak, v)
	}
	if d.sessions {
		if arrival {
			d.trigger(e, t, 0)
		}
		return
	}
	if (arrival || d.limit.below) && t-a.trigger >= d.over {
		a.trigger = t
		d.report(id, e, t, a.peak, 1)
		a.peak = v
	}
}

// opened notes that the limit is broken anew.
func (d *judge) opened(id uint32, e *entity, t int64, v float64) {
	e.state |= open
	a := d.raise(e)
	a.trigger = t
	foretold := a.peak
	a.peak = v
	if d.metric.Op == metric.Count && !d.limit.below {
		v = float64(d.limit.first()) // rows of one instant come one after the other: this many completed it
	}
	if e.state&told == 0 {
		d.report(id, e, t, v, 1)
		return
	}
	e.state &^= told
	if t != a.early || v != foretold { // what came late shows that it was at another time, or more
		d.report(id, e, t, v, 0)
	}
}

func (d *judge) report(id uint32, e *entity, t int64, v float64, triggers int) {
	d.out = append(d.out, d.finding(id, e, t, v, triggers))
}

// finding makes the finding of a trigger.
func (d *judge) finding(id uint32, e *entity, t int64, v float64, triggers int) alert.Finding {
	// As many members as are remembered may have been more.
	filled := e.state&full != 0 || d.metric.Op == metric.Distinct && v >= float64(d.keep)
	f := alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: t, Since: window.Earlier(t, d.over),
		Value: v, Limit: d.limit.value, Below: d.limit.below, Window: time.Duration(d.over),
		Triggers: triggers, Estimate: filled && !d.limit.below || e.last().lumps(window.Earlier(t, d.over)),
	}
	f.Reason = d.reason(v, f.Estimate)
	f.Samples = d.recent.Samples(id, f.Since, f.Time, d.sized())
	return f
}

// sized are the values that make one row more unusual than another; nil when all rows are alike.
func (d *judge) sized() *window.Values {
	if d.metric.Op == metric.Distinct {
		return nil
	}
	return d.values
}

// ended ends the alert of an entity.
func (d *judge) ended(id uint32, e *entity, t int64) {
	d.flush(id, e)
	waits := e.state&(blind|broken) == blind // it may be too little already, and is to be judged again
	e.state &^= open | broken
	f := alert.Finding{
		Entity: d.table.Keys().Entity(d.table.Key(id)), Time: t, Since: window.Earlier(t, d.end), Value: e.last().peak, Limit: d.limit.value,
		Below: d.limit.below, Window: time.Duration(d.over), Ended: true,
	}
	f.Reason = fmt.Sprintf("%s%s was not %s for %s", d.metric, d.unit, d.limit, window.Span(time.Duration(t-e.last().held)))
	if d.limit.below && int(e.head) == len(e.past) && !waits {
		f.Reason = "nothing was seen for " + window.Span(time.Duration(t-e.last().held)) + "; given up"
		d.raise(e).first = 0
		e.state &^= known | blind
	}
	d.out = append(d.out, f)
	d.flush(id, e)
}

// retract ends an alert that was told early and that an event which came late has undone.
func (d *judge) retract(id uint32, e *entity) {
	e.state &^= told
	a := d.raise(e)
	a.held, a.peak = a.early, d.limit.value
	d.ended(id, e, a.early)
}

// reason is the sentence for people.
func (d *judge) reason(v float64, estimate bool) string {
	about := ""
	if estimate {
		about = "about "
	}
	return fmt.Sprintf("%s%s was %s%s over %s (limit: %s)", d.metric, d.unit, about, number(v), window.Span(time.Duration(d.over)), d.limit)
}

// number writes a value for people: whole numbers in full, others with four digits.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
