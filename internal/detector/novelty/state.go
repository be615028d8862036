package novelty

import (
	"errors"
	"fmt"
	"io"

	"tocsin/internal/detector"
	"tocsin/internal/window"
)

const (
	stateName    = "novelty"
	stateVersion = 1
)

// Save writes the state.
func (d *lookout) Save(w io.Writer) error {
	s := window.NewEncoder(w, stateName, stateVersion)
	s.Int(d.judged)
	s.Int(d.start)
	s.Uint(d.stats.Skipped)
	s.Uint(d.stats.Late)
	s.Uint(d.stats.Evicted)
	s.Uint(uint64(d.table.Len()))
	for id := range d.table.Cap() {
		if !d.table.Used(uint32(id)) {
			continue
		}
		e := d.entity(uint32(id))
		d.table.SaveKey(s, uint32(id))
		s.Uint(uint64(e.state &^ (timed | touched)))
		s.Int(e.last)
		s.Int(e.trigger)
		s.Int(e.early)
		s.Uint(uint64(len(e.ahead)))
		for _, a := range e.ahead {
			s.Int(a.first)
			s.Int(a.last)
		}
	}
	return s.Flush()
}

// Load reads a state into a detector that has seen nothing.
func (d *lookout) Load(r io.Reader) error {
	s := window.NewDecoder(r, stateName, stateVersion)
	d.judged, d.start = s.Int(), s.Int()
	d.stats.Skipped, d.stats.Late, d.stats.Evicted = s.Uint(), s.Uint(), s.Uint()
	for range s.Count(6) {
		key := s.Text()
		if _, twice := d.table.Lookup(key); twice {
			s.Fail("an entity is there twice")
		}
		if s.Failed() {
			break
		}
		e := d.entity(d.table.Number(key))
		e.state = state(s.Uint()) & (seen | news | open | told)
		e.last, e.trigger, e.early = s.Int(), s.Int(), s.Int()
		for range s.Count(2) {
			a := sightings{s.Int(), s.Int()}
			if a.first > a.last || len(e.ahead) > 0 && day(a.first) <= day(e.ahead[len(e.ahead)-1].first) {
				s.Fail("sightings out of order")
				break
			}
			e.ahead = append(e.ahead, a)
		}
		d.bytes += cap(e.ahead) * sightingsBytes
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("load novelty: %w", err)
	}
	for id := range d.table.Cap() {
		e := d.entity(uint32(id))
		d.schedule(uint32(id), e, window.Later(d.judged, 1))
		if e.state&seen == 0 {
			e.state |= touched
			d.touched = append(d.touched, uint32(id))
		}
	}
	return nil
}

// Merge joins what another detector has seen.
func (d *lookout) Merge(other detector.Detector) error {
	o, ok := other.(*lookout)
	if !ok || o.learn != d.learn || o.forget != d.forget || o.daily != d.daily || o.end != d.end || o.table.Keys().Len() != d.table.Keys().Len() {
		return errors.New("merge novelty: the other detector has other settings")
	}
	for id := range o.table.Cap() {
		if o.table.Used(uint32(id)) && o.entity(uint32(id)).state&(seen|told) != 0 {
			return errors.New("merge novelty: the other detector has judged")
		}
	}
	d.start = min(d.start, o.start)
	for id := range o.table.Cap() {
		if !o.table.Used(uint32(id)) {
			continue
		}
		for _, s := range o.entity(uint32(id)).ahead {
			d.see(d.table.Number(o.table.Key(uint32(id))), s)
		}
	}
	d.stats.Skipped += o.stats.Skipped
	d.stats.Late += o.stats.Late
	d.stats.Evicted += o.stats.Evicted
	d.shrink()
	return nil
}
