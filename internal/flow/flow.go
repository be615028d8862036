// Package flow holds the nouns of the flow decoders: one record as an exporter told it, whatever the protocol, and what it says of an
// interface.
package flow

import "strings"

// A Record is what one exporter says about packets of one direction that belong together. Addresses of version 4 are
// written v4-mapped (RFC 4291 section 2.5.5.2). What an exporter does not tell is zero; Has tells a zero from silence where
// that matters.
type Record struct {
	Source, Destination [16]byte
	Start, End          int64  // of the flow, in nanoseconds since 1970 UTC
	Bytes, Packets      uint64 // as exported; multiply by Sampling for an estimate of the traffic
	// ReverseBytes and ReversePackets are those of the other direction, where one record tells both (RFC 5103).
	ReverseBytes, ReversePackets uint64
	Ingress, Egress              uint32 // SNMP indexes of interfaces
	SourceAS, DestinationAS      uint32
	Sampling                     uint32 // one packet in this many was seen; 0: not told
	Domain                       uint32 // observation domain, source id, engine or sub-agent of the exporter
	Application                  uint32 // number that the exporter's table of applications gives a name (RFC 6759); 0: none
	SourcePort, DestinationPort  uint16 // of ICMP the destination port is type * 256 + code
	VLAN                         uint16
	Has                          Has
	Protocol, TOS, TCPFlags      uint8
	Direction                    uint8 // 0 ingress, 1 egress (IPFIX element 61); only when Has says so
	SourceMAC, DestinationMAC    [6]byte
}

// Has says which facts a record tells that zero would hide.
type Has uint16

// The facts.
const (
	HasAddresses Has = 1 << iota
	HasPorts         // the protocol has ports, and they were seen
	HasProtocol
	HasTCPFlags
	HasInterfaces
	HasAS
	HasMAC
	HasVLAN
	HasDirection
	HasReverse
	HasTimes // else Start and End are those of the export
	IsV6
	IsICMP
	Dropped // the packet was discarded by the device that saw it
)

// A Reason says why something that an exporter sent was not, or not at once, decoded.
type Reason uint8

// The reasons. None of them ends the reading of what is still readable of a datagram.
const (
	Truncated         Reason = iota // the datagram ends inside what it announces
	WrongCount                      // the header counts other than what is there; what is there counts
	UnknownVersion                  // no protocol that is known
	NoTemplate                      // data whose template has not come; it is held for a while
	HeldTooLong                     // held data that was dropped, because the template did not come in time
	HeldTooMuch                     // data that was not held, because too much is held already
	BadTemplate                     // a template that cannot be: no fields, records too long or of no length, an id that is reserved
	TooManyTemplates                // a template that was not kept, because the exporter has too many
	BadLength                       // a set, sample or field whose length cannot be
	NoAddresses                     // a record without a source and a destination address
	BadTime                         // a clock that is years off; the time of receipt stands in
	ReservedSet                     // a set whose id the protocol has no meaning for
	NoPacket                        // a sampled packet that is not IP, or is cut before its addresses
	TooManyInterfaces               // what was told of an interface that is not kept, because the exporter has too many
	Reasons                         // how many there are
)

var reasonNames = [Reasons]string{"truncated", "wrong-count", "unknown-version", "no-template", "held-too-long", "held-too-much", "bad-template",
	"too-many-templates", "bad-length", "no-addresses", "bad-time", "reserved-set", "no-packet", "too-many-interfaces"}

// String returns the word by which counters name the reason.
func (r Reason) String() string { return reasonNames[min(r, Reasons-1)] }

// A Report says what became of one datagram.
type Report struct {
	Version   uint16 // 1, 5, 7, 9, 10 (IPFIX) or 105 (sFlow 5)
	Domain    uint32
	Records   int    // appended
	Options   int    // option records taken
	Templates int    // taken or withdrawn
	Released  int    // sets of data that had waited for a template, and were read with this datagram
	Lost      uint32 // what the numbering says is missing before it: flows of NetFlow 5 and 7, records of IPFIX, else datagrams
	Late      bool   // its number is of before: what was told as lost has come
	Restarted bool   // the numbering began anew
	Exported  int64  // when the exporter says that it sent it, in nanoseconds since 1970 UTC; 0: it does not
	Counters  int    // counter samples, which tell of interfaces and not of flows; sflow.Counters reads them
	Problems  [Reasons]uint32
}

// Problem counts a reason.
func (r *Report) Problem(why Reason) { r.Problems[why]++ }

// String lists the problems, for tests and logs.
func (r *Report) String() string {
	var words []string
	for why, n := range r.Problems {
		if n > 0 {
			words = append(words, Reason(why).String())
		}
	}
	return strings.Join(words, ",")
}

// V4 writes an address of version 4 as a v4-mapped one.
func V4(a uint32) (mapped [16]byte) {
	mapped[10], mapped[11] = 0xff, 0xff
	mapped[12], mapped[13], mapped[14], mapped[15] = byte(a>>24), byte(a>>16), byte(a>>8), byte(a)
	return mapped
}
