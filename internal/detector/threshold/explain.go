package threshold

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Explain tells how full the window of the row's entity is, and whether the row would break the limit. It goes through the
// same steps as Judge, on a copy of that one entity.
func (d *judge) Explain(b *event.Batch, row int32, at int64) detector.Explanation {
	var all []detector.Explanation
	d.view.Each(b, []int32{row}, func(aspect *event.Batch, _ []int32) { all = append(all, d.explain(aspect, row, at)) })
	return detector.Foremost(all)
}

func (d *judge) explain(b *event.Batch, row int32, at int64) detector.Explanation {
	x := detector.Explanation{Limit: d.limit.value, Below: d.limit.below}
	v, ok := d.values.Of(b, row)
	if !ok {
		x.Lacks = d.values.Name()
		return x
	}
	key, lacks := d.table.Keys().Of(b, row)
	if lacks != "" {
		x.Lacks = lacks
		return x
	}
	x.Entity = d.table.Keys().Entity(key)
	x.Late = at <= d.judged
	at = max(at, window.Later(d.judged, 1))

	with, e := d.rehearsal(key)
	with.flows.bind(b)
	with.take(e, row, at, v)
	x.At = with.carry(e, at)
	without, old := d.rehearsal(key)
	without.carry(old, x.At)

	before, after := detector.Triggers(without.out), detector.Triggers(with.out)
	x.Known, x.Open = old.state&known != 0 || len(old.ring) > 0, old.state&(open|told) != 0
	x.Fires, x.Already, x.Settles = after > before, before > 0 && x.Open, x.At
	var has, had bool
	if old.head < old.done || d.values.Name() == "" {
		x.Value, had = without.value(old)
	}
	x.With, has = with.value(e)
	x.Estimate = e.state&full != 0 || e.lump != 0 && e.lump >= window.Earlier(x.At, d.over)
	d.describe(&x, old, had, has)
	return x
}

// rehearsal returns a judge that knows one entity, which is as d knows it, and shares nothing with d that either changes.
func (d *judge) rehearsal(key string) (*judge, *entity) {
	c := &judge{
		metric: d.metric, limit: d.limit, scale: d.scale, unit: d.unit, over: d.over, end: d.end, grain: d.grain, keep: d.keep, grows: d.grows, early: d.early,
		warms: d.warms, room: d.room, exact: d.exact, judged: d.judged, table: window.NewTable(d.table.Keys()),
		spread: d.spread, sessions: d.sessions, exporters: d.exporters,
		values: d.values, // of which only the name is looked at
	}
	e := c.entity(c.table.Number(key))
	if id, ok := d.table.Lookup(key); ok && int(id)/pageSize < len(d.pages) {
		*e = d.pages[id/pageSize][id%pageSize]
		e.ring, e.longs, e.index, e.more = slices.Clone(e.ring), slices.Clone(e.longs), maps.Clone(e.index), e.more.clone()
	}
	return c, e
}

// carry goes through everything that is known of the one entity of a rehearsal, at least up to a time, and returns up to
// when that was.
func (d *judge) carry(e *entity, to int64) int64 {
	for {
		d.tidy(e)
		if n := len(e.ring); n > int(e.done) {
			to = max(to, e.ring[n-1].t)
		}
		d.commit(0, e, to)
		if int(e.done) == len(e.ring) {
			return to
		}
	}
}

func (d *judge) describe(x *detector.Explanation, e *entity, had, has bool) {
	about := ""
	if x.Estimate {
		about = "about "
	}
	now, then := "nothing", "nothing"
	if had {
		now = about + number(x.Value)
	}
	if has {
		then = about + number(x.With)
	}
	x.Text = fmt.Sprintf("%s%s over %s is %s, with this one %s (limit: %s)", d.metric, d.unit, window.Span(time.Duration(d.over)), now, then, d.limit)
	if e.head < e.done {
		x.When("oldest", e.ring[e.head].t)
		x.When("leaves after", window.Later(e.ring[e.head].t, d.over))
	}
	if e.state&(open|told) != 0 {
		since := e.trigger
		if e.state&open == 0 {
			since = e.early
		}
		x.When("last trigger", since)
	}
	if d.warms && e.state&known != 0 && window.Later(e.first, d.over) > x.At {
		x.When("judged from", window.Later(e.first, d.over))
	} else if d.warms && e.state&known == 0 {
		x.Say("judged from", "one window after it is first seen")
	}
}
