package config

import (
	"net/netip"

	"tocsin/internal/document"
)

// A Network is a block of addresses as text: 192.0.2.0/24.
type Network string

// UnmarshalText reads 192.0.2.0/24 or 192.0.2.1.
func (n *Network) UnmarshalText(text []byte) error {
	block, err := netip.ParsePrefix(string(text))
	if err != nil {
		one, wrong := netip.ParseAddr(string(text))
		if wrong != nil || one.Zone() != "" {
			return document.At("", string(text), "a network such as 192.0.2.0/24, or an address")
		}
		block = netip.PrefixFrom(one, one.BitLen())
	}
	if block.Addr().Is4In6() {
		return document.At("", string(text), "an IPv4 network as 192.0.2.0/24")
	}
	*n = Network(block.Masked().String())
	return nil
}

// Networks returns those in which users may have collectors; none: anywhere.
func (a Alerts) Networks() []netip.Prefix { return prefixes(a.Collectors) }

// Networks returns those whose exporters are heard; none: all.
func (f Flows) Networks() []netip.Prefix { return prefixes(f.Allow) }

func prefixes(networks []Network) (list []netip.Prefix) {
	for _, n := range networks {
		if block, err := netip.ParsePrefix(string(n)); err == nil { // as UnmarshalText made it
			list = append(list, block)
		}
	}
	return list
}
