package threshold

import (
	"fmt"
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
	x.Known, x.Open = old.state&known != 0 || len(old.past)+len(old.next) > 0, old.state&(open|told) != 0
	x.Fires, x.Already, x.Settles = after > before, before > 0 && x.Open, x.At
	var has, had bool
	if len(old.window()) > 0 || d.values.Name() == "" {
		x.Value, had = without.value(old)
	}
	x.With, has = with.value(e)
	x.Estimate = e.state&full != 0 || e.last().lumps(window.Earlier(x.At, d.over))
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
		e.past, e.next, e.more = slices.Clone(e.past), slices.Clone(e.next), e.more.clone()
		if e.alarm != nil {
			e.alarm = new(*e.alarm)
		}
	}
	return c, e
}

// carry goes through everything that is known of the one entity of a rehearsal, at least up to a time, and returns up to
// when that was.
func (d *judge) carry(e *entity, to int64) int64 {
	for {
		d.tidyAll(e)
		if n := len(e.next); n > int(e.came) {
			to = max(to, e.next[n-1].t)
		}
		d.commit(0, e, to)
		if int(e.came) == len(e.next) {
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
	if in := e.window(); len(in) > 0 {
		x.When("oldest", in[0].t)
		x.When("leaves after", window.Later(in[0].t, d.over))
	}
	if e.state&(open|told) != 0 {
		since := e.last().trigger
		if e.state&open == 0 {
			since = e.last().early
		}
		x.When("last trigger", since)
	}
	if d.warms && e.state&known != 0 && window.Later(e.last().first, d.over) > x.At {
		x.When("judged from", window.Later(e.last().first, d.over))
	} else if d.warms && e.state&known == 0 {
		x.Say("judged from", "one window after it is first seen")
	}
}
