package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/flow"
)

// value reads what the field is compared with; false where it will not do.
func (q *question) value(text string) bool {
	about := q.field.about
	switch about {
	case aboutAddress, aboutExporter:
		prefix, ok := parsePrefix(text)
		if ok {
			q.prefix, q.network = prefix, networkOf(prefix)
		}
		return ok
	case aboutCountry:
		q.text, q.unknown = strings.ToUpper(text), text == "??"
		if q.unknown {
			q.text = ""
			return true
		}
		return len(text) == 2 && strings.Trim(q.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	case aboutGroup, aboutApplication:
		q.text, q.unknown = text, text == ""
		return true
	case aboutProtocol:
		if number, ok := flow.TransportNumber(text); ok {
			text = strconv.Itoa(int(number))
		}
	case aboutFlags:
		if bit := slices.Index(tcpFlags, strings.ToUpper(text)); bit >= 0 {
			q.flag = 1 << bit
			return true
		}
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || q.op == opEqual && number > about.most() {
		return false
	}
	q.number, q.unknown = number, about == aboutSystem && q.op == opEqual && number == 0
	if about == aboutProtocol && number <= math.MaxUint8 {
		q.text = flow.Transport(uint8(number))
	}
	return true
}

// most is the largest number that a value of the subject can be.
func (s subject) most() uint64 {
	switch s {
	case aboutPort:
		return math.MaxUint16
	case aboutProtocol, aboutFlags:
		return math.MaxUint8
	case aboutSystem, aboutInput, aboutOutput, aboutInterface:
		return math.MaxUint32
	default:
		return math.MaxUint64
	}
}

// wants says what a value of the subject looks like.
func (s subject) wants() string {
	switch s {
	case aboutAddress, aboutExporter:
		return "an address or a network"
	case aboutCountry:
		return "a country by its two letters, or ??"
	case aboutGroup:
		return "the name of a traffic group"
	case aboutApplication:
		return "the name of an application"
	case aboutProtocol:
		return "a protocol: its name or its number, 0 to 255"
	case aboutFlags:
		return "one of " + strings.Join(tcpFlags, " ") + ", or their sum, 0 to 255"
	case aboutPort:
		return "a port, 0 to 65535"
	case aboutSystem:
		return "the number of an autonomous system"
	case aboutInput, aboutOutput, aboutInterface:
		return "the SNMP index of an interface"
	default:
		return "a number"
	}
}

// comparators says which comparators the subject takes.
func (s subject) comparators() string {
	if s.ordered() {
		return "== != >= <= > or <"
	}
	return "== or !="
}

// example is a comparison with the field.
func (f *flowtraqField) example() string {
	switch f.about {
	case aboutAddress, aboutExporter:
		return f.name + "==192.0.2.1 or " + f.name + "==2001:db8::/32"
	case aboutCountry:
		return f.name + "==DE"
	case aboutGroup:
		return f.name + "==servers or " + f.name + `=="web servers"`
	case aboutApplication:
		return f.name + "==https"
	case aboutProtocol:
		return f.name + "==TCP or " + f.name + "==6"
	case aboutFlags:
		return f.name + "==SYN or " + f.name + "==18"
	case aboutPort:
		return f.name + "==22 or " + f.name + ">=1024"
	case aboutSystem:
		return f.name + "==64496"
	case aboutInput, aboutOutput, aboutInterface:
		return f.name + "==3"
	default:
		return f.name + ">=1000"
	}
}
