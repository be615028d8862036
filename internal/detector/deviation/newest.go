package deviation

import (
	"slices"

	"tocsin/internal/window"
)

// What follows lays buckets out from the newest event of an entity backwards, as LogTrack does: bucket 0 holds what is less
// than one bucket old, bucket k what is k to k+1 buckets old. The oldest instant of a bucket is not in it. It is known
// which event is the newest once so much time has passed in silence that nothing of the baseline would be left; so these
// findings, alone of all, are about a time long before the watermark that lets them out.

// reach is how far back from an event the baseline goes.
func (d *gauge) reach() int64 { return d.bucket * int64(d.config.Baseline+1) }

// prune lets go of what lies further back than the baseline from the newest event judged, and so decides nothing.
func (d *gauge) prune(e *entity) {
	stale := window.Earlier(min(e.ahead[len(e.ahead)-1].at, d.judged), d.reach())
	i := slices.IndexFunc(e.ahead, func(m measure) bool { return m.at > stale })
	if i <= 64 || i <= len(e.ahead)/2 {
		return
	}
	for _, m := range e.ahead[:i] {
		d.bytes -= 8 * len(m.set)
	}
	e.ahead = slices.Delete(e.ahead, 0, i)
}

// await notes when an entity may have fallen silent.
func (d *gauge) await(id uint32, e *entity) {
	at := window.Later(e.ahead[0].at, d.reach())
	if e.state&timed != 0 && e.due <= at {
		return
	}
	e.due = at
	e.state |= timed
	d.quiet.Add(at, id)
}

// timed reports whether it is as the calendar says: an entity is to be looked at then.
func (e *entity) timed(at int64) bool { return e.state&timed != 0 && e.due == at }

// judgeNewest judges entities that have been silent for long enough.
func (d *gauge) judgeNewest() {
	d.quiet.Due(d.judged, func(id uint32, at int64) {
		e := d.entity(id)
		if !e.timed(at) {
			return
		}
		e.state &^= timed
		for len(e.ahead) > 0 {
			end := d.stretch(e)
			newest := e.ahead[end-1].at
			if at := window.Later(newest, d.reach()); at > d.judged {
				e.due = at
				e.state |= timed
				d.quiet.Add(at, id)
				return
			}
			d.layOut(id, e, e.ahead[:end], newest)
			for _, m := range e.ahead[:end] {
				d.bytes -= 8 * len(m.set)
			}
			e.ahead = slices.Delete(e.ahead, 0, end)
		}
		d.drop(id, e)
	})
}

// stretch returns how many of the instants ahead follow each other without a long silence.
func (d *gauge) stretch(e *entity) int {
	for i := 1; i < len(e.ahead); i++ {
		if e.ahead[i].at-e.ahead[i-1].at >= d.reach() {
			return i
		}
	}
	return len(e.ahead)
}

// laidOut returns the values of the buckets from the newest instant backwards: that of the newest bucket, then the others,
// oldest first. It also says whether the newest one is an estimate.
func (d *gauge) laidOut(instants []measure, newest int64) (values []float64, estimate bool) {
	buckets := make([]measure, d.config.Baseline+1)
	for _, m := range instants {
		if age := newest - m.at; age < d.reach() {
			buckets[age/d.bucket].join(d.metric.Op, m)
		}
	}
	values = make([]float64, len(buckets))
	for i := range buckets {
		values[i] = buckets[i].value(d.metric.Op, d.values.Scale())
	}
	slices.Reverse(values[1:])
	return values, buckets[0].estimate()
}

// layOut puts instants into buckets and judges the newest one.
func (d *gauge) layOut(id uint32, e *entity, instants []measure, newest int64) {
	values, estimate := d.laidOut(instants, newest)
	found := len(d.out)
	var u habit
	u.mean, u.deviation = usual(values[1:])
	d.judge(id, e, values[0], &u, window.Earlier(newest, d.bucket), newest, newest-d.bucket+1, newest, estimate)
	e.state &^= open | below
	if len(d.out) == found {
		return
	}
	ended := d.out[found] // nothing can come that belongs to it
	ended.Ended, ended.Triggers, ended.Samples = true, 0, nil
	ended.Reason = "nothing more came"
	d.out = append(d.out, ended)
}
