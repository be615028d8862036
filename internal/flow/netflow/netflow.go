// Package netflow decodes NetFlow 1, 5, 7 and 9 (RFC 3954) and IPFIX (RFC 7011).
//
// It walks by length and trusts no count: exporters count templates, records or both, and hostile ones count what is not
// there. Data that comes before its template is held for a while. Nothing is allocated for a flow.
package netflow

import (
	"container/list"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/flow"
)

// Options are the bounds of a Decoder; zero means the default of each.
type Options struct {
	MaxDomains   int           // exporters times observation domains that are remembered; 10,000, the one silent longest gives way
	MaxTemplates int           // of one domain; 1,000
	MaxFields    int           // of one template; 256
	Expire       time.Duration // after which a template that was not sent again no longer counts; 24 h, as long as some exporters wait
	HoldFor      time.Duration // for how long data without a template is held; 10 min
	HoldDomain   int           // bytes of it for one domain; 256 KiB
	HoldTotal    int           // and for all; 32 MiB
	MaxSkew      time.Duration // by how much the clock of an exporter may be off before the time of receipt counts; 24 h
}

func (o Options) withDefaults() Options {
	set := func(v *int, otherwise int) {
		if *v <= 0 {
			*v = otherwise
		}
	}
	setTime := func(v *time.Duration, otherwise time.Duration) {
		if *v <= 0 {
			*v = otherwise
		}
	}
	set(&o.MaxDomains, 10_000)
	set(&o.MaxTemplates, 1_000)
	set(&o.MaxFields, 256)
	set(&o.HoldDomain, 256<<10)
	set(&o.HoldTotal, 32<<20)
	setTime(&o.Expire, 24*time.Hour)
	setTime(&o.HoldFor, 10*time.Minute)
	setTime(&o.MaxSkew, 24*time.Hour)
	return o
}

// A Decoder remembers the templates, numbering and tables of every exporter. Its methods may be called from several
// goroutines; datagrams of one exporter and domain are decoded one after the other.
type Decoder struct {
	options Options

	held atomic.Int64 // bytes that wait for templates, of all domains

	mu      sync.Mutex
	domains map[domainKey]*domain
	order   *list.List // of domains, the one heard last in front
}

// domainKey tells domains apart: never by the exporter's port, which changes when it restarts.
type domainKey struct {
	exporter [16]byte
	id       uint32
	version  uint16
}

// New returns a decoder that knows no template.
func New(o Options) *Decoder {
	return &Decoder{options: o.withDefaults(), domains: map[domainKey]*domain{}, order: list.New()}
}

// An arrival is where and when a datagram came in.
type arrival struct {
	exporter [16]byte
	received int64
	maxSkew  int64
}

// Knows reports whether a datagram begins like one of these protocols.
func Knows(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	version := binary.BigEndian.Uint16(b)
	_, legacy := layoutOf(version)
	return legacy || version == 9 || version == 10
}

// Decode appends the flows of one datagram, which exporter sent and which came in at received (nanoseconds since 1970 UTC).
// Records of data that was held for a template come before those of the datagram that brings it.
func (d *Decoder) Decode(exporter [16]byte, received int64, datagram []byte, into []flow.Record) ([]flow.Record, flow.Report) {
	var r flow.Report
	if len(datagram) < 4 {
		r.Problem(flow.Truncated)
		return into, r
	}
	r.Version = binary.BigEndian.Uint16(datagram)
	at := arrival{exporter, received, int64(d.options.MaxSkew)}
	if l, ok := layoutOf(r.Version); ok {
		into = d.legacy(l, at, datagram, into, &r)
		return into, r
	}
	switch r.Version {
	case 9:
		into = d.v9(at, datagram, into, &r)
	case 10:
		into = d.ipfix(at, datagram, into, &r)
	default:
		r.Problem(flow.UnknownVersion)
	}
	return into, r
}
