package netflow

import (
	"maps"
	"math"

	"tocsin/internal/flow"
)

// Bounds of what option records may fill a domain's tables with.
const (
	maxNames    = 16_384 // of each table
	maxSamplers = 1_024
)

// Tables are what an exporter tells of itself in option records: how it samples, and names for its numbers.
type tables struct {
	sampling     uint32 // of the whole domain; 0: not told
	boot         int64  // when the exporter was started, in nanoseconds since 1970 UTC; 0: not told
	samplers     map[uint32]uint32
	interfaces   map[uint32]string
	applications map[uint32]string
}

func (t *tables) sampler(id uint32) uint32 { return t.samplers[id] }

// An option is one option record that is being read.
type option struct {
	interval, space     uint32
	samplerID, index    uint32
	application         uint32
	boot                int64
	name, appName       string
	hasSampler, hasIfix bool
	hasApp              bool
}

// Elements of option records, by the same registry. ScopeInterface is that of NetFlow 9 (RFC 3954 section 6.1).
const (
	elementIngress     = 10
	elementEgress      = 14
	elementInterval    = 34
	elementSamplerID   = 48
	elementRandom      = 50
	elementIfName      = 82
	elementIfDesc      = 83
	elementAppID       = 95
	elementAppName     = 96
	elementBoot        = 160 // systemInitTimeMilliseconds
	elementSelectorID  = 302
	elementPacketEvery = 305
	elementPacketSpace = 306
	scopeInterface     = scopeBit | 2
)

// take reads one value of an option record.
func (o *option) take(f *field, v []byte) {
	if len(v) == 0 {
		return
	}
	switch f.id {
	case elementIngress, elementEgress, scopeInterface:
		o.index, o.hasIfix = number32(v), true
	case elementInterval, elementRandom, elementPacketEvery:
		o.interval = number32(v)
	case elementPacketSpace:
		o.space = number32(v)
	case elementSamplerID, elementSelectorID:
		o.samplerID, o.hasSampler = number32(v), true
	case elementIfName:
		o.name = flow.Label(string(v[:min(len(v), flow.MaxLabel)]))
	case elementIfDesc:
		if o.name == "" {
			o.name = flow.Label(string(v[:min(len(v), flow.MaxLabel)]))
		}
	case elementAppID:
		o.application, o.hasApp = uint32(number(v)), true //nolint:gosec // of longer ones the last four, as in flows
	case elementBoot:
		o.boot = millis(number(v))
	case elementAppName:
		o.appName = flow.Label(string(v[:min(len(v), flow.MaxLabel)]))
	}
}

// keep puts an option record into the tables.
func (t *tables) keep(o *option) {
	if every := o.interval; every > 0 {
		if o.space > 0 {
			every = uint32(min((uint64(every)+uint64(o.space))/uint64(every), math.MaxUint32)) //nolint:gosec // bounded
		}
		if o.hasSampler {
			put(&t.samplers, o.samplerID, every, maxSamplers)
		} else {
			t.sampling = every
		}
	}
	if o.boot != 0 {
		t.boot = o.boot
	}
	if o.hasIfix && o.name != "" {
		put(&t.interfaces, o.index, o.name, maxNames)
	}
	if o.hasApp && o.appName != "" {
		put(&t.applications, o.application, o.appName, maxNames)
	}
}

// put sets a value, unless the table is full.
func put[V any](m *map[uint32]V, key uint32, value V, most int) {
	if *m == nil {
		*m = map[uint32]V{}
	}
	if _, there := (*m)[key]; there || len(*m) < most {
		(*m)[key] = value
	}
}

// options reads the records of a set of options.
func (m *domain) options(t *template, body []byte, r *flow.Report) {
	for len(body) >= t.length {
		var o option
		for i := range t.fields {
			value, rest, ok := t.fields[i].next(body)
			if !ok {
				r.Problem(flow.BadLength)
				return
			}
			body = rest
			o.take(&t.fields[i], value)
		}
		m.tables.keep(&o)
		r.Options++
	}
}

// Names returns what an exporter calls an interface and an application; "" where it told no name.
func (d *Decoder) Names(exporter [16]byte, version uint16, id, iface, application uint32) (ifName, appName string) {
	d.mu.Lock()
	m := d.domains[domainKey{exporter, id, version}]
	d.mu.Unlock()
	if m == nil {
		return "", ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tables.interfaces[iface], m.tables.applications[application]
}

// Interfaces returns what an exporter calls its interfaces, over all its domains.
func (d *Decoder) Interfaces(exporter [16]byte) map[uint32]string {
	var its []*domain
	d.mu.Lock()
	for key, m := range d.domains {
		if key.exporter == exporter {
			its = append(its, m)
		}
	}
	d.mu.Unlock()
	called := map[uint32]string{}
	for _, m := range its {
		m.mu.Lock()
		maps.Copy(called, m.tables.interfaces)
		m.mu.Unlock()
	}
	return called
}

// A Holding is what is remembered of one exporter, over all its domains.
type Holding struct {
	Templates int
	Held      int // bytes that wait for a template
}

// Holdings returns what is remembered of each exporter.
func (d *Decoder) Holdings() map[[16]byte]Holding {
	d.mu.Lock()
	all := make([]*domain, 0, len(d.domains))
	for _, m := range d.domains {
		all = append(all, m)
	}
	d.mu.Unlock()
	holdings := map[[16]byte]Holding{}
	for _, m := range all {
		m.mu.Lock()
		h := holdings[m.key.exporter]
		holdings[m.key.exporter] = Holding{h.Templates + len(m.templates), h.Held + m.heldBytes}
		m.mu.Unlock()
	}
	return holdings
}
