// Package rollup keeps what the flows of a stretch of time come to, by host, port, country, autonomous system, traffic group,
// protocol and exporter, small enough to be kept for every hour of a year.
//
// A rollup is pure: batches of flows go in, bytes come out, and those can be added up again. Bytes and packets are exact for
// whoever is in it. Where more are seen than it keeps, those with least are left out, and it knows by how much anybody's
// numbers can be too low at most (as the lossy counting of Manku and Motwani, 2002).
//
// A session counts once in a rollup, however many records tell of it. Whoever adds rollups up counts one that lasted over
// several once for each of them: sums of sessions are upper limits.
package rollup

import (
	"math"
	"slices"

	"tocsin/internal/event"
)

// An Entity is what flows are added up by.
type Entity uint8

// The entities, by the numbers that they have in files.
const (
	Host Entity = iota
	Port
	Country
	ASN
	Group
	Protocol
	Exporter
	entities
)

// names are those that rankings of traffic have for the entities.
func names() []string {
	return []string{"host", "port", "country", "asn", "group", "protocol", "exporter"}
}

// ParseEntity returns the entity of a name; false when rollups do not have it.
func ParseEntity(name string) (Entity, bool) {
	at := slices.Index(names(), name)
	return Entity(max(at, 0)), at >= 0
}

func (e Entity) String() string { return names()[e] }

// A Measure is what entities are ranked by.
type Measure uint8

// The measures. Bytes and Packets are what was sent and received together.
const (
	SentBytes Measure = iota
	ReceivedBytes
	Bytes
	SentPackets
	ReceivedPackets
	Packets
	measures
)

// A Cell is what the flows of one entity come to. A number that does not fit is the largest there is.
type Cell struct {
	SentBytes, ReceivedBytes, SentPackets, ReceivedPackets uint64
	Initiated, Accepted                                    uint64 // sessions
}

// Of returns one measure of a cell.
func (c *Cell) Of(m Measure) uint64 {
	switch m {
	case SentBytes:
		return c.SentBytes
	case ReceivedBytes:
		return c.ReceivedBytes
	case SentPackets:
		return c.SentPackets
	case ReceivedPackets:
		return c.ReceivedPackets
	case Packets:
		return plus(c.SentPackets, c.ReceivedPackets)
	default:
		return plus(c.SentBytes, c.ReceivedBytes)
	}
}

func (c *Cell) add(o *Cell) {
	c.SentBytes, c.ReceivedBytes = plus(c.SentBytes, o.SentBytes), plus(c.ReceivedBytes, o.ReceivedBytes)
	c.SentPackets, c.ReceivedPackets = plus(c.SentPackets, o.SentPackets), plus(c.ReceivedPackets, o.ReceivedPackets)
	c.Initiated, c.Accepted = plus(c.Initiated, o.Initiated), plus(c.Accepted, o.Accepted)
}

// plus adds without running over.
func plus(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

// Totals are what all flows come to, each of them once.
type Totals struct {
	Flows, Bytes, Packets uint64
	Sessions              uint64 // at most, see the package
	Sampled               bool   // sessions are an estimate: there were too many to tell them all apart
}

func (t *Totals) add(o Totals) {
	t.Flows, t.Bytes, t.Packets = plus(t.Flows, o.Flows), plus(t.Bytes, o.Bytes), plus(t.Packets, o.Packets)
	t.Sessions, t.Sampled = plus(t.Sessions, o.Sessions), t.Sampled || o.Sampled
}

// Limits bound a rollup; 0 stands for the default.
type Limits struct {
	Keys     int // different values of one entity that are told apart in memory; 524,288, 100 bytes each
	Sessions int // sessions that are told apart; 2,097,152, 48 bytes each at most
}

// A Rollup adds flows up. It is used by one goroutine at a time.
type Rollup struct {
	totals   Totals
	tables   [entities]*table // nil: not asked for
	sessions sessions
	exported sessions // of each exporter
	limits   Limits
	row      scratch
}

// New returns an empty rollup of some entities; none means all.
func New(limits Limits, wanted ...Entity) *Rollup {
	if limits.Keys <= 0 {
		limits.Keys = 1 << 19
	}
	if limits.Sessions <= 0 {
		limits.Sessions = 1 << 21
	}
	r := &Rollup{limits: limits, sessions: sessions{most: limits.Sessions}, exported: sessions{most: limits.Sessions}}
	for e := range entities {
		if len(wanted) == 0 || slices.Contains(wanted, e) {
			r.tables[e] = newTable(e)
		}
	}
	return r
}

// Totals returns what all flows come to.
func (r *Rollup) Totals() Totals { return r.totals }

// Bound returns by how much the number of any value of an entity may be too low, also of one that is not there.
func (r *Rollup) Bound(e Entity, m Measure) uint64 { return r.tables[e].floors[m] }

// Merge adds another rollup with the same entities, which is left as it is.
func (r *Rollup) Merge(o *Rollup) {
	r.totals.add(o.totals)
	for e, t := range o.tables {
		if t == nil || r.tables[e] == nil {
			continue
		}
		for slot := range t.cells {
			if t.cells[slot] != (Cell{}) {
				into := r.tables[e].taken(t, uint32(slot))
				r.tables[e].cells[into].add(&t.cells[slot])
			}
		}
		r.tables[e].raise(&t.floors)
	}
	r.prune()
}

// prune gives up half of what a table holds where that is more than it may.
func (r *Rollup) prune() {
	for _, t := range r.tables {
		if t != nil && len(t.cells) > r.limits.Keys {
			t.keep(t.largest(r.limits.Keys / 2))
		}
	}
}

// Fields lists the fields that Fold looks at.
func (r *Rollup) Fields() []event.FieldID {
	list := []event.FieldID{event.SourceBytes, event.SourcePackets, event.FlowRole, event.FlowID}
	for e, ids := range map[Entity][]event.FieldID{
		Host: {event.SourceIP, event.DestinationIP}, Port: {event.SourcePort, event.DestinationPort}, Country: {event.SourceCountry, event.DestinationCountry},
		ASN: {event.SourceASN, event.DestinationASN}, Group: {event.SourceGroup, event.DestinationGroup}, Protocol: {event.NetworkIANA}, Exporter: {event.ObserverIP},
	} {
		if r.tables[e] != nil {
			list = append(list, ids...)
		}
	}
	slices.Sort(list)
	return list
}
