package threshold

import (
	"errors"
	"fmt"
	"io"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

const (
	stateName    = "threshold"
	stateVersion = 3
)

// Save writes the state.
func (d *judge) Save(w io.Writer) error {
	s := window.NewEncoder(stateName, stateVersion)
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
		d.tidy(e)
		s.Text(d.table.Key(uint32(id)))
		s.Uint(uint64(e.state &^ (waiting | timed | touched)))
		s.Int(e.first)
		s.Int(e.trigger)
		s.Int(e.held)
		s.Int(e.early)
		s.Int(e.lump)
		s.Float(e.peak)
		s.Uint(uint64(e.done - e.head))
		ring := e.ring[e.head:]
		s.Uint(uint64(len(ring)))
		last := int64(0)
		for _, en := range ring {
			s.Int(en.t - last)
			s.Int(en.v)
			s.Int(en.n)
			last = en.t
		}
		e.saveLongs(s)
		e.more.save(s)
	}
	_, err := s.WriteTo(w)
	return err
}

// Load reads a state into a detector that has seen nothing.
func (d *judge) Load(r io.Reader) error {
	s := window.NewDecoder(r, stateName, stateVersion, 1, 2)
	d.judged = s.Int()
	d.stats.Skipped, d.stats.Late, d.stats.Evicted = s.Uint(), s.Uint(), s.Uint()
	d.exact = min(max(int(s.Uint()), few), exact)
	if s.Version > 2 { // earlier states know of no exporters
		d.exporters.load(s)
	}
	for range s.Count(16) {
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
	e.state = state(s.Uint()) &^ (waiting | timed | touched)
	e.first, e.trigger, e.held, e.early, e.lump = s.Int(), s.Int(), s.Int(), s.Int(), s.Int()
	e.peak = s.Float()
	done := s.Uint()
	n := s.Count(3)
	if done > uint64(n) {
		s.Fail("more entries judged than there are")
		return
	}
	e.ring = make([]entry, 0, n)
	last := int64(0)
	for i := range n {
		en := entry{t: last + s.Int(), v: s.Int(), n: s.Int()}
		if i > 0 && (en.t < last || en.t == last && d.metric.Op != metric.Distinct && !d.sessions) || en.n < 0 && !d.sessions || uint64(i) >= done && en.n == 0 {
			s.Fail("entries out of order")
			return
		}
		last = en.t
		e.ring = append(e.ring, en)
	}
	e.done = int32(done)
	e.loose = int32(n) - e.done // earlier versions ordered the sessions of an instant otherwise
	d.bytes += cap(e.ring) * entryBytes
	if s.Version > 2 { // earlier states have the shares of long flows alone
		d.loadLongs(s, e)
	}
	if s.Version > 1 { // earlier states know nothing of long flows and sessions
		d.loadMore(s, e)
	}
}

// resume works out what a loaded entity does not carry.
func (d *judge) resume(id uint32, e *entity) {
	e.rows = 0
	for i, en := range e.ring {
		if d.metric.Op == metric.Distinct {
			e.rows++
			if i < int(e.done) && en.n != 0 {
				e.n++
			}
			continue
		}
		e.rows += d.rows(en)
		if i < int(e.done) {
			e.n += d.rows(en)
			e.sum += en.v
		}
	}
	if op := d.metric.Op; (op == metric.Min || op == metric.Max) && e.done > 0 {
		e.sum = d.extreme(e.ring[:e.done])
	}
	if int(e.done) < len(e.ring) {
		e.due = e.ring[e.done].t
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
		if e.done > 0 || e.state&(open|known) != 0 {
			return errors.New("merge threshold: the other detector has judged")
		}
		mine := d.table.Number(o.table.Key(uint32(id)))
		for _, en := range e.ring {
			d.add(mine, en.t, en.v, en.n)
		}
		if len(e.longs) > 0 {
			into := d.entity(mine)
			before := cap(into.longs)
			into.longs = append(into.longs, e.longs...)
			d.bytes += (cap(into.longs) - before) * longBytes
		}
		if m := e.more; m != nil {
			for _, f := range m.fed {
				if n := numbers[f.exporter]; n >= 0 {
					d.fed(d.entity(mine), feeder{uint16(n), f.since}) //nolint:gosec // the number of an exporter
				}
			}
			into := d.entity(mine).extra()
			before := cap(into.shares) * shareBytes
			into.lasting = append(into.lasting, m.lasting...)
			into.shares = united(append(into.shares, m.shares...))
			d.bytes += cap(into.shares)*shareBytes - before
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
			Entity: d.table.Keys().Entity(d.table.Key(id)), Time: max(e.trigger, e.early), Value: e.peak, Limit: d.limit.value, Below: d.limit.below, Ended: true,
			Reason: "given up for lack of memory",
		})
	}
	d.stats.Evicted++
	d.drop(id, e)
}
