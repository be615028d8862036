package flows

import (
	"container/list"
	"math"
	"net/netip"
	"time"

	"tocsin/internal/flow"
)

// A portKey is what an interface is known by. Numbers of interfaces are unique within a data source of an agent alone: some count
// parts of a port under the number of a VLAN.
type portKey struct {
	exporter              netip.Addr
	agent                 [16]byte
	domain, class, source uint32
	index                 uint32
}

// A port is one interface of an exporter.
type port struct {
	key   portKey
	place *list.Element
	first int64 // when it was heard, in nanoseconds since 1970 UTC
	last  int64

	kind        uint32 // ifType
	speed       uint64
	duplex      flow.Duplex
	status      flow.Status
	promiscuous bool
	label       string

	samples, restarts int64
	sequence, uptime  uint32 // of the sample that the next is compared with
	at                int64  // when that came
	counts            [flow.Counts]uint64
	strange           uint8 // samples in a row whose uptime and time of receipt tell different times

	over   time.Duration // between the last two samples; 0: rates are not known
	deltas [flow.Counts]uint64
	ever   [flow.Counts]bool   // the agent told it once
	totals [flow.Counts]uint64 // since first
}

// Bounds of samples that are compared with each other.
const (
	back     = 60_000 // by so many milliseconds uptime may go back when a sample is late
	farBack  = 16     // so many samples of one source may be late
	farAhead = 1 << 20
	shortest = time.Second      // what comes sooner tells of no rate
	longest  = 15 * time.Minute // what comes later may hide that a counter of 32 bits went round
	mostOdd  = 3                // samples until an uptime that does not go with the clock is taken for something else
	fastest  = 1e14             // bits a second that no interface does
)

// take takes in a sample. One that was told already, or that is late, changes nothing.
func (p *port) take(i *flow.Interface, now int64) {
	if p.samples == 0 {
		p.begin(i, now)
		return
	}
	gap, later := int32(i.Sequence-p.sequence), int32(i.Uptime-p.uptime) //nolint:gosec // going round is meant
	switch {
	case later < -back, gap < -farBack, gap > farAhead, gap < 0 && later > 0:
		p.restarts++
		p.begin(i, now)
		return
	case gap < 0, gap == 0 && later <= 0: // of a numbering that stands still the uptime tells what is new
		return
	}
	p.describe(i, now)
	took, known := p.took(i, now)
	if known && took < shortest {
		return
	}
	deltas, counted := p.differences(i, took)
	switch {
	case !counted:
		p.restarts++
		p.base(i, now)
		return
	case took > longest:
		p.base(i, now)
		return
	}
	for c, n := range deltas {
		if n != flow.Unknown {
			p.totals[c] += n
		}
	}
	p.base(i, now)
	if known {
		p.over, p.deltas = took, deltas
	}
}

// begin takes a sample that none before can be compared with.
func (p *port) begin(i *flow.Interface, now int64) {
	p.strange = 0
	p.describe(i, now)
	p.base(i, now)
}

// describe notes what a sample says of the interface beside its counters.
func (p *port) describe(i *flow.Interface, now int64) {
	p.samples++
	p.last = max(p.last, now)
	p.kind, p.speed, p.duplex, p.status, p.promiscuous = i.Type, i.Speed, i.Duplex, i.Status, i.Promiscuous
	if len(i.Name) > 0 && string(i.Name) != p.label { // which allocates nothing
		p.label = flow.Label(string(i.Name))
	}
}

// base makes a sample the one that the next is compared with; there are no rates until then.
func (p *port) base(i *flow.Interface, now int64) {
	p.sequence, p.uptime, p.at, p.counts, p.over = i.Sequence, i.Uptime, now, i.Counts, 0
	for c, n := range i.Counts {
		p.ever[c] = p.ever[c] || n != flow.Unknown
	}
}

// took returns the time between the sample before and this one. The uptime of the agent tells it best, as datagrams may wait on
// their way; where it does not go with the clock neither is believed at first, and later the clock alone.
func (p *port) took(i *flow.Interface, now int64) (took time.Duration, known bool) {
	received, told := time.Duration(now-p.at), time.Duration(i.Uptime-p.uptime)*time.Millisecond
	switch {
	case told == 0: // an agent that does not tell it
		return received, true
	case told > received/4 && told/4 < received:
		p.strange = 0
		return told, true
	case p.strange < mostOdd:
		p.strange++
		return max(told, received), false
	}
	return received, true
}

// differences returns by how much each counter grew; false where it was not counted on. A single counter that went back has gone
// round at 32 bits, if it can have come so far in the time; when several go back at once, they were reset.
func (p *port) differences(i *flow.Interface, took time.Duration) (deltas [flow.Counts]uint64, ok bool) {
	most := uint64(math.MaxUint64)
	if took > 0 {
		most = uint64(min(fastest/8*took.Seconds(), 1<<62))
	}
	backwards := 0
	for c := range deltas {
		was, is := p.counts[c], i.Counts[c]
		octets := flow.Count(c) == flow.InOctets || flow.Count(c) == flow.OutOctets //nolint:gosec // few
		switch {
		case was == flow.Unknown || is == flow.Unknown:
			deltas[c] = flow.Unknown
			continue
		case is >= was:
			deltas[c] = is - was
			if octets && deltas[c] > most {
				return deltas, false
			}
			continue
		case was > math.MaxUint32: // 64 bits do not go round
			return deltas, false
		}
		backwards++
		deltas[c] = uint64(uint32(is - was)) //nolint:gosec // going round is meant
		room := uint64(1) << 31
		if octets && p.speed > 0 {
			room = uint64(float64(p.speed) / 8 * took.Seconds() * 1.1)
		}
		if backwards > 1 || deltas[c] > room {
			return deltas, false
		}
	}
	return deltas, true
}

// stale reports whether the last sample is so old that its rates say nothing of now.
func (p *port) stale(now int64) bool {
	return now-p.at > int64(max(3*p.over, 2*time.Minute))
}

// rate returns how many a second a counter grew; false where that is not known.
func (p *port) rate(c flow.Count) (float64, bool) {
	if p.over <= 0 || p.deltas[c] == flow.Unknown {
		return 0, false
	}
	return float64(p.deltas[c]) / p.over.Seconds(), true
}

// packets returns the packets a second of a direction, whose three sorts follow each other; false where one of them is not known
// that the agent tells otherwise, or none is.
func (p *port) packets(unicast flow.Count) (sum float64, known bool) {
	for c := unicast; c < unicast+3; c++ {
		n, ok := p.rate(c)
		if !ok && p.ever[c] {
			return 0, false
		}
		sum, known = sum+n, known || ok
	}
	return sum, known
}

// utilisation returns how much of the speed a direction uses, in percent. The clocks of agents are not exact: what is just above
// 100 is 100. What is far above shows that the speed is none, as of tunnels that call themselves of 10 Mbit/s: then it is not known.
func (p *port) utilisation(octets flow.Count) (percent float64, known bool) {
	n, ok := p.rate(octets)
	if p.duplex == flow.HalfDuplex {
		other, too := p.rate(flow.InOctets + flow.OutOctets - octets)
		n, ok = n+other, ok && too
	}
	if !ok || p.speed == 0 {
		return 0, false
	}
	percent = n * 8 / float64(p.speed) * 100
	return min(percent, 100), percent <= 110
}
