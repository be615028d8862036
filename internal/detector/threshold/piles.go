package threshold

import (
	"slices"

	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// A pile is what is put together at the end of a sub-bucket of which as much waits as is kept exactly. It stands beside what waits
// until somebody needs to see it there, so that a record that belongs to it costs an addition.
type pile struct {
	end int64 // of the sub-bucket
	cut int64 // what is later than this but earlier than end belongs to it
	sum entry // of what does
	// t and n are those of the record before: both directions of a session mostly come one after the other.
	t, n int64
	// shares are what records of it sent before, by how many sub-buckets before end; nil when there are none.
	shares []int64
	filled bool // whether there is anything
}

const pileBytes = 88 + 8*pileShares

// pileShares is how many sub-buckets a window may touch.
const pileShares = buckets + 2

// empty reports whether no pile has anything on it.
func (m *more) empty() bool {
	return m == nil || !slices.ContainsFunc(m.piles, func(p pile) bool { return p.filled })
}

// pileAt returns the place of the first pile whose sub-bucket ends at t or later.
func (m *more) pileAt(t int64) int {
	at, _ := slices.BinarySearchFunc(m.piles, t, func(p pile, t int64) int {
		if p.end < t {
			return -1
		}
		return 1
	})
	return at
}

// pileOf returns the pile of the sub-bucket that ends then.
func (d *judge) pileOf(m *more, end int64) *pile {
	at := m.pileAt(end)
	if at == len(m.piles) || m.piles[at].end != end {
		m.piles = slices.Insert(m.piles, at, pile{end: end, cut: end})
		d.bytes += pileBytes
	}
	return &m.piles[at]
}

// piled puts a record on the pile that it belongs to; false when it belongs to none. A sub-bucket that is being judged has none:
// what was judged of it is no longer counted among what is kept.
func (d *judge) piled(e *entity, a *arrival) bool {
	m := e.more
	if m == nil || len(m.piles) == 0 {
		return false
	}
	p := &m.piles[min(m.pile, len(m.piles)-1)]
	if a.t <= p.cut || a.t >= p.end { // most often it is that of the record before
		at := m.pileAt(a.t)
		if at == len(m.piles) {
			return false
		}
		m.pile = at
		if p = &m.piles[at]; a.t <= p.cut || a.t >= p.end {
			return false
		}
	}
	if p.end-d.grain < d.judged {
		return false
	}
	e.rows += d.rows(a.entry)
	d.heap(e, p, *a)
	return true
}

// heap puts a record on a pile, among the rows of e.
func (d *judge) heap(e *entity, p *pile, a arrival) {
	if a.length > 0 {
		if p.shares == nil {
			p.shares = make([]int64, pileShares)
		}
		d.portions(&a, func(at, v int64) {
			sum := &p.shares[min((p.end-at)/d.grain, pileShares-1)]
			*sum = min(*sum+v, window.MaxAddend)
		})
	}
	same := p.filled && a.t == p.t && a.n == p.n && a.n < 0 && d.metric.Op == metric.Sum
	p.t, p.n = a.t, a.n
	if !p.filled {
		p.filled = true
		p.sum = entry{t: p.end, v: a.v, n: d.rows(a.entry)}
		return
	}
	if d.lump(&p.sum, a.entry); same { // two records of a session at one time are one
		p.sum.n--
		e.rows--
	}
}

// pour puts piles whose sub-buckets end up to a time to what waits, which is in order, and forgets them.
func (d *judge) pour(e *entity, upto int64) {
	m := e.more
	if m == nil || len(m.piles) == 0 {
		return
	}
	n := 0
	for ; n < len(m.piles) && m.piles[n].end <= upto; n++ {
		p := &m.piles[n]
		if !p.filled {
			continue
		}
		d.addShares(e, p.end, p.end, p.shares)
		at := e.find(p.end + 1)
		if at > int(e.came) && e.next[at-1].length == 0 && d.alike(&e.next[at-1].entry, &p.sum) {
			d.join(e, &e.next[at-1].entry, p.sum)
			continue
		}
		if e.came > 0 { // there are few before it, which are about to arrive, and maybe many behind
			e.came--
			copy(e.next[e.came:], e.next[e.came+1:at])
			e.next[at-1] = arrival{p.sum, 0}
			continue
		}
		d.growNext(e, 1)
		e.next = slices.Insert(e.next, at, arrival{p.sum, 0})
	}
	m.piles = slices.Delete(m.piles, 0, n)
	d.bytes -= n * pileBytes
}

// tidyAll is tidy for those who need to see what is on piles too.
func (d *judge) tidyAll(e *entity) {
	d.tidy(e)
	if e.more == nil {
		return
	}
	for i := range e.more.piles {
		p := &e.more.piles[i]
		if !p.filled {
			continue
		}
		d.growNext(e, 1)
		e.next = append(e.next, arrival{p.sum, 0})
		e.loose++
		d.addShares(e, p.end, p.end, p.shares)
		clear(p.shares)
		p.filled = false
	}
	d.tidy(e)
}
