package netflow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"tocsin/internal/fault"
	"tocsin/internal/flow"
)

// saved is what is kept over a restart. Its form is versioned: an unknown one is refused, and exporters send it all again.
type saved struct {
	Version int           `json:"version"`
	Domains []savedDomain `json:"domains"`
}

type savedDomain struct {
	Exporter     netip.Addr        `json:"exporter"`
	Protocol     uint16            `json:"protocol"`
	Domain       uint32            `json:"domain"`
	Templates    []savedTemplate   `json:"templates,omitempty"`
	Sampling     uint32            `json:"sampling,omitempty"`
	Boot         int64             `json:"boot,omitempty"` // nanoseconds since 1970 UTC
	Samplers     map[uint32]uint32 `json:"samplers,omitempty"`
	Interfaces   map[uint32]string `json:"interfaces,omitempty"`
	Applications map[uint32]string `json:"applications,omitempty"`
}

type savedTemplate struct {
	ID      uint16 `json:"id"`
	Seen    int64  `json:"seen"` // nanoseconds since 1970 UTC
	Count   int    `json:"count"`
	Scopes  int    `json:"scopes,omitempty"`
	Options bool   `json:"options,omitempty"`
	Fields  []byte `json:"fields"` // as they were sent
}

const saveVersion = 1

// Save returns templates and tables, so that a restart need not wait until exporters send them again, which takes up to half
// an hour. Held data and numbering are not kept.
func (d *Decoder) Save() ([]byte, error) {
	d.mu.Lock()
	all := make([]*domain, 0, d.order.Len())
	for e := d.order.Back(); e != nil; e = e.Prev() { // so that loading leaves the one heard last in front
		all = append(all, e.Value.(*domain)) //nolint:forcetypeassert // nothing else is in it
	}
	d.mu.Unlock()
	s := saved{Version: saveVersion}
	for _, m := range all {
		if one := m.save(); len(one.Templates) > 0 {
			s.Domains = append(s.Domains, one)
		}
	}
	return json.Marshal(s)
}

func (m *domain) save() savedDomain {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := savedDomain{Exporter: netip.AddrFrom16(m.key.exporter).Unmap(), Protocol: m.key.version, Domain: m.key.id, Sampling: m.tables.sampling, Boot: m.tables.boot,
		Samplers: cloned(m.tables.samplers), Interfaces: cloned(m.tables.interfaces), Applications: cloned(m.tables.applications)}
	for id, t := range m.templates {
		s.Templates = append(s.Templates, savedTemplate{ID: id, Seen: t.seen, Count: t.count, Scopes: t.scopes, Options: t.options, Fields: t.raw})
	}
	slices.SortFunc(s.Templates, func(a, b savedTemplate) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// cloned copies a table, which changes while it is written down.
func cloned[V any](table map[uint32]V) map[uint32]V {
	if len(table) == 0 {
		return nil
	}
	c := make(map[uint32]V, len(table))
	for k, v := range table {
		c[k] = v
	}
	return c
}

// Load takes in what Save returned, before the first datagram. What is damaged is refused as a whole with an error of kind
// fault.Invalid: exporters send it all again. Every bound holds for it as for what they send.
func (d *Decoder) Load(text []byte) error {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return fault.New(fault.Invalid, "load templates: %w", err)
	}
	if s.Version != saveVersion {
		return fault.New(fault.Invalid, "load templates: got version %d, want %d", s.Version, saveVersion)
	}
	fresh := New(d.options)
	for _, one := range s.Domains {
		if err := fresh.load(one); err != nil {
			return fault.New(fault.Invalid, "load templates of %s: %w", one.Exporter, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.domains, d.order = fresh.domains, fresh.order
	return nil
}

func (d *Decoder) load(s savedDomain) error {
	if !s.Exporter.IsValid() || s.Protocol != 9 && s.Protocol != 10 || len(s.Templates) > d.options.MaxTemplates {
		return fmt.Errorf("got protocol %d with %d templates, want 9 or 10 with at most %d", s.Protocol, len(s.Templates), d.options.MaxTemplates)
	}
	m := d.domain(domainKey{s.Exporter.As16(), s.Domain, s.Protocol})
	m.tables.sampling, m.tables.boot = s.Sampling, s.Boot
	for k, v := range s.Samplers {
		put(&m.tables.samplers, k, v, maxSamplers)
	}
	for k, v := range s.Interfaces {
		put(&m.tables.interfaces, k, flow.Label(v), maxNames)
	}
	for k, v := range s.Applications {
		put(&m.tables.applications, k, flow.Label(v), maxNames)
	}
	for _, one := range s.Templates {
		t, size := d.parseTemplate(one.Fields, s.Protocol, one.Count, one.Scopes, one.Options)
		if t == nil || size != len(one.Fields) || one.ID < 256 {
			return fmt.Errorf("template %d cannot be", one.ID)
		}
		t.seen = one.Seen
		m.templates[one.ID] = t
	}
	return nil
}
