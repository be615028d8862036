package api

import (
	"time"

	"tocsin/internal/alert"
)

// What can be done to an alert.
const (
	Acknowledge   = "acknowledge"
	Unacknowledge = "unacknowledge"
	Comment       = "comment"
	Assign        = "assign"
	Close         = "close"
)

// An AlertAct is what the caller does to one alert. The owner of its rule, whom it is assigned to, and administrators may.
type AlertAct struct {
	ID  int64  `json:"id"`
	Act string `json:"act"` // one of the constants
	// Note is what the caller says about it, of at most 4 KiB; for Comment it is the comment, and needed.
	Note        string    `json:"note,omitempty"`
	Until       time.Time `json:"until,omitzero"`         // of Acknowledge: when it ends by itself; zero: not
	Assignee    string    `json:"assignee,omitempty"`     // of Assign: an account; empty is nobody
	Disposition string    `json:"disposition,omitempty"`  // of Close: true, benign, false, expected or duplicate
	DuplicateOf int64     `json:"duplicate_of,omitempty"` // of Close as a duplicate: number of the other alert, where it is known
}

// An AlertStory is one alert with all that happened to it.
type AlertStory struct {
	Alert alert.Alert   `json:"alert"`
	Log   []alert.Entry `json:"log"` // oldest first
	// About is what is known now of the addresses that the alert is about, each once.
	About []Named `json:"about,omitempty"`
	// Around is what else was seen of them about its time, for those of which there was something.
	Around []Around `json:"around,omitempty"`
	// Traffic is what they sent and received about its time; nil when flows tell nothing of that.
	Traffic *AlertTraffic `json:"traffic,omitempty"`
	// Notices are what people were told of it, or why not, oldest first, with each attempt and its answer; none for who may not act
	// on it.
	Notices []AlertNotice `json:"notices"`
}

// An AlertNotice is one message about an alert.
type AlertNotice struct {
	ID      int64  `json:"id"`
	Alert   int64  `json:"alert"`  // 0 of a summary
	Change  string `json:"change"` // CREATE, UPDATE, END or SUMMARY
	Channel string `json:"channel"`
	User    string `json:"user,omitempty"` // empty: whoever reads the channel
	To      string `json:"to,omitempty"`   // whom it reaches there; only its first letter is told to others than himself and administrators
	// State is pending, leased (it is being sent), sent, dead (given up), held (until Due, for a summary), bundled (the summary of number
	// Bundle tells it) or muted (it is not told).
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Due     time.Time `json:"due,omitzero"` // of one that waits: when it goes
	// Hold is quiet, digest, storm, late or group, where it was held, and spare where another channel could not send it. Why says it
	// for people, and also why one is muted.
	Hold     string          `json:"hold,omitempty"`
	Why      string          `json:"why,omitempty"`
	Bundle   int64           `json:"bundle,omitempty"`
	Attempts []NoticeAttempt `json:"attempts"`
}

// A NoticeAttempt is one try to send a notice.
type NoticeAttempt struct {
	Number  int       `json:"number"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"` // zero while it runs, and for ever when its process died
	Outcome string    `json:"outcome"`        // begun, sent, failed or given up
	Answer  string    `json:"answer,omitempty"`
}
