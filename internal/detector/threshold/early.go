package threshold

import (
	"tocsin/internal/alert"
	"tocsin/internal/metric"
)

// Early tells of entities whose waiting entries break the limit already.
func (d *judge) Early() []alert.Finding {
	for _, id := range d.touched {
		e := d.entity(id)
		e.state &^= touched
		if e.state&(open|told) != 0 || int(e.done) == len(e.ring) || int32(e.adds-e.wake) < 0 {
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
	switch d.metric.Op {
	case metric.Distinct:
		return d.foreseeMembers(e)
	case metric.Min, metric.Max:
		for _, en := range e.ring[e.done:] {
			if v := float64(en.v) * d.values.Scale(); d.limit.broken(v) {
				return en.t, v, true
			}
		}
		return 0, 0, false
	}
	if d.metric.Op == metric.Count && e.rows < d.limit.first() {
		e.wake = e.adds + uint32(min(d.limit.first()-e.rows, 1<<20))
		return 0, 0, false
	}
	left, n, sum, most, lump := e.head, e.n, e.sum, int64(0), e.lump
	for i := e.done; int(i) < len(e.ring); i++ {
		en := e.ring[i]
		for left < i && e.ring[left].t < en.t-d.over {
			n -= e.ring[left].n
			sum -= e.ring[left].v
			left++
		}
		n += en.n
		sum += en.v
		most = max(most, n)
		at := en.t
		if _, end := d.bucket(at); end == lump || int(i-left) >= d.exact { // it will be put together with others
			at, lump = end, end
		}
		if d.metric.Op == metric.Count && d.limit.broken(float64(n)) {
			return at, float64(d.limit.first()), true
		}
		if v := float64(sum) * d.values.Scale(); d.metric.Op == metric.Sum && d.limit.broken(v) {
			return at, v, true
		}
	}
	if d.metric.Op == metric.Count { // so many more rows are needed at least
		e.wake = e.adds + uint32(min(d.limit.first()-most, 1<<20))
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
	e.wake = e.adds + uint32(min(max(need-most, 1), 1<<20))
	return 0, 0, false
}
