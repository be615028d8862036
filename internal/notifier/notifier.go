// Package notifier is the contract of everything through which notices go out.
package notifier

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/alert"
)

// ErrPermanent is wrapped by errors after which trying again is of no use.
var ErrPermanent = errors.New("will not work however often it is tried")

// Later is an error that names the earliest time at which trying again makes sense, as the other side said.
type Later struct {
	After time.Duration
	Cause error
}

func (l *Later) Error() string { return l.Cause.Error() }

// Unwrap returns the cause.
func (l *Later) Unwrap() error { return l.Cause }

// A Change says what happened to an alert.
type Change string

// The changes that people are told of.
const (
	Create Change = "CREATE"
	Update Change = "UPDATE"
	End    Change = "END"
	// Summary is one notice in the place of several: of quiet hours, of a digest, of a storm, of what came late.
	Summary Change = "SUMMARY"
	// Reported is no change of an alert: it tells what a report was answered.
	Reported Change = "REPORT"
)

// A Notice is one message about one alert change, to one user, over one channel.
type Notice struct {
	Key     string      `json:"key"` // idempotency key: equal exactly for repeats of the same notice
	Change  Change      `json:"change"`
	User    string      `json:"user"`
	Created time.Time   `json:"created"`
	Attempt int         `json:"attempt"` // 1 for the first
	Alert   alert.Alert `json:"alert"`   // as it was then; in a Summary one that stands for them all: see Digest.Standing
	// Digest is what a Summary sums up; nil in other notices.
	Digest *Digest `json:"digest,omitempty"`
	// Report is what is told by a Reported; nil in other notices. There it is in words already, and the alert is one that stands for
	// it: see Report.Standing.
	Report *Report `json:"report,omitempty"`
	// To is whom the channel is to reach, in its own words, such as addresses of e-mail; empty for a channel that knows.
	To string `json:"-"`
	// Link is the address of the alert's page, and Node the name of the tocsin that says so; empty when not known.
	Link string `json:"link,omitempty"`
	Node string `json:"node,omitempty"`
}

// A Preview is a notice as a channel would send it, which is not sent.
type Preview struct {
	Subject string  `json:"subject,omitempty"`
	Text    string  `json:"text"` // what is sent, or its words
	HTML    string  `json:"html,omitempty"`
	Problem string  `json:"problem,omitempty"` // why the operator's own template was not used
	Shipped Wording `json:"shipped,omitzero"`  // the templates that ship with tocsin, to be copied; zero where there are none
}

// Wording are templates.
type Wording struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

// A Previewer is a Notifier that shows how it would send a notice.
type Previewer interface {
	Preview(n Notice) Preview
}

// A Notifier makes one attempt to deliver a notice and returns what the other side answered, in one line. An error that
// wraps ErrPermanent is not tried again. Errors carry no secret. Several calls may run at once.
type Notifier interface {
	Send(ctx context.Context, n Notice) (answer string, err error)
}

// Config is one channel of the configuration file, and its factory.
type Config interface {
	Validate() error // pure; every mistake, joined
	New() (Notifier, error)
}

// A Set is all notifiers by name; each entry returns a new Config with its defaults.
type Set map[string]func() Config
