package threshold

import "tocsin/internal/metric"

// together puts what waits of a sub-bucket together at its end when the window already holds as many entries as are kept exactly.
// It depends on the events alone: of a sub-bucket, the earliest are exact and all behind them are not.
func (d *judge) together(e *entity) bool {
	t := e.next[e.came].t
	_, end := d.bucket(t)
	if t == end || len(e.past)-int(e.head) < d.exact && e.last().lump != end {
		return false
	}
	d.raise(e).lump = end
	stop := e.find(end + 1)
	of := e.next[e.came:stop]
	if d.spread {
		d.putShares(e, end, of)
		of = d.joined(e, of, len(of))
	}
	sum := of[0].entry
	for i := range of[1:] {
		d.lump(&sum, of[1+i].entry)
	}
	sum.t, sum.n = end, d.rows(sum)
	e.came = int32(stop) - 1
	e.next[e.came] = arrival{sum, 0}
	return true
}

// arrive takes the first that waits into the window. One that is spread leaves its shares in the sub-buckets before.
func (d *judge) arrive(e *entity) {
	a := e.next[e.came]
	e.came++
	if a.length > 0 {
		d.parts = d.parts[:0]
		d.portions(&a, func(at, v int64) { d.parts = append(d.parts, share{t: a.t, at: at, v: v}) })
		d.backdate(e, d.parts)
	}
	en := a.entry
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
	if n := len(e.past); n > int(e.head) && d.alike(&e.past[n-1], &en) { // one of them is spread
		d.again(e, &e.past[n-1], en)
		return
	}
	d.enter(e, en)
}

// again joins an entry to one of the window of the same time.
func (d *judge) again(e *entity, to *entry, en entry) {
	was, rows := *to, d.rows(*to)+d.rows(en)
	d.join(e, to, en)
	e.sum += to.v - was.v - en.v
	e.n += d.rows(*to) - rows
}

// enter puts an entry behind those of the window.
func (d *judge) enter(e *entity, en entry) {
	if len(e.past) == cap(e.past) {
		d.growPast(e, 1)
	}
	e.past = append(e.past, en)
}

// growPast makes room for so many more in the window.
func (d *judge) growPast(e *entity, more int) { e.past = d.entries.grown(e.past, more) }

func (d *judge) freePast(e *entity) {
	d.entries.release(e.past)
	e.past, e.head = nil, 0
}

// leave takes the oldest entry out of the window.
func (d *judge) leave(e *entity) {
	en := e.past[e.head]
	e.head++
	switch d.metric.Op {
	case metric.Distinct:
		e.rows--
		if en.n != 0 {
			e.n--
			if index := e.places(); index != nil {
				delete(index, en.v)
			}
			if int(e.n) < d.keep {
				e.state &^= full
			}
		}
		return
	case metric.Min, metric.Max:
		e.n -= en.n
		if e.n > 0 && en.v == e.sum {
			e.sum = d.extreme(e.window())
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
	at := int32(len(e.past))
	index := e.places()
	if index == nil && at-e.head > few {
		index = e.reindex()
	}
	old, there := int32(0), false
	if index != nil {
		old, there = index[en.v]
		index[en.v] = at
	} else {
		for i := at - 1; i >= e.head; i-- {
			if e.past[i].n != 0 && e.past[i].v == en.v {
				old, there = i, true
				break
			}
		}
	}
	d.enter(e, en)
	if there {
		e.past[old].n = 0
		return
	}
	e.n++
	for int(e.n) > d.keep {
		d.leave(e)
		e.state |= full
	}
}

// places returns the index of the members of the window; nil when there is none.
func (e *entity) places() map[int64]int32 {
	if e.more == nil {
		return nil
	}
	return e.more.index
}

func (e *entity) reindex() map[int64]int32 {
	index := make(map[int64]int32, 2*few)
	for i := int(e.head); i < len(e.past); i++ {
		if e.past[i].n != 0 {
			index[e.past[i].v] = int32(i)
		}
	}
	e.extra().index = index
	return index
}

// compact gives room back that is no longer needed.
func (d *judge) compact(e *entity) {
	d.compactPast(e)
	if m := e.more; m != nil {
		d.bytes += (len(m.index) - m.indexed) * indexBytes
		m.indexed = len(m.index)
	}
	switch came := int(e.came); {
	case came == len(e.next):
		d.freeNext(e)
	case came >= 16 && came >= len(e.next)/2:
		e.next = e.next[:copy(e.next, e.waits())]
		e.came = 0
		if cap(e.next) > 64 && len(e.next) < cap(e.next)/8 {
			old := *e
			e.next = nil
			d.growNext(e, len(old.next))
			e.next = append(e.next, old.next...)
			d.freeNext(&old)
		}
	}
}

func (d *judge) compactPast(e *entity) {
	held := len(e.past) - int(e.head)
	dead := d.metric.Op == metric.Distinct && int64(held) > 4*e.n+2*few
	if !dead && held == 0 {
		d.freePast(e)
		if e.more != nil {
			e.more.index = nil
		}
		return
	}
	if !dead && (int(e.head) < 16 || int(e.head) < len(e.past)/2) {
		return
	}
	to := 0
	for i := int(e.head); i < len(e.past); i++ {
		if dead && e.past[i].n == 0 {
			e.rows--
			continue
		}
		e.past[to] = e.past[i]
		to++
	}
	e.past, e.head = e.past[:to], 0
	if e.places() != nil {
		if e.more.index = nil; to > few {
			e.reindex()
		}
	}
	if cap(e.past) > 64 && len(e.past) < cap(e.past)/8 {
		old := *e
		e.past = nil
		d.growPast(e, len(old.past))
		e.past = append(e.past, old.past...)
		d.freePast(&old)
	}
}
