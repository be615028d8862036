package api

import "tocsin/internal/alert"

// FromNow is the SinceChange of who wants to be told only of what is still to come.
const FromNow = -1

// AlertFollow says which changes of alerts are to be told.
type AlertFollow struct {
	// SinceChange is the number of the last change that the caller knows. First what has changed since is told, then what
	// changes. 0 tells of every alert that there is, FromNow of none but those that change from now on.
	SinceChange int64    `json:"since_change,omitempty"`
	States      []string `json:"states,omitempty"` // of the alert after its change; none means all
	Rule        string   `json:"rule,omitempty"`
	User        string   `json:"user,omitempty"`         // owner of the rule; empty and "*" are all that the caller may see
	MinSeverity string   `json:"min_severity,omitempty"` // empty is INFO

	// Reached is called with the number of a change when all up to it that the caller may see was told: he may go on from
	// there. It is also called when there was nothing to tell, at first at once. It is not sent over the wire. May be nil.
	Reached func(change int64) error `json:"-"`
	// Broken is called when the connection to another process was lost and is sought again. May be nil.
	Broken func(err error) `json:"-"`
}

// An AlertChange is an alert as it is after its newest change. Changes that follow each other too fast for the reader are
// told as one.
type AlertChange struct {
	Change int64       `json:"change"` // its number; greater than that of every change told before
	Alert  alert.Alert `json:"alert"`
}
