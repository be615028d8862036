// Package rows makes events of flow records.
//
// A record is kept as it was told, with two exceptions. Where packets were sampled, bytes and packets are estimates of the
// traffic: what was told times flow.sampling, so that sums, rankings and rules need not know of sampling, and what was told is
// the quotient. And a record of both directions (RFC 5103) is two events, each with what its source sent.
package rows

import (
	"math"
	"math/bits"
	"strconv"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/flow"
)

// An Origin is what all records of a datagram have in common.
type Origin struct {
	Source   string // name of the source of tocsin
	Format   string // event.dataset
	Exporter [16]byte
	Received int64 // in nanoseconds since 1970 UTC
	// Ingested is when tocsin got them, where that is not when they were received by whoever captured them; 0: it is.
	Ingested int64
	// Doubted says that the clock of the exporter is off by more than is tolerated: the time of receipt is when its flows
	// happened, and what it says itself stands in event.start and event.end alone.
	Doubted bool
}

// A Note is what is known of a record besides what it tells.
type Note struct {
	ID                     uint64 // of its session
	Client                 bool   // its source opened the session
	Repeated               bool   // another exporter tells of this direction of the session
	ReverseRepeated        bool   // of the reverse direction, where the record tells both
	Interface, Application string // names of the input interface and of the application; "" for none
}

// Ahead is how far a flow may end behind its receipt before its time is not believed.
const Ahead = time.Minute

// Append ends one row for a record, or two, and returns how many.
func (o *Origin) Append(b *event.Builder, r *flow.Record, n *Note) int {
	o.common(b, r, n)
	o.ends(b, r, false)
	role(b, n.Client)
	repeated(b, n.Repeated)
	counts(b, r.Bytes, r.Packets, r.Sampling)
	if r.Has&flow.HasTCPFlags != 0 {
		b.Int(event.FlowTCPFlags, int64(r.TCPFlags))
	}
	if r.Has&flow.HasInterfaces != 0 {
		b.Uint(event.FlowIngress, uint64(r.Ingress))
		b.Uint(event.FlowEgress, uint64(r.Egress))
	}
	if n.Interface != "" {
		b.Text(event.ObserverInterface, n.Interface)
	}
	b.Next()
	if r.Has&flow.HasReverse == 0 || r.ReverseBytes == 0 && r.ReversePackets == 0 {
		return 1
	}
	o.common(b, r, n)
	o.ends(b, r, true)
	role(b, !n.Client)
	repeated(b, n.ReverseRepeated)
	counts(b, r.ReverseBytes, r.ReversePackets, r.Sampling)
	b.Next()
	return 2
}

// common sets what both directions have.
func (o *Origin) common(b *event.Builder, r *flow.Record, n *Note) {
	switch {
	case o.Doubted:
		b.Time(event.Timestamp, o.Received)
		b.Flag(event.NoTime)
	case r.End > o.Received+int64(Ahead):
		b.Time(event.Timestamp, o.Received)
		b.Flag(event.Future)
	default:
		b.Time(event.Timestamp, r.End)
	}
	if o.Ingested != 0 {
		b.Time(event.Ingested, o.Ingested)
	} else {
		b.Time(event.Ingested, o.Received)
	}
	b.Text(event.TocsinSource, o.Source)
	b.Text(event.EventDataset, o.Format)
	b.IP(event.ObserverIP, o.Exporter)
	b.Uint(event.FlowDomain, uint64(r.Domain))
	if r.Has&flow.HasTimes != 0 {
		b.Time(event.EventStart, r.Start)
		b.Time(event.EventEnd, r.End)
	}
	b.Uint(event.FlowID, n.ID)
	if r.Has&flow.HasProtocol != 0 {
		b.Int(event.NetworkIANA, int64(r.Protocol))
		if name := flow.Transport(r.Protocol); name != "" {
			b.Text(event.NetworkTransport, name)
		}
		b.Int(event.FlowTOS, int64(r.TOS))
	}
	if r.Has&flow.IsV6 != 0 {
		b.Text(event.NetworkType, "ipv6")
	} else {
		b.Text(event.NetworkType, "ipv4")
	}
	if n.Application != "" {
		b.Text(event.NetworkApp, n.Application)
	}
	if r.Sampling > 0 {
		b.Uint(event.FlowSampling, uint64(r.Sampling))
	}
	if r.Has&flow.Dropped != 0 {
		b.Text(event.EventAction, "dropped")
	}
	if r.Has&(flow.HasVLAN|flow.IsICMP) != 0 {
		labels(b, r)
	}
}

// labels sets what no field of the schema holds.
func labels(b *event.Builder, r *flow.Record) {
	var buf [8]byte
	if r.Has&flow.HasVLAN != 0 {
		b.Label([]byte("vlan"), strconv.AppendUint(buf[:0], uint64(r.VLAN), 10))
	}
	if r.Has&flow.IsICMP != 0 {
		text := strconv.AppendUint(buf[:0], uint64(r.DestinationPort>>8), 10)
		b.Label([]byte("icmp"), strconv.AppendUint(append(text, '.'), uint64(r.DestinationPort&0xff), 10))
	}
}

func role(b *event.Builder, client bool) {
	if client {
		b.Text(event.FlowRole, "client")
	} else {
		b.Text(event.FlowRole, "server")
	}
}

// repeated is set where it is true alone: most events have no such column.
func repeated(b *event.Builder, is bool) {
	if is {
		b.Bool(event.FlowRepeated, true)
	}
}

func counts(b *event.Builder, octets, packets uint64, sampling uint32) {
	if sampling > 1 {
		octets, packets = times(octets, sampling), times(packets, sampling)
	}
	b.Uint(event.SourceBytes, octets)
	b.Uint(event.SourcePackets, packets)
}

// times multiplies; what is too large for a column is the most that it holds.
func times(v uint64, n uint32) uint64 {
	high, low := bits.Mul64(v, uint64(n))
	if high > 0 {
		return math.MaxUint64
	}
	return low
}

// ends sets both ends, of the reverse direction the other way round.
func (o *Origin) ends(b *event.Builder, r *flow.Record, reverse bool) {
	from, to := &sourceFields, &destinationFields
	if reverse {
		from, to = to, from
	}
	b.IP(from.ip, r.Source)
	b.IP(to.ip, r.Destination)
	if r.Has&flow.HasPorts != 0 {
		b.Int(from.port, int64(r.SourcePort))
		b.Int(to.port, int64(r.DestinationPort))
	}
	if r.Has&flow.HasAS != 0 {
		number(b, from.as, r.SourceAS)
		number(b, to.as, r.DestinationAS)
	}
	if r.Has&flow.HasMAC != 0 {
		address(b, from.mac, r.SourceMAC)
		address(b, to.mac, r.DestinationMAC)
	}
}

// A side is the fields of one end.
type side struct{ ip, port, as, mac event.FieldID }

var (
	sourceFields      = side{event.SourceIP, event.SourcePort, event.SourceASN, event.SourceMAC}
	destinationFields = side{event.DestinationIP, event.DestinationPort, event.DestinationASN, event.DestinationMAC}
)

// number sets an autonomous system; 0 is none (RFC 7607).
func number(b *event.Builder, id event.FieldID, as uint32) {
	if as != 0 {
		b.Uint(id, uint64(as))
	}
}

// address sets a hardware address as RFC 7042 section 2.1 writes it; one of zeros is none.
func address(b *event.Builder, id event.FieldID, mac [6]byte) {
	if mac == [6]byte{} {
		return
	}
	const digits = "0123456789ABCDEF"
	var text [17]byte
	for i, v := range mac {
		text[3*i], text[3*i+1] = digits[v>>4], digits[v&15]
		if i < 5 {
			text[3*i+2] = '-'
		}
	}
	b.Str(id, text[:])
}
