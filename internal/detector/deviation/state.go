package deviation

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"tocsin/internal/detector"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

const (
	stateName    = "deviation"
	seasonName   = "deviation by season" // has what is known of the weeks as well
	stateVersion = 1
)

// stateName returns what the state is called: without a season it is as it always was.
func (d *gauge) stateName() string {
	if d.season.on() {
		return seasonName
	}
	return stateName
}

// Save writes the state.
func (d *gauge) Save(w io.Writer) error {
	s := window.NewEncoder(w, d.stateName(), stateVersion)
	s.Int(d.judged)
	s.Int(d.closed)
	s.Uint(d.stats.Skipped)
	s.Uint(d.stats.Late)
	s.Uint(d.stats.Evicted)
	s.Uint(uint64(len(d.seen)))
	for _, k := range slices.Sorted(maps.Keys(d.seen)) {
		s.Int(k)
	}
	s.Uint(uint64(d.table.Len()))
	for id := range d.table.Cap() {
		if !d.table.Used(uint32(id)) {
			continue
		}
		e := d.entity(uint32(id))
		d.table.SaveKey(s, uint32(id))
		s.Uint(uint64(e.state &^ timed))
		s.Float(e.peak)
		s.Float(e.limit)
		s.Uint(uint64(len(e.past)))
		for _, v := range e.past {
			s.Float(v)
		}
		s.Uint(uint64(len(e.ahead)))
		for _, m := range e.ahead {
			s.Int(m.at)
			s.Int(m.n)
			s.Int(m.v)
			s.Int(m.last)
			s.Uint(uint64(len(m.set)))
			for _, h := range m.set {
				s.Uint(h)
			}
		}
		if d.season.on() {
			e.season.save(s)
		}
	}
	return s.Flush()
}

// Load reads a state into a detector that has seen nothing.
func (d *gauge) Load(r io.Reader) error {
	s := window.NewDecoder(r, d.stateName(), stateVersion)
	d.judged, d.closed = s.Int(), s.Int()
	d.stats.Skipped, d.stats.Late, d.stats.Evicted = s.Uint(), s.Uint(), s.Uint()
	for range s.Count(1) {
		d.seen[s.Int()] = struct{}{}
	}
	for range s.Count(20) {
		key := s.Text()
		if _, twice := d.table.Lookup(key); twice {
			s.Fail("an entity is there twice")
		}
		if s.Failed() {
			break
		}
		id := d.table.Number(key)
		e := d.entity(id)
		d.loadEntity(s, e)
		if d.season.on() {
			e.season = d.loadSeason(s)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("load deviation: %w", err)
	}
	for id := range d.all {
		e := &d.all[id]
		d.bytes += measureBytes*cap(e.ahead) + 8*cap(e.past)
		if e.season != nil {
			d.bytes += seasonalBytes + slotBytes*cap(e.season.slots)
		}
		for _, m := range e.ahead {
			d.bytes += 8 * len(m.set)
		}
		if d.newest() && len(e.ahead) > 0 {
			d.await(uint32(id), e)
		}
	}
	return nil
}

func (d *gauge) loadEntity(s *window.Decoder, e *entity) {
	e.state = state(s.Uint()) & (known | open | below)
	e.peak, e.limit = s.Float(), s.Float()
	for range s.Count(8) {
		e.past = append(e.past, s.Float())
	}
	if len(e.past) > d.config.Baseline {
		s.Fail("more past buckets than the baseline has")
	}
	for range s.Count(5) {
		m := measure{at: s.Int(), n: s.Int(), v: s.Int(), last: s.Int()}
		for range s.Count(1) {
			m.set = append(m.set, s.Uint())
		}
		if n := len(e.ahead); n > 0 && e.ahead[n-1].at >= m.at || m.n < 0 || len(m.set) > maxMembers || !slices.IsSorted(m.set) ||
			!d.newest() && m.at <= d.closed {
			s.Fail("measures out of order")
			break
		}
		e.ahead = append(e.ahead, m)
	}
}

// Merge joins what another detector has measured.
func (d *gauge) Merge(other detector.Detector) error {
	o, ok := other.(*gauge)
	if !ok || o.metric.String() != d.metric.String() || o.bucket != d.bucket || o.config.Align != d.config.Align ||
		o.table.Keys().Len() != d.table.Keys().Len() {
		return errors.New("merge deviation: the other detector has other settings")
	}
	for id := range o.table.Cap() {
		if o.table.Used(uint32(id)) && o.entity(uint32(id)).state&known != 0 {
			return errors.New("merge deviation: the other detector has judged")
		}
	}
	maps.Copy(d.seen, o.seen)
	for id := range o.table.Cap() {
		if !o.table.Used(uint32(id)) {
			continue
		}
		for _, m := range o.entity(uint32(id)).ahead {
			if d.metric.Op == metric.Distinct {
				m.set = slices.Clone(m.set)
			}
			d.add(d.table.Number(o.table.Key(uint32(id))), m)
		}
	}
	d.stats.Skipped += o.stats.Skipped
	d.stats.Late += o.stats.Late
	d.stats.Evicted += o.stats.Evicted
	d.shrink()
	return nil
}
