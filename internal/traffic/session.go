package traffic

import (
	"bytes"
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/flow"
)

// maxTold is how many exporters, and how many interfaces each way, are kept of one session.
const maxTold = 16

// A session is what the records of a flow.id come to.
type session struct {
	filter.FlowSession

	id                   uint64
	numbered             bool // it has an id
	start, end           int64
	records              int
	sampled              bool
	clientFlags          uint8
	serverFlags          uint8
	clientMAC, serverMAC string
}

// sessionFields are what sessions are put together of.
func sessionFields() []event.FieldID {
	return append(spanFields(), event.FlowID, event.FlowRole, event.SourceIP, event.DestinationIP, event.SourcePort, event.DestinationPort, event.SourceBytes,
		event.SourcePackets, event.NetworkIANA, event.FlowTCPFlags, event.NetworkApp, event.FlowSampling, event.ObserverIP, event.FlowIngress, event.FlowEgress,
		event.SourceCountry, event.DestinationCountry, event.SourceASN, event.DestinationASN, event.SourceGroup, event.DestinationGroup, event.SourceMAC, event.DestinationMAC)
}

// A reader takes records of a batch apart.
type reader struct {
	*event.Batch

	spans spans
	words map[string]string // each text once
}

func (r *reader) text(id event.FieldID, row int32) string {
	c := r.Column(id)
	if c == nil {
		return ""
	}
	v, ok := c.Value(int(row))
	if !ok {
		return ""
	}
	if word, known := r.words[string(c.Str(v))]; known {
		return word
	}
	word := string(c.Str(v))
	r.words[word] = word
	return word
}

func (r *reader) number(id event.FieldID, row int32) (int64, bool) { return number(r.Column(id), row) }

func (r *reader) address(id event.FieldID, row int32) (ip [16]byte) {
	if c := r.Column(id); c != nil {
		if v, ok := c.Value(int(row)); ok {
			ip = c.IPs[v]
		}
	}
	return ip
}

// add puts what one record tells to a session. Records come in no particular order, as several goroutines read them: what they tell
// differently of what there is one of must come to the same in any.
func (s *session) add(r *reader, row int32) {
	from, to := event.SourceIP, event.DestinationIP
	sent, packets, flags := &s.ClientBytes, &s.ClientPackets, &s.clientFlags
	fromServer := r.text(event.FlowRole, row) == "server"
	if fromServer {
		from, to = to, from
		sent, packets, flags = &s.ServerBytes, &s.ServerPackets, &s.serverFlags
	}
	client, server := r.address(from, row), r.address(to, row)
	start, end := r.spans.of(row)
	if s.records == 0 {
		s.Client, s.Server, s.start, s.end = client, server, start, end
	} else if cmp.Or(bytes.Compare(client[:], s.Client[:]), bytes.Compare(server[:], s.Server[:])) < 0 {
		s.Client, s.Server = client, server
	}
	s.records++
	s.start, s.end = min(s.start, start), max(s.end, end)
	n, _ := r.number(event.SourceBytes, row)
	*sent = add(*sent, uint64(n))
	n, _ = r.number(event.SourcePackets, row)
	*packets = add(*packets, uint64(n))
	if n, ok := r.number(event.FlowTCPFlags, row); ok {
		*flags |= uint8(n)
		s.Flags, s.HasFlags = s.Flags|uint8(n), true
	}
	if n, ok := r.number(event.NetworkIANA, row); ok {
		s.Protocol, s.HasProtocol = least(s.Protocol, uint8(n)), true
	}
	if n, ok := r.number(event.FlowSampling, row); ok && n > 1 {
		s.sampled = true
	}
	s.addEnds(r, row, fromServer)
	s.addPath(r, row)
}

// addEnds adds what a record tells of the two ends.
func (s *session) addEnds(r *reader, row int32, fromServer bool) {
	pick := func(source, destination event.FieldID) (client, server event.FieldID) {
		if fromServer {
			return destination, source
		}
		return source, destination
	}
	client, server := pick(event.SourcePort, event.DestinationPort)
	c, hasClient := r.number(client, row)
	v, hasServer := r.number(server, row)
	if hasClient && hasServer {
		ports, known := uint32(uint16(c))<<16|uint32(uint16(v)), uint32(s.ClientPort)<<16|uint32(s.ServerPort)
		if !s.HasPorts || ports < known {
			s.ClientPort, s.ServerPort, s.HasPorts = uint16(c), uint16(v), true
		}
	}
	for _, one := range []struct {
		client, server      *string
		source, destination event.FieldID
	}{
		{&s.ClientCountry, &s.ServerCountry, event.SourceCountry, event.DestinationCountry},
		{&s.ClientGroup, &s.ServerGroup, event.SourceGroup, event.DestinationGroup},
		{&s.clientMAC, &s.serverMAC, event.SourceMAC, event.DestinationMAC},
	} {
		client, server := pick(one.source, one.destination)
		*one.client = least(*one.client, r.text(client, row))
		*one.server = least(*one.server, r.text(server, row))
	}
	client, server = pick(event.SourceASN, event.DestinationASN)
	if n, ok := r.number(client, row); ok {
		s.ClientASN = least(s.ClientASN, uint32(n))
	}
	if n, ok := r.number(server, row); ok {
		s.ServerASN = least(s.ServerASN, uint32(n))
	}
}

// least returns the smaller one of what is known and what is told; a zero is neither.
func least[T cmp.Ordered](known, told T) T {
	var none T
	if known == none || told != none && told < known {
		return told
	}
	return known
}

// addPath adds who told of a record, and which way it went.
func (s *session) addPath(r *reader, row int32) {
	s.App = least(s.App, r.text(event.NetworkApp, row))
	if ip := r.address(event.ObserverIP, row); ip != ([16]byte{}) {
		s.Exporters = with(s.Exporters, ip)
	}
	if n, ok := r.number(event.FlowIngress, row); ok {
		s.Inputs = with(s.Inputs, uint32(n))
	}
	if n, ok := r.number(event.FlowEgress, row); ok {
		s.Outputs = with(s.Outputs, uint32(n))
	}
}

// with adds a value to a short list that lacks it.
func with[T comparable](list []T, v T) []T {
	if len(list) >= maxTold || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// An assembly puts sessions together. Several goroutines may fold into it.
type assembly struct {
	only *idSet // sessions that are wanted; nil: all

	mu    sync.Mutex
	index map[uint64]int32
	list  []session
	words map[string]string
}

func newAssembly(only *idSet) *assembly {
	return &assembly{only: only, index: map[uint64]int32{}, words: map[string]string{}}
}

func (a *assembly) fold(b, _ *event.Batch, rows []int32) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &reader{Batch: b, spans: newSpans(b), words: a.words}
	ids := b.Column(event.FlowID)
	for _, row := range rows {
		n, numbered := number(ids, row)
		id := uint64(n)
		if numbered && a.only != nil && !a.only.has(id) {
			continue
		}
		at, known := a.index[id]
		if !known || !numbered { // a record that is of no session is one by itself
			if len(a.list) >= maxSessions {
				return tooMany()
			}
			at = int32(len(a.list))
			a.list = append(a.list, session{id: id, numbered: numbered})
			if numbered {
				a.index[id] = at
			}
		}
		a.list[at].add(r, row)
	}
	return nil
}

func tooMany() error {
	return fault.New(fault.Full, "sessions: more than %d would have to be put together (narrow the time or the filter)", maxSessions)
}

// assemble puts the sessions of a selection together, as far as the range shows them.
func assemble(ctx context.Context, store Store, from, to int64, sel *Selection, once bool) (*assembly, error) {
	var only *idSet
	if sel.Where != nil {
		only = &idSet{}
		var mu sync.Mutex
		q := flows(sel.records(once), event.FlowID)
		err := scan(ctx, store, from, to, q, func() folder {
			return func(b, _ *event.Batch, rows []int32) error {
				mu.Lock()
				defer mu.Unlock()
				return only.addAll(b, rows)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	a := newAssembly(only)
	whole := Selection{Within: sel.Within, Sessions: sel.Sessions}
	q := flows(whole.records(once), sessionFields()...)
	if err := scan(ctx, store, from, to, q, func() folder { return a.fold }); err != nil {
		return nil, err
	}
	if sel.Sessions != nil {
		a.list = slices.DeleteFunc(a.list, func(s session) bool { return !sel.Sessions.Match(&s.FlowSession) })
	}
	return a, nil
}

// An idSet is a set of numbers of sessions.
type idSet struct{ ids map[uint64]struct{} }

func (s *idSet) has(id uint64) bool {
	_, ok := s.ids[id]
	return ok
}

func (s *idSet) addAll(b *event.Batch, rows []int32) error {
	if s.ids == nil {
		s.ids = map[uint64]struct{}{}
	}
	ids := b.Column(event.FlowID)
	for _, row := range rows {
		if id, ok := number(ids, row); ok {
			s.ids[uint64(id)] = struct{}{}
		}
	}
	if len(s.ids) > maxSessions {
		return tooMany()
	}
	return nil
}

// ofSessions ranks what the records of the sessions tell that a filter of whole sessions selects.
func (r *ranking) ofSessions(ctx context.Context, store Store) (api.TrafficAnswer, error) {
	a, err := assemble(ctx, store, r.from, r.to, &r.sel, r.Once)
	if err != nil {
		return r.answer(), err
	}
	p := &picked{Store: store, match: r.sel.Sessions}
	p.ids.ids = make(map[uint64]struct{}, len(a.list))
	for i := range a.list {
		if a.list[i].numbered {
			p.ids.ids[a.list[i].id] = struct{}{}
		}
	}
	return r.ofRecords(ctx, p)
}

// Sessions lists sessions.
func Sessions(ctx context.Context, store Store, q api.SessionRequest, sel Selection) (api.SessionAnswer, error) {
	answer := api.SessionAnswer{Rows: []api.TrafficSession{}}
	order, err := sessionOrder(&q)
	if err != nil {
		return answer, err
	}
	from, to, err := timeRange(q.Since, q.Until)
	if err != nil {
		return answer, err
	}
	a, err := assemble(ctx, store, from, to, &sel, q.Once)
	if err != nil {
		return answer, err
	}
	answer.Sessions = uint64(len(a.list))
	for i := range a.list {
		s := &a.list[i]
		answer.Bytes = add(answer.Bytes, add(s.ClientBytes, s.ServerBytes))
		answer.Packets = add(answer.Packets, add(s.ClientPackets, s.ServerPackets))
	}
	slices.SortFunc(a.list, order)
	limit := q.Limit
	if limit == 0 {
		limit = sessionLimit
	}
	if limit > 0 && len(a.list) > limit {
		a.list = a.list[:limit]
	}
	for i := range a.list {
		answer.Rows = append(answer.Rows, a.list[i].tell())
	}
	return answer, nil
}

// tell writes a session as people read it.
func (s *session) tell() api.TrafficSession {
	out := api.TrafficSession{
		ID: s.id, Start: time.Unix(0, s.start).UTC(), End: time.Unix(0, s.end).UTC(), Protocol: -1, App: s.App, Records: s.records, Exporters: []netip.Addr{}, Sampled: s.sampled,
		Client: api.SessionEnd{Port: -1, Bytes: s.ClientBytes, Packets: s.ClientPackets, Flags: s.clientFlags, Country: s.ClientCountry, ASN: uint64(s.ClientASN), Group: s.ClientGroup, MAC: s.clientMAC},
		Server: api.SessionEnd{Port: -1, Bytes: s.ServerBytes, Packets: s.ServerPackets, Flags: s.serverFlags, Country: s.ServerCountry, ASN: uint64(s.ServerASN), Group: s.ServerGroup, MAC: s.serverMAC},
	}
	out.Client.IP, out.Server.IP = netip.AddrFrom16(s.Client).Unmap(), netip.AddrFrom16(s.Server).Unmap()
	if s.HasPorts {
		out.Client.Port, out.Server.Port = int(s.ClientPort), int(s.ServerPort)
	}
	if s.HasProtocol {
		out.Protocol, out.Transport = int(s.Protocol), flow.Transport(s.Protocol)
	}
	for _, ip := range s.Exporters {
		out.Exporters = append(out.Exporters, netip.AddrFrom16(ip).Unmap())
	}
	slices.SortFunc(out.Exporters, netip.Addr.Compare)
	return out
}
