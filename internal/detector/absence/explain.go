package absence

import (
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Explain tells how long the row's entity has been silent. What it says of the row goes through the same steps as Judge, on a
// copy of that one entity. A row fires only in that it cuts one silence into two that are both too long.
func (d *watch) Explain(b *event.Batch, row int32, at int64) detector.Explanation {
	x := detector.Explanation{Limit: float64(d.idle) / 1e9}
	key, lacks := d.table.Keys().Of(b, row)
	if lacks != "" {
		x.Lacks = lacks
		return x
	}
	x.Entity = d.table.Keys().Entity(key)
	x.Late = at <= d.judged
	at = max(at, window.Later(d.judged, 1))
	without, e := d.rehearsal(key)
	last := e.heard()
	x.Known, x.Open = e.state&known != 0 || len(e.ahead) > 0, e.state&absent != 0
	if e.state&expected != 0 {
		x.Say("expected", "by the rule's list")
	}
	x.At = at
	if x.Known {
		x.At = max(at, last)
	}
	x.Settles = x.At
	with, _ := d.rehearsal(key)
	if !with.placed {
		with.start = min(with.start, at)
	}
	with.hear(0, window.Heard{From: at, To: at})
	after, before := with.carry(x.At), without.carry(x.At)
	x.Fires, x.Already = after > before, before > 0 && e.state&absent != 0
	d.describe(&x, last)
	return x
}

// rehearsal returns a watch that knows one entity, which is as d knows it, and shares nothing with d that either changes.
func (d *watch) rehearsal(key string) (*watch, *entity) {
	c := &watch{
		idle: d.idle, forget: d.forget, room: math.MaxInt, table: window.NewTable(d.table.Keys()),
		judged: d.judged, start: d.start, placed: d.placed, due: window.NewCalendar(max(d.idle/16, int64(time.Second))),
	}
	e := c.entity(c.table.Number(key))
	if id, ok := d.table.Lookup(key); ok && int(id) < len(d.all) {
		*e = d.all[id]
		e.ahead = slices.Clone(e.ahead)
	}
	return c, e
}

// carry judges the one entity of a rehearsal up to a time and returns how often it fired.
func (d *watch) carry(to int64) int {
	d.judged = to
	if !d.placed && d.start <= to {
		d.place()
	}
	d.settle(0, &d.all[0])
	return detector.Triggers(d.out)
}

func (d *watch) describe(x *detector.Explanation, last int64) {
	idle := window.Span(time.Duration(d.idle))
	if !x.Known {
		x.Text = "never heard; from this one on it is missed after " + idle + " of silence"
		x.When("missed from", window.Later(x.At, d.idle))
		return
	}
	x.When("last heard", last)
	x.Value = float64(x.At-last) / 1e9
	silent := window.Span(time.Duration(x.At - last).Round(time.Second))
	switch {
	case x.Open:
		x.Text = fmt.Sprintf("silent for %s (limit: %s), which this one ends", silent, idle)
	case x.Value > x.Limit:
		x.Text = fmt.Sprintf("silent for %s (limit: %s), which no watermark has proven yet; this one ends it", silent, idle)
	default:
		x.Text = fmt.Sprintf("silent for %s (limit: %s); with this one it is heard again", silent, idle)
		x.When("missed without it from", window.Later(last, d.idle))
	}
	x.When("missed from", window.Later(x.At, d.idle))
}
