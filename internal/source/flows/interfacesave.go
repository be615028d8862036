package flows

import (
	"encoding/json"
	"net/netip"
	"slices"

	"tocsin/internal/fault"
	"tocsin/internal/flow"
)

// savedPort is what is kept of an interface over a restart.
type savedPort struct {
	Exporter netip.Addr `json:"exporter"`
	Agent    netip.Addr `json:"agent"`
	Domain   uint32     `json:"domain,omitempty"`
	Class    uint32     `json:"class,omitempty"`
	Source   uint32     `json:"source"`
	Index    uint32     `json:"index"`

	First       int64       `json:"first"` // nanoseconds since 1970 UTC
	Last        int64       `json:"last"`
	Kind        uint32      `json:"type"`
	Speed       uint64      `json:"speed"`
	Duplex      flow.Duplex `json:"duplex"`
	Status      flow.Status `json:"status"`
	Promiscuous bool        `json:"promiscuous,omitempty"`
	Label       string      `json:"label,omitempty"`

	Samples  int64    `json:"samples"`
	Restarts int64    `json:"restarts,omitempty"`
	Sequence uint32   `json:"sequence"`
	Uptime   uint32   `json:"uptime"`
	At       int64    `json:"at"`
	Counts   []uint64 `json:"counts"`
	Ever     []bool   `json:"ever"`
	Totals   []uint64 `json:"totals"`
}

func (x *interfaces) save() ([]byte, error) {
	x.mu.Lock()
	list := make([]savedPort, 0, len(x.all))
	for e := x.order.Back(); e != nil; e = e.Prev() {
		p := e.Value.(*port) //nolint:forcetypeassert // nothing else is in it
		list = append(list, savedPort{
			p.key.exporter, netip.AddrFrom16(p.key.agent), p.key.domain, p.key.class, p.key.source, p.key.index, p.first, p.last, p.kind, p.speed, p.duplex, p.status,
			p.promiscuous, p.label, p.samples, p.restarts, p.sequence, p.uptime, p.at, slices.Clone(p.counts[:]), slices.Clone(p.ever[:]), slices.Clone(p.totals[:]),
		})
	}
	x.mu.Unlock()
	return json.Marshal(list)
}

// load reads what save wrote. Rates are known again with the next sample: what came while tocsin did not run is in it.
func (x *interfaces) load(text []byte) error {
	var list []savedPort
	if err := json.Unmarshal(text, &list); err != nil {
		return fault.New(fault.Invalid, "load interfaces: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range list {
		s := &list[i]
		if !s.Exporter.IsValid() || !s.Agent.IsValid() || len(s.Counts) != int(flow.Counts) || len(s.Ever) != int(flow.Counts) || len(s.Totals) != int(flow.Counts) {
			return fault.New(fault.Invalid, "load interfaces: number %d of %q cannot be", s.Index, s.Exporter)
		}
		p := x.find(portKey{s.Exporter, s.Agent.As16(), s.Domain, s.Class, s.Source, s.Index}, s.Last)
		if p == nil {
			continue
		}
		p.first, p.last, p.kind, p.speed, p.duplex, p.status, p.promiscuous = s.First, s.Last, s.Kind, s.Speed, flow.DuplexOf(uint32(s.Duplex)), s.Status, s.Promiscuous
		p.label, p.samples, p.restarts, p.sequence, p.uptime, p.at = flow.Label(s.Label), max(1, s.Samples), s.Restarts, s.Sequence, s.Uptime, s.At
		copy(p.counts[:], s.Counts)
		copy(p.ever[:], s.Ever)
		copy(p.totals[:], s.Totals)
	}
	return nil
}
