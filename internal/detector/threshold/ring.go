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
		d.insertMember(e, t, v, n)
		return
	}
	if last := len(e.ring) - 1; last-d.exact > int(e.done) && t >= e.ring[last-1].t { // the common case of the rare case below
		if from, end := d.bucket(t); e.ring[last].t == end && e.ring[last-d.exact].t >= from {
			e.rows += d.rows(entry{t, v, n})
			d.lump(&e.ring[last], entry{t, v, n})
			return
		}
	}
	if d.insertSum(e, entry{t, v, n}); len(e.ring)-int(e.done) <= d.exact {
		return
	}
	from, end := d.bucket(t)
	lo, hi := e.find(from), e.find(end) // entries of the sub-bucket but for what is put together at its end
	if hi-lo <= d.exact {
		return
	}
	first := hi - 1
	for first > lo && e.ring[first-1].t == e.ring[hi-1].t {
		first--
	}
	if first-lo < d.exact { // one instant stays whole
		return
	}
	last := e.ring[first]
	for _, en := range e.ring[first+1 : hi] {
		d.lump(&last, en)
	}
	if last.t = end; hi == len(e.ring) || e.ring[hi].t != end {
		last.n = d.rows(last)
		e.ring = slices.Replace(e.ring, first, hi, last)
		return
	}
	d.lump(&e.ring[hi], last)
	e.ring = slices.Delete(e.ring, first, hi)
}

// insertSum puts an entry among those that wait, which stand in order of time and session.
func (d *judge) insertSum(e *entity, en entry) {
	i := len(e.ring)
	if i > int(e.done) && e.ring[i-1].t >= en.t {
		i = e.find(en.t)
	same:
		for first := i; i < len(e.ring) && e.ring[i].t == en.t; i++ {
			switch at := &e.ring[i]; {
			case !d.sessions, at.n == en.n && en.n < 0:
				d.join(e, at, en)
				return
			case at.n >= 0 && en.n >= 0, i-first == most:
				e.rows += d.rows(en)
				d.lump(at, en)
				return
			case at.n > en.n:
				break same
			}
		}
	}
	e.rows += d.rows(en)
	if i == len(e.ring) {
		e.ring = append(grown(e.ring), en)
		return
	}
	e.ring = slices.Insert(e.ring, i, en)
}

// most is how many sessions of one instant are told apart.
const most = 4096

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

// join adds an entry to one of the same time, and session if it is of any.
func (d *judge) join(e *entity, to *entry, en entry) {
	before := d.rows(*to)
	session := to.n
	d.lump(to, en)
	if session < 0 {
		if to.n = session; d.metric.Op == metric.Count {
			to.v = before + d.rows(en)
		}
	}
	e.rows += d.rows(*to) - before
}

// lump adds an entry to one from which it is no longer told apart.
func (d *judge) lump(to *entry, en entry) {
	n := d.rows(*to) + d.rows(en)
	switch d.metric.Op {
	case metric.Count:
		to.v = 0
	case metric.Min:
		to.v = min(to.v, en.v)
	case metric.Max:
		to.v = max(to.v, en.v)
	case metric.Sum, metric.Avg:
		to.v = min(max(to.v+en.v, -window.MaxAddend), window.MaxAddend)
	}
	to.n = n
}

// insertMember puts a member among the entries that wait, which stand in order of time and member.
func (d *judge) insertMember(e *entity, t, v, n int64) {
	i := len(e.ring)
	if i > int(e.done) && (e.ring[i-1].t > t || e.ring[i-1].t == t && (e.ring[i-1].v > v || e.ring[i-1].v == v && e.ring[i-1].n >= n)) {
		var there bool
		i, there = slices.BinarySearchFunc(e.ring[e.done:], entry{t, v, n}, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.v, b.v), cmp.Compare(a.n, b.n))
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
		e.ring = append(grown(e.ring), entry{t, v, n})
		return
	}
	e.ring = slices.Insert(e.ring, i, entry{t, v, n})
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
