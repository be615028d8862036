package naming

import (
	"net/netip"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/names"
)

// Call returns what people call the value of a field, "" when it has no name: of a field of exporters or autonomous systems that
// of the exporter or system, else that of the address or network that the value is. It looks at what is at hand alone.
func (s *Shelf) Call(field, value string) string {
	k, ok := keyFor(field, value)
	if !ok {
		return ""
	}
	name, _ := s.Book().Of(k)
	return name
}

// keyFor returns the thing that the value of a field is; false where it is none that has names.
func keyFor(field, value string) (names.Key, bool) {
	kind := names.Address
	switch {
	case field == "observer.ip" || field == "exporter":
		kind = names.Exporter
	case strings.HasSuffix(field, "as.number") || field == "asn":
		kind = names.AS
	case strings.Contains(value, "/"):
		kind = names.Network
	case strings.Contains(value, "#"):
		kind = names.Interface
	}
	if value == "" || value[0] > '9' && !strings.ContainsAny(value[:min(len(value), 5)], ":") { // most words are none
		return names.Key{}, false
	}
	k, err := names.Canonical(kind, value)
	return k, err == nil
}

// Show puts names into an alert that is to be shown.
func (s *Shelf) Show(a *alert.Alert) {
	if s.Book().Len() == 0 {
		return
	}
	var called map[string]string
	for _, p := range a.Entity {
		if name := s.Call(p.Field, p.Value); name != "" {
			if called == nil {
				called = make(map[string]string, len(a.Entity))
			}
			called[p.Value] = name
		}
	}
	a.Names = called
}

// Address returns what people call an address, "" when it has no name.
func (s *Shelf) Address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	name, _ := s.Book().Of(names.Key{Kind: names.Address, Key: a.Unmap().WithZone("").String()})
	return name
}
