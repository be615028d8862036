package threshold

import (
	"slices"

	"tocsin/internal/metric"
)

// together puts the waiting entries of a sub-bucket together at its end when the window already holds as many entries as
// are kept exactly. It depends on the events alone: of a sub-bucket, the earliest are exact and all behind them are not.
func (d *judge) together(e *entity) bool {
	t := e.ring[e.done].t
	_, end := d.bucket(t)
	if t == end || int(e.done-e.head) < d.exact && e.lump != end {
		return false
	}
	e.lump = end
	stop := e.find(end)
	sum := e.ring[e.done]
	for _, en := range e.ring[int(e.done)+1 : stop] {
		d.lump(&sum, en)
	}
	for ; stop < len(e.ring) && e.ring[stop].t == end; stop++ {
		d.lump(&sum, e.ring[stop])
	}
	sum.t, sum.n = end, d.rows(sum)
	e.ring[e.done] = sum
	e.ring = slices.Delete(e.ring, int(e.done)+1, stop)
	return true
}

// arrive takes the first waiting entry into the window.
func (d *judge) arrive(e *entity) {
	en := e.ring[e.done]
	switch d.metric.Op {
	case metric.Distinct:
		d.remember(e, en)
		return
	case metric.Min, metric.Max:
		if e.n == 0 || d.metric.Op == metric.Min && en.v < e.sum || d.metric.Op == metric.Max && en.v > e.sum {
			e.sum = en.v
		}
	default:
		e.sum += en.v
	}
	e.n += d.rows(en)
	e.done++
}

// leave takes the oldest entry out of the window.
func (d *judge) leave(e *entity) {
	en := e.ring[e.head]
	e.head++
	switch d.metric.Op {
	case metric.Distinct:
		e.rows--
		if en.n != 0 {
			e.n--
			if e.index != nil {
				delete(e.index, en.v)
			}
			if int(e.n) < d.keep {
				e.state &^= full
			}
		}
		return
	case metric.Min, metric.Max:
		e.n -= en.n
		if e.n > 0 && en.v == e.sum {
			e.sum = d.extreme(e.ring[e.head:e.done])
		}
	default:
		e.n -= d.rows(en)
		e.sum -= en.v
	}
	e.rows -= d.rows(en)
}

func (d *judge) extreme(in []entry) int64 {
	v := in[0].v
	for _, en := range in[1:] {
		if d.metric.Op == metric.Min {
			v = min(v, en.v)
		} else {
			v = max(v, en.v)
		}
	}
	return v
}

// few is up to how many entries a member is looked for without an index.
const few = 32

// remember takes a member into the window, or moves it to the newest place.
func (d *judge) remember(e *entity, en entry) {
	at := e.done
	if e.index == nil && e.done-e.head > few {
		e.reindex()
	}
	old, there := int32(0), false
	if e.index != nil {
		old, there = e.index[en.v]
		e.index[en.v] = at
	} else {
		for i := at - 1; i >= e.head; i-- {
			if e.ring[i].n != 0 && e.ring[i].v == en.v {
				old, there = i, true
				break
			}
		}
	}
	e.done++
	if there {
		e.ring[old].n = 0
		return
	}
	e.n++
	for int(e.n) > d.keep {
		d.leave(e)
		e.state |= full
	}
}

func (e *entity) reindex() {
	e.index = make(map[int64]int32, 2*few)
	for i := e.head; i < e.done; i++ {
		if e.ring[i].n != 0 {
			e.index[e.ring[i].v] = i
		}
	}
}

// compact gives room back that entries behind the window hold.
func (d *judge) compact(e *entity) {
	dead := d.metric.Op == metric.Distinct && int64(e.done-e.head) > 4*e.n+2*few
	if !dead && e.head == 0 || !dead && int(e.head) < len(e.ring) && (e.head < 16 || int(e.head) < len(e.ring)/2) {
		return
	}
	to := int32(0)
	for i := e.head; i < e.done; i++ {
		if dead && e.ring[i].n == 0 {
			e.rows--
			continue
		}
		e.ring[to] = e.ring[i]
		to++
	}
	rest := copy(e.ring[to:], e.ring[e.done:])
	e.ring = e.ring[:int(to)+rest]
	e.head, e.done = 0, to
	if e.index != nil {
		if e.index = nil; to > few {
			e.reindex()
		}
	}
	if cap(e.ring) > 64 && len(e.ring) < cap(e.ring)/8 {
		e.ring = slices.Clone(e.ring)
	}
}
