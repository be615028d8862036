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
	// Notices are what people were told of it, oldest first, with each attempt and its answer; none for who may not act on it.
	Notices []AlertNotice `json:"notices"`
}

// An AlertNotice is one message about an alert.
type AlertNotice struct {
	Change   string          `json:"change"` // CREATE, UPDATE or END
	Channel  string          `json:"channel"`
	User     string          `json:"user,omitempty"` // empty: whoever reads the channel
	State    string          `json:"state"`          // pending, leased, sent or dead
	Created  time.Time       `json:"created"`
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
