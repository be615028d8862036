package threshold

import (
	"errors"
	"fmt"
	"io"
	"math"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

const (
	stateName    = "threshold"
	stateVersion = 5
)

// Save writes the state.
func (d *judge) Save(w io.Writer) error {
	s := window.NewEncoder(w, stateName, stateVersion)
	s.Int(d.judged)
	s.Uint(d.stats.Skipped)
	s.Uint(d.stats.Late)
	s.Uint(d.stats.Evicted)
	s.Uint(uint64(d.exact))
	d.exporters.save(s)
	s.Uint(uint64(d.table.Len()))
	for id := range d.table.Cap() {
		if !d.table.Used(uint32(id)) {
			continue
		}
		e := d.entity(uint32(id))
		d.tidyAll(e)
		d.table.SaveKey(s, uint32(id))
		a := e.last()
		s.Row(int64(e.state&^(waiting|timed|touched)), a.first, a.trigger)
		s.Row(a.held, a.early, a.lump)
		s.Row(int64(math.Float64bits(a.peak)), 0, 0)
		d.saveEntries(s, e)
		e.more.save(s)
	}
	return s.Flush()
}

// saveEntries writes the entries of the window, and what waits.
func (d *judge) saveEntries(s *window.Encoder, e *entity) {
	in, next := e.window(), e.waits()
	s.Uint(uint64(len(in)))
	s.Uint(uint64(len(in) + len(next)))
	last := int64(0)
	for i := range in {
		en := &in[i]
		s.Row(en.t-last, en.v, en.n-1)
		last = en.t
	}
	for i := range next {
		a := &next[i]
		s.Row(a.t-last, a.v, a.n-1)
		if last = a.t; d.spread {
			s.Uint(uint64(a.length))
		}
	}
}

// Load reads a state into a detector that has seen nothing.
func (d *judge) Load(r io.Reader) error {
	s := window.NewDecoder(r, stateName, stateVersion, 1, 2, 3, 4)
	d.judged = s.Int()
	d.stats.Skipped, d.stats.Late, d.stats.Evicted = s.Uint(), s.Uint(), s.Uint()
	d.exact = min(max(int(s.Uint()), few), exact)
	if s.Version > 2 { // earlier states know of no exporters
		d.exporters.load(s)
	}
	for range s.Count(8) {
		key := s.Text()
		if _, twice := d.table.Lookup(key); twice {
			s.Fail("an entity is there twice")
		}
		if s.Failed() {
			break
		}
		d.loadEntity(s, d.entity(d.table.Number(key)))
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("load threshold: %w", err)
	}
	for id := range d.table.Cap() {
		d.resume(uint32(id), d.entity(uint32(id)))
	}
	return nil
}

func (d *judge) loadEntity(s *window.Decoder, e *entity) {
	d.loadHead(s, e)
	done := s.Uint()
	n := s.Count(1)
	if done > uint64(n) {
		s.Fail("more entries judged than there are")
		return
	}
	d.growPast(e, int(done))
	d.growNext(e, n-int(done))
	last := int64(0)
	for i := range n {
		a := arrival{entry: loadEntry(s, last)}
		waits, alike := uint64(i) >= done, d.metric.Op == metric.Distinct || d.sessions
		if waits && d.spread && s.Version > 4 {
			a.length = int64(min(s.Uint(), maxSpan+1))
			alike = true
		}
		if i > 0 && (a.t < last || a.t == last && !alike) || a.n < 0 && !d.sessions || waits && a.n == 0 || !d.possible(&a) {
			s.Fail("entries out of order")
			return
		}
		if last = a.t; waits {
			e.next = append(e.next, a)
		} else {
			e.past = append(e.past, a.entry)
		}
	}
	e.loose = int32(len(e.next))          // earlier versions ordered the sessions of an instant otherwise
	if s.Version == 3 || s.Version == 4 { // earlier states have the shares of long flows alone, later ones the length with the rest
		d.loadLongs(s, e)
	}
	if s.Version > 1 { // earlier states know nothing of long flows and sessions
		d.loadMore(s, e)
	}
}

// loadHead reads what an entity has besides its entries. Earlier states have numbers one by one.
func (d *judge) loadHead(s *window.Decoder, e *entity) {
	if s.Version < 4 {
		e.state = state(s.Uint()) &^ (waiting | timed | touched)
		d.loadAlarm(e, alarm{first: s.Int(), trigger: s.Int(), held: s.Int(), early: s.Int(), lump: s.Int(), peak: s.Float()})
		return
	}
	was, first, trigger := s.Row()
	e.state = state(was) &^ (waiting | timed | touched)
	held, early, lump := s.Row()
	peak, _, _ := s.Row()
	d.loadAlarm(e, alarm{first, trigger, held, early, lump, math.Float64frombits(uint64(peak))})
}

func (d *judge) loadAlarm(e *entity, a alarm) {
	if !d.warms {
		a.first = 0 // earlier versions saved it always
	}
	if a != (alarm{}) {
		*d.raise(e) = a
	}
}

// loadEntry reads an entry; last is the time of the one before.
func loadEntry(s *window.Decoder, last int64) entry {
	if s.Version < 4 {
		return entry{t: last + s.Int(), v: s.Int(), n: s.Int()}
	}
	t, v, n := s.Row()
	return entry{last + t, v, n + 1}
}

// resume works out what a loaded entity does not carry.
func (d *judge) resume(id uint32, e *entity) {
	e.rows = 0
	for _, a := range e.next {
		e.rows += d.rows(a.entry)
	}
	for _, en := range e.past {
		if d.metric.Op == metric.Distinct {
			if e.rows++; en.n != 0 {
				e.n++
			}
			continue
		}
		e.rows += d.rows(en)
		e.n += d.rows(en)
		e.sum += en.v
	}
	if op := d.metric.Op; (op == metric.Min || op == metric.Max) && len(e.past) > 0 {
		e.sum = d.extreme(e.past)
	}
	if due, ok := e.earliest(); ok {
		e.due = due
		e.state |= waiting
		d.pending.Add(e.due, id)
		e.adds = plenty
		if d.early {
			e.state |= touched
			d.touched = append(d.touched, id)
		}
	}
	if next, ok := d.next(e); ok {
		e.timer = next
		e.state |= timed
		d.timers.Add(next, id)
	}
}

// Merge joins the rows that another detector waits to judge.
func (d *judge) Merge(other detector.Detector) error {
	o, ok := other.(*judge)
	if !ok || o.metric.String() != d.metric.String() || o.limit != d.limit || o.scale != d.scale || o.over != d.over || o.table.Keys().Len() != d.table.Keys().Len() {
		return errors.New("merge threshold: the other detector has other settings")
	}
	numbers := d.exporters.merge(&o.exporters)
	for id := range o.table.Cap() {
		if !o.table.Used(uint32(id)) {
			continue
		}
		e := o.entity(uint32(id))
		if len(e.past) > 0 || e.state&(open|known) != 0 {
			return errors.New("merge threshold: the other detector has judged")
		}
		mine := d.table.Number(o.table.Key(uint32(id)))
		o.tidyAll(e)
		for _, a := range e.waits() {
			d.add(mine, a)
		}
		if m := e.more; m != nil {
			for _, f := range m.fed {
				if n := numbers[f.exporter]; n >= 0 {
					d.fed(d.entity(mine), feeder{uint16(n), f.since}) //nolint:gosec // the number of an exporter
				}
			}
			into := d.entity(mine).extra()
			before := cap(into.shares)*shareBytes + cap(into.lasting)*lastingBytes
			into.lasting = append(into.lasting, m.lasting[:min(len(m.lasting), maxLasting-len(into.lasting))]...)
			into.shares = united(append(into.shares, m.shares...))
			d.bytes += cap(into.shares)*shareBytes + cap(into.lasting)*lastingBytes - before
		}
	}
	d.stats.Skipped += o.stats.Skipped
	d.stats.Late += o.stats.Late
	d.stats.Evicted += o.stats.Evicted
	d.shrink()
	return nil
}

// shrink gives entities up while there are more than there is room for: of a few looked at, the one furthest from firing.
// When three quarters are taken, fewer entries of an entity are kept exactly.
func (d *judge) shrink() {
	if d.size() < d.room/4*3 {
		return
	}
	d.exact = few
	for d.size() > d.room && d.table.Len() > 1 {
		d.evict(d.table.Least(&d.hand, func(a, b uint32) bool { return d.further(d.entity(a), d.entity(b)) }))
	}
	d.pending.Thin(d.table.Len(), func(id uint32, at int64) bool { return d.entity(id).awaited(at) })
	d.timers.Thin(d.table.Len(), func(id uint32, at int64) bool { return d.entity(id).timed(at) })
}

// further reports whether a is further from firing than b.
func (d *judge) further(a, b *entity) bool {
	if x, y := a.state&(open|told) != 0, b.state&(open|told) != 0; x != y {
		return y
	}
	if d.metric.Op == metric.Sum && a.sum != b.sum {
		return (a.sum < b.sum) != d.limit.below
	}
	return a.rows < b.rows
}

func (d *judge) evict(id uint32) {
	e := d.entity(id)
	if e.state&(open|told) != 0 {
		d.out = append(d.out, alert.Finding{
			Entity: d.table.Keys().Entity(d.table.Key(id)), Time: max(e.last().trigger, e.last().early), Value: e.last().peak, Limit: d.limit.value, Below: d.limit.below, Ended: true,
			Reason: "given up for lack of memory",
		})
	}
	d.stats.Evicted++
	d.drop(id, e)
}
