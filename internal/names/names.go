// Package names is what people call addresses, networks, exporters of flows, their interfaces, and autonomous systems. Names are
// for showing: no event has them.
package names

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/fault"
	"tocsin/internal/prefix"
)

// A Kind is a sort of things that have names.
type Kind string

// The kinds, with how their keys are spelt.
const (
	Address   Kind = "address"   // 192.0.2.7
	Network   Kind = "network"   // 192.0.2.0/24
	Exporter  Kind = "exporter"  // 192.0.2.254
	Interface Kind = "interface" // 192.0.2.254#3: exporter and SNMP index
	AS        Kind = "as"        // 64500
)

// Kinds lists the kinds as people choose from them.
func Kinds() []Kind { return []Kind{Address, Network, Exporter, Interface, AS} }

// Max bounds the names of a book, MaxName the bytes of one name.
const (
	Max     = 250_000
	MaxName = 128

	maxKey = 80 // bytes: the longest that can be meant is shorter
)

// A Key is one thing that may have a name.
type Key struct {
	Kind Kind
	Key  string
}

// An Entry names a thing.
type Entry struct {
	Key

	Name string
}

// Canonical returns the one spelling of a key, or a fault.Invalid that says how keys of its kind are spelt.
func Canonical(kind Kind, text string) (Key, error) {
	wrong := func(want string) error {
		return fault.New(fault.Invalid, "%s %q: want %s", kind, text[:min(len(text), maxKey)], want)
	}
	k := Key{Kind: kind}
	if len(text) > maxKey {
		return k, wrong("at most " + strconv.Itoa(maxKey) + " bytes")
	}
	switch kind {
	case Address, Exporter:
		a, ok := address(text)
		if !ok {
			return k, wrong("an address, as 192.0.2.7 or 2001:db8::7")
		}
		k.Key = a.String()
	case Network:
		p, err := prefix.Parse(text)
		if err != nil || !strings.Contains(text, "/") {
			if err == nil {
				return k, wrong("a network, as 192.0.2.0/24 (an address is of the kind address)")
			}
			return k, fault.New(fault.Invalid, "network: %w", err)
		}
		k.Key = p.String()
	case Interface:
		exporter, index, _ := strings.Cut(text, "#")
		a, ok := address(exporter)
		n, err := strconv.ParseUint(index, 10, 32)
		if !ok || err != nil || index[0] == '+' {
			return k, wrong("the exporter and the SNMP index of the interface, as 192.0.2.254#3")
		}
		k.Key = a.String() + "#" + strconv.FormatUint(n, 10)
	case AS:
		digits := text
		if len(text) > 2 && strings.EqualFold(text[:2], "AS") {
			digits = text[2:]
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n == 0 || digits[0] == '+' {
			return k, wrong("the number of an autonomous system, as 64500")
		}
		k.Key = strconv.FormatUint(n, 10)
	default:
		return k, fault.New(fault.Invalid, "kind %q: want address, network, exporter, interface or as", string(kind[:min(len(kind), maxKey)]))
	}
	return k, nil
}

func address(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a.Unmap(), err == nil && a.Zone() == ""
}

// CheckName reports whether a text can be a name: it stands in tables and on pages. The error is fault.Invalid.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || strings.TrimSpace(name) != name || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.New(fault.Invalid, "name %q: want 1 to %d bytes of printable characters, without blanks at its ends", name[:min(len(name), 2*MaxName)], MaxName)
	}
	return nil
}

// Compare puts keys in the order in which lists show them: by kind, and within it by address or number.
func (k Key) Compare(other Key) int {
	if k.Kind != other.Kind {
		return slices.Index(Kinds(), k.Kind) - slices.Index(Kinds(), other.Kind)
	}
	a, n := k.parts()
	b, m := other.parts()
	if c := a.Compare(b); c != 0 {
		return c
	}
	switch {
	case n < m:
		return -1
	case n > m:
		return 1
	}
	return 0
}

// parts takes a canonical key apart into its address and number.
func (k Key) parts() (a netip.Addr, number uint64) {
	text, digits := k.Key, ""
	switch k.Kind {
	case Network:
		text, digits, _ = strings.Cut(k.Key, "/")
	case Interface:
		text, digits, _ = strings.Cut(k.Key, "#")
	case AS:
		text, digits = "", k.Key
	}
	a, _ = netip.ParseAddr(text)                  // the zero Addr where there is none
	number, _ = strconv.ParseUint(digits, 10, 64) // 0 where there is none
	return a, number
}

// A Book finds names. Nobody changes it; a nil Book knows none.
type Book struct {
	exact    map[Key]string
	ports    map[netip.Addr][]Port // interfaces by exporter
	networks prefix.Table[string]
}

// NewBook puts names together, whose keys are canonical.
func NewBook(entries []Entry) *Book {
	b := &Book{exact: make(map[Key]string, len(entries)), ports: map[netip.Addr][]Port{}}
	for _, e := range entries {
		b.exact[e.Key] = e.Name
		if p, err := netip.ParsePrefix(e.Key.Key); err == nil && e.Kind == Network {
			b.networks.Set(p, e.Name)
		}
		if e.Kind == Interface {
			exporter, index := e.parts()
			b.ports[exporter] = append(b.ports[exporter], Port{uint32(index), e.Name})
		}
	}
	for _, list := range b.ports {
		slices.SortFunc(list, func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
	}
	return b
}

// A Port is a named interface of an exporter.
type Port struct {
	Index uint32 // of SNMP
	Name  string
}

// Interfaces lists the named interfaces of an exporter by number. Nobody may change the list.
func (b *Book) Interfaces(exporter netip.Addr) []Port {
	if b == nil {
		return nil
	}
	return b.ports[exporter.Unmap()]
}

// Len returns the number of names.
func (b *Book) Len() int {
	if b == nil {
		return 0
	}
	return len(b.exact)
}

// Of returns the name of a thing, "" when it has none: of an address or network that has none of its own that of the smallest
// network around it, which network then is; of an exporter that has none that of its address.
func (b *Book) Of(k Key) (name, network string) {
	if b == nil {
		return "", ""
	}
	if name = b.exact[k]; name != "" {
		return name, ""
	}
	switch k.Kind {
	case Exporter:
		return b.exact[Key{Address, k.Key}], ""
	case Address, Network:
		a, bits := k.parts()
		if k.Kind == Address {
			bits = uint64(a.BitLen())
		}
		for p, name := range b.networks.Around(a.As16()) {
			if p.Bits() <= int(bits) {
				return name, p.String()
			}
		}
	}
	return "", ""
}
