package threshold

import (
	"cmp"
	"slices"

	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// insert puts rows at one time among the entries that wait.
func (d *judge) insert(e *entity, t, v, n int64) {
	if d.metric.Op == metric.Distinct {
		d.insertMember(e, t, v)
		return
	}
	e.rows += n
	if last := len(e.ring) - 1; last-d.exact > int(e.done) && t >= e.ring[last-1].t { // the common case of the rare case below
		if from, end := d.bucket(t); e.ring[last].t == end && e.ring[last-d.exact].t >= from {
			d.join(&e.ring[last], v, n)
			return
		}
	}
	if d.insertSum(e, t, v, n); len(e.ring)-int(e.done) <= d.exact {
		return
	}
	from, end := d.bucket(t)
	lo, hi := e.find(from), e.find(end) // entries of the sub-bucket but for what is put together at its end
	if hi-lo <= d.exact {
		return
	}
	last := e.ring[hi-1]
	e.ring = slices.Delete(e.ring, hi-1, hi)
	d.insertSum(e, end, last.v, last.n)
}

func (d *judge) insertSum(e *entity, t, v, n int64) {
	i := len(e.ring)
	if i > int(e.done) && e.ring[i-1].t >= t {
		i = e.find(t)
		if en := &e.ring[i]; en.t == t {
			d.join(en, v, n)
			return
		}
	}
	if i == len(e.ring) {
		e.ring = grown(e.ring)
		e.ring = append(e.ring, entry{t, v, n})
		return
	}
	e.ring = slices.Insert(e.ring, i, entry{t, v, n})
}

// grown makes the first room for a ring a small one: most entities are seen once or twice.
func grown(ring []entry) []entry {
	switch cap(ring) {
	case 0:
		return make([]entry, 0, 2)
	case 2:
		if len(ring) == 2 {
			return append(make([]entry, 0, 8), ring...)
		}
	}
	return ring
}

// join adds rows to an entry of the same time.
func (d *judge) join(en *entry, v, n int64) {
	en.n += n
	switch d.metric.Op {
	case metric.Min:
		en.v = min(en.v, v)
	case metric.Max:
		en.v = max(en.v, v)
	case metric.Sum, metric.Avg:
		en.v = min(max(en.v+v, -window.MaxAddend), window.MaxAddend)
	}
}

// insertMember puts a member among the entries that wait, which stand in order of time and member.
func (d *judge) insertMember(e *entity, t, v int64) {
	i := len(e.ring)
	if i > int(e.done) && (e.ring[i-1].t > t || e.ring[i-1].t == t && e.ring[i-1].v >= v) {
		var there bool
		i, there = slices.BinarySearchFunc(e.ring[e.done:], entry{t: t, v: v}, func(a, b entry) int {
			if c := cmp.Compare(a.t, b.t); c != 0 {
				return c
			}
			return cmp.Compare(a.v, b.v)
		})
		if i += int(e.done); there {
			return
		}
	}
	if most := exact + 2*d.keep; len(e.ring)-int(e.done) > most {
		if from, end := d.bucket(t); e.find(end+1)-e.find(from) > most {
			e.state |= full // more members than decide have been seen within a sixtieth of the window
			return
		}
	}
	e.rows++
	if i == len(e.ring) {
		e.ring = append(grown(e.ring), entry{t, v, 1})
		return
	}
	e.ring = slices.Insert(e.ring, i, entry{t, v, 1})
}

// bucket returns the first and last instant of the sub-bucket that t lies in.
func (d *judge) bucket(t int64) (from, end int64) {
	from = window.FloorDiv(t, d.grain) * d.grain
	return from, from + d.grain - 1
}

// find returns the place of the first waiting entry at t or later.
func (e *entity) find(t int64) int {
	i, _ := slices.BinarySearchFunc(e.ring[e.done:], t, func(en entry, t int64) int {
		if en.t < t {
			return -1
		}
		return 1
	})
	return i + int(e.done)
}

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
		d.join(&sum, en.v, en.n)
	}
	sum.t = end
	if stop < len(e.ring) && e.ring[stop].t == end {
		d.join(&sum, e.ring[stop].v, e.ring[stop].n)
		stop++
	}
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
	e.n += en.n
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
		e.n -= en.n
		e.sum -= en.v
	}
	e.rows -= en.n
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
