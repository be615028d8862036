package api

import "time"

// MaxInvolved is how many peers, ports and sessions an AlertTraffic has of each, at most.
const MaxInvolved = 5

// An AlertTraffic is what whom an alert is about sent and received about the time of the alert, as far as flows tell of it
// and who asks may see it. Where the rule of the alert looks at flows these are the ones that it selects.
type AlertTraffic struct {
	Since time.Time `json:"since"` // inclusive: a window before the first trigger, and no more than a day in all
	Until time.Time `json:"until"` // exclusive: just behind the newest one
	// Rank is by what the rows are ordered: bytes, packets or sessions, whatever comes nearest to what the rule measures.
	Rank string `json:"rank"`
	// Peers are the hosts at the other end, and those who opened sessions where the alert is about a port or a country. Those of
	// an alert about two hosts are these.
	Peers []TrafficRow `json:"peers,omitempty"`
	Ports []TrafficRow `json:"ports,omitempty"` // of the server; none where the alert is about one
	// Sessions are some of the sessions, the largest first. No two are the same.
	Sessions []TrafficSession `json:"sessions,omitempty"`
	Total    uint64           `json:"total"`         // sessions in all
	Cut      bool             `json:"cut,omitempty"` // it would have taken too long: not all of this was looked up
}
