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
	var all []detector.Explanation
	d.view.Each(b, []int32{row}, func(aspect *event.Batch, _ []int32) { all = append(all, d.explain(aspect, row, at)) })
	return detector.Foremost(all)
}

func (d *gauge) explain(b *event.Batch, row int32, at int64) detector.Explanation {
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
		config: d.config, season: d.season, metric: d.metric, bucket: d.bucket, room: math.MaxInt, table: window.NewTable(d.table.Keys()),
		values: d.values, judged: d.judged, closed: d.closed, seen: maps.Clone(d.seen), quiet: window.NewCalendar(d.bucket),
	}
	e := c.entity(c.table.Number(key))
	if id, ok := d.table.Lookup(key); ok && int(id) < len(d.all) {
		*e = d.all[id]
		e.past, e.ahead = slices.Clone(e.past), slices.Clone(e.ahead)
		if e.season != nil {
			season := *e.season
			season.slots = slices.Clone(season.slots)
			e.season = &season
		}
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
	u, ready := without.habit(old, k)
	sofar := len(old.past)
	if old.season != nil {
		sofar = old.season.known
	}
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
	d.describe(x, &u, sofar, ready)
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
	var u habit
	u.mean, u.deviation = usual(all[1:])
	d.describe(x, &u, len(all)-1, true)
	x.When("judged after", x.Settles)
}

// describe tells what is usual, of which sofar buckets are known; ready says that this is enough to judge.
func (d *gauge) describe(x *detector.Explanation, u *habit, sofar int, ready bool) {
	x.Below = d.config.Direction == "down"
	x.Limit, _ = d.limit(u, !x.Below)
	bucket := window.Span(time.Duration(d.bucket))
	now := fmt.Sprintf("%s in this bucket of %s is %s, with this one %s", d.metric, bucket, number(x.Value), number(x.With))
	if d.season.on() {
		x.Say("baseline", fmt.Sprintf("%d buckets, judged from %d on; %s", sofar, max(d.config.MinBuckets, 1), u.words()))
	} else {
		x.Say("baseline", fmt.Sprintf("%d of %d buckets, judged from %d on", sofar, d.config.Baseline, max(d.config.MinBuckets, 1)))
	}
	switch {
	case sofar == 0:
		x.Limit, x.Text = 0, now+"; nothing is known yet of what is usual"
		return
	case !ready:
		x.Text = now + "; too few buckets are known to judge it"
	case d.config.Z == 0:
		x.Text = fmt.Sprintf("%s; %s are %s (limit: %s)", now, u.words(), number(u.mean), number(x.Limit))
	case u.deviation == 0:
		x.Text = fmt.Sprintf("%s; it always was %s (deviation 0)", now, number(u.mean))
		if d.config.Zero == "ignore" {
			x.Say("deviation 0", "never fires (zero: ignore)")
		}
	default:
		x.Text = fmt.Sprintf("%s; %s are %s ± %s (z=%.2f, limit: %s)", now, u.words(), number(u.mean), number(u.deviation), (x.With-u.mean)/u.deviation, number(d.config.Z))
	}
	x.Say("mean", number(u.mean))
	x.Say("deviation", number(u.deviation))
	if d.config.MinValue > 0 {
		x.Say("least value", number(d.config.MinValue))
	}
}
