// Package event holds the facts that tocsin works with: what an event is, which fields it can have, and the columnar
// batch in which events travel from the parser to the disk and back.
//
// The package is pure: it opens nothing, starts nothing and never asks the clock.
package event

import "fmt"

// Kind says what sort of fact an event is. The zero Kind is no kind at all.
type Kind uint8

// The four kinds of event. Their numbers are written to disk and never change.
const (
	Login    Kind = 1 // somebody logged in, or tried to
	Flow     Kind = 2 // packets went between two addresses
	Log      Kind = 3 // a program wrote a line
	Sighting Kind = 4 // a device was seen on the network
)

// Kinds lists every kind in the order of its number.
func Kinds() []Kind { return []Kind{Login, Flow, Log, Sighting} }

// String returns the word that rules, files and people use for the kind.
func (k Kind) String() string {
	switch k {
	case Login:
		return "login"
	case Flow:
		return "flow"
	case Log:
		return "log"
	case Sighting:
		return "sighting"
	default:
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
}

// ParseKind is the inverse of String.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds() {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("kind %q: want login, flow, log or sighting", s)
}

// A KindSet is a set of kinds, one bit each.
type KindSet uint8

// Of returns the set of the given kinds.
func Of(kinds ...Kind) KindSet {
	var s KindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in the set.
func (s KindSet) Has(k Kind) bool { return s&(1<<k) != 0 }
