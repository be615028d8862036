// Package enrich adds to events, as they arrive, what is known of their addresses: country, city and autonomous system from
// databases, and traffic groups. What is added stays: a later database or group changes no event that is there.
package enrich

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"tocsin/internal/event"
	"tocsin/internal/group"
)

// An Enricher adds to batches. Its methods may be called from several goroutines; batches are worked on one at a time.
type Enricher struct {
	state   atomic.Pointer[state]
	metrics *metrics

	change sync.Mutex        // held while the state is replaced
	faults map[string]broken // by path, of databases that are in use; guarded by change
}

// A state is databases and groups that belong together. Who works on a batch keeps the one that it began with; what nobody
// works with any more is freed.
type state struct {
	databases []*database
	groups    *group.Set
	metrics   *metrics

	mu    sync.Mutex // guards cache
	cache *cache     // nil until it is needed
}

// useful reports whether there is anything to add.
func (s *state) useful() bool { return len(s.databases) > 0 || s.groups.Len() > 0 }

// SetGroups makes groups those of the events that come from now on.
func (e *Enricher) SetGroups(groups *group.Set) {
	e.change.Lock()
	defer e.change.Unlock()
	e.state.Store(&state{databases: e.state.Load().databases, groups: groups, metrics: e.metrics})
}

// Look returns what the databases say about an address now.
func (e *Enricher) Look(a netip.Addr) Facts { return e.state.Load().look(a.Unmap(), nil) }

// look asks the databases in their order; what one does not say, the next may. read has what was read of each before, or is nil.
func (s *state) look(a netip.Addr, read []map[uintptr]Facts) (f Facts) {
	for i, d := range s.databases {
		var known map[uintptr]Facts
		if read != nil {
			known = read[i]
		}
		found, err := d.look(a, known)
		if err != nil {
			s.metrics.failed(d, err)
			continue
		}
		f.fill(found)
	}
	return f
}

// A side is the fields of one end of an event.
type side struct {
	ip, port, country, city, as, organization, group event.FieldID
}

var sides = [...]side{
	{event.SourceIP, event.SourcePort, event.SourceCountry, event.SourceCity, event.SourceASN, event.SourceASOrg, event.SourceGroup},
	{event.DestinationIP, event.DestinationPort, event.DestinationCountry, event.DestinationCity, event.DestinationASN, event.DestinationASOrg, event.DestinationGroup},
}

// Batch returns a batch with what is known of its addresses, in columns of their own beside those of b, which is not changed. What
// an event has, it keeps. Where there is nothing to add it returns b.
func (e *Enricher) Batch(b *event.Batch) *event.Batch {
	s := e.state.Load()
	if !s.useful() || b.Rows == 0 || b.Column(event.SourceIP) == nil && b.Column(event.DestinationIP) == nil {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil {
		s.cache = newCache(len(s.databases))
	}
	w := work{state: s, cache: s.cache, batch: b}
	for i := range sides {
		w.side(&sides[i])
	}
	return w.result()
}

// work is one call of Batch.
type work struct {
	*state
	*cache

	batch *event.Batch
	added []event.Column // new ones, and those that take the place of old ones
}

// side adds to one end of all rows.
func (w *work) side(of *side) {
	ips := w.batch.Column(of.ip)
	if ips == nil {
		return
	}
	w.number(ips)
	if len(w.databases) > 0 {
		w.country(of)
		w.system(of)
	}
	if w.groups.Len() > 0 {
		w.group(of)
	}
}

// number finds out the local number of the address of each row.
func (w *work) number(ips *event.Column) {
	w.begin()
	n := w.batch.Rows
	if cap(w.rows) < n {
		w.rows = make([]uint32, event.MaxRows)
	}
	w.rows = w.rows[:n]
	if ips.Codes == nil {
		w.numberAll(ips.IPs, ips.Present, w.rows)
		return
	}
	if cap(w.values) < len(ips.IPs) {
		w.values = make([]uint32, event.MaxRows+1)
	}
	w.values = w.values[:len(ips.IPs)]
	w.values[0] = 0
	w.numberAll(ips.IPs[1:], nil, w.values[1:])
	for row, code := range ips.Codes[:n] {
		w.rows[row] = w.values[code]
	}
}

// together is how many addresses are looked for together, so that the memory is waited for once and not for one after the other.
const together = 32

// numberAll finds out the local numbers of addresses, 0 of those that are not present; nil: all are.
func (w *work) numberAll(ips [][16]byte, present event.Bits, numbers []uint32) {
	for from := 0; from < len(ips); from += together {
		to := min(from+together, len(ips))
		w.warm(ips[from:to])
		for i := from; i < to; i++ {
			switch {
			case present != nil && !present.Get(i):
				numbers[i] = 0
			case i > 0 && numbers[i-1] != 0 && ips[i] == ips[i-1]:
				numbers[i] = numbers[i-1]
			default:
				numbers[i] = w.local(&ips[i], w.find)
			}
		}
	}
}

// find asks databases and groups about an address.
func (w *work) find(a *[16]byte) known {
	f := w.look(netip.AddrFrom16(*a).Unmap(), w.read)
	return known{
		country: w.word(f.Country), city: w.word(f.City), as: f.AS, organization: w.word(f.Organization),
		node: w.groups.Node(*a),
	}
}

// result is the batch with what was added.
func (w *work) result() *event.Batch {
	if len(w.added) == 0 {
		return w.batch
	}
	columns := make([]event.Column, 0, len(w.batch.Columns())+len(w.added))
	columns = append(columns, w.batch.Columns()...)
next:
	for _, c := range w.added {
		for i := range columns {
			if columns[i].Field == c.Field {
				columns[i] = c
				continue next
			}
		}
		columns = append(columns, c)
	}
	b := event.NewBatch(w.batch.Kind, w.batch.Rows, columns, w.batch.Labels)
	b.Sources, b.Backfill, b.Partition, b.Sequence = w.batch.Sources, w.batch.Backfill, w.batch.Partition, w.batch.Sequence
	return b
}
