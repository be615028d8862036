// Package group sorts addresses into traffic groups: named lists of networks, some of them with ports.
//
// Each side of an event is in one group at most, that of the member which fits it most closely: the smallest network, of one
// network the narrowest range of ports, and of one range the member with a protocol.
package group

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/prefix"
)

// A Member is a network, where First is not 0 or Last not 65535 with the ports that count, and where Any is false with the one
// protocol that does.
type Member struct {
	Network     netip.Prefix
	First, Last uint16 // ports, both included
	Protocol    uint8  // number that IANA gave it
	Any         bool   // protocol
}

const maxMember = 80 // bytes: the longest that can be meant is shorter

// ParseMember reads 192.0.2.0/24, 192.0.2.7, 2001:db8::/32, with ports 192.0.2.0/24:443, 192.0.2.7:8000-8999,
// [2001:db8::1]:443, [2001:db8::/32]:443 and 2001:db8::/32:443, each with /tcp, /udp or another protocol behind. The error is
// fault.Invalid.
func ParseMember(text string) (m Member, err error) {
	wrong := func(why string, args ...any) error {
		return fault.New(fault.Invalid, "member %q: %s", text[:min(len(text), maxMember)], fmt.Sprintf(why, args...))
	}
	const want = "want an address or network, as 192.0.2.0/24, 192.0.2.7:443, 192.0.2.0/24:8000-8999/tcp or [2001:db8::/32]:443"
	if len(text) > maxMember {
		return m, wrong(want)
	}
	network, rest, ok := cutNetwork(text)
	if !ok {
		return m, wrong(want)
	}
	if m.Network, err = prefix.Parse(network); err != nil {
		return m, wrong("%v", err)
	}
	m.Last, m.Any = 65535, true
	rest, protocol, has := strings.Cut(rest, "/")
	if has {
		m.Any = false
		if m.Protocol, ok = Protocol(protocol); !ok {
			return m, wrong("protocol %q: want tcp, udp, icmp, another keyword of IANA, or 0 to 255", protocol)
		}
	}
	if rest == "" {
		return m, nil
	}
	first, last, span := strings.Cut(rest[1:], "-") // behind the colon
	if !span {
		last = first
	}
	if m.First, ok = port(first); ok {
		m.Last, ok = port(last)
	}
	if !ok || m.First > m.Last {
		return m, wrong("ports %q: want a port of 0 to 65535, or the first and last of several as in 8000-8999", rest[1:])
	}
	return m, nil
}

// cutNetwork parts a member into its network and what stands behind: nothing, or a colon with ports, or a slash with a protocol,
// or both.
func cutNetwork(text string) (network, rest string, ok bool) {
	if inner, found := strings.CutPrefix(text, "["); found {
		network, rest, ok = strings.Cut(inner, "]")
		return network, rest, ok && (rest == "" || rest[0] == ':' || rest[0] == '/')
	}
	end := len(text)
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		end = slash
	}
	if colon := strings.IndexByte(text[:end], ':'); colon >= 0 && colon == strings.LastIndexByte(text[:end], ':') {
		return text[:colon], text[colon:], true // one colon is no IPv6
	}
	if end < len(text) {
		if digits := leadingDigits(text[end+1:]); digits > 0 { // a length of prefix
			end += 1 + digits
			return text[:end], text[end:], end == len(text) || text[end] == ':' || text[end] == '/'
		}
	}
	return text[:end], text[end:], true
}

func leadingDigits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

func port(text string) (uint16, bool) {
	if leadingDigits(text) != len(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil
}

// Ports reports whether the member is for some ports alone.
func (m Member) Ports() bool { return m.First > 0 || m.Last < 65535 }

// Always reports whether the member is for every port and protocol.
func (m Member) Always() bool { return m.Any && !m.Ports() }

// String is the one spelling of a member; ParseMember reads it.
func (m Member) String() string {
	text, protocol := prefix.Format(m.Network), ""
	if !m.Any {
		protocol = ProtocolName(m.Protocol)
	}
	// Behind an address the number of a protocol would be a length of prefix.
	if m.Ports() && !m.Network.Addr().Is4() || !m.Ports() && m.Network.IsSingleIP() && leadingDigits(protocol) > 0 {
		text = "[" + text + "]"
	}
	if m.Ports() {
		text += ":" + strconv.Itoa(int(m.First))
		if m.Last != m.First {
			text += "-" + strconv.Itoa(int(m.Last))
		}
	}
	if !m.Any {
		text += "/" + protocol
	}
	return text
}

// Compare puts members in the order in which lists show them: by network, the larger before the smaller, then as they are tried.
func (m Member) Compare(n Member) int {
	return cmp.Or(m.Network.Addr().Compare(n.Network.Addr()), cmp.Compare(m.Network.Bits(), n.Network.Bits()), m.closer(n))
}

// closer puts members of one network in the order in which they are tried.
func (m Member) closer(n Member) int {
	return cmp.Or(cmp.Compare(m.Last-m.First, n.Last-n.First), boolFirst(!m.Any, !n.Any), cmp.Compare(m.First, n.First), cmp.Compare(m.Protocol, n.Protocol))
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// clashes reports whether there are events for which two members of one network are as close.
func (m Member) clashes(n Member) bool {
	if !m.Any && !n.Any && m.Protocol != n.Protocol || m.Last < n.First || n.Last < m.First {
		return false // they share nothing
	}
	if m.First == n.First && m.Last == n.Last {
		return m.Any == n.Any
	}
	inside := m.First >= n.First && m.Last <= n.Last || n.First >= m.First && n.Last <= m.Last
	return !inside
}
