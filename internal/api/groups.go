package api

import "time"

// A GroupRequest asks for traffic groups.
type GroupRequest struct {
	Name string `json:"name,omitempty"` // empty: all
}

// A Group is a traffic group: a name for addresses and networks, some of them with ports. Each side of an event is in one
// group at most, by the member that fits it most closely.
type Group struct {
	Name string `json:"name"`
	// Members are spelt as 192.0.2.0/24, 192.0.2.7, 192.0.2.0/24:443, [2001:db8::1]:8000-8999, each with /tcp, /udp or a number
	// of a protocol behind where it is for that alone. They come back in one spelling, in the order of their networks.
	Members  []string  `json:"members"`
	ReadOnly bool      `json:"read_only,omitempty"` // it stands in the configuration
	Changed  time.Time `json:"changed,omitzero"`
	By       string    `json:"by,omitempty"` // who changed it last
}

// A GroupEdit is a group as it is to be.
type GroupEdit struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // one or more
}

// A GroupsEdit makes groups, or gives those that there are other members: all of them or, with an error, none.
type GroupsEdit struct {
	Groups []GroupEdit `json:"groups"`
	// Replace removes the groups that are not named, those of the configuration apart.
	Replace bool `json:"replace,omitempty"`
}

// GroupsSaved says what an edit did.
type GroupsSaved struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Removed int `json:"removed"`
	Groups  int `json:"groups"`  // that there are now
	Members int `json:"members"` // of all of them
}
