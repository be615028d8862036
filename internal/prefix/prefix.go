// Package prefix finds which networks hold an address, the smallest first.
//
// A table keeps one hash table for each length of prefix that there is, and asks them from the longest on. IPv4 and IPv6 are
// kept apart, so that an address of one is never held by a network of the other, and the v4-mapped form of an IPv4 address
// (RFC 4291 section 2.5.5.2) is that address.
package prefix

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/fault"
)

// A Table maps networks to values. The zero Table is empty. Any number of goroutines may look while none sets.
type Table[V any] struct {
	families [2][]level[V] // of IPv4 and IPv6, the longest prefixes first
	size     int
}

// A level is all networks with one length of prefix.
type level[V any] struct {
	bits uint8 // of 128: an IPv4 network has 96 more than people write
	mask key
	of   map[key]V
}

// A key is an address, or what of it a mask leaves.
type key struct{ high, low uint64 }

func keyOf(a *[16]byte) key {
	return key{binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])}
}

func (k key) and(mask key) key { return key{k.high & mask.high, k.low & mask.low} }

// family is 0 for IPv4, in its mapped form, and 1 for IPv6.
func (k key) family() int {
	if k.high == 0 && k.low>>32 == 0xffff {
		return 0
	}
	return 1
}

func maskOf(bits int) key {
	if bits <= 64 {
		return key{high: ^(^uint64(0) >> bits)}
	}
	return key{^uint64(0), ^(^uint64(0) >> (bits - 64))}
}

// Canonical returns a network as tables know it: without bits of a host, and IPv4 when it is the mapped form of such.
func Canonical(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// place returns where a network is kept.
func place(p netip.Prefix) (family, bits int, k key) {
	p = Canonical(p)
	a := p.Addr().As16()
	bits = p.Bits()
	family = 1
	if p.Addr().Is4() {
		family, bits = 0, bits+96
	}
	return family, bits, keyOf(&a)
}

// Set gives a network a value, in place of the one it had. The network must be valid.
func (t *Table[V]) Set(p netip.Prefix, v V) {
	family, bits, k := place(p)
	levels := t.families[family]
	i, found := slices.BinarySearchFunc(levels, bits, func(l level[V], bits int) int { return bits - int(l.bits) })
	if !found {
		levels = slices.Insert(levels, i, level[V]{uint8(bits), maskOf(bits), map[key]V{}})
		t.families[family] = levels
	}
	if _, had := levels[i].of[k]; !had {
		t.size++
	}
	levels[i].of[k] = v
}

// Get returns the value of exactly this network.
func (t *Table[V]) Get(p netip.Prefix) (v V, ok bool) {
	family, bits, k := place(p)
	for _, l := range t.families[family] {
		if int(l.bits) == bits {
			v, ok = l.of[k]
			return v, ok
		}
	}
	return v, false
}

// Len returns the number of networks.
func (t *Table[V]) Len() int { return t.size }

// Around yields the networks that hold an address, the smallest first. IPv4 addresses are given in their mapped form.
func (t *Table[V]) Around(a [16]byte) iter.Seq2[netip.Prefix, V] {
	return func(yield func(netip.Prefix, V) bool) {
		k := keyOf(&a)
		family := k.family()
		for i := range t.families[family] {
			l := &t.families[family][i]
			if v, ok := l.of[k.and(l.mask)]; ok && !yield(network(&a, family, l.bits), v) {
				return
			}
		}
	}
}

func network(a *[16]byte, family int, bits uint8) netip.Prefix {
	addr, n := netip.AddrFrom16(*a), int(bits)
	if family == 0 {
		addr, n = addr.Unmap(), n-96
	}
	return netip.PrefixFrom(addr, n).Masked()
}

// Smallest returns the value of the smallest network that holds an address; ok is false when none does.
func (t *Table[V]) Smallest(a [16]byte) (v V, ok bool) {
	k := keyOf(&a)
	levels := t.families[k.family()]
	for i := range levels {
		if v, ok = levels[i].of[k.and(levels[i].mask)]; ok {
			return v, true
		}
	}
	return v, false
}

// Parse reads a network, or an address as the network of it alone, and refuses a network that names one of its hosts. The error is
// fault.Invalid.
func Parse(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fault.New(fault.Invalid, "%q is no address", text)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fault.New(fault.Invalid, "%q is no network", text)
	}
	if c := Canonical(p); c.Addr() != p.Addr().Unmap() && c.Addr() != p.Addr() {
		return p, fault.New(fault.Invalid, "%q names a host of the network %s (write %s for the network, or %s for the host)", text, c, c, p.Addr())
	}
	return Canonical(p), nil
}

// Format writes a network, one of a single address as that address.
func Format(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
