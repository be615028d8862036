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
	last := int64(0)
	for i := range m.shares {
		one := &m.shares[i]
		s.Row(one.t-last, one.t-one.at, one.v)
		last = one.t
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

// possible reports whether an entry can be one that lasted.
func (d *judge) possible(a *arrival) bool {
	return a.length == 0 || a.length > d.grain && a.length <= maxSpan && a.v >= 0 && a.v <= window.MaxAddend
}

// loadLongs reads the long records of states that have them apart: with what they left in the sub-bucket in which they ended among
// the entries, and not by session.
func (d *judge) loadLongs(s *window.Decoder, e *entity) {
	last := int64(0)
	for range s.Count(1) {
		var t, v, length int64
		if s.Version < 4 {
			t, v, length = s.Int(), s.Int(), s.Int()
		} else {
			t, v, length = s.Row()
			t += last
			last = t
		}
		a := arrival{entry{t, v, 0}, length}
		if length == 0 || !d.possible(&a) {
			s.Fail("a long flow that cannot be")
			return
		}
		d.reunite(e, a)
	}
}

// reunite makes a long record of an entry and the record of which it is a part.
func (d *judge) reunite(e *entity, a arrival) {
	part := a
	d.portions(&part, func(_, _ int64) {})
	at := e.find(a.t)
	for i := at; i < min(at+exact, len(e.next)) && e.next[i].t == a.t; i++ {
		if en := &e.next[i]; en.length == 0 && en.v == part.v && (en.n < 0 || en.n == 1) {
			en.v, en.length = a.v, a.length
			return
		}
	}
	d.putShares(e, a.t, []arrival{a}) // it is in an entry together with others
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
	was := m.shares // of long records of earlier versions
	m.shares = make([]share, s.Count(1))
	last := int64(0)
	for i := range m.shares {
		if s.Version < 4 {
			m.shares[i] = share{t: s.Int(), at: s.Int(), v: s.Int()}
		} else {
			t, before, v := s.Row()
			last += t
			m.shares[i] = share{last, last - before, v}
		}
		if one := m.shares[i]; one.at >= one.t || one.v < 0 || one.v > window.MaxAddend {
			s.Fail("a share of a flow that cannot be")
			return
		}
	}
	m.shares = united(append(m.shares, was...))
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
	d.bytes += (cap(m.shares)-cap(was))*shareBytes + len(m.sessions)*spellBytes + cap(m.lasting)*lastingBytes
}
