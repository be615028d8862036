package api

import "time"

// Limits of the interfaces in one answer.
const (
	DefaultInterfaces = 1000
	MostInterfaces    = 10_000
)

// An InterfaceRequest asks for interfaces of exporters.
type InterfaceRequest struct {
	// Exporter is the address of one, or the name that people gave it; empty: all.
	Exporter string `json:"exporter,omitempty"`
	Limit    int    `json:"limit,omitempty"` // 0 is 1,000, 10,000 at most
}

// Interfaces are those of exporters that counter samples of sFlow told of within a week, by exporter, agent and index.
type Interfaces struct {
	Interfaces []Interface `json:"interfaces"`
	More       int         `json:"more,omitempty"` // how many Limit left out
}

// An Interface is one of an exporter.
type Interface struct {
	Exporter     string `json:"exporter"`                // its address
	ExporterName string `json:"exporter_name,omitempty"` // what people call it
	// Agent is who the exporter says it is, where that is another address. Subagent is the part of it that told.
	Agent    string `json:"agent,omitempty"`
	Subagent uint32 `json:"subagent,omitempty"`
	Index    uint32 `json:"index"`           // of SNMP
	Name     string `json:"name,omitempty"`  // what people call it
	Label    string `json:"label,omitempty"` // what the exporter calls it

	Type        uint32 `json:"type"`             // ifType of SNMP: 6 is Ethernet
	Speed       uint64 `json:"speed"`            // in bits a second; 0: not told
	Duplex      string `json:"duplex,omitempty"` // full, half, in or out; empty: not told
	Admin       string `json:"admin"`            // what it is meant to be: up, down or unknown
	State       string `json:"state"`            // what it is: up, down or unknown
	Promiscuous bool   `json:"promiscuous,omitempty"`

	First    time.Time `json:"first"` // when it was heard first, and last
	Last     time.Time `json:"last"`
	Samples  int64     `json:"samples"`            // that came
	Restarts int64     `json:"restarts,omitempty"` // times that its counting or its numbering began anew

	// Over is the time between the two samples that rates are of. It is 0, and no rate is known, after the first sample, after its
	// counting began anew, and when it has not been heard for three times as long as before, and for two minutes.
	Over time.Duration `json:"over"`
	In   InterfaceSide `json:"in"`
	Out  InterfaceSide `json:"out"`
	// Ethernet are errors that frames were found to have, since First; nil where the exporter does not tell of them.
	Ethernet *EthernetErrors `json:"ethernet,omitempty"`
}

// An InterfaceSide is one direction of an interface. What is nil is not known.
type InterfaceSide struct {
	Bits    *float64 `json:"bits,omitempty"`    // a second
	Packets *float64 `json:"packets,omitempty"` // a second
	// Utilisation is the part of the speed that is used, in percent: of half duplex, of which both directions have one, by both.
	Utilisation *float64 `json:"utilisation,omitempty"`
	Errors      *float64 `json:"errors,omitempty"`   // packets a second
	Discards    *float64 `json:"discards,omitempty"` // packets a second that were dropped though nothing was wrong with them
	// What was counted since the interface was heard first, as far as it was heard.
	TotalErrors   *uint64 `json:"total_errors,omitempty"`
	TotalDiscards *uint64 `json:"total_discards,omitempty"`
}

// EthernetErrors are what tells a bad cable from a wrong duplex. What is nil is not known.
type EthernetErrors struct {
	Alignment      *uint64 `json:"alignment,omitempty"`
	Checksum       *uint64 `json:"checksum,omitempty"`        // of received frames
	LateCollisions *uint64 `json:"late_collisions,omitempty"` // as of one side alone that is set to half duplex
	Symbol         *uint64 `json:"symbol,omitempty"`
}
