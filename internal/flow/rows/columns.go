package rows

import (
	"math"
	"math/bits"
	"strconv"

	"tocsin/internal/event"
	"tocsin/internal/flow"
)

// when sets when it happened, and who told it.
func (w *work) when() {
	latest := w.Received + int64(Ahead)
	stamps := w.run.Ints(event.Timestamp)
	for i := range stamps {
		end := w.records[i].End
		if end > latest {
			w.future = true
		}
		if end > latest || w.Doubted {
			end = w.Received
		}
		stamps[i] = end
	}
	ingested := w.Ingested
	if ingested == 0 {
		ingested = w.Received
	}
	fill(w.run.Ints(event.Ingested), ingested)
	w.word(event.TocsinSource, w.Source)
	w.word(event.EventDataset, w.Format)
	fill(w.run.IPs(event.ObserverIP), w.Exporter)
	domains := w.run.Ints(event.FlowDomain)
	for i := range domains {
		domains[i] = int64(w.records[i].Domain)
	}
	if w.any&flow.HasTimes != 0 {
		starts, ends := w.run.Ints(event.EventStart), w.run.Ints(event.EventEnd)
		for i := range starts {
			starts[i], ends[i] = w.records[i].Start, w.records[i].End
		}
		w.lack(flow.HasTimes, event.EventStart, event.EventEnd)
	}
}

// protocol sets the session, and what was spoken in it.
func (w *work) protocol() {
	ids := w.run.Ints(event.FlowID)
	for i := range ids {
		ids[i] = int64(w.notes[i].ID) //nolint:gosec // the same bits
	}
	if w.any&flow.HasProtocol != 0 {
		numbers := w.run.Ints(event.NetworkIANA)
		for i := range numbers {
			numbers[i] = int64(w.records[i].Protocol)
		}
		w.lack(flow.HasProtocol, event.NetworkIANA)
		w.transports()
		services := w.run.Ints(event.FlowTOS)
		for i := range services {
			services[i] = int64(w.records[i].TOS)
		}
		w.lack(flow.HasProtocol, event.FlowTOS)
	}
	switch {
	case w.any&flow.IsV6 == 0:
		w.word(event.NetworkType, "ipv4")
	case w.all&flow.IsV6 != 0:
		w.word(event.NetworkType, "ipv6")
	default:
		w.words(event.NetworkType, func(i int) string {
			if w.records[i].Has&flow.IsV6 != 0 {
				return "ipv6"
			}
			return "ipv4"
		})
	}
	if w.named {
		w.words(event.NetworkApp, func(i int) string { return w.notes[i].Application })
	}
	if w.sampled {
		w.some(event.FlowSampling, func(i int) int64 { return int64(w.records[i].Sampling) })
	}
	if w.any&flow.Dropped != 0 {
		w.words(event.EventAction, func(i int) string {
			if w.records[i].Has&flow.Dropped != 0 {
				return "dropped"
			}
			return ""
		})
	}
}

// transports sets the keywords of protocols, each of which is looked up once.
func (w *work) transports() {
	var codes []uint32
	var known [256]uint32
	for i := range w.records {
		r := &w.records[i]
		word := flow.Transport(r.Protocol)
		if word == "" || r.Has&flow.HasProtocol == 0 {
			continue
		}
		if codes == nil {
			codes = w.run.Codes(event.NetworkTransport)
		}
		if known[r.Protocol] == 0 {
			known[r.Protocol] = w.run.Code(event.NetworkTransport, word)
		}
		codes[i] = known[r.Protocol]
	}
}

// labels sets what no field of the schema holds.
func (w *work) labels() {
	if w.any&(flow.HasVLAN|flow.IsICMP) == 0 {
		return
	}
	var buf [8]byte
	for i := range w.records {
		r := &w.records[i]
		if r.Has&flow.HasVLAN != 0 {
			w.run.Label(i, []byte("vlan"), strconv.AppendUint(buf[:0], uint64(r.VLAN), 10))
		}
		if r.Has&flow.IsICMP != 0 {
			text := strconv.AppendUint(buf[:0], uint64(r.DestinationPort>>8), 10)
			w.run.Label(i, []byte("icmp"), strconv.AppendUint(append(text, '.'), uint64(r.DestinationPort&0xff), 10))
		}
	}
}

// ends sets both ends.
func (w *work) ends() {
	from, to := w.run.IPs(event.SourceIP), w.run.IPs(event.DestinationIP)
	for i := range from {
		from[i], to[i] = w.records[i].Source, w.records[i].Destination
	}
	if w.any&flow.HasPorts != 0 {
		from, to := w.run.Ints(event.SourcePort), w.run.Ints(event.DestinationPort)
		for i := range from {
			from[i], to[i] = int64(w.records[i].SourcePort), int64(w.records[i].DestinationPort)
		}
		w.lack(flow.HasPorts, event.SourcePort, event.DestinationPort)
	}
	if w.any&flow.HasAS != 0 {
		w.some(event.SourceASN, func(i int) int64 { return system(&w.records[i], w.records[i].SourceAS) })
		w.some(event.DestinationASN, func(i int) int64 { return system(&w.records[i], w.records[i].DestinationAS) })
	}
	if w.any&flow.HasMAC != 0 {
		w.words(event.SourceMAC, func(i int) string { return hardware(&w.records[i], &w.records[i].SourceMAC) })
		w.words(event.DestinationMAC, func(i int) string { return hardware(&w.records[i], &w.records[i].DestinationMAC) })
	}
}

// system returns an autonomous system that a record tells; 0 is none (RFC 7607).
func system(r *flow.Record, as uint32) int64 {
	if r.Has&flow.HasAS == 0 {
		return 0
	}
	return int64(as)
}

// hardware returns a hardware address that a record tells, as RFC 7042 section 2.1 writes it; one of zeros is none.
func hardware(r *flow.Record, mac *[6]byte) string {
	if r.Has&flow.HasMAC == 0 || *mac == [6]byte{} {
		return ""
	}
	const digits = "0123456789ABCDEF"
	var text [17]byte
	for i, v := range mac {
		text[3*i], text[3*i+1] = digits[v>>4], digits[v&15]
		if i < 5 {
			text[3*i+2] = '-'
		}
	}
	return string(text[:])
}

// traffic sets who opened the session, and what was sent.
func (w *work) traffic() {
	var client, server uint32
	roles := w.run.Codes(event.FlowRole)
	for i := range roles {
		code, word := &server, "server"
		if w.notes[i].Client {
			code, word = &client, "client"
		}
		if *code == 0 {
			*code = w.run.Code(event.FlowRole, word)
		}
		roles[i] = *code
	}
	if w.repeated { // most events have no such column
		w.some(event.FlowRepeated, func(i int) int64 {
			if w.notes[i].Repeated {
				return 1
			}
			return 0
		})
	}
	octets, packets := w.run.Ints(event.SourceBytes), w.run.Ints(event.SourcePackets)
	for i := range octets {
		r := &w.records[i]
		o, p := r.Bytes, r.Packets
		if r.Sampling > 1 {
			o, p = times(o, r.Sampling), times(p, r.Sampling)
		}
		octets[i], packets[i] = int64(o), int64(p) //nolint:gosec // the same bits
	}
	if w.any&flow.HasTCPFlags != 0 {
		flags := w.run.Ints(event.FlowTCPFlags)
		for i := range flags {
			flags[i] = int64(w.records[i].TCPFlags)
		}
		w.lack(flow.HasTCPFlags, event.FlowTCPFlags)
	}
	if w.any&flow.HasInterfaces != 0 {
		in, out := w.run.Ints(event.FlowIngress), w.run.Ints(event.FlowEgress)
		for i := range in {
			in[i], out[i] = int64(w.records[i].Ingress), int64(w.records[i].Egress)
		}
		w.lack(flow.HasInterfaces, event.FlowIngress, event.FlowEgress)
	}
	if w.named {
		w.words(event.ObserverInterface, func(i int) string { return w.notes[i].Interface })
	}
}

// times multiplies; what is too large for a column is the most that it holds.
func times(v uint64, n uint32) uint64 {
	high, low := bits.Mul64(v, uint64(n))
	if high > 0 {
		return math.MaxUint64
	}
	return low
}

// flags says of which rows the time was not believed.
func (w *work) flags() {
	switch {
	case w.Doubted:
		w.word(event.TocsinFlags, event.NoTime.String())
	case w.future:
		w.words(event.TocsinFlags, func(i int) string {
			if w.records[i].End > w.Received+int64(Ahead) {
				return event.Future.String()
			}
			return ""
		})
	}
}
