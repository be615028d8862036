package group

import "strconv"

// protocols are keywords of IANA's registry of protocol numbers, in small letters as events have them.
var protocols = [...]struct {
	number uint8
	name   string
}{
	{1, "icmp"}, {2, "igmp"}, {4, "ipv4"}, {6, "tcp"}, {8, "egp"}, {17, "udp"}, {33, "dccp"}, {41, "ipv6"}, {46, "rsvp"}, {47, "gre"},
	{50, "esp"}, {51, "ah"}, {58, "ipv6-icmp"}, {88, "eigrp"}, {89, "ospf"}, {103, "pim"}, {108, "ipcomp"}, {112, "vrrp"}, {115, "l2tp"},
	{132, "sctp"}, {136, "udplite"}, {137, "mpls-in-ip"},
}

// Protocol reads the keyword or number of a protocol.
func Protocol(text string) (number uint8, ok bool) {
	for _, p := range protocols {
		if p.name == text {
			return p.number, true
		}
	}
	if text == "" || leadingDigits(text) != len(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return uint8(n), err == nil
}

// ProtocolName returns the keyword of a protocol, or its number where it has none here.
func ProtocolName(number uint8) string {
	for _, p := range protocols {
		if p.number == number {
			return p.name
		}
	}
	return strconv.Itoa(int(number))
}
