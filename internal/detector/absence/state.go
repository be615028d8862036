package absence

import (
	"errors"
	"fmt"
	"io"

	"tocsin/internal/detector"
	"tocsin/internal/window"
)

const (
	stateName    = "absence"
	stateVersion = 1
)

// Save writes the state.
func (d *watch) Save(w io.Writer) error {
	s := window.NewEncoder(w, stateName, stateVersion)
	s.Int(d.judged)
	s.Int(d.start)
	placed := uint64(0)
	if d.placed {
		placed = 1
	}
	s.Uint(placed)
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
		s.Uint(uint64(e.state &^ timed))
		s.Int(e.last)
		s.Uint(uint64(len(e.ahead)))
		for _, a := range e.ahead {
			s.Int(a.From)
			s.Int(a.To)
		}
	}
	return s.Flush()
}

// Load reads a state into a detector that has seen nothing. Who is expected is up to the settings.
func (d *watch) Load(r io.Reader) error {
	s := window.NewDecoder(r, stateName, stateVersion)
	d.judged, d.start = s.Int(), s.Int()
	d.placed = s.Uint() == 1
	d.stats.Skipped, d.stats.Late, d.stats.Evicted = s.Uint(), s.Uint(), s.Uint()
	for range s.Count(4) {
		key := s.Text()
		id := d.table.Number(key)
		e := d.entity(id)
		e.state = state(s.Uint())&(known|absent) | e.state&expected
		e.last = s.Int()
		for range s.Count(2) {
			a := window.Heard{From: s.Int(), To: s.Int()}
			if a.From > a.To || len(e.ahead) > 0 && a.From <= e.ahead[len(e.ahead)-1].To {
				s.Fail("stretches out of order")
				break
			}
			e.ahead = append(e.ahead, a)
		}
		if s.Failed() {
			break
		}
		d.bytes += cap(e.ahead) * heardBytes
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("load absence: %w", err)
	}
	for id := range d.table.Cap() {
		if e := d.entity(uint32(id)); e.state&known != 0 || len(e.ahead) > 0 {
			d.schedule(uint32(id), e, d.judged+1)
		}
	}
	return nil
}

// Merge joins what another detector has heard.
func (d *watch) Merge(other detector.Detector) error {
	o, ok := other.(*watch)
	if !ok || o.idle != d.idle || o.forget != d.forget || o.table.Keys().Len() != d.table.Keys().Len() {
		return errors.New("merge absence: the other detector has other settings")
	}
	for id := range o.table.Cap() {
		if o.table.Used(uint32(id)) && o.entity(uint32(id)).state&known != 0 {
			return errors.New("merge absence: the other detector has judged")
		}
	}
	d.start = min(d.start, o.start)
	for id := range o.table.Cap() {
		if !o.table.Used(uint32(id)) {
			continue
		}
		for _, s := range o.entity(uint32(id)).ahead {
			d.hear(d.table.Number(o.table.Key(uint32(id))), s)
		}
	}
	d.stats.Skipped += o.stats.Skipped
	d.stats.Late += o.stats.Late
	d.stats.Evicted += o.stats.Evicted
	d.shrink()
	return nil
}
