package threshold

import (
	"slices"

	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// insert puts what arrives behind what waits. It is brought into order when somebody looks, or when there is much of it: records
// seldom come in order, and thousands may say that they ended at one instant.
func (d *judge) insert(e *entity, a arrival) {
	e.rows += d.rows(a.entry)
	if len(e.next) == cap(e.next) {
		d.growNext(e, 1)
	}
	e.next = append(e.next, a)
	e.loose++
	// Counted at powers of two, so that looking costs little. What comes about in order is tidied soon, as little has to be
	// gone through for that, and whatever then lies behind a cut need not wait one by one.
	if n := int(e.loose); n > d.exact && n&(n-1) == 0 && n > d.behind(e)/4 {
		d.tidy(e)
	}
}

// behind returns how many of those in order are as late as the earliest that is not.
func (d *judge) behind(e *entity) int {
	from := len(e.next) - int(e.loose)
	earliest := e.next[from].t
	for i := range e.next[from:] {
		earliest = min(earliest, e.next[from+i].t)
	}
	return from - e.before(earliest, from)
}

// growNext makes room for so many more to wait.
func (d *judge) growNext(e *entity, more int) { e.next = d.arrivals.grown(e.next, more) }

func (d *judge) freeNext(e *entity) {
	d.arrivals.release(e.next)
	e.next, e.came = nil, 0
}

// byTime is the order of what waits: by time, then session; those of no session come last. Of those that are alike, the ones that
// are not spread come first.
func byTime(a, b arrival) int {
	switch x, y := min(a.n, 0), min(b.n, 0); {
	case a.t != b.t:
		return sign(a.t < b.t)
	case x != y:
		return sign(x < y)
	case a.length != b.length:
		return sign(a.length < b.length)
	case a.length > 0 && a.v != b.v:
		return sign(a.v < b.v)
	}
	return 0
}

// byMember is that of members.
func byMember(a, b arrival) int {
	switch {
	case a.t != b.t:
		return sign(a.t < b.t)
	case a.v != b.v:
		return sign(a.v < b.v)
	case a.n != b.n:
		return sign(a.n < b.n)
	}
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// tidy brings what waits into order, those of one time and session together, and puts together at the end of a sub-bucket what it
// has too much of. What comes of it depends on the entries alone, not on the order in which they came.
func (d *judge) tidy(e *entity) {
	if e.loose == 0 {
		return
	}
	order := byTime
	if d.metric.Op == metric.Distinct {
		order = byMember
	}
	from := len(e.next) - int(e.loose)
	e.loose = 0
	news := e.next[from:]
	if !slices.IsSortedFunc(news, order) {
		slices.SortFunc(news, order)
	}
	at := e.before(news[0].t, from)
	d.merge(e, at, from, order)
	if len(e.waits()) <= d.exact {
		return
	}
	first, _ := d.bucket(e.next[at].t)
	if d.metric.Op == metric.Distinct {
		d.leaveOut(e, e.find(first))
	} else {
		d.crowded(e, e.find(first))
	}
}

// merge makes one ordered list of what waits from at on, of which those from middle on are ordered by themselves.
func (d *judge) merge(e *entity, at, middle int, order func(a, b arrival) int) {
	d.scratch = append(d.scratch[:0], e.next[at:middle]...)
	old, news := d.scratch, e.next[middle:]
	out := at // never beyond the place where the next of news stands
	for len(old) > 0 || len(news) > 0 {
		var a arrival
		if len(news) == 0 || len(old) > 0 && order(old[0], news[0]) <= 0 {
			a, old = old[0], old[1:]
		} else {
			a, news = news[0], news[1:]
		}
		if out > at {
			if last := &e.next[out-1]; last.length == 0 && a.length == 0 && d.alike(&last.entry, &a.entry) {
				d.join(e, &last.entry, a.entry)
				continue
			}
		}
		e.next[out] = a
		out++
	}
	e.next = e.next[:out]
}

// alike reports whether two entries are of one time and session, or of one time and of none, or the same member.
func (d *judge) alike(a, b *entry) bool {
	if d.metric.Op == metric.Distinct {
		return *a == *b
	}
	return a.t == b.t && (a.n == b.n && a.n < 0 || a.n >= 0 && b.n >= 0)
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

// crowded puts together, in each sub-bucket from the one that begins at i on, what comes behind as many entries as are kept
// exactly. One instant stays whole.
func (d *judge) crowded(e *entity, i int) {
	out := i
	for i < len(e.next) {
		_, end := d.bucket(e.next[i].t)
		last, next := e.find(end), e.find(end+1)
		kept := 0
		for i < last && kept < d.exact {
			n := d.instantAt(e, i, last)
			whole, entries := d.thinned(e, e.next[i:i+n])
			out += copy(e.next[out:], whole)
			kept += entries
			i += n
		}
		if kept >= d.exact {
			p := d.pileOf(e.extra(), end)
			p.cut = e.next[out-1].t
			for ; i < last; i++ {
				d.heap(e, p, e.next[i])
			}
		}
		whole, _ := d.thinned(e, e.next[last:next])
		out += copy(e.next[out:], whole)
		i = next
	}
	e.next = e.next[:out]
}

// instantAt returns how many of those before last are of the instant of the one at i.
func (d *judge) instantAt(e *entity, i, last int) int {
	n := 1
	for i+n < last && e.next[i+n].t == e.next[i].t {
		n++
	}
	return n
}

const (
	// most is how many sessions of one instant are told apart.
	most = 4096
	// fewLongs is up to how many long records of one instant wait as such.
	fewLongs = 16
)

// thinned returns those of one instant without what is too much, and how many entries they are: where many are spread, their
// shares are put together, and sessions beyond most are.
func (d *judge) thinned(e *entity, of []arrival) (whole []arrival, entries int) {
	longs := 0
	for i := range of {
		if of[i].length > 0 {
			longs++
		}
		if i == 0 || !d.alike(&of[i-1].entry, &of[i].entry) {
			entries++
		}
	}
	if longs <= fewLongs && entries <= most {
		return of, entries
	}
	if longs > 0 {
		d.putShares(e, of[0].t, of)
	}
	whole = d.joined(e, of, most)
	return whole, len(whole)
}

// joined joins those in order that are alike, and all behind so many. None is spread any more.
func (d *judge) joined(e *entity, of []arrival, most int) []arrival {
	whole := of[:1]
	for _, a := range of[1:] {
		if last := &whole[len(whole)-1]; d.alike(&last.entry, &a.entry) || len(whole) == most {
			d.join(e, &last.entry, a.entry)
			continue
		}
		whole = append(whole, a)
	}
	return whole
}

// leaveOut leaves out members of which more than decide were seen within a sub-bucket, from the place i on.
func (d *judge) leaveOut(e *entity, i int) {
	most, out := exact+2*d.keep, i
	for i < len(e.next) {
		_, end := d.bucket(e.next[i].t)
		next := e.find(end + 1)
		keep := min(i+most, next)
		if keep < next {
			e.state |= full
			e.rows -= int64(next - keep)
		}
		out += copy(e.next[out:], e.next[i:keep])
		i = next
	}
	e.next = e.next[:out]
}

// find returns the place of the first that waits for t or later. They are in order.
func (e *entity) find(t int64) int { return e.before(t, len(e.next)) }

// before is find among those up to a place.
func (e *entity) before(t int64, upto int) int {
	from := int(e.came)
	for from < upto {
		if middle := int(uint(from+upto) >> 1); e.next[middle].t < t {
			from = middle + 1
		} else {
			upto = middle
		}
	}
	return from
}

// bucket returns the first and last instant of the sub-bucket that t lies in.
func (d *judge) bucket(t int64) (from, end int64) {
	from = window.FloorDiv(t, d.grain) * d.grain
	return from, from + d.grain - 1
}
