package api

import (
	"encoding/json"
	"time"

	"tocsin/internal/alert"
)

// An ExplainRequest asks what becomes of lines: how each is read, and what the rules make of it. Nothing is kept. Each line
// is explained by itself, as if it were the next to come; one does not count for the others.
type ExplainRequest struct {
	Lines []string `json:"lines,omitempty"`
	Raw   [][]byte `json:"raw,omitempty"` // instead of Lines, for lines that are not UTF-8; in JSON each is base64

	Format  string `json:"format,omitempty"`  // empty: guessed for each line
	Zone    string `json:"zone,omitempty"`    // for times without one; empty is UTC
	Service string `json:"service,omitempty"` // service.name of events that name none

	Rules []string `json:"rules,omitempty"` // names; none means all that run
	// State says by what the rules are asked: live is what they know now, history what they would know had they seen the
	// stored events of the days before the newest line. Empty: live where tocsin serves, else whichever of the two fits the
	// time of the lines.
	State string `json:"state,omitempty"`
}

// Bounds of an ExplainRequest.
const (
	MaxExplainLines = 1000
	MaxExplainBytes = 600 << 10
)

// An ExplainAnswer says what becomes of the lines, in their order.
type ExplainAnswer struct {
	State string    `json:"state"`          // live, saved (what was known when tocsin last ran) or history
	AsOf  time.Time `json:"as_of,omitzero"` // time of the newest event that the rules know of
	Since time.Time `json:"since,omitzero"` // of history: from when on it was looked at
	Note  string    `json:"note,omitempty"` // what else is to be known about the state
	Lines []Account `json:"lines"`
	Rules int       `json:"rules"` // that were asked
}

// An Account is what became of one line.
type Account struct {
	Line       int           `json:"line"` // from 1
	Text       string        `json:"text"` // its beginning; what is no UTF-8 in it replaced
	Bytes      int           `json:"bytes"`
	Format     string        `json:"format,omitempty"` // empty: none was recognised
	Confidence int           `json:"confidence"`       // 0-100; 100 when the format was named
	Why        string        `json:"why"`              // that format
	Scores     []FormatScore `json:"scores,omitempty"` // all formats with a chance, the surest first
	Empty      bool          `json:"empty,omitempty"`  // a line that holds nothing or no event; it counts as no fault
	Fault      *LineFault    `json:"fault,omitempty"`  // why the line was rejected
	Events     []EventTrace  `json:"events,omitempty"`
}

// A FormatScore is how sure a format is of a line, from 0 to 100.
type FormatScore struct {
	Format string `json:"format"`
	Score  int    `json:"score"`
}

// A LineFault is where and why a line could not be read.
type LineFault struct {
	Offset int    `json:"offset"` // byte in the line, from 0
	Reason string `json:"reason"`
	Before string `json:"before,omitempty"` // what stands before that byte
	Here   string `json:"here,omitempty"`   // what stands there
}

// An EventTrace is one event of a line with what the rules make of it.
type EventTrace struct {
	Kind   string          `json:"kind"`
	Time   time.Time       `json:"time"` // at which it is judged
	Fields []EventField    `json:"fields"`
	Mended []string        `json:"mended,omitempty"` // what had to be mended, in words
	Event  json.RawMessage `json:"event"`
	Rules  []RuleTrace     `json:"rules"`
}

// An EventField is one field or label of an event.
type EventField struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // of the schema; label for what is none of its fields
	Value string `json:"value"`
}

// What a rule makes of an event.
const (
	OtherKind   = "other kind"   // the rule does not look at events of this kind
	NotSelected = "not selected" // its filter leaves the event out
	Lacking     = "lacking"      // selected, but without the field that it is counted by
	Resting     = "resting"      // the rule does not run
	Counts      = "counts"       // it counts, and does not fire
	Fires       = "fires"        // with it the rule fires
	Stands      = "stands"       // the rule fired about the entity already
)

// A RuleTrace is what one rule makes of an event.
type RuleTrace struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Owner    string `json:"owner"`
	Severity string `json:"severity"`
	Detect   string `json:"detect"` // detector and settings in one line
	Verdict  string `json:"verdict"`
	Why      string `json:"why"` // one sentence

	Filter []FilterTrace `json:"filter,omitempty"` // the whole filter and its parts, of a rule that looks at the kind
	Blame  []FilterTrace `json:"blame,omitempty"`  // the conditions by which it does not select the event

	Entity   alert.Entity `json:"entity,omitempty"` // whom the event is counted for; empty: everything is one
	Late     bool         `json:"late,omitempty"`   // too late to be judged; the verdict is that of the same event now
	Known    bool         `json:"known,omitempty"`  // something was known of the entity
	Open     bool         `json:"open,omitempty"`   // an alert of it stands
	Value    float64      `json:"value"`            // measured without the event
	With     float64      `json:"with"`             // and with it
	Limit    float64      `json:"limit"`
	Below    bool         `json:"below,omitempty"` // to fall short of the limit is the fault
	Estimate bool         `json:"estimate,omitempty"`
	Facts    []TraceFact  `json:"facts,omitempty"`
}

// A TraceFact is one detail of how an entity stands.
type TraceFact struct {
	Name string    `json:"name"`
	Text string    `json:"text,omitempty"`
	Time time.Time `json:"time,omitzero"`
}

// A FilterTrace is a filter or one condition of it, held against an event.
type FilterTrace struct {
	Depth int         `json:"depth"`          // 0 is the whole; the parts of a condition follow it, one deeper
	Word  string      `json:"word,omitempty"` // and, or, not: what joins the parts
	Text  string      `json:"text"`
	Holds bool        `json:"holds"`
	Has   []FieldHeld `json:"has,omitempty"` // what the event has of what the condition looks at
}

// A FieldHeld is what an event has of one field: nothing, one value, or several.
type FieldHeld struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
}
