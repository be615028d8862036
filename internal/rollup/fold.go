package rollup

import (
	"slices"

	"tocsin/internal/event"
)

// scratch is what Fold keeps of the rows at hand, one value a row.
type scratch struct {
	bytes, packets []uint64
	client         []bool   // the source opened the session
	fresh          []uint64 // for how many sessions it counts that it tells of
	told           []uint64 // and for how many of its exporter
	one, two       []uint32
	near           uint64 // of no meaning: what was read only so that it is near when it is needed
}

// Fold adds rows of a batch of flows.
func (r *Rollup) Fold(b *event.Batch, rows []int32) {
	if len(rows) == 0 {
		return
	}
	r.load(b, rows)
	if t := r.tables[Exporter]; t != nil { // whose slots are in the first place yet
		r.served(t, r.row.told)
	}
	for _, both := range []struct {
		entity              Entity
		source, destination event.FieldID
	}{{Host, event.SourceIP, event.DestinationIP}, {Country, event.SourceCountry, event.DestinationCountry}, {ASN, event.SourceASN, event.DestinationASN}, {Group, event.SourceGroup, event.DestinationGroup}} {
		if t := r.tables[both.entity]; t != nil {
			r.ends(t, b.Column(both.source), b.Column(both.destination), rows)
		}
	}
	if t := r.tables[Port]; t != nil {
		t.eitherSlots(b.Column(event.SourcePort), b.Column(event.DestinationPort), r.row.client, rows, r.row.one)
		r.served(t, r.row.fresh)
	}
	if t := r.tables[Protocol]; t != nil {
		t.slots(b.Column(event.NetworkIANA), rows, r.row.one)
		r.served(t, r.row.fresh)
	}
	r.prune()
}

// load takes the rows apart and adds them to the totals.
func (r *Rollup) load(b *event.Batch, rows []int32) {
	n, s := len(rows), &r.row
	s.bytes, s.packets = numbers(s.bytes, b.Column(event.SourceBytes), rows), numbers(s.packets, b.Column(event.SourcePackets), rows)
	s.client, s.fresh, s.told = slices.Grow(s.client[:0], n)[:n], slices.Grow(s.fresh[:0], n)[:n], slices.Grow(s.told[:0], n)[:n]
	s.one, s.two = slices.Grow(s.one[:0], n)[:n], slices.Grow(s.two[:0], n)[:n]
	roles(s.client, b.Column(event.FlowRole), rows)
	if t := r.tables[Exporter]; t != nil {
		t.slots(b.Column(event.ObserverIP), rows, s.one)
	} else {
		clear(s.one)
	}
	sum := Totals{Flows: uint64(n)}
	for i := range rows {
		sum.Bytes, sum.Packets = plus(sum.Bytes, s.bytes[i]), plus(sum.Packets, s.packets[i])
	}
	r.tellings(b.Column(event.FlowID), rows)
	for _, n := range s.fresh {
		sum.Sessions += n
	}
	sum.Sampled = r.sessions.level > 0
	r.totals.add(sum)
}

// tellings tells of each row for how many sessions it counts, and for how many of its exporter, whose slot is in the first place:
// a session counts once for each exporter that tells of it. Memory is what this costs: so it is asked for many places at once, and
// none waits for the one before.
func (r *Rollup) tellings(ids *event.Column, rows []int32) {
	s := &r.row
	clear(s.fresh)
	clear(s.told)
	if ids == nil {
		return
	}
	r.sessions.begin()
	var hashes [together]uint64
	for from := 0; from < len(rows); from += together {
		some := rows[from:min(from+together, len(rows))]
		for i, row := range some {
			hashes[i] = 0
			if v, ok := ids.Value(int(row)); ok {
				hashes[i] = r.sessions.hash(uint64(ids.Nums[v]))
			}
		}
		mask := uint64(len(r.sessions.table) - 1)
		for _, h := range hashes[:len(some)] {
			s.near ^= r.sessions.table[h&mask]
		}
		for i, h := range hashes[:len(some)] {
			if h == 0 {
				continue
			}
			at, teller := from+i, s.one[from+i]
			weight, first, seen := r.sessions.add(h, teller)
			s.fresh[at], s.told[at] = weight, weight
			if seen && first != teller {
				s.told[at] = r.sessions.weight() * r.exported.tells(h, teller)
			}
		}
	}
}

// numbers reads a column; what is missing is 0.
func numbers(into []uint64, c *event.Column, rows []int32) []uint64 {
	into = slices.Grow(into[:0], len(rows))[:len(rows)]
	if c == nil {
		clear(into)
		return into
	}
	for i, row := range rows {
		into[i] = 0
		if v, ok := c.Value(int(row)); ok {
			into[i] = uint64(c.Nums[v])
		}
	}
	return into
}

// roles tells of each row whether its source opened the session. Who is not said to be the server did.
func roles(into []bool, c *event.Column, rows []int32) {
	server := func(v int) bool { return string(c.Str(v)) == "server" }
	switch {
	case c == nil:
		for i := range into {
			into[i] = true
		}
	case c.Codes == nil:
		for i, row := range rows {
			v, ok := c.Value(int(row))
			into[i] = !ok || !server(v)
		}
	default:
		is := make([]bool, c.Len())
		for v := range is {
			is[v] = v == 0 || !server(v)
		}
		for i, row := range rows {
			into[i] = is[c.Codes[row]]
		}
	}
}

// ends adds what both ends of each row did.
func (r *Rollup) ends(t *table, source, destination *event.Column, rows []int32) {
	s := &r.row
	if source == nil && destination == nil { // nobody says: all is of slot 0
		r.unknown(&t.cells[0])
		return
	}
	t.slots(source, rows, s.one)
	t.slots(destination, rows, s.two)
	cells := t.cells
	for i, from := range s.one {
		a, b := &cells[from], &cells[s.two[i]]
		a.SentBytes, a.SentPackets = plus(a.SentBytes, s.bytes[i]), plus(a.SentPackets, s.packets[i])
		b.ReceivedBytes, b.ReceivedPackets = plus(b.ReceivedBytes, s.bytes[i]), plus(b.ReceivedPackets, s.packets[i])
		n := s.fresh[i]
		if n == 0 {
			continue
		}
		if s.client[i] {
			a.Initiated, b.Accepted = plus(a.Initiated, n), plus(b.Accepted, n)
		} else {
			a.Accepted, b.Initiated = plus(a.Accepted, n), plus(b.Initiated, n)
		}
	}
}

// unknown adds what both ends of each row did to one cell.
func (r *Rollup) unknown(c *Cell) {
	var sum Cell
	for i := range r.row.bytes {
		sum.SentBytes, sum.SentPackets = plus(sum.SentBytes, r.row.bytes[i]), plus(sum.SentPackets, r.row.packets[i])
		sum.Initiated = plus(sum.Initiated, r.row.fresh[i])
	}
	sum.ReceivedBytes, sum.ReceivedPackets, sum.Accepted = sum.SentBytes, sum.SentPackets, sum.Initiated
	c.add(&sum)
}

// served adds what the server of each row did, for entities that stand there: its slots are in the first place. sessions says for
// how many each row counts.
func (r *Rollup) served(t *table, sessions []uint64) {
	s := &r.row
	cells := t.cells
	for i, slot := range s.one {
		c := &cells[slot]
		if s.client[i] {
			c.ReceivedBytes, c.ReceivedPackets = plus(c.ReceivedBytes, s.bytes[i]), plus(c.ReceivedPackets, s.packets[i])
		} else {
			c.SentBytes, c.SentPackets = plus(c.SentBytes, s.bytes[i]), plus(c.SentPackets, s.packets[i])
		}
		c.Accepted = plus(c.Accepted, sessions[i])
	}
}
