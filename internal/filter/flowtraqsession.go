package filter

import "slices"

// A FlowSession is what a filter of FlowTraq looks at: both directions of a session together. What is not told is zero,
// which is no autonomous system, country, group or application; of ports, protocol and flags Has says whether they are told.
type FlowSession struct {
	// Client opened the session. Addresses of version 4 are v4-mapped, as in the columns of a batch.
	Client, Server [16]byte

	ClientPort, ServerPort uint16
	Protocol               uint8 // of IANA's registry
	Flags                  uint8 // TCP flags of all packets of both sides, or-ed
	HasPorts               bool
	HasProtocol            bool
	HasFlags               bool

	// What each side sent.
	ClientBytes, ServerBytes     uint64
	ClientPackets, ServerPackets uint64

	ClientASN, ServerASN         uint32
	ClientCountry, ServerCountry string // ISO 3166-1 alpha-2, in capitals
	ClientGroup, ServerGroup     string // traffic groups
	App                          string // as the exporter names it

	Exporters       [][16]byte // who told of it
	Inputs, Outputs []uint32   // SNMP indexes of the interfaces by which its packets came and went
}

// Match reports whether a session is one that the filter selects. It changes nothing, so that several goroutines may call it.
func (f *FlowTraq) Match(s *FlowSession) bool { return f.root.match(s) }

func (c *clause) match(s *FlowSession) bool {
	switch c.kind {
	case leaf:
		return c.ask.holds(s)
	case not:
		return !c.kids[0].match(s)
	case and:
		return !slices.ContainsFunc(c.kids, func(kid *clause) bool { return !kid.match(s) })
	case or:
		return slices.ContainsFunc(c.kids, func(kid *clause) bool { return kid.match(s) })
	case xor:
		odd := false
		for _, kid := range c.kids {
			odd = odd != kid.match(s)
		}
		return odd
	default:
		return c.kind == always
	}
}

// holds answers one question about a session.
func (q *question) holds(s *FlowSession) bool {
	switch q.field.about {
	case aboutAddress:
		return q.either(q.within(s.Client), q.within(s.Server))
	case aboutPort:
		return s.HasPorts && q.either(q.counts(uint64(s.ClientPort)), q.counts(uint64(s.ServerPort)))
	case aboutBytes:
		return q.quantity(s.ClientBytes, s.ServerBytes)
	case aboutPackets:
		return q.quantity(s.ClientPackets, s.ServerPackets)
	case aboutCountry:
		return q.either(q.says(s.ClientCountry), q.says(s.ServerCountry))
	case aboutGroup:
		return q.either(q.says(s.ClientGroup), q.says(s.ServerGroup))
	case aboutSystem:
		return q.either(q.system(s.ClientASN), q.system(s.ServerASN))
	case aboutProtocol:
		return s.HasProtocol && q.counts(uint64(s.Protocol))
	case aboutFlags:
		return s.HasFlags && q.flagged(s.Flags)
	case aboutApplication:
		return q.says(s.App)
	case aboutExporter:
		return slices.ContainsFunc(s.Exporters, q.within)
	case aboutInput:
		return slices.ContainsFunc(s.Inputs, q.index)
	case aboutOutput:
		return slices.ContainsFunc(s.Outputs, q.index)
	default: // the interface by which it came or went
		return slices.ContainsFunc(s.Inputs, q.index) || slices.ContainsFunc(s.Outputs, q.index)
	}
}

// either joins what holds for the client and for the server.
func (q *question) either(client, server bool) bool {
	switch q.field.of {
	case theClient:
		return client
	case theServer:
		return server
	default:
		return client || server
	}
}

// quantity compares what the sides sent; the sum, where it is too large to be told, as the most there is.
func (q *question) quantity(client, server uint64) bool {
	if q.field.of == both {
		sum := client + server
		if sum < client {
			sum = ^uint64(0)
		}
		return q.counts(sum)
	}
	return q.either(q.counts(client), q.counts(server))
}

// counts compares a number.
func (q *question) counts(n uint64) bool {
	switch {
	case n < q.number:
		return q.op.accepts(-1)
	case n > q.number:
		return q.op.accepts(1)
	default:
		return q.op.accepts(0)
	}
}

func (q *question) index(n uint32) bool { return q.counts(uint64(n)) }

// system compares the number of an autonomous system; 0 is none.
func (q *question) system(n uint32) bool { return (n != 0 || q.unknown) && q.counts(uint64(n)) }

func (q *question) says(text string) bool { return text == q.text }

// flagged compares TCP flags: a name asks whether that flag is among them, a number whether they are these and no others.
func (q *question) flagged(seen uint8) bool {
	if q.flag != 0 {
		return seen&q.flag != 0
	}
	return q.counts(uint64(seen))
}

// within asks whether an address lies in the network. One of IPv6 holds no v4-mapped address.
func (q *question) within(a [16]byte) bool {
	high, low := halves(&a)
	if q.network.bits < 96 && isMapped(high, low) {
		return false
	}
	maskHigh, maskLow := netMask(q.network.bits)
	return high&maskHigh == q.network.high && low&maskLow == q.network.low
}
