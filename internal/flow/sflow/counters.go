package sflow

import (
	"math"

	"tocsin/internal/flow"
)

// Records of counter samples, of enterprise 0: sFlow Version 5, section 5, structs if_counters and ethernet_counters, and "sFlow
// OpenFlow Structures", struct port_name.
const (
	interfaceCounters = 1
	ethernetCounters  = 2
	portName          = 1005
)

// maxName bounds the name of an interface, in bytes (string name<255>).
const maxName = 255

// Counters appends what the counter samples of a datagram say of interfaces. It walks over the datagram anew, so that flow samples
// cost no more where counter samples come between them; it is for datagrams of which Decode says that they have some. What Decode
// told of the datagram in r stays, and what is foul in counter samples is added. Names are of the datagram.
func Counters(datagram []byte, into []flow.Interface, r *flow.Report) []flow.Interface {
	in := reader{b: datagram}
	if in.u32() != 5 {
		return into
	}
	agent, known := in.address()
	sub, _, uptime, samples := in.u32(), in.u32(), in.u32(), in.u32() // all but the number of the datagram
	if in.short || !known {
		return into
	}
	for range samples {
		if len(in.b) == 0 {
			break
		}
		kind, length := in.u32(), in.u32()
		body := in.bytes(length)
		if in.short {
			break
		}
		if kind != counterSample && kind != expandedCounterSample {
			continue
		}
		out := flow.Interface{Agent: agent, Domain: sub, Uptime: uptime}
		if counters(kind, body, &out, r) {
			into = append(into, out)
		}
	}
	return into
}

// counters reads one counter sample; false where it tells of no interface. A record that breaks off leaves those before it whole.
func counters(kind uint32, body []byte, out *flow.Interface, r *flow.Report) (found bool) {
	in := reader{b: body}
	out.Sequence = in.u32()
	out.SourceClass, out.Source = in.u32(), 0
	if kind == expandedCounterSample {
		out.Source = in.u32()
	} else { // the upper byte is the class (sFlow Version 5, typedef sflow_data_source)
		out.SourceClass, out.Source = out.SourceClass>>24, out.SourceClass&0xffffff
	}
	records := in.u32()
	if in.short {
		r.Problem(flow.Truncated)
		return false
	}
	for i := range out.Counts {
		out.Counts[i] = flow.Unknown
	}
	ethernet := false
	for range records {
		format, data, ok := in.record(r)
		if !ok {
			break
		}
		switch {
		case format == interfaceCounters && !found: // of two the first counts
			found = generic(data, out, r)
		case format == ethernetCounters && !ethernet:
			ethernet = dot3(data, out, r)
		case format == portName && len(out.Name) == 0:
			name := reader{b: data}
			if text := name.bytes(name.u32()); !name.short && len(text) <= maxName {
				out.Name = text
			} else {
				r.Problem(flow.BadLength)
			}
		}
	}
	return found
}

// known widens a count of 32 bits. Agents write all ones for what they do not know, in every width.
func known(v uint32) uint64 {
	if v == math.MaxUint32 {
		return flow.Unknown
	}
	return uint64(v)
}

// wide takes a number of 64 bits.
func (r *reader) wide() uint64 {
	high := uint64(r.u32())
	return high<<32 | uint64(r.u32())
}

// generic reads struct if_counters, 88 bytes. A longer one is of a later version, which appends to it (sFlow Version 5, section 5).
func generic(data []byte, out *flow.Interface, r *flow.Report) bool {
	if len(data) < 88 {
		r.Problem(flow.BadLength)
		return false
	}
	in := reader{b: data}
	out.Index, out.Type, out.Speed, out.Duplex = in.u32(), in.u32(), in.wide(), flow.DuplexOf(in.u32())
	if out.Speed == math.MaxUint64 || out.Speed == math.MaxUint32 { // also what a gauge of 32 bits says that it cannot hold
		out.Speed = 0
	}
	if status := in.u32(); status == math.MaxUint32 {
		out.Status = flow.UnknownStatus
	} else {
		out.Status = flow.Status(status & 3)
	}
	c := &out.Counts
	c[flow.InOctets] = in.wide() // all ones are Unknown
	c[flow.InUnicast], c[flow.InMulticast], c[flow.InBroadcast] = known(in.u32()), known(in.u32()), known(in.u32())
	c[flow.InDiscards], c[flow.InErrors], c[flow.InUnknownProtocols] = known(in.u32()), known(in.u32()), known(in.u32())
	c[flow.OutOctets] = in.wide()
	c[flow.OutUnicast], c[flow.OutMulticast], c[flow.OutBroadcast] = known(in.u32()), known(in.u32()), known(in.u32())
	c[flow.OutDiscards], c[flow.OutErrors] = known(in.u32()), known(in.u32())
	out.Promiscuous = in.u32() == 1 // of SNMP's truth values, of which 2 is false
	return true
}

// dot3 reads struct ethernet_counters, 52 bytes, of which the collisions that are no fault are left out.
func dot3(data []byte, out *flow.Interface, r *flow.Report) bool {
	if len(data) < 52 {
		r.Problem(flow.BadLength)
		return false
	}
	in := reader{b: data}
	c := &out.Counts
	c[flow.AlignmentErrors], c[flow.ChecksumErrors] = known(in.u32()), known(in.u32())
	in.b = in.b[16:] // single and multiple collisions, tests of the signal quality, deferred transmissions
	c[flow.LateCollisions] = known(in.u32())
	in.b = in.b[20:] // excessive collisions, errors of the station, lost carriers, frames too long
	c[flow.SymbolErrors] = known(in.u32())
	return true
}
