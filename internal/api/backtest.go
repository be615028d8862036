package api

import (
	"time"

	"tocsin/internal/alert"
)

// A BackTestRequest asks what a rule that is not kept would have found among the events that there are.
type BackTestRequest struct {
	Owner string    `json:"owner,omitempty"` // whose rule it would be; empty is the caller
	Text  string    `json:"text"`            // one rule as YAML
	Since time.Time `json:"since,omitzero"`  // inclusive; zero is the beginning
	Until time.Time `json:"until,omitzero"`  // exclusive; zero is the end
	Limit int       `json:"limit,omitempty"` // hits in the answer, 0 is 100
	// Suggest asks for the least limit with which at most so many entities would have fired, as well. 0: for none. Only rules of
	// the detector threshold with an upper limit have one.
	Suggest int `json:"suggest,omitempty"`
}

// MaxBackTestHits is the most that Limit and Suggest may ask for.
const MaxBackTestHits = 10_000

// A BackTestAnswer says when a rule would have fired. Exclusions are not looked at.
type BackTestAnswer struct {
	Name     string        `json:"name"`     // of the rule
	Events   int64         `json:"events"`   // looked at
	Entities int           `json:"entities"` // that would have fired
	Alerts   int           `json:"alerts"`   // that there would have been, the same entity twice where it came back
	Triggers int64         `json:"triggers"`
	Hits     []BackTestHit `json:"hits"` // the first ones of Alerts, oldest first
	// Evicted counts the entities that were given up for lack of room; then there may be more.
	Evicted    uint64           `json:"evicted,omitempty"`
	Suggestion *LimitSuggestion `json:"suggestion,omitempty"`
}

// A BackTestHit is one alert that there would have been.
type BackTestHit struct {
	Entity   alert.Entity `json:"entity"`
	First    time.Time    `json:"first"`
	Last     time.Time    `json:"last"`           // of its triggers
	Ended    time.Time    `json:"ended,omitzero"` // zero: it would stand at the end of the time looked at
	Triggers int64        `json:"triggers"`
	Peak     float64      `json:"peak"` // the most unusual value that was measured
	Limit    float64      `json:"limit"`
	Estimate bool         `json:"estimate,omitempty"` // Peak is not exact
	Reason   string       `json:"reason"`
}

// A LimitSuggestion says what limit fits the history. Limits are for "above".
type LimitSuggestion struct {
	AtMost int `json:"at_most"` // entities that were to fire at most
	// Limit is the least whole number with which no more would have fired; where no more than AtMost were measured, with which
	// none would have. 0 where none was measured: nothing is suggested then.
	Limit    float64 `json:"limit"`
	Entities int     `json:"entities"` // that would have fired with it
	// Quantile is the 99.9th percentile of the highest values of all entities, by nearest rank.
	Quantile float64 `json:"quantile"`
	Measured int     `json:"measured"` // entities of which something was measured
	// Highest are the entities with the highest values, highest first, ten at most.
	Highest  []EntityPeak `json:"highest"`
	Estimate bool         `json:"estimate,omitempty"` // some entities could not be measured exactly, or at all
}

// An EntityPeak is the most that was measured of an entity over one window.
type EntityPeak struct {
	Entity alert.Entity `json:"entity"`
	Value  float64      `json:"value"`
	Time   time.Time    `json:"time"`
}
