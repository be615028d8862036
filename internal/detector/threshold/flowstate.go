package threshold

import (
	"maps"
	"slices"

	"tocsin/internal/window"
)

// save writes what few entities have: nothing but a 0 for all others.
func (m *more) save(s *window.Encoder) {
	if m == nil {
		s.Uint(0)
		return
	}
	s.Uint(1)
	s.Uint(uint64(len(m.shares)))
	for _, one := range m.shares {
		s.Int(one.t)
		s.Int(one.at)
		s.Int(one.v)
	}
	s.Uint(uint64(len(m.lasting)))
	for _, one := range m.lasting {
		s.Int(one.t)
		s.Int(one.session)
		s.Int(one.windows)
	}
	s.Uint(uint64(len(m.sessions)))
	for _, n := range slices.Sorted(maps.Keys(m.sessions)) {
		one := m.sessions[n]
		s.Int(n)
		s.Int(one.first)
		s.Int(one.last)
		s.Int(one.counted)
	}
	s.Int(m.pruned)
	s.Uint(uint64(len(m.fed)))
	for _, f := range m.fed {
		s.Uint(uint64(f.exporter))
		s.Int(f.since)
	}
}

// saveLongs writes the long records that wait.
func (e *entity) saveLongs(s *window.Encoder) {
	e.order(nil)
	s.Uint(uint64(len(e.longs)))
	for _, one := range e.longs {
		s.Int(one.t)
		s.Int(one.v)
		s.Int(one.length)
	}
}

func (d *judge) loadLongs(s *window.Decoder, e *entity) {
	n := s.Count(3)
	if n == 0 {
		return
	}
	e.longs = make([]long, n)
	for i := range e.longs {
		e.longs[i] = long{t: s.Int(), v: s.Int(), length: s.Int()}
		if one := e.longs[i]; one.length <= d.grain || one.length > maxSpan || one.v < 0 || one.v > window.MaxAddend {
			s.Fail("a long flow that cannot be")
			return
		}
	}
	d.bytes += n * longBytes
}

// loadMore reads it again. Triggers that were counted are never saved: each call of Judge reports them.
func (d *judge) loadMore(s *window.Decoder, e *entity) {
	switch s.Uint() {
	case 0:
		return
	case 1:
	default:
		s.Fail("neither with nor without shares")
		return
	}
	m := e.extra()
	m.shares = make([]share, s.Count(3))
	for i := range m.shares {
		m.shares[i] = share{t: s.Int(), at: s.Int(), v: s.Int()}
		if one := m.shares[i]; one.at >= one.t || one.v < 0 || one.v > window.MaxAddend {
			s.Fail("a share of a flow that cannot be")
			return
		}
	}
	m.shares = united(m.shares)
	m.lasting = make([]lasting, min(s.Count(3), maxLasting))
	for i := range m.lasting {
		m.lasting[i] = lasting{t: s.Int(), session: s.Int(), windows: s.Int()}
		if windows := m.lasting[i].windows; windows < 0 || windows > maxSpan/d.over {
			s.Fail("a flow that lasted too long")
			return
		}
	}
	n := s.Count(4)
	if n > maxSpells {
		s.Fail("more sessions than are told apart")
		return
	}
	if n > 0 {
		m.sessions = make(map[int64]spell, n)
	}
	for range n {
		m.sessions[s.Int()] = spell{first: s.Int(), last: s.Int(), counted: s.Int()}
	}
	m.pruned = s.Int()
	if s.Version > 2 { // earlier states do not know who told of an entity
		d.loadFeeders(s, m)
	}
	d.bytes += cap(m.shares)*shareBytes + len(m.sessions)*spellBytes
}
