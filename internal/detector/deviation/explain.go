package deviation

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Explain tells what is usual for the row's entity and what its bucket holds so far. It goes through the same steps as
// Judge, on a copy of that one entity: Fires says what comes of the bucket if nothing else comes.
func (d *gauge) Explain(b *event.Batch, row int32, at int64) detector.Explanation {
	var x detector.Explanation
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
	first := window.Later(d.judged, 1)
	if !d.newest() && d.closed != math.MinInt64 {
		first = max(first, (d.closed+1)*d.bucket)
	}
	x.Late = at <= d.judged
	x.At = max(at, first)
	m := measure{at: d.place(x.At)}
	m.add(d.metric.Op, v, 1, x.At)
	if d.newest() {
		d.explainNewest(&x, key, m)
	} else {
		d.explainBucket(&x, key, m)
	}
	return x
}

// rehearsal returns a gauge that knows one entity, which is as d knows it, and shares nothing with d that either changes.
func (d *gauge) rehearsal(key string) (*gauge, *entity) {
	c := &gauge{
		config: d.config, metric: d.metric, bucket: d.bucket, room: math.MaxInt, table: window.NewTable(d.table.Keys()),
		values: d.values, judged: d.judged, closed: d.closed, seen: maps.Clone(d.seen), quiet: window.NewCalendar(d.bucket),
	}
	e := c.entity(c.table.Number(key))
	if id, ok := d.table.Lookup(key); ok && int(id) < len(d.all) {
		*e = d.all[id]
		e.past, e.ahead = slices.Clone(e.past), slices.Clone(e.ahead)
		for i := range e.ahead {
			e.ahead[i].set = slices.Clone(e.ahead[i].set)
		}
	}
	return c, e
}

func (d *gauge) explainBucket(x *detector.Explanation, key string, m measure) {
	k := m.at
	without, old := d.rehearsal(key)
	x.Known, x.Open = old.state&known != 0 || len(old.ahead) > 0, old.state&open != 0
	without.closeUpTo(k - 1)
	past := slices.Clone(old.past)
	now := measure{at: k}
	if i := slices.IndexFunc(old.ahead, func(m measure) bool { return m.at == k }); i >= 0 {
		now = old.ahead[i]
		now.set = slices.Clone(now.set)
	}
	without.out = nil
	without.closeUpTo(k)

	with, _ := d.rehearsal(key)
	with.closeUpTo(k - 1)
	with.out = nil
	id := with.table.Number(key) // it may have been given up by then
	with.add(id, m)
	with.seen[k] = struct{}{}
	with.closeUpTo(k)
	before, after := detector.Triggers(without.out), detector.Triggers(with.out)
	x.Fires, x.Already = after > before, before > 0
	x.Settles = window.Later(k*d.bucket, d.bucket)

	x.Value = now.value(d.metric.Op, d.values.Scale())
	now.join(d.metric.Op, m)
	x.With, x.Estimate = now.value(d.metric.Op, d.values.Scale()), now.estimate()
	d.describe(x, past)
	x.When("bucket from", k*d.bucket)
	x.When("bucket to", window.Later(k*d.bucket, d.bucket))
}

func (d *gauge) explainNewest(x *detector.Explanation, key string, m measure) {
	c, e := d.rehearsal(key)
	x.Known = len(e.ahead) > 0
	if n := len(e.ahead); n > 0 && e.ahead[n-1].at > m.at {
		x.At = e.ahead[n-1].at
	}
	before, _ := c.laidOut(e.ahead, x.At)
	c.add(0, m)
	all, estimate := c.laidOut(e.ahead, x.At)
	x.Value, x.With, x.Estimate = before[0], all[0], estimate
	x.Settles = window.Later(x.At, d.reach())
	c.layOut(0, e, e.ahead, x.At)
	x.Fires = detector.Triggers(c.out) > 0
	d.describe(x, all[1:])
	x.When("judged after", x.Settles)
}

func (d *gauge) describe(x *detector.Explanation, past []float64) {
	mean, deviation := usual(past)
	x.Limit = mean + d.config.Z*deviation
	if deviation == 0 && d.config.Zero == "logtrack" {
		x.Limit = mean * d.config.Z
	}
	if d.config.Direction == "down" {
		x.Limit, x.Below = mean-d.config.Z*deviation, true
	}
	bucket := window.Span(time.Duration(d.bucket))
	now := fmt.Sprintf("%s in this bucket of %s is %s, with this one %s", d.metric, bucket, number(x.Value), number(x.With))
	x.Say("baseline", fmt.Sprintf("%d of %d buckets, judged from %d on", len(past), d.config.Baseline, max(d.config.MinBuckets, 1)))
	switch {
	case len(past) == 0:
		x.Limit, x.Text = 0, now+"; nothing is known yet of what is usual"
		return
	case len(past) < d.config.MinBuckets && !d.newest():
		x.Text = now + "; too few buckets are known to judge it"
	case deviation == 0:
		x.Text = fmt.Sprintf("%s; it always was %s (deviation 0)", now, number(mean))
		if d.config.Zero == "ignore" {
			x.Say("deviation 0", "never fires (zero: ignore)")
		}
	default:
		x.Text = fmt.Sprintf("%s; usual are %s ± %s (z=%.2f, limit: %s)", now, number(mean), number(deviation), (x.With-mean)/deviation, number(d.config.Z))
	}
	x.Say("mean", number(mean))
	x.Say("deviation", number(deviation))
	if d.config.MinValue > 0 {
		x.Say("least value", number(d.config.MinValue))
	}
}
