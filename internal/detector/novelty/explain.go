package novelty

import (
	"math"
	"slices"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Explain tells whether the row's entity is news. It goes through the same steps as Judge, on a copy of that one entity.
func (d *lookout) Explain(b *event.Batch, row int32, at int64) detector.Explanation {
	var all []detector.Explanation
	d.view.Each(b, []int32{row}, func(aspect *event.Batch, _ []int32) { all = append(all, d.explain(aspect, row, at)) })
	return detector.Foremost(all)
}

func (d *lookout) explain(b *event.Batch, row int32, at int64) detector.Explanation {
	var x detector.Explanation
	key, lacks := d.table.Keys().Of(b, row)
	if lacks != "" {
		x.Lacks = lacks
		return x
	}
	x.Entity = d.table.Keys().Entity(key)
	x.Late = at <= d.judged
	at = max(at, window.Later(d.judged, 1))

	with, e := d.rehearsal(key)
	without, old := d.rehearsal(key)
	x.At = at
	if n := len(e.ahead); n > 0 {
		x.At = max(at, e.ahead[n-1].last)
	}
	if d.start > d.judged {
		with.start = min(d.start, at)
	}
	with.see(0, sightings{at, at})
	with.judged, without.judged = x.At, x.At
	with.settle(0, e)
	without.settle(0, old)
	before, after := detector.Triggers(without.out), detector.Triggers(with.out)
	x.Open = old.state&(open|told) != 0
	x.Fires, x.Already, x.Settles = after > before, before > 0 && x.Open, x.At
	id, has := d.table.Lookup(key)
	var was entity
	if has && int(id) < len(d.all) {
		was = d.all[id]
	}
	x.Known = was.state&seen != 0 || len(was.ahead) > 0
	d.describe(&x, key, &was, with.learned())
	return x
}

// rehearsal returns a lookout that knows one entity, which is as d knows it, and shares nothing with d that either changes.
func (d *lookout) rehearsal(key string) (*lookout, *entity) {
	c := &lookout{
		known: d.known, learn: d.learn, forget: d.forget, end: d.end, daily: d.daily, room: math.MaxInt,
		table: window.NewTable(d.table.Keys()), judged: d.judged, start: d.start, due: window.NewCalendar(int64(time.Minute)),
	}
	e := c.entity(c.table.Number(key))
	if id, ok := d.table.Lookup(key); ok && int(id) < len(d.all) {
		*e = d.all[id]
		e.ahead = slices.Clone(e.ahead)
	}
	return c, e
}

func (d *lookout) describe(x *detector.Explanation, key string, e *entity, learned int64) {
	switch {
	case d.known[key]:
		x.Text = "on the rule's list of known ones, so it is no news"
	case x.Fires && x.Known && e.state&news != 0:
		x.Text = "still unknown, and this is the first time today"
	case x.Fires:
		x.Text = d.first() + ": this one is news"
	case x.Open:
		x.Text = "it was news already; its alert stands"
	case !x.Known && x.At < learned:
		x.Text = "never seen; the rule still learns, so this one makes it known without a finding"
	case x.Known:
		x.Text = "seen before, so it is no news"
	default:
		x.Text = "no news"
	}
	if x.Known {
		x.When("last seen", e.newest())
	}
	if e.state&(news|told) != 0 {
		x.When("was news", max(e.trigger, e.early))
	}
	if d.learn > 0 && x.At < learned {
		x.When("learning until", learned)
	}
	if d.forget != 0 && x.Known {
		x.When("forgotten after", window.Later(e.newest(), d.forget))
	}
}
