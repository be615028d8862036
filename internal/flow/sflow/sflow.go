// Package sflow decodes sFlow version 5 (sFlow.org, "sFlow Version 5", July 2004, and "sFlow Discarded Packet Notification
// Structures", 2020): flow samples, expanded ones, notes of discarded packets, and what counter samples say of interfaces.
//
// It walks by length and trusts no count. Nothing is allocated for a flow.
package sflow

import (
	"container/list"
	"encoding/binary"
	"math"
	"sync"

	"tocsin/internal/flow"
)

// Version is what reports of sFlow 5 say, so that it is not taken for NetFlow 5.
const Version = 105

// maxAgents bounds how many agents' numbering is remembered; the one silent longest gives way.
const maxAgents = 10_000

// A Decoder remembers the numbering of every agent. Its methods may be called from several goroutines.
type Decoder struct {
	mu     sync.Mutex
	agents map[agentKey]*agent
	order  *list.List
}

type agentKey struct {
	exporter [16]byte // who sent it
	agent    [16]byte // who it says it is
	sub      uint32
}

type agent struct {
	key    agentKey
	place  *list.Element
	next   uint32
	uptime uint32
}

// New returns a decoder that knows no agent.
func New() *Decoder { return &Decoder{agents: map[agentKey]*agent{}, order: list.New()} }

// Knows reports whether a datagram begins like sFlow 5.
func Knows(b []byte) bool {
	return len(b) >= 8 && binary.BigEndian.Uint32(b) == 5 && (binary.BigEndian.Uint32(b[4:]) == 1 || binary.BigEndian.Uint32(b[4:]) == 2)
}

// Types of samples and of the records in them, of enterprise 0 (sFlow Version 5, section 5).
const (
	flowSample            = 1
	counterSample         = 2
	expandedFlowSample    = 3
	expandedCounterSample = 4
	dropSample            = 5

	rawHeader      = 1
	sampledIPv4    = 3
	sampledIPv6    = 4
	extendedSwitch = 1001
	extendedGate   = 1003
)

// A reader takes numbers from the front of a datagram. Behind its end it gives zeros and says so.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) u32() uint32 {
	if len(r.b) < 4 {
		r.b, r.short = nil, true
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

// bytes takes n bytes and the padding to four behind them (RFC 4506 section 4.9).
func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)) {
		r.b, r.short = nil, true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[min(uint64(len(r.b)), (uint64(n)+3)&^3):]
	return v
}

// record takes the next record of a sample, of those that it says there are; false when there is none, which is a problem.
func (r *reader) record(report *flow.Report) (format uint32, data []byte, ok bool) {
	if len(r.b) == 0 {
		report.Problem(flow.WrongCount)
		return 0, nil, false
	}
	format = r.u32()
	data = r.bytes(r.u32())
	if r.short {
		report.Problem(flow.Truncated)
	}
	return format, data, !r.short
}

// address takes an address with its type before it; the unspecified one for a type that is unknown.
func (r *reader) address() (a [16]byte, known bool) {
	switch r.u32() {
	case 1:
		return flow.V4(r.u32()), !r.short
	case 2:
		if v := r.bytes(16); v != nil {
			return [16]byte(v), true
		}
	}
	return a, false
}

// Decode appends the flows of one datagram, which exporter sent and which came in at received (nanoseconds since 1970 UTC).
// A sampled packet is a flow of one packet.
func (d *Decoder) Decode(exporter [16]byte, received int64, datagram []byte, into []flow.Record) ([]flow.Record, flow.Report) {
	r := flow.Report{Version: Version}
	in := reader{b: datagram}
	if in.u32() != 5 {
		r.Problem(flow.UnknownVersion)
		return into, r
	}
	agent, known := in.address()
	sub, sequence, uptime, samples := in.u32(), in.u32(), in.u32(), in.u32()
	if in.short || !known {
		r.Problem(flow.Truncated)
		return into, r
	}
	r.Domain = sub
	d.number(agentKey{exporter, agent, sub}, sequence, uptime, &r)
	for range samples {
		if len(in.b) == 0 {
			r.Problem(flow.WrongCount)
			return into, r
		}
		kind, length := in.u32(), in.u32()
		body := in.bytes(length)
		if in.short {
			r.Problem(flow.Truncated)
			return into, r
		}
		into = sample(kind, body, received, sub, into, &r)
	}
	if len(in.b) > 0 {
		r.Problem(flow.WrongCount)
	}
	return into, r
}

// number compares the number of a datagram with the one that is due.
func (d *Decoder) number(key agentKey, number, uptime uint32, r *flow.Report) {
	const farAhead, farBack = 1 << 20, 1 << 16
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.agents[key]
	if a == nil {
		if len(d.agents) >= maxAgents {
			last := d.order.Back()
			delete(d.agents, d.order.Remove(last).(*agent).key) //nolint:forcetypeassert // nothing else is in it
		}
		a = &agent{key: key, next: number + 1, uptime: uptime}
		a.place = d.order.PushFront(a)
		d.agents[key] = a
		return
	}
	d.order.MoveToFront(a.place)
	gap := int32(number - a.next) //nolint:gosec // going round is meant
	switch {
	case a.uptime-uptime > 60_000 && a.uptime-uptime < 1<<31:
		r.Restarted = true
	case gap >= 0 && gap < farAhead:
		r.Lost = uint32(gap)
	case gap < 0 && gap > -farBack:
		r.Late = true
		return
	default:
		r.Restarted = true
	}
	a.next, a.uptime = number+1, uptime
}

// sample reads one sample.
func sample(kind uint32, body []byte, received int64, sub uint32, into []flow.Record, r *flow.Report) []flow.Record {
	if kind>>12 != 0 {
		return into // of a maker of his own
	}
	in := reader{b: body}
	out := flow.Record{Start: received, End: received, Packets: 1, Domain: sub, Has: flow.HasInterfaces}
	switch kind & 0xfff {
	case flowSample:
		_, _ = in.u32(), in.u32() // number and source
		out.Sampling = in.u32()
		_, _ = in.u32(), in.u32() // pool and drops
		out.Ingress, out.Egress = port(in.u32()), port(in.u32())
	case expandedFlowSample:
		_, _, _ = in.u32(), in.u32(), in.u32()
		out.Sampling = in.u32()
		_, _ = in.u32(), in.u32()
		out.Ingress, out.Egress = expandedPort(&in), expandedPort(&in)
	case dropSample:
		_, _, _ = in.u32(), in.u32(), in.u32() // number, class and index of the source
		_ = in.u32()                           // notes that were left out
		out.Ingress, out.Egress = port(in.u32()), port(in.u32())
		_ = in.u32() // why it was discarded
		out.Sampling, out.Has = 1, out.Has|flow.Dropped
	case counterSample, expandedCounterSample:
		r.Counters++
		return into
	default:
		return into // newer than this
	}
	records := in.u32()
	if in.short {
		r.Problem(flow.Truncated)
		return into
	}
	p := packet{out: &out}
	for range records {
		format, data, ok := in.record(r)
		if !ok {
			break
		}
		p.record(format, data)
	}
	if !p.found {
		r.Problem(flow.NoPacket)
		return into
	}
	r.Records++
	return append(into, out)
}

// port is the index of an interface: its upper two bits say how it is written, of which 0 is a single one.
func port(v uint32) uint32 {
	if v>>30 != 0 {
		return 0 // discarded, or several
	}
	return v
}

func expandedPort(in *reader) uint32 {
	format, value := in.u32(), in.u32()
	if format != 0 || value == math.MaxUint32 {
		return 0
	}
	return value
}
