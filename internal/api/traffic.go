package api

import (
	"net/netip"
	"time"
)

// A TrafficRequest asks who or what makes the most traffic: a ranking of flows, with all that FlowTraq's rankings tell of each
// row.
type TrafficRequest struct {
	// By is what is ranked: host, pair, port, country, client, server, asn, group, protocol, application, exporter or interface.
	By string `json:"by"`
	// Rank is what by: bytes, packets, sessions, ports or hosts. Empty is bytes. Ports and hosts are unique ones, as
	// docs/flows.md says.
	Rank string `json:"rank,omitempty"`
	// Side is sent or received for bytes and packets, initiated or accepted for sessions; sent and initiated are the same
	// word for it, as are the others. Empty is both.
	Side  string    `json:"side,omitempty"`
	Where string    `json:"where,omitempty"` // filter, in either spelling; with FlowTraq's, bytes and packets are those of whole sessions
	Since time.Time `json:"since,omitzero"`  // inclusive; zero is the beginning
	Until time.Time `json:"until,omitzero"`  // exclusive; zero is the end
	Limit int       `json:"limit,omitempty"` // 0 is 10
	// Bucket asks for a line over time of each row, in steps of this length; 0: none.
	Bucket time.Duration `json:"bucket,omitempty"`
	// Once counts a flow that several exporters tell of once.
	Once bool `json:"once,omitempty"`
	// Exact reads all flows, where rollups could tell sooner of bytes and packets, but count a session once for each hour.
	Exact bool `json:"exact,omitempty"`
}

// A TrafficAnswer is a ranking, best first.
type TrafficAnswer struct {
	By       []string     `json:"by"` // names of the values of a row: two for a pair, else one
	Rank     string       `json:"rank"`
	Side     string       `json:"side,omitempty"`
	Rows     []TrafficRow `json:"rows"`
	Others   int          `json:"others"`             // entities left out by Limit
	Sessions uint64       `json:"sessions"`           // that the filter selected
	Packets  uint64       `json:"packets"`            // of them
	Bytes    uint64       `json:"bytes"`              // of them
	Estimate bool         `json:"estimate,omitempty"` // some number is an estimate
	// RolledHours is for how many hours rollups stand in for flows; 0: for none. Sessions then are upper limits: one counts once
	// for each stretch that was rolled up in which it was told of. Bytes and packets are exact, less Bound at most.
	RolledHours int `json:"rolled_hours,omitempty"`
	// Bound is by how much the Value of a row may be too low, and that of others who are not listed; 0: by nothing.
	Bound  uint64        `json:"bound,omitempty"`
	Start  time.Time     `json:"start,omitzero"`   // of the first step of the lines
	Bucket time.Duration `json:"bucket,omitempty"` // length of a step
}

// A TrafficRow is one entity. What it sent and received is counted as it stands to each flow; a flow between two ports 443
// counts once for the port.
type TrafficRow struct {
	Values          []string  `json:"values"`          // "" where unknown
	Names           []string  `json:"names,omitempty"` // what people call them, "" for those that have no name; none: none has
	SentBytes       uint64    `json:"sent_bytes"`
	ReceivedBytes   uint64    `json:"received_bytes"`
	SentPackets     uint64    `json:"sent_packets"`
	ReceivedPackets uint64    `json:"received_packets"`
	Initiated       uint64    `json:"sessions_initiated"`
	Accepted        uint64    `json:"sessions_accepted"`
	Value           float64   `json:"value"`          // what it is ranked by
	Line            []float64 `json:"line,omitempty"` // of Value over time
}

// A SessionRequest asks for sessions that were active in a range of time, those that began last first unless Oldest.
type SessionRequest struct {
	Where  string    `json:"where,omitempty"` // filter, in either spelling; bytes and packets in FlowTraq's are those of whole sessions
	Since  time.Time `json:"since,omitzero"`  // inclusive; zero is the beginning
	Until  time.Time `json:"until,omitzero"`  // exclusive; zero is the end
	Limit  int       `json:"limit,omitempty"` // 0 is 100; negative is no limit
	Oldest bool      `json:"oldest,omitempty"`
	// Order is what else they are ordered by, largest first: bytes or packets; empty is time.
	Order string `json:"order,omitempty"`
	Once  bool   `json:"once,omitempty"` // count what several exporters tell of once
}

// A SessionAnswer is sessions, and what all sum up to, also those left out by Limit.
type SessionAnswer struct {
	Rows     []TrafficSession `json:"rows"`
	Sessions uint64           `json:"sessions"`
	Packets  uint64           `json:"packets"`
	Bytes    uint64           `json:"bytes"`
}

// A TrafficSession is what two ends said to each other, as far as it was told within the range of time.
type TrafficSession struct {
	ID        uint64       `json:"id"`    // flow.id
	Start     time.Time    `json:"start"` // of its first flow
	End       time.Time    `json:"end"`   // of its last
	Client    SessionEnd   `json:"client"`
	Server    SessionEnd   `json:"server"`
	Protocol  int          `json:"protocol"`  // IANA number; -1 unknown
	Transport string       `json:"transport"` // its keyword, "" for none
	App       string       `json:"application,omitempty"`
	Records   int          `json:"records"` // flows that tell of it
	Exporters []netip.Addr `json:"exporters"`
	Sampled   bool         `json:"sampled,omitempty"` // bytes and packets are estimates
}

// A SessionEnd is one end of a session.
type SessionEnd struct {
	IP      netip.Addr `json:"ip"`
	Name    string     `json:"name,omitempty"` // what people call it
	Port    int        `json:"port"`           // -1 for none
	Bytes   uint64     `json:"bytes"`
	Packets uint64     `json:"packets"`
	Flags   uint8      `json:"tcp_flags,omitempty"` // of all its flows, or-ed
	Country string     `json:"country,omitempty"`
	ASN     uint64     `json:"asn,omitempty"`
	Group   string     `json:"group,omitempty"`
	MAC     string     `json:"mac,omitempty"`
}
