package filter

import (
	"slices"

	"tocsin/internal/event"
)

// A subject is what a field of FlowTraq is about.
type subject uint8

const (
	aboutAddress subject = iota + 1
	aboutPort
	aboutBytes
	aboutPackets
	aboutCountry
	aboutGroup
	aboutSystem // autonomous system
	aboutProtocol
	aboutFlags
	aboutApplication
	aboutExporter
	aboutInput // SNMP index of an interface
	aboutOutput
	aboutInterface
)

// An end says whose a value is.
type end uint8

const (
	anyEnd    end = iota // the client's, or the server's; also of what no end has of its own
	theClient            // who opened the session
	theServer
	both // the sum of what both sent
)

// A flowtraqField is a field of FlowTraq's language.
type flowtraqField struct {
	name  string
	about subject
	of    end
}

// flowtraqFields is the language, in the order of its documentation.
var flowtraqFields = []flowtraqField{
	{"SRVIP", aboutAddress, theServer}, {"CLNIP", aboutAddress, theClient}, {"ADDR", aboutAddress, anyEnd},
	{"SRVPORT", aboutPort, theServer}, {"CLNPORT", aboutPort, theClient}, {"PORT", aboutPort, anyEnd},
	{"PROTO", aboutProtocol, anyEnd},
	{"CLNPKTS", aboutPackets, theClient}, {"SRVPKTS", aboutPackets, theServer}, {"PACKETS", aboutPackets, anyEnd}, {"TOTPKTS", aboutPackets, both},
	{"CLNBYTS", aboutBytes, theClient}, {"SRVBYTS", aboutBytes, theServer}, {"BYTES", aboutBytes, anyEnd}, {"TOTBYTS", aboutBytes, both},
	{"SRVCOUNTRY", aboutCountry, theServer}, {"CLNCOUNTRY", aboutCountry, theClient}, {"COUNTRY", aboutCountry, anyEnd},
	{"SRVASN", aboutSystem, theServer}, {"CLNASN", aboutSystem, theClient}, {"ASN", aboutSystem, anyEnd},
	{"SRVGROUP", aboutGroup, theServer}, {"CLNGROUP", aboutGroup, theClient}, {"GROUP", aboutGroup, anyEnd},
	{"EXPORTER", aboutExporter, anyEnd},
	{"INIF", aboutInput, anyEnd}, {"OUTIF", aboutOutput, anyEnd}, {"INTERFACE", aboutInterface, anyEnd},
	{"FLAGS", aboutFlags, anyEnd},
	{"APP", aboutApplication, anyEnd},
}

// columns returns the fields of an event that a subject is told by: those of source and destination where each end has its
// own, else any that may tell it.
func (s subject) columns() []event.FieldID {
	switch s {
	case aboutAddress:
		return []event.FieldID{event.SourceIP, event.DestinationIP}
	case aboutPort:
		return []event.FieldID{event.SourcePort, event.DestinationPort}
	case aboutBytes:
		return []event.FieldID{event.SourceBytes}
	case aboutPackets:
		return []event.FieldID{event.SourcePackets}
	case aboutCountry:
		return []event.FieldID{event.SourceCountry, event.DestinationCountry}
	case aboutGroup:
		return []event.FieldID{event.SourceGroup, event.DestinationGroup}
	case aboutSystem:
		return []event.FieldID{event.SourceASN, event.DestinationASN}
	case aboutProtocol:
		return []event.FieldID{event.NetworkIANA}
	case aboutFlags:
		return []event.FieldID{event.FlowTCPFlags}
	case aboutApplication:
		return []event.FieldID{event.NetworkApp}
	case aboutExporter:
		return []event.FieldID{event.ObserverIP}
	case aboutInput:
		return []event.FieldID{event.FlowIngress}
	case aboutOutput:
		return []event.FieldID{event.FlowEgress}
	default:
		return []event.FieldID{event.FlowIngress, event.FlowEgress}
	}
}

// ordered reports whether values of the subject are larger and smaller than others.
func (s subject) ordered() bool {
	return slices.Contains([]subject{aboutPort, aboutBytes, aboutPackets, aboutSystem, aboutProtocol, aboutInput, aboutOutput, aboutInterface}, s)
}

// summed reports whether the records of a session tell it only together.
func (s subject) summed() bool { return s == aboutBytes || s == aboutPackets || s == aboutFlags }

// tcpFlags are the control bits of TCP by their names (RFC 9293 section 3.1), the lowest first.
var tcpFlags = []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}
