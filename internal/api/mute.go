package api

import (
	"time"

	"tocsin/internal/alert"
)

// The kinds of mute.
const (
	Silence   = "silence"   // notices of alerts are kept back for once, up to a time
	Window    = "window"    // likewise while something is maintained, once or again and again
	Exclusion = "exclusion" // what rules find does not become alerts
)

// Where a mute stands.
const (
	MuteActive  = "active"  // it acts now
	MuteWaiting = "waiting" // it will
	MuteExpired = "expired"
	MuteEnded   = "ended" // somebody took it back, or what it was for is over
)

// A Mute is a silence, a maintenance window or an exclusion. It means the alerts for which all that it says holds.
type Mute struct {
	ID          int64        `json:"id"`
	Kind        string       `json:"kind"`
	State       string       `json:"state"`
	Rule        string       `json:"rule,omitempty"`   // name; empty: of any rule
	Owner       string       `json:"owner"`            // of the rule; empty: rules that are everybody's; * all
	Entity      alert.Entity `json:"entity,omitempty"` // none: any
	MinSeverity string       `json:"min_severity,omitempty"`
	MaxSeverity string       `json:"max_severity,omitempty"`
	Where       string       `json:"where,omitempty"` // filter on the alert's samples, with the fields of its entity

	Author        string        `json:"author"`
	Note          string        `json:"note"`
	Created       time.Time     `json:"created"`
	Starts        time.Time     `json:"starts"`
	Ends          time.Time     `json:"ends,omitzero"` // zero: never
	Schedule      *MuteSchedule `json:"schedule,omitempty"`
	UntilResolved bool          `json:"until_resolved,omitempty"` // it ends as soon as no alert stands that it hides
	// From and To are, of one that recurs, the time that it is on now, or else the next.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	Hits    int64     `json:"hits"` // changes of alerts that it kept back, or findings that it excluded
	LastHit time.Time `json:"last_hit,omitzero"`
	EndedAt time.Time `json:"ended_at,omitzero"` // when it was taken back
	EndedBy string    `json:"ended_by,omitempty"`
}

// A MuteSchedule says when a window recurs.
type MuteSchedule struct {
	Days  []string `json:"days,omitempty"`  // mon to sun; none: any
	Dates []int    `json:"dates,omitempty"` // days of the month, -1 the last; none: any
	From  string   `json:"from"`            // as 22:00
	To    string   `json:"to"`              // as 02:00; at or before From it is the next day
	Zone  string   `json:"zone,omitempty"`  // as Europe/Berlin; empty: UTC
}

// A MuteRequest asks for mutes, newest first: those that are active or waiting.
type MuteRequest struct {
	ID    int64  `json:"id,omitempty"`
	Kind  string `json:"kind,omitempty"`  // empty: all
	All   bool   `json:"all,omitempty"`   // also those that are over; with ID they always are
	Limit int    `json:"limit,omitempty"` // 0 is 1,000
}

// A MuteEdit makes a mute, or asks what one would hide. Users may mute alerts of their own rules, administrators all.
type MuteEdit struct {
	Kind string `json:"kind"`
	// Alert is the number of an alert whose rule and entity are meant. Close, with an exclusion, closes it as expected.
	Alert       int64  `json:"alert,omitempty"`
	Close       bool   `json:"close,omitempty"`
	Rule        string `json:"rule,omitempty"`
	Owner       string `json:"owner,omitempty"` // of the rule; empty: the caller, of administrators all
	MinSeverity string `json:"min_severity,omitempty"`
	MaxSeverity string `json:"max_severity,omitempty"`
	Where       string `json:"where,omitempty"`

	Note          string        `json:"note"`            // why; needed
	Starts        time.Time     `json:"starts,omitzero"` // zero: now
	Ends          time.Time     `json:"ends,omitzero"`   // at most 90 days later; zero: never, as exclusions and what recurs may
	Schedule      *MuteSchedule `json:"schedule,omitempty"`
	UntilResolved bool          `json:"until_resolved,omitempty"` // of a silence
	All           bool          `json:"all,omitempty"`            // it may mean every alert
}

// A MuteAnswer is what was made, and what that hides.
type MuteAnswer struct {
	Mute Mute `json:"mute"`
	MutePreview
	// Closed is the alert that was closed as expected.
	Closed *alert.Alert `json:"closed,omitempty"`
}

// A MutePreview says what a mute hides of what the caller sees.
type MutePreview struct {
	Open       int           `json:"open"`             // alerts that stand now
	Alerts     []alert.Alert `json:"alerts,omitempty"` // the newest of those, at most 20
	Week       int           `json:"week"`             // of how many alerts of the last 7 days notices would have been kept back
	WeekAll    int           `json:"week_all"`         // of so many
	Everything bool          `json:"everything"`       // it means every alert there can be, or meant all of at least two rules in those days
}

// A MuteEnd takes a mute back.
type MuteEnd struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind,omitempty"` // refuse one of another kind; empty: any
}
