package api

import (
	"strconv"
	"time"
)

// An Exporter is one sender of flows, and how it does.
type Exporter struct {
	Address   string    `json:"address"`
	Name      string    `json:"name,omitempty"` // what people call it
	Source    string    `json:"source"`         // that it was heard through last
	Protocols []string  `json:"protocols"`      // that it speaks: netflow1, netflow5, netflow7, netflow9, ipfix, sflow
	Refused   bool      `json:"refused,omitempty"`
	First     time.Time `json:"first"` // when it was heard first, and last
	Last      time.Time `json:"last"`

	// Since the start of tocsin.
	Datagrams int64 `json:"datagrams"`
	Bytes     int64 `json:"bytes"`
	Flows     int64 `json:"flows"`
	Counters  int64 `json:"counters,omitempty"` // counter samples of sFlow, which tell of interfaces
	// Lost is what its numbering says was sent and did not come: flows of NetFlow 5 and 7, records of IPFIX, else datagrams. What
	// came late after all is in Late, in datagrams.
	Lost     int64 `json:"lost"`
	Late     int64 `json:"late,omitempty"`
	Restarts int64 `json:"restarts,omitempty"` // times that its numbering began anew
	// Problems are what was not, or not at once, read, by reason.
	Problems map[string]int64 `json:"problems,omitempty"`

	Rate      float64       `json:"rate"`           // flows a second over the last minute
	Skew      time.Duration `json:"skew,omitempty"` // by how much its clock is ahead, as its last datagram said
	Templates int           `json:"templates"`      // that are known of it
	Held      int64         `json:"held,omitempty"` // bytes that wait for a template
	Sampling  int64         `json:"sampling"`       // one packet in so many, as its last flow said; 0: not told
	Silent    bool          `json:"silent"`         // nothing came for longer than is told
	// Counted is of how many interfaces its counter samples told within a week: those that Interfaces of the service lists.
	Counted int `json:"counted_interfaces,omitempty"`
	// Interfaces are those of its interfaces that people named, by number; MaxInterfaces at most.
	Interfaces []NamedInterface `json:"interfaces,omitempty"`
}

// ClockAhead says by how much the clock is ahead as people say it: in tenths of a second below a minute, in whole days from two days on;
// "" of one that has not been understood.
func (e Exporter) ClockAhead() string {
	const day = 24 * time.Hour
	switch off := e.Skew.Abs(); {
	case e.Refused || len(e.Protocols) == 0:
		return ""
	case off >= 2*day:
		return strconv.FormatInt(int64(e.Skew.Round(day)/day), 10) + "d"
	case off >= time.Minute:
		return e.Skew.Round(time.Second).String()
	default:
		return e.Skew.Round(100 * time.Millisecond).String()
	}
}

// MaxInterfaces bounds the named interfaces that are told of one exporter.
const MaxInterfaces = 256

// A NamedInterface is an interface of an exporter that has a name.
type NamedInterface struct {
	Index uint32 `json:"index"` // of SNMP
	Name  string `json:"name"`
}
