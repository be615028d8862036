package flows

import (
	"bytes"
	"cmp"
	"container/list"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/flow"
)

// Bounds of the interfaces that are known. Of more than an exporter may have, those that come are refused; of more than all may
// have, the one silent longest gives way if it has been so for an hour.
const (
	maxPorts    = 32_768
	maxPortsOf  = 4_096 // of one exporter
	givesWay    = time.Hour
	forgetPorts = 7 * 24 * time.Hour // without a sample
)

// interfaces are what counter samples tell of.
type interfaces struct {
	mu    sync.Mutex
	all   map[portKey]*port
	order *list.List         // the one heard last in front
	of    map[netip.Addr]int // how many each exporter has
}

func newInterfaces() *interfaces {
	return &interfaces{all: map[portKey]*port{}, order: list.New(), of: map[netip.Addr]int{}}
}

// heard takes in what an exporter tells of interfaces, and returns of how many there was no room for.
func (x *interfaces) heard(exporter netip.Addr, told []flow.Interface, now int64) (refused uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range told {
		t := &told[i]
		p := x.find(portKey{exporter, t.Agent, t.Domain, t.SourceClass, t.Source, t.Index}, now)
		if p == nil {
			refused++
			continue
		}
		p.take(t, now)
	}
	return refused
}

// find returns an interface, the one heard last from now on; nil where there is no room. It is called with mu held.
func (x *interfaces) find(key portKey, now int64) *port {
	if p := x.all[key]; p != nil {
		x.order.MoveToFront(p.place)
		return p
	}
	x.forget(now)
	if x.of[key.exporter] >= maxPortsOf {
		return nil
	}
	if len(x.all) >= maxPorts && !x.drop(now, givesWay) {
		return nil
	}
	p := &port{key: key, first: now, last: now}
	p.place = x.order.PushFront(p)
	x.all[key] = p
	x.of[key.exporter]++
	return p
}

// forget drops what has been silent for long.
func (x *interfaces) forget(now int64) {
	for x.drop(now, forgetPorts) {
		continue
	}
}

// drop drops the interface that is silent longest, if it is for longer than given.
func (x *interfaces) drop(now int64, silent time.Duration) bool {
	last := x.order.Back()
	if last == nil {
		return false
	}
	p := last.Value.(*port) //nolint:forcetypeassert // nothing else is in it
	if now-p.last <= int64(silent) {
		return false
	}
	x.order.Remove(last)
	delete(x.all, p.key)
	if x.of[p.key.exporter]--; x.of[p.key.exporter] == 0 {
		delete(x.of, p.key.exporter)
	}
	return true
}

// count returns how many there are.
func (x *interfaces) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.all)
}

// counts tells how many interfaces each exporter has.
func (x *interfaces) counts() map[netip.Addr]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.of)
}

// Counted tells of how many interfaces of each exporter counter samples told within a week.
func (m *Memory) Counted() map[netip.Addr]int { return m.interfaces.counts() }

// Interfaces lists the interfaces of an exporter, or with the zero address those of all, by exporter, agent and index.
func (m *Memory) Interfaces(now time.Time, exporter netip.Addr) []api.Interface {
	x, at := m.interfaces, now.UnixNano()
	x.mu.Lock()
	x.forget(at)
	list := make([]port, 0, len(x.all))
	for key, p := range x.all {
		if !exporter.IsValid() || key.exporter == exporter {
			list = append(list, *p)
		}
	}
	x.mu.Unlock()
	slices.SortFunc(list, func(a, b port) int { //nolint:gocritic // a copy is what the lock was let go for
		return cmp.Or(a.key.exporter.Compare(b.key.exporter), bytes.Compare(a.key.agent[:], b.key.agent[:]), cmp.Compare(a.key.domain, b.key.domain),
			cmp.Compare(a.key.index, b.key.index), cmp.Compare(a.key.class, b.key.class), cmp.Compare(a.key.source, b.key.source))
	})
	answer, called, whose := make([]api.Interface, 0, len(list)), map[uint32]string(nil), netip.Addr{}
	for i := range list {
		p := &list[i]
		if p.key.exporter != whose {
			whose, called = p.key.exporter, m.netflow.Interfaces(p.key.exporter.As16())
		}
		one := p.show(at)
		if one.Label == "" {
			one.Label = called[one.Index]
		}
		answer = append(answer, one)
	}
	return answer
}

// show is an interface as it is told at a time.
func (p *port) show(now int64) api.Interface {
	if p.stale(now) {
		p.over = 0
	}
	i := api.Interface{
		Exporter: p.key.exporter.String(), Subagent: p.key.domain, Index: p.key.index, Label: p.label, Type: p.kind, Speed: p.speed, Duplex: p.duplex.String(),
		Admin: word(p.status, flow.AdminUp), State: word(p.status, flow.OperUp), Promiscuous: p.promiscuous,
		First: time.Unix(0, p.first).UTC(), Last: time.Unix(0, p.last).UTC(), Samples: p.samples, Restarts: p.restarts, Over: p.over,
		In: p.side(flow.InOctets), Out: p.side(flow.OutOctets),
	}
	if agent := netip.AddrFrom16(p.key.agent).Unmap(); agent != p.key.exporter {
		i.Agent = agent.String()
	}
	if slices.Contains(p.ever[flow.AlignmentErrors:flow.SymbolErrors+1], true) {
		i.Ethernet = &api.EthernetErrors{Alignment: p.total(flow.AlignmentErrors), Checksum: p.total(flow.ChecksumErrors),
			LateCollisions: p.total(flow.LateCollisions), Symbol: p.total(flow.SymbolErrors)}
	}
	return i
}

// side is one direction. What is counted of both follows the octets in the same order, but protocols that are unknown.
func (p *port) side(octets flow.Count) (s api.InterfaceSide) {
	unicast, discards, failed := flow.InUnicast, flow.InDiscards, flow.InErrors
	if octets == flow.OutOctets {
		unicast, discards, failed = flow.OutUnicast, flow.OutDiscards, flow.OutErrors
	}
	if n, ok := p.rate(octets); ok {
		s.Bits = new(n * 8)
	}
	if n, ok := p.packets(unicast); ok {
		s.Packets = new(n)
	}
	if n, ok := p.utilisation(octets); ok {
		s.Utilisation = new(n)
	}
	if n, ok := p.rate(discards); ok {
		s.Discards = new(n)
	}
	if n, ok := p.rate(failed); ok {
		s.Errors = new(n)
	}
	s.TotalErrors, s.TotalDiscards = p.total(failed), p.total(discards)
	return s
}

// total is what was counted since the interface was heard first; nil where the agent does not count it.
func (p *port) total(c flow.Count) *uint64 {
	if !p.ever[c] {
		return nil
	}
	return new(p.totals[c])
}

// word says whether a bit of a status is set.
func word(s, bit flow.Status) string {
	switch {
	case s&flow.UnknownStatus != 0:
		return "unknown"
	case s&bit != 0:
		return "up"
	default:
		return "down"
	}
}
