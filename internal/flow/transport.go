package flow

import "strings"

// transports are the keywords of IANA's registry of protocol numbers, in small letters as ECS wants them.
var transports = [256]string{
	1: "icmp", 2: "igmp", 4: "ipv4", 6: "tcp", 8: "egp", 17: "udp", 33: "dccp", 41: "ipv6", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah",
	58: "ipv6-icmp", 88: "eigrp", 89: "ospf", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite", 137: "mpls-in-ip",
}

// Transport returns the keyword of a protocol, as network.transport has it; "" where it has none here.
func Transport(number uint8) string { return transports[number] }

// TransportNumber returns the number of a protocol by its keyword, in any case; false where it is none of Transport's.
func TransportNumber(keyword string) (number uint8, ok bool) {
	for i, name := range transports {
		if name != "" && strings.EqualFold(name, keyword) {
			return uint8(i), true
		}
	}
	return 0, false
}
