package session

import (
	"encoding/binary"
	"time"

	"tocsin/internal/flow"
)

// A witness is who tells, and when that came.
type witness struct {
	teller uint32
	domain uint32
	second int64 // of receipt
}

// teller makes the short name of who tells, never 0: an exporter by its address and its observation domain. A router that
// meters on several line cards tells of one packet once on each that it passes, and of each in a domain of its own (RFC 7011
// section 2); so the address alone would take the second telling for more traffic. Of 100 who tell, two share a name once in a
// million installations; what one of them repeats of the other is then not marked.
func (t *Tracker) teller(exporter *[16]byte, domain uint32) uint32 {
	be := binary.BigEndian
	h := mix(mix(mix(t.options.Salt^be.Uint64(exporter[:]))^be.Uint64(exporter[8:])) ^ uint64(domain))
	return max(1, uint32(h>>32)) //nolint:gosec // bits alone matter
}

// mark makes the mark of a record of a session.
func (t *Tracker) mark(e *entry, s *span, r *flow.Record, forward bool, start, end int64, w *witness) Mark {
	m := Mark{ID: s.id, Role: Server}
	if e.is(lowOpened) == forward {
		m.Role = Client
	}
	from, to := 1, 0
	if forward {
		from, to = 0, 1
	}
	m.Repeated = t.repeated(e, s, from, start, end, w)
	if r.Has&flow.HasReverse != 0 {
		m.ReverseRepeated = t.repeated(e, s, to, start, end, w)
	}
	return m
}

// believed is how far a record may end behind its receipt and still say until when was told: a clock that is ahead must not
// keep the others quiet.
const believed = int64(time.Minute)

// repeated reports whether another exporter tells of this direction of a session.
//
// Who is first tells. Another one takes over with a record that ends later than Silence behind what the teller told, and of
// which more than half does: an exporter that tells every half hour is not silent in between, and what it then tells is mostly
// what the other one told in pieces. When the teller dies, at most Silence is lost, and told twice at most the shorter part of
// one record. The session before the one at hand keeps its teller.
func (t *Tracker) repeated(e *entry, s *span, direction int, start, end int64, w *witness) bool {
	end = min(end, w.second*1e9+believed)
	until := int64(e.told[direction]) * 1e9
	switch {
	case s.tellers[direction] == w.teller:
	case s.tellers[direction] == 0, s == &e.now && end-until > int64(t.options.Silence) && end-until > until-start:
		s.tellers[direction] = w.teller
		until = 0
	default:
		t.repeats++
		return true
	}
	if s == &e.now {
		e.told[direction] = uint32(max(until, end, 0) / 1e9) //nolint:gosec // until 2106
	}
	return false
}
