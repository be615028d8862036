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
		if e.state&(open|told) != 0 || e.idle() {
			continue
		}
		t, v, ok := d.foresee(e)
		if !ok {
			continue
		}
		e.state |= told
		a := d.raise(e)
		a.early, a.peak = t, v
		d.out = append(d.out, d.finding(id, e, t, v, 1))
	}
	d.touched = d.touched[:0]
	return d.findings()
}

// foresee returns when waiting entries break the limit, going by what is known now.
func (d *judge) foresee(e *entity) (t int64, v float64, ok bool) {
	switch d.metric.Op { // which may be too few even if all of them were in one window
	case metric.Count:
		if lack := d.limit.first() - e.rows; lack > 0 {
			e.adds = d.least - lack
			return 0, 0, false
		}
	case metric.Distinct:
		if lack := d.limit.first() - e.n - int64(len(e.waits())); lack > 0 {
			e.adds = d.least - lack
			return 0, 0, false
		}
	}
	d.tidyAll(e)
	switch d.metric.Op {
	case metric.Distinct:
		return d.foreseeMembers(e)
	case metric.Min, metric.Max:
		for _, a := range e.waits() {
			if v := float64(a.v) * d.scale; d.limit.broken(v) {
				return a.t, v, true
			}
		}
		return 0, 0, false
	}
	return d.foreseeSum(e)
}

// foreseeSum is foresee for what adds up.
func (d *judge) foreseeSum(e *entity) (t int64, v float64, ok bool) {
	beside := d.besides(e)
	all := d.lineUp(e)
	left, n, sum, most, lump := 0, e.n, e.sum, int64(0), e.last().lump
	for i := len(e.window()); i < len(all); i++ {
		en := all[i]
		for left < i && all[left].t < en.t-d.over {
			n -= d.rows(all[left])
			sum -= all[left].v
			left++
		}
		n += d.rows(en)
		sum += en.v + beside.upTo(en.t)
		if i+1 < len(all) && all[i+1].t == en.t { // judged together
			continue
		}
		if d.metric.Op == metric.Count {
			most = max(most, n)
		} else {
			most = max(most, sum)
		}
		at := en.t
		if _, end := d.bucket(at); end == lump || i-left >= d.exact { // it will be put together with others
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
		e.adds = d.least - max(d.least-most, 1)
	}
	return 0, 0, false
}

// lineUp returns the entries of the window, and behind them those that wait as they will arrive.
func (d *judge) lineUp(e *entity) []entry {
	d.line = append(d.line[:0], e.window()...)
	in := len(d.line)
	var apart entity // whose rows are not those of e: nothing of e changes
	for _, a := range e.waits() {
		if a.length > 0 {
			d.portions(&a, func(_, _ int64) {})
		}
		if n := len(d.line); n > in && d.alike(&d.line[n-1], &a.entry) {
			d.join(&apart, &d.line[n-1], a.entry)
			continue
		}
		d.line = append(d.line, a.entry)
	}
	return d.line
}

func (d *judge) foreseeMembers(e *entity) (t int64, v float64, ok bool) {
	need := d.limit.first()
	if d.seen == nil {
		d.seen = map[int64]int32{}
	}
	clear(d.seen)
	for i, en := range e.window() {
		if en.n != 0 {
			d.seen[en.v] = int32(i)
		}
	}
	all := d.lineUp(e)
	left, most := 0, int64(0)
	for i := len(e.window()); i < len(all); i++ {
		en := all[i]
		for ; left < i && all[left].t < en.t-d.over; left++ {
			if d.seen[all[left].v] == int32(left) && all[left].n != 0 {
				delete(d.seen, all[left].v)
			}
		}
		d.seen[en.v] = int32(i)
		n := int64(len(d.seen))
		most = max(most, n)
		if d.limit.broken(float64(n)) && (i+1 == len(all) || all[i+1].t != en.t) {
			return en.t, float64(n), true
		}
	}
	e.adds = d.least - max(need-most, 1)
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
	for _, a := range e.waits() {
		if a.length > 0 {
			d.portions(&a, func(at, v int64) { arrive = append(arrive, share{a.t, at, v}) })
		}
	}
	if len(arrive) == 0 {
		return tally{}
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
