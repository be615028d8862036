package api

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of things that have names, with how their keys are spelt.
const (
	NameAddress   = "address"   // 192.0.2.7
	NameNetwork   = "network"   // 192.0.2.0/24
	NameExporter  = "exporter"  // its address, 192.0.2.254
	NameInterface = "interface" // exporter and SNMP index, 192.0.2.254#3
	NameAS        = "as"        // 64500
)

// MaxNamesOf bounds the keys of one question about what is known.
const MaxNamesOf = 10_000

// A NameRequest asks for names, by kind and key.
type NameRequest struct {
	Kind string `json:"kind,omitempty"` // empty: all
	Key  string `json:"key,omitempty"`  // empty: all; needs a kind
}

// A Name is what people call something.
type Name struct {
	Kind    string    `json:"kind"`
	Key     string    `json:"key"` // in one spelling
	Name    string    `json:"name"`
	Changed time.Time `json:"changed,omitzero"`
	By      string    `json:"by,omitempty"` // who changed it last
}

// A NameEdit names something.
type NameEdit struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

// A NamesEdit gives names: all of them or, with an error, none.
type NamesEdit struct {
	Names []NameEdit `json:"names"`
	// Replace removes the names that are not given; with Kind those of that kind alone.
	Replace bool   `json:"replace,omitempty"`
	Kind    string `json:"kind,omitempty"`
}

// A NameKey is one thing that may have a name.
type NameKey struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
}

// A NamesRemoval takes names back: all of them or, with an error such as one that is not there, none.
type NamesRemoval struct {
	Keys []NameKey `json:"keys"`
}

// NamesSaved says what an edit did.
type NamesSaved struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Removed int `json:"removed"`
	Names   int `json:"names"` // that there are now
}

// A NamesOfRequest asks what is known of up to MaxNamesOf things.
type NamesOfRequest struct {
	Keys []NameKey `json:"keys"`
}

// A Named is what is known of one thing; what is not known is empty. Answers come in the order of the questions.
type Named struct {
	Kind string `json:"kind"`
	Key  string `json:"key"` // as it was asked
	// Name is its own or, of an address and a network, that of the smallest network around it, which Network then is.
	Name    string `json:"name,omitempty"`
	Network string `json:"network,omitempty"`
	// Of addresses alone: the group, of those without ports, that an event of it would be put into now, and what the databases
	// say now.
	Group        string `json:"group,omitempty"`
	Country      string `json:"country,omitempty"` // ISO 3166-1 code of two letters
	City         string `json:"city,omitempty"`
	AS           uint32 `json:"as,omitempty"`
	Organization string `json:"organization,omitempty"` // that holds AS, or what people call AS
}

// Facts tells what is known of a thing besides its name, each as people read it, as in "Berlin in DE", "AS64500 Example Net" and
// "group office".
func (n *Named) Facts() (facts []string) {
	if n.Country != "" {
		facts = append(facts, strings.TrimPrefix(n.City+" in "+n.Country, " in "))
	}
	if n.AS != 0 {
		facts = append(facts, strings.TrimSpace(fmt.Sprintf("AS%d %s", n.AS, n.Organization)))
	}
	if n.Group != "" {
		facts = append(facts, "group "+n.Group)
	}
	return facts
}

// HasNames reports whether the values of a column of rankings, a field or one of TrafficAnswer.By, are things that may have names.
func HasNames(by string) bool {
	switch by {
	case "host", "lower", "higher", "client", "server", "asn", "exporter", "interface",
		"flow.host", "flow.lower", "flow.higher", "flow.client", "flow.server", "flow.peer", "flow.target":
		return true
	}
	return strings.HasSuffix(by, ".ip") || strings.HasSuffix(by, "as.number")
}
