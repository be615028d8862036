package flows

import (
	"cmp"
	"container/list"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/flow"
	"tocsin/internal/flow/sflow"
)

// maxExporters bounds how many exporters are listed, and apart from these how many that are refused; the one silent longest gives way.
const maxExporters = 10_000

// exporters is the list of those who were heard.
type exporters struct {
	mu    sync.Mutex
	all   map[netip.Addr]*exporter
	order *list.List // the one heard last in front
	// refused are those that are not allowed to send any, in the same order.
	refused *list.List
}

// An exporter is one of them. What is in it is read and changed with exporters.mu held.
type exporter struct {
	place   *list.Element
	address netip.Addr
	source  string
	refused bool

	first, last int64 // when it was heard, in nanoseconds since 1970 UTC
	versions    map[uint16]bool
	datagrams   int64
	bytes       int64
	flows       int64
	counters    int64
	lost        int64
	late        int64
	restarts    int64
	problems    [flow.Reasons]int64
	skew        time.Duration
	sampling    uint32
	seconds     [60]struct{ at, flows int64 }
	minutes     [lately]minute
}

func newExporters() *exporters {
	return &exporters{all: map[netip.Addr]*exporter{}, order: list.New(), refused: list.New()}
}

// among returns the list of those who are refused, or that of all others.
func (x *exporters) among(refused bool) *list.List {
	if refused {
		return x.refused
	}
	return x.order
}

// find returns the entry of an address, the one heard last from now on of those who are refused or of the others. It is called with mu
// held.
func (x *exporters) find(address netip.Addr, now int64, refused bool) *exporter {
	e, order := x.all[address], x.among(refused)
	if e != nil && e.refused == refused {
		order.MoveToFront(e.place)
		return e
	}
	if e == nil {
		e = &exporter{address: address, first: now, versions: map[uint16]bool{}}
		x.all[address] = e
	} else {
		x.among(e.refused).Remove(e.place)
	}
	if order.Len() >= maxExporters {
		old := order.Remove(order.Back()).(*exporter) //nolint:forcetypeassert // nothing else is in it
		delete(x.all, old.address)
	}
	e.refused, e.place = refused, order.PushFront(e)
	return e
}

// heard notes a datagram and what became of it.
func (x *exporters) heard(source string, address netip.Addr, now int64, size int, r *flow.Report, sampling uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.find(address, now, false)
	e.source, e.last = source, now
	e.datagrams++
	e.bytes += int64(size)
	e.flows += int64(r.Records)
	e.counters += int64(r.Counters)
	e.lost += int64(r.Lost)
	if r.Late {
		e.late++
	}
	if r.Restarted {
		e.restarts++
	}
	for why, n := range r.Problems {
		e.problems[why] += int64(n)
	}
	if r.Problems[flow.UnknownVersion] == 0 && r.Version != 0 {
		e.versions[r.Version] = true
	}
	if r.Exported != 0 {
		e.skew = time.Duration(r.Exported - now)
	}
	if r.Records > 0 {
		e.sampling = sampling
	}
	e.note(now, r)
	s := &e.seconds[now/1e9%60]
	if s.at != now/1e9 {
		s.at, s.flows = now/1e9, 0
	}
	s.flows += int64(r.Records)
}

// refuse notes a datagram of somebody who is not allowed to send any.
func (x *exporters) refuse(source string, address netip.Addr, now int64, size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.find(address, now, true)
	e.source, e.last = source, now
	e.datagrams++
	e.bytes += int64(size)
}

// rate is the mean number of flows a second over the last minute, or since it was heard first when that is less.
func (e *exporter) rate(now int64) float64 {
	total := int64(0)
	for _, s := range e.seconds {
		if age := now/1e9 - s.at; age >= 0 && age < 60 {
			total += s.flows
		}
	}
	return float64(total) / float64(min(60, max(1, (now-e.first)/1e9)))
}

// protocolOf returns the word for the version of a datagram, by which field event.dataset has it.
func protocolOf(version uint16) string {
	switch version {
	case 5: // the most frequent ones without making a text
		return "netflow5"
	case 9:
		return "netflow9"
	case 10:
		return "ipfix"
	case sflow.Version:
		return "sflow"
	default:
		return fmt.Sprintf("netflow%d", version)
	}
}

// Exporters lists who was heard, by address. One is silent when nothing came from it for longer than after; 0 is never.
func (m *Memory) Exporters(now time.Time, after time.Duration) []api.Exporter {
	holdings, counted := m.netflow.Holdings(), m.interfaces.counts()
	at := now.UnixNano()
	x := m.exporters
	x.mu.Lock()
	defer x.mu.Unlock()
	answer := make([]api.Exporter, 0, len(x.all))
	for _, e := range slices.SortedFunc(maps.Values(x.all), func(a, b *exporter) int { return a.address.Compare(b.address) }) {
		h := holdings[e.address.As16()]
		one := api.Exporter{
			Address: e.address.String(), Source: e.source, Refused: e.refused, First: time.Unix(0, e.first).UTC(), Last: time.Unix(0, e.last).UTC(),
			Datagrams: e.datagrams, Bytes: e.bytes, Flows: e.flows, Counters: e.counters, Lost: e.lost, Late: e.late, Restarts: e.restarts,
			Rate: e.rate(at), Skew: e.skew, Templates: h.Templates, Held: int64(h.Held), Sampling: int64(e.sampling), Counted: counted[e.address], Protocols: []string{},
			Silent: after > 0 && !e.refused && now.Sub(time.Unix(0, e.last)) > after,
		}
		for _, v := range slices.Sorted(maps.Keys(e.versions)) {
			one.Protocols = append(one.Protocols, protocolOf(v))
		}
		for why, n := range e.problems {
			if n > 0 {
				if one.Problems == nil {
					one.Problems = map[string]int64{}
				}
				one.Problems[flow.Reason(why).String()] = n //nolint:gosec // few
			}
		}
		answer = append(answer, one)
	}
	return answer
}

// Limits of whose silence is told: who sent one datagram, or is one of very many, is not missed.
const (
	steady   = 10 * time.Minute
	mostHeld = 1000
	forgetAt = 7 * 24 * time.Hour // silence that is no news any more
)

// steady reports whether an exporter was heard for so long that what it does not say is missed.
func (e *exporter) steady(now time.Time) bool {
	return !e.refused && len(e.versions) > 0 && e.last-e.first >= int64(steady) && now.UnixNano()-e.last < int64(forgetAt)
}

// Steady returns how many datagrams came since the start from each exporter that is missed when it falls silent: it was heard
// for ten minutes, within the last week. There are a thousand at most, those heard first.
func (m *Memory) Steady(now time.Time) map[netip.Addr]int64 {
	x := m.exporters
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []*exporter
	for _, e := range x.all {
		if e.steady(now) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *exporter) int { return cmp.Or(cmp.Compare(a.first, b.first), a.address.Compare(b.address)) })
	answer := map[netip.Addr]int64{}
	for _, e := range list[:min(len(list), mostHeld)] {
		answer[e.address] = e.datagrams
	}
	return answer
}

// savedExporter is what is kept of one over a restart.
type savedExporter struct {
	Address  netip.Addr `json:"address"`
	Source   string     `json:"source"`
	First    int64      `json:"first"` // nanoseconds since 1970 UTC
	Last     int64      `json:"last"`
	Versions []uint16   `json:"versions"`
}

func (x *exporters) save() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := []savedExporter{}
	for p := x.order.Back(); p != nil; p = p.Prev() {
		e := p.Value.(*exporter) //nolint:forcetypeassert // nothing else is in it
		list = append(list, savedExporter{e.address, e.source, e.first, e.last, slices.Sorted(maps.Keys(e.versions))})
	}
	return json.Marshal(list)
}

func (x *exporters) load(text []byte) error {
	var list []savedExporter
	if err := json.Unmarshal(text, &list); err != nil {
		return fault.New(fault.Invalid, "load exporters: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range list[max(0, len(list)-maxExporters):] {
		if !s.Address.IsValid() || len(s.Versions) > 16 {
			return fault.New(fault.Invalid, "load exporters: %q with %d versions cannot be", s.Address, len(s.Versions))
		}
		e := x.find(s.Address, s.First, false)
		e.source, e.last = s.Source, s.Last
		for _, v := range s.Versions {
			e.versions[v] = true
		}
	}
	return nil
}
