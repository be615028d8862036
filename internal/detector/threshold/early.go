package threshold

import (
	"cmp"
	"math"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// Early tells of entities whose waiting entries break the limit already.
func (d *judge) Early() []alert.Finding {
	for _, id := range d.touched {
		e := d.entity(id)
		e.state &^= touched
		if e.state&(open|told) != 0 || int(e.done) == len(e.ring) {
			continue
		}
		t, v, ok := d.foresee(e)
		if !ok {
			continue
		}
		e.state |= told
		e.early, e.peak = t, v
		d.out = append(d.out, d.finding(id, e, t, v, 1))
	}
	d.touched = d.touched[:0]
	return d.findings()
}

// foresee returns when waiting entries break the limit, going by what is known now.
func (d *judge) foresee(e *entity) (t int64, v float64, ok bool) {
	d.tidy(e)
	switch d.metric.Op {
	case metric.Distinct:
		return d.foreseeMembers(e)
	case metric.Min, metric.Max:
		for _, en := range e.ring[e.done:] {
			if v := float64(en.v) * d.scale; d.limit.broken(v) {
				return en.t, v, true
			}
		}
		return 0, 0, false
	}
	if d.metric.Op == metric.Count && e.rows < d.limit.first() {
		e.wake = e.adds + d.limit.first() - e.rows
		return 0, 0, false
	}
	left, n, sum, most, lump := e.head, e.n, e.sum, int64(0), e.lump
	beside := d.besides(e)
	for i := e.done; int(i) < len(e.ring); i++ {
		en := e.ring[i]
		for left < i && e.ring[left].t < en.t-d.over {
			n -= d.rows(e.ring[left])
			sum -= e.ring[left].v
			left++
		}
		n += d.rows(en)
		sum += en.v + beside.upTo(en.t)
		if int(i)+1 < len(e.ring) && e.ring[i+1].t == en.t { // judged together
			continue
		}
		if d.metric.Op == metric.Count {
			most = max(most, n)
		} else {
			most = max(most, sum)
		}
		at := en.t
		if _, end := d.bucket(at); end == lump || int(i-left) >= d.exact { // it will be put together with others
			at, lump = end, end
		}
		if d.metric.Op == metric.Count && d.limit.broken(float64(n)) {
			return at, float64(d.limit.first()), true
		}
		if v := float64(sum) * d.scale; d.metric.Op == metric.Sum && d.limit.broken(v) {
			return at, v, true
		}
	}
	if d.least > 0 { // so much more is needed at least
		e.wake = e.adds + max(d.least-most, 1)
	}
	return 0, 0, false
}

func (d *judge) foreseeMembers(e *entity) (t int64, v float64, ok bool) {
	need := d.limit.first()
	if e.n+int64(len(e.ring)-int(e.done)) < need {
		return 0, 0, false
	}
	if d.seen == nil {
		d.seen = map[int64]int32{}
	}
	clear(d.seen)
	for i := e.head; i < e.done; i++ {
		if e.ring[i].n != 0 {
			d.seen[e.ring[i].v] = i
		}
	}
	left, most := e.head, int64(0)
	for i := e.done; int(i) < len(e.ring); i++ {
		en := e.ring[i]
		for ; left < i && e.ring[left].t < en.t-d.over; left++ {
			if d.seen[e.ring[left].v] == left && e.ring[left].n != 0 {
				delete(d.seen, e.ring[left].v)
			}
		}
		d.seen[en.v] = i
		n := int64(len(d.seen))
		most = max(most, n)
		if d.limit.broken(float64(n)) && (int(i)+1 == len(e.ring) || e.ring[i+1].t != en.t) {
			return en.t, float64(n), true
		}
	}
	e.wake = e.adds + max(need-most, 1)
	return 0, 0, false
}

// A tally adds up the shares that wait as time goes by.
type tally struct {
	over          int64
	arrive, leave []share // in order of arrival, and of what they are of
	arrived       int64   // up to when they were taken in
}

func (d *judge) besides(e *entity) tally {
	var arrive []share
	if e.more != nil {
		arrive = slices.Clone(e.more.shares)
	}
	if len(arrive)+len(e.longs) == 0 {
		return tally{}
	}
	for _, l := range e.longs {
		d.portions(l, func(at, v int64) { arrive = append(arrive, share{l.t, at, v}) })
	}
	slices.SortFunc(arrive, byArrival)
	leave := slices.Clone(arrive)
	slices.SortFunc(leave, func(a, b share) int { return cmp.Compare(a.at, b.at) })
	return tally{over: d.over, arrive: arrive, leave: leave, arrived: math.MinInt64}
}

// upTo returns by how much the sum of shares in the window that ends at t differs from that at the time asked for before.
func (s *tally) upTo(t int64) (sum int64) {
	since := window.Earlier(t, s.over)
	for ; len(s.leave) > 0 && s.leave[0].at < since; s.leave = s.leave[1:] {
		if s.leave[0].t <= s.arrived {
			sum -= s.leave[0].v
		}
	}
	for ; len(s.arrive) > 0 && s.arrive[0].t <= t; s.arrive = s.arrive[1:] {
		if s.arrive[0].at >= since {
			sum += s.arrive[0].v
		}
	}
	s.arrived = t
	return sum
}
