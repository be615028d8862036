package flow

import "math"

// An Interface is what one counter sample of sFlow says of one interface of an agent, as it is said.
type Interface struct {
	Agent  [16]byte // who it says it is; Domain is its sub-agent
	Domain uint32
	// SourceClass and Source are the data source within the agent that counts, by which Sequence numbers its samples. Its index need
	// not be that of the interface.
	SourceClass, Source uint32
	Sequence            uint32
	Uptime              uint32 // of the agent, in milliseconds; it goes round

	Index  uint32 // of SNMP
	Type   uint32 // ifType of SNMP (IANAifType-MIB): 6 is Ethernet
	Speed  uint64 // in bits a second; 0: not told
	Duplex Duplex
	Status Status
	Name   []byte // what the agent calls it, within the datagram; may be empty
	Counts [Counts]uint64
	// Promiscuous: it takes packets that are not for it.
	Promiscuous bool
}

// A Duplex says which ways an interface can send at once.
type Duplex uint8

// The values of ifDirection (sFlow Version 5, struct if_counters).
const (
	UnknownDuplex Duplex = iota
	FullDuplex
	HalfDuplex
	InOnly
	OutOnly
	duplexes
)

var duplexNames = [duplexes]string{"", "full", "half", "in", "out"}

// String returns the word for it; "" where it is not known.
func (d Duplex) String() string {
	if d >= duplexes {
		return ""
	}
	return duplexNames[d]
}

// DuplexOf reads ifDirection; a value that has no meaning is unknown.
func DuplexOf(v uint32) Duplex {
	if v >= uint32(duplexes) {
		return UnknownDuplex
	}
	return Duplex(v)
}

// A Status says what an interface is meant to be and is.
type Status uint8

// The bits of a status.
const (
	AdminUp Status = 1 << iota // it is switched on
	OperUp                     // it works
	// UnknownStatus: the agent cannot tell.
	UnknownStatus
)

// A Count is one thing that an interface counts.
type Count uint8

// What is counted: of each direction octets, packets by sort, packets discarded though nothing was wrong with them, and packets with
// errors (RFC 2863, ifTable and ifXTable); of Ethernet what tells a bad cable from a wrong duplex (RFC 3635, dot3StatsTable).
const (
	InOctets Count = iota
	InUnicast
	InMulticast
	InBroadcast
	InDiscards
	InErrors
	InUnknownProtocols
	OutOctets
	OutUnicast
	OutMulticast
	OutBroadcast
	OutDiscards
	OutErrors
	AlignmentErrors
	ChecksumErrors
	LateCollisions
	SymbolErrors
	Counts // how many there are
)

// Unknown is a count that the agent does not know.
const Unknown = math.MaxUint64
