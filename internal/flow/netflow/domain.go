package netflow

import (
	"container/list"
	"sync"

	"tocsin/internal/flow"
)

// A domain is what is remembered of one observation domain of one exporter.
type domain struct {
	key   domainKey
	place *list.Element // in Decoder.order

	mu        sync.Mutex
	templates map[uint16]*template
	tables    tables
	swept     int64 // when templates were last looked through
	held      []heldSet
	heldBytes int

	numbered bool   // next is known
	next     uint32 // number that the next datagram is to have
	uptime   uint32 // of the last datagram
	before   uint32 // IPFIX: records of the last message
	after    bool   // IPFIX: its numbers count the records of their own message as well
}

// enter returns the domain of a datagram, locked.
func (d *Decoder) enter(at arrival, r *flow.Report) *domain {
	d.mu.Lock()
	m := d.domain(domainKey{at.exporter, r.Domain, r.Version})
	d.mu.Unlock()
	m.mu.Lock()
	return m
}

// domain finds a domain or makes it. The one silent longest is forgotten where there are too many. It is called with mu held.
func (d *Decoder) domain(key domainKey) *domain {
	m := d.domains[key]
	if m != nil {
		d.order.MoveToFront(m.place)
		return m
	}
	if len(d.domains) >= d.options.MaxDomains {
		old := d.order.Remove(d.order.Back()).(*domain) //nolint:forcetypeassert // nothing else is in it
		delete(d.domains, old.key)
		old.mu.Lock()
		d.held.Add(-int64(old.heldBytes))
		old.held, old.heldBytes = nil, 0
		old.mu.Unlock()
	}
	m = &domain{key: key, templates: map[uint16]*template{}}
	m.place = d.order.PushFront(m)
	d.domains[key] = m
	return m
}

// Bounds of a gap in the numbering: what lies farther ahead is no loss but a new beginning, and what lies a little back
// came late.
const (
	farAhead = 1 << 20
	farBack  = 1 << 16
)

// number compares the number of a datagram with the one that is due. It reports whether the next one follows this one.
func (m *domain) number(r *flow.Report, number, uptime uint32) (follows bool) {
	gap := int32(number - m.next) //nolint:gosec // going round is meant
	younger := uptime != 0 && m.uptime-uptime > 60_000 && m.uptime-uptime < 1<<31
	switch {
	case !m.numbered || gap == 0:
	case younger: // it runs for less long than a while ago
		r.Restarted = true
	case gap > 0 && gap < farAhead:
		r.Lost = uint32(gap)
	case gap < 0 && gap > -farBack:
		r.Late = true
		return false
	default:
		r.Restarted = true
	}
	m.numbered, m.next, m.uptime = true, number, uptime
	return true
}

// numberRecords does the same for IPFIX, whose number is that of all data records before the message (RFC 7011 section 3.1).
// Some exporters, softflowd among them, count those of the message too. count is how many it has, when that is sure.
func (m *domain) numberRecords(r *flow.Report, number, count uint32, sure bool) {
	if m.numbered && sure && number != m.next && number == m.next-m.before+count {
		m.after = true // the step from the last number is this message's
	} else if number == m.next {
		m.after = false
	}
	due := number
	if m.after {
		due = number - count + m.before
	}
	follows := m.number(r, due, 0)
	switch {
	case !follows:
	case !sure:
		m.numbered = false
	default:
		m.before = count
		m.next = number + count
	}
}
