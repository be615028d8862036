package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Disposition is what somebody who closed an alert found it to be.
type Disposition string

// The dispositions.
const (
	True      Disposition = "true"      // something was wrong
	Benign    Disposition = "benign"    // it happened as told, and does no harm
	False     Disposition = "false"     // the rule was mistaken
	Expected  Disposition = "expected"  // it was announced, as maintenance is
	Duplicate Disposition = "duplicate" // another alert tells of the same
)

// Dispositions lists them as people choose from them.
func Dispositions() []string {
	return []string{string(True), string(Benign), string(False), string(Expected), string(Duplicate)}
}

// ParseDisposition takes one of Dispositions.
func ParseDisposition(s string) (Disposition, error) {
	if !slices.Contains(Dispositions(), s) {
		return "", fmt.Errorf("disposition %q: want %s", s, strings.Join(Dispositions(), ", "))
	}
	return Disposition(s), nil
}

// Handling is what people did about an alert. Who took it on is told also after it ended, as long as it is not reopened.
type Handling struct {
	AckedBy    string    `json:"acknowledged_by,omitempty"`
	AckedAt    time.Time `json:"acknowledged_at,omitzero"`
	AckedUntil time.Time `json:"acknowledged_until,omitzero"` // when the acknowledgement ends by itself; zero: it does not
	AckNote    string    `json:"acknowledged_note,omitempty"`
	Assignee   string    `json:"assignee,omitempty"` // whose it is to work on; empty: nobody's

	Disposition Disposition `json:"disposition,omitempty"`
	DuplicateOf int64       `json:"duplicate_of,omitempty"` // number of the alert that tells of the same; 0 when it was not told
	ClosedBy    string      `json:"closed_by,omitempty"`    // empty: nobody closed it, though it may have ended
	ClosedAt    time.Time   `json:"closed_at,omitzero"`
	CloseNote   string      `json:"closed_note,omitempty"`
	Reopened    int         `json:"reopened,omitempty"` // how often its rule triggered again soon after it ended
}

// What happened to an alert, as its log names it.
const (
	DidAcknowledge   = "acknowledged"
	DidUnacknowledge = "unacknowledged"
	DidLapse         = "acknowledgement ended"  // at the time that was set for it
	DidBreak         = "acknowledgement broken" // by a rise in severity
	DidComment       = "commented"
	DidAssign        = "assigned"
	DidClose         = "closed"
	DidEnd           = "ended"
	DidReopen        = "reopened"
	DidFlap          = "flapping" // it comes and goes so often that this is one state
	DidSettle        = "steady"   // it flaps no more
	DidChange        = "severity changed"
)

// An Entry is one line of the log of an alert.
type Entry struct {
	ID   int64     `json:"id"`
	At   time.Time `json:"at"`
	Who  string    `json:"who,omitempty"` // an account; empty: tocsin itself
	What string    `json:"what"`
	From string    `json:"from,omitempty"` // what was before, in the terms of What: a state, a severity, an account
	To   string    `json:"to,omitempty"`
	Note string    `json:"note,omitempty"` // what somebody said about it
}
