// Package alert holds the nouns of alerting: how severe a thing is, about whom, what a detector found, and the row that a
// person works with.
package alert

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Severity orders alerts by how much they matter.
type Severity uint8

// The severities, least first; the zero Severity is none.
const (
	Info Severity = iota + 1
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"NONE", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// String returns the word in capitals, as rules, commands and messages write it.
func (s Severity) String() string { return severityNames[min(int(s), len(severityNames)-1)] }

// ParseSeverity is the inverse of String; it takes any case.
func ParseSeverity(s string) (Severity, error) {
	for i, name := range severityNames[1:] {
		if strings.EqualFold(s, name) {
			return Severity(i + 1), nil
		}
	}
	return 0, fmt.Errorf("severity %q: want INFO, LOW, MEDIUM, HIGH or CRITICAL", s)
}

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}

// An Entity is whom a finding is about: the values of the rule's by fields, in their order. An empty Entity stands for
// everything that the rule selects.
type Entity []Pair

// A Pair is one field of an entity and its value as people read it.
type Pair struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// Key writes the entity as text that is equal exactly for equal entities.
func (e Entity) Key() string {
	var s strings.Builder
	for i, p := range e {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(p.Field)
		s.WriteByte('=')
		s.WriteString(escapeKey.Replace(p.Value))
	}
	return s.String()
}

var escapeKey = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// String writes the values for people: "192.0.2.7", or several joined by " → ", or "everything".
func (e Entity) String() string {
	if len(e) == 0 {
		return "everything"
	}
	values := make([]string, len(e))
	for i, p := range e {
		values[i] = p.Value
	}
	return strings.Join(values, " → ")
}

// A Finding is what a detector says about one entity at one time.
type Finding struct {
	Rule   int64  `json:"rule"` // number of the rule; set by whoever runs the detector
	Entity Entity `json:"entity"`
	// Time is when the condition was met, in event time, nanoseconds since 1970 UTC.
	Time int64 `json:"time"`
	// Since is the start of the window that met it.
	Since int64 `json:"since"`
	// Value is what was measured and Limit what it was held against; Below says that falling short was the fault.
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Below bool    `json:"below,omitempty"`
	// Estimate marks a Value that is not exact.
	Estimate bool `json:"estimate,omitempty"`
	// Window is the length of time that Value was measured over; 0 when it has none.
	Window time.Duration `json:"window,omitempty"`
	// Triggers counts how often the condition was met anew since the last finding about the entity; 0 in an Ended one.
	Triggers int `json:"triggers"`
	// Ended says that the condition no longer holds since Time.
	Ended bool `json:"ended,omitempty"`
	// Reason is one sentence for people that names the values.
	Reason string `json:"reason"`
	// Samples are a few of the events that led to it, oldest first, as JSON objects with dotted field names.
	Samples []json.RawMessage `json:"samples,omitempty"`
}

// A State is where an alert stands in its life.
type State string

// The states of an alert.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged"
	Ended        State = "ended"
)

// An Alert is the row that a person works with: one per rule and entity while it lasts.
type Alert struct {
	ID          int64    `json:"id"`
	Rule        int64    `json:"rule"`
	RuleName    string   `json:"rule_name"`
	RuleVersion int      `json:"rule_version"`
	Owner       string   `json:"owner"`
	Title       string   `json:"title"`
	Severity    Severity `json:"severity"`
	State       State    `json:"state"`
	Entity      Entity   `json:"entity"`
	// Names are what people call values of the entity, by value, as they are known when the alert is shown: see Called. They are
	// not stored; nil: none has a name, or nobody looked.
	Names    map[string]string `json:"names,omitempty"`
	Origin   string            `json:"origin"` // live, history, or test when tocsin tried itself
	First    time.Time         `json:"first"`  // event time of the first trigger
	Last     time.Time         `json:"last"`   // event time of the newest trigger
	Updated  time.Time         `json:"updated"`
	EndedAt  time.Time         `json:"ended_at,omitzero"`
	Triggers int64             `json:"triggers"`
	Value    float64           `json:"value"` // newest measured value
	Peak     float64           `json:"peak"`  // most unusual measured value
	Limit    float64           `json:"limit"`
	Below    bool              `json:"below,omitempty"`
	Window   time.Duration     `json:"window,omitempty"`
	Reason   string            `json:"reason"`
	Samples  []json.RawMessage `json:"samples,omitempty"`
	// Flapping is since when, in event time, the alert comes and goes so often that this is one state: it stays open, and its
	// coming and going is counted and not told. Zero: it does not.
	Flapping time.Time `json:"flapping,omitzero"`
	Calm     time.Time `json:"calm,omitzero"`   // of a flapping one: since when its condition does not hold; zero: it does
	Turns    int64     `json:"turns,omitempty"` // how often it changed between open and ended while it flapped, now or last
	// Change is the number of the newest change of the alert and Born that of its first. Every change of any alert has a
	// number above all earlier ones, so that whoever asks for what is above the greatest he has seen misses none.
	Change int64 `json:"change"`
	Born   int64 `json:"born"`

	Handling
}
