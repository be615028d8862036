package threshold

import (
	"cmp"
	"slices"

	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// insert puts rows at one time behind the entries that wait. They are brought into order when somebody looks, or when they have
// become many: records seldom come in order, and thousands may say that they ended at one instant.
func (d *judge) insert(e *entity, t, v, n int64) {
	en := entry{t, v, n}
	e.rows += d.rows(en)
	e.ring = append(grown(e.ring), en)
	if e.loose++; int(e.loose) > d.exact && int(e.loose) > (len(e.ring)-int(e.done))/4 {
		d.tidy(e)
	}
}

// byTime is the order of waiting entries: by time, then session; those of no session come last.
func byTime(a, b entry) int {
	if a.t != b.t {
		return cmp.Compare(a.t, b.t)
	}
	return cmp.Compare(min(a.n, 0), min(b.n, 0))
}

// byMember is that of members.
func byMember(a, b entry) int {
	switch {
	case a.t != b.t:
		return cmp.Compare(a.t, b.t)
	case a.v != b.v:
		return cmp.Compare(a.v, b.v)
	default:
		return cmp.Compare(a.n, b.n)
	}
}

// tidy brings the entries that wait into order, those of one time and session together, and puts together at the end of a
// sub-bucket what it has too much of. What comes of it depends on the entries alone, not on the order in which they came.
func (d *judge) tidy(e *entity) {
	if e.loose == 0 {
		return
	}
	order := byTime
	if d.metric.Op == metric.Distinct {
		order = byMember
	}
	from := len(e.ring) - int(e.loose)
	e.loose = 0
	news := e.ring[from:]
	if !slices.IsSortedFunc(news, order) {
		slices.SortFunc(news, order)
	}
	at, _ := slices.BinarySearchFunc(e.ring[e.done:from], news[0], order)
	at += int(e.done)
	d.merge(e, at, from, order)
	if len(e.ring)-int(e.done) <= d.exact {
		return
	}
	first, _ := d.bucket(e.ring[at].t)
	if d.metric.Op == metric.Distinct {
		d.leaveOut(e, e.find(first))
	} else {
		d.crowded(e, e.find(first))
	}
}

// most is how many sessions of one instant are told apart.
const most = 4096

// merge makes one ordered list of the entries from at on, of which those from middle on are ordered by themselves.
func (d *judge) merge(e *entity, at, middle int, order func(a, b entry) int) {
	d.scratch = append(d.scratch[:0], e.ring[at:middle]...)
	old, news := d.scratch, e.ring[middle:]
	same := at - e.before(news[0].t, at) // entries of the instant at hand
	out := at                            // never beyond the place where the next of news stands
	for len(old) > 0 || len(news) > 0 {
		var en entry
		if len(news) == 0 || len(old) > 0 && order(old[0], news[0]) <= 0 {
			en, old = old[0], old[1:]
		} else {
			en, news = news[0], news[1:]
		}
		if out > int(e.done) && e.ring[out-1].t == en.t {
			same++
			if last := &e.ring[out-1]; d.alike(last, &en) || same > most && d.metric.Op != metric.Distinct {
				d.join(e, last, en)
				same--
				continue
			}
		} else {
			same = 1
		}
		e.ring[out] = en
		out++
	}
	e.ring = e.ring[:out]
}

// alike reports whether two entries of one time are of one session, or of none, or of one member.
func (d *judge) alike(a, b *entry) bool {
	if d.metric.Op == metric.Distinct {
		return *a == *b
	}
	return a.n == b.n && a.n < 0 || a.n >= 0 && b.n >= 0
}

// join adds an entry to one of the same time. A session stays one where both are of it.
func (d *judge) join(e *entity, to *entry, en entry) {
	rows, session := d.rows(*to)+d.rows(en), to.n
	if d.metric.Op != metric.Distinct { // a member is there already
		d.lump(to, en)
		if session < 0 && session == en.n {
			if to.n = session; d.metric.Op == metric.Count {
				to.v = rows
			}
		}
	}
	e.rows += d.rows(*to) - rows
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

// crowded puts together, in each sub-bucket from the entry at i on, what comes behind as many entries as are kept exactly. One
// instant stays whole.
func (d *judge) crowded(e *entity, i int) {
	out := i
	for i < len(e.ring) {
		_, end := d.bucket(e.ring[i].t)
		last, next := e.find(end), e.find(end+1)
		keep := min(i+d.exact, last)
		for keep > i && keep < last && e.ring[keep].t == e.ring[keep-1].t {
			keep++
		}
		out += copy(e.ring[out:], e.ring[i:keep])
		if keep == last {
			out += copy(e.ring[out:], e.ring[last:next])
			i = next
			continue
		}
		sum := e.ring[keep]
		for _, en := range e.ring[keep+1 : last] {
			d.lump(&sum, en)
		}
		if next > last && e.ring[next-1].n >= 0 {
			next--
			d.lump(&sum, e.ring[next])
			i = next + 1
		} else {
			i = next
		}
		sum.t, sum.n = end, d.rows(sum)
		out += copy(e.ring[out:], e.ring[last:next])
		e.ring[out] = sum
		out++
	}
	e.ring = e.ring[:out]
}

// leaveOut leaves out members of which more than decide were seen within a sub-bucket, from the entry at i on.
func (d *judge) leaveOut(e *entity, i int) {
	most, out := exact+2*d.keep, i
	for i < len(e.ring) {
		_, end := d.bucket(e.ring[i].t)
		next := e.find(end + 1)
		keep := min(i+most, next)
		if keep < next {
			e.state |= full
			e.rows -= int64(next - keep)
		}
		out += copy(e.ring[out:], e.ring[i:keep])
		i = next
	}
	e.ring = e.ring[:out]
}

// find returns the place of the first waiting entry at t or later. They are in order.
func (e *entity) find(t int64) int { return e.before(t, len(e.ring)) }

// before is find among the entries up to a place.
func (e *entity) before(t int64, upto int) int {
	i, _ := slices.BinarySearchFunc(e.ring[e.done:upto], t, func(en entry, t int64) int {
		if en.t < t {
			return -1
		}
		return 1
	})
	return i + int(e.done)
}

// bucket returns the first and last instant of the sub-bucket that t lies in.
func (d *judge) bucket(t int64) (from, end int64) {
	from = window.FloorDiv(t, d.grain) * d.grain
	return from, from + d.grain - 1
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
