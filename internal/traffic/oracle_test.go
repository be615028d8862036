package traffic_test

import (
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/flow"
	"tocsin/internal/history"
)

// A record is a flow record as the oracle sees it. Ports of -1, ids and numbers of 0 and empty texts are missing.
type record struct {
	start, end      time.Time
	doubted         bool // end is not when it happened, which is at
	at              time.Time
	ends            [2]peer // source, destination
	server          bool    // the source is the server
	noRole          bool
	bytes, packets  uint64
	id              uint64
	protocol        int
	app             string
	exporter        netip.Addr
	ingress, egress uint64
	repeated        bool
}

// A peer is one end of a record.
type peer struct {
	ip             netip.Addr
	port           int
	country, group string
	asn            uint64
}

// noon is when the flows of the tests begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// randomRecords are flows of few hosts within six hours, many of them long, some without what others have.
func randomRecords(r *rand.Rand, n int) []record {
	var sessions []record
	for i := range max(n/3, 1) {
		end := func() peer {
			p := peer{ip: netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(6))}), port: r.IntN(4) * 100, country: []string{"", "DE", "NL", "??"}[r.IntN(4)],
				group: []string{"", "lan", "a \"b\""}[r.IntN(3)], asn: []uint64{0, 64500, 64501}[r.IntN(3)]}
			if r.IntN(5) == 0 {
				p.ip = netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", r.IntN(3)))
			}
			return p
		}
		s := record{ends: [2]peer{end(), end()}, id: uint64(i + 1), protocol: []int{6, 17, 1, 250, -1}[r.IntN(5)], app: []string{"", "web", "dns"}[r.IntN(3)]}
		if r.IntN(20) == 0 {
			s.ends[0].port, s.ends[1].port = -1, -1
		}
		sessions = append(sessions, s)
	}
	list := make([]record, n)
	for i := range list {
		v := sessions[r.IntN(len(sessions))]
		v.end = noon.Add(time.Duration(r.Int64N(int64(6 * time.Hour)))).Truncate(time.Duration([]int64{1, 1e9, 3600e9}[r.IntN(3)]))
		length := time.Duration(r.Int64N(int64(time.Hour)))
		switch r.IntN(6) {
		case 0:
			length = 0
		case 1:
			length = time.Duration(r.Int64N(int64(5 * time.Hour))) // more than a flow can last
		}
		v.start, v.at = v.end.Add(-length), v.end
		if r.IntN(10) == 0 {
			v.doubted, v.at = true, noon.Add(time.Duration(r.Int64N(int64(6*time.Hour))))
		}
		if v.server = r.IntN(2) == 0; v.server {
			v.ends[0], v.ends[1] = v.ends[1], v.ends[0]
		}
		v.noRole = !v.server && r.IntN(4) == 0
		v.bytes, v.packets = r.Uint64N(100_000), r.Uint64N(100)
		v.exporter = netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(2))})
		v.ingress, v.egress = uint64(r.IntN(3)), uint64(r.IntN(3))
		v.repeated = r.IntN(4) == 0
		list[i] = v
	}
	return list
}

// batchOf writes records as the collector does.
func batchOf(records []record) *event.Batch {
	b := event.NewBuilder(event.Flow)
	text := func(id event.FieldID, v string) {
		if v != "" {
			b.Text(id, v)
		}
	}
	number := func(id event.FieldID, v uint64) {
		if v != 0 {
			b.Uint(id, v)
		}
	}
	for i := range records {
		v := &records[i]
		b.Time(event.Timestamp, v.at.UnixNano())
		b.Time(event.EventStart, v.start.UnixNano())
		b.Time(event.EventEnd, v.end.UnixNano())
		for j, f := range [2][5]event.FieldID{
			{event.SourceIP, event.SourcePort, event.SourceCountry, event.SourceGroup, event.SourceASN},
			{event.DestinationIP, event.DestinationPort, event.DestinationCountry, event.DestinationGroup, event.DestinationASN},
		} {
			e := v.ends[j]
			b.Addr(f[0], e.ip)
			if e.port >= 0 {
				b.Int(f[1], int64(e.port))
			}
			text(f[2], e.country)
			text(f[3], e.group)
			number(f[4], e.asn)
		}
		if v.protocol >= 0 {
			b.Int(event.NetworkIANA, int64(v.protocol))
		}
		if !v.noRole {
			b.Text(event.FlowRole, map[bool]string{false: "client", true: "server"}[v.server])
		}
		b.Uint(event.SourceBytes, v.bytes)
		b.Uint(event.SourcePackets, v.packets)
		number(event.FlowID, v.id)
		text(event.NetworkApp, v.app)
		b.Addr(event.ObserverIP, v.exporter)
		number(event.FlowIngress, v.ingress)
		number(event.FlowEgress, v.egress)
		if v.repeated {
			b.Bool(event.FlowRepeated, true)
		}
		b.Next()
	}
	return b.Batch()
}

// storeOf puts records into a history, some of them into segments.
func storeOf(t testing.TB, r *rand.Rand, records []record) *history.Store {
	t.Helper()
	s, err := history.Open(t.Context(), history.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for seq := uint64(1); len(records) > 0; seq++ {
		n := 1 + r.IntN(len(records))
		b := batchOf(records[:n])
		b.Sequence, records = seq, records[n:]
		if err := s.Apply("e", b); err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// stretch is when a record was under way.
func (v *record) stretch() (start, end int64) {
	length := min(v.end.Sub(v.start), time.Hour)
	end = v.at.UnixNano()
	return end - int64(length), end
}

// part returns what of n lies in a range, by integers of any size.
func (v *record) part(n uint64, from, to int64) uint64 {
	start, end := v.stretch()
	before := func(moment int64) uint64 {
		switch {
		case moment <= start:
			return 0
		case moment >= end:
			return n
		}
		x := new(big.Int).SetUint64(n)
		x.Mul(x, big.NewInt(moment-start))
		return x.Div(x, big.NewInt(end-start)).Uint64()
	}
	return before(to) - before(from)
}

// under reports whether the record was under way in a range.
func (v *record) under(from, to int64) bool {
	start, end := v.stretch()
	if start == end {
		return start >= from && start < to
	}
	return start < to && end > from
}

// A stand is an entity and how it stands to a record: whether it sent it, and whether it opened the session.
type stand struct {
	values       string
	sent, opened bool
	peer         *peer // other side
}

// stands returns those who have a part in a record.
func (v *record) stands(by string) []stand {
	source, destination := &v.ends[0], &v.ends[1]
	client, server := source, destination
	if v.server {
		client, server = destination, source
	}
	number := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	ends := func(of func(*peer) string) []stand {
		return []stand{{of(source), true, source == client, destination}, {of(destination), false, destination == client, source}}
	}
	served := func(value string) []stand { return []stand{{value, source == server, false, client}} }
	switch by {
	case "host":
		return ends(func(p *peer) string { return p.ip.String() })
	case "country":
		return ends(func(p *peer) string { return p.country })
	case "group":
		return ends(func(p *peer) string { return p.group })
	case "asn":
		return ends(func(p *peer) string { return number(p.asn) })
	case "pair":
		a, b := source.ip.As16(), destination.ip.As16()
		if slices.Compare(a[:], b[:]) <= 0 {
			return []stand{{source.ip.String() + " " + destination.ip.String(), true, source == client, destination}}
		}
		return []stand{{destination.ip.String() + " " + source.ip.String(), false, destination == client, source}}
	case "port":
		if server.port < 0 {
			return served("")
		}
		return served(strconv.Itoa(server.port))
	case "client":
		return []stand{{client.ip.String(), source == client, true, server}}
	case "server":
		return served(server.ip.String())
	case "protocol":
		if v.protocol < 0 {
			return served("")
		}
		return served(cmp.Or(flow.Transport(uint8(v.protocol)), strconv.Itoa(v.protocol)))
	case "application":
		return served(v.app)
	case "exporter":
		return served(v.exporter.String())
	case "interface":
		return []stand{
			{v.exporter.String() + " " + number(v.egress), true, source == client, nil},
			{v.exporter.String() + " " + number(v.ingress), false, destination == client, nil},
		}
	}
	panic(by)
}

// A tally is what the oracle counts of one entity.
type tally struct {
	sent, received, sentPackets, receivedPackets uint64
	initiated, accepted, sessions, hosts, ports  map[any]bool
}

// tell adds one record to the tally of one who stands to it.
func (y *tally) tell(v *record, s stand, by string, from, to int64) {
	b, p := v.part(v.bytes, from, to), v.part(v.packets, from, to)
	if s.sent {
		y.sent, y.sentPackets = y.sent+b, y.sentPackets+p
	} else {
		y.received, y.receivedPackets = y.received+b, y.receivedPackets+p
	}
	if v.id != 0 {
		y.sessions[v.id] = true
		if s.opened {
			y.initiated[v.id] = true
		} else {
			y.accepted[v.id] = true
		}
	}
	client, server := &v.ends[0], &v.ends[1]
	if v.server {
		client, server = server, client
	}
	port := func() {
		if server.port >= 0 {
			y.ports[server.port] = true
		}
	}
	switch by {
	case "host":
		if s.opened {
			y.hosts[server.ip] = true
			port()
		}
	case "country", "asn", "group", "interface":
		mine := v.ends[1].ip
		if s.sent {
			mine = v.ends[0].ip
		}
		y.hosts[mine] = true
		port()
	case "client":
		y.hosts[server.ip] = true
		port()
	default:
		y.hosts[client.ip] = true
		port()
	}
}

// value is what the entity is ranked by.
func (y *tally) value(rank, side string) float64 {
	three := func(all, sent, received float64) float64 {
		switch side {
		case "sent", "initiated":
			return sent
		case "received", "accepted":
			return received
		default:
			return all
		}
	}
	switch rank {
	case "bytes":
		return three(float64(y.sent+y.received), float64(y.sent), float64(y.received))
	case "packets":
		return three(float64(y.sentPackets+y.receivedPackets), float64(y.sentPackets), float64(y.receivedPackets))
	case "sessions":
		return three(float64(len(y.sessions)), float64(len(y.initiated)), float64(len(y.accepted)))
	case "ports":
		return float64(len(y.ports))
	default:
		return float64(len(y.hosts))
	}
}

// rank is the oracle: it looks at every record for every entity.
func rank(records []record, q api.TrafficRequest, from, to int64) api.TrafficAnswer {
	tallies := map[string]*tally{}
	a := api.TrafficAnswer{}
	sessions := map[uint64]bool{}
	for i := range records {
		v := &records[i]
		if !v.under(from, to) || q.Once && v.repeated {
			continue
		}
		a.Bytes += v.part(v.bytes, from, to)
		a.Packets += v.part(v.packets, from, to)
		sessions[v.id] = true
		for _, s := range v.stands(q.By) {
			y := tallies[s.values]
			if y == nil {
				y = &tally{initiated: map[any]bool{}, accepted: map[any]bool{}, sessions: map[any]bool{}, hosts: map[any]bool{}, ports: map[any]bool{}}
				tallies[s.values] = y
			}
			y.tell(v, s, q.By, from, to)
		}
	}
	a.Sessions = uint64(len(sessions))
	for values, y := range tallies {
		if y.value(q.Rank, q.Side) > 0 {
			a.Rows = append(a.Rows, api.TrafficRow{
				Values: []string{values}, SentBytes: y.sent, ReceivedBytes: y.received, SentPackets: y.sentPackets, ReceivedPackets: y.receivedPackets,
				Initiated: uint64(len(y.initiated)), Accepted: uint64(len(y.accepted)), Value: y.value(q.Rank, q.Side),
			})
		}
	}
	slices.SortFunc(a.Rows, func(x, y api.TrafficRow) int {
		return cmp.Or(cmp.Compare(y.Value, x.Value), slices.Compare(x.Values, y.Values))
	})
	return a
}
