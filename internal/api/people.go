package api

import "time"

// A UserRemoval deletes an account. One that owns rules is deleted only when it is said what becomes of them, and one that
// is logged in not at all.
type UserRemoval struct {
	Name      string `json:"name"`
	WithRules bool   `json:"with_rules,omitempty"` // delete its rules
	To        string `json:"to,omitempty"`         // hand its rules and their alerts over to this account; "*": to everybody
}

// A TokenQuery asks for tokens.
type TokenQuery struct {
	User string `json:"user,omitempty"` // empty is the caller, "*" all (administrators)
}

// A TokenEntry is what is known of a token; not the token itself, which nobody keeps.
type TokenEntry struct {
	ID      int64     `json:"id"`
	User    string    `json:"user"`
	Label   string    `json:"label,omitempty"`
	Scopes  string    `json:"scopes"` // of read, act, send and admin, with commas between
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Revoked time.Time `json:"revoked,omitzero"` // zero: it is not
	Used    time.Time `json:"used,omitzero"`    // last, to the minute; zero: never
	Valid   bool      `json:"valid"`            // it lets in now
}

// A TokenRevocation revokes one token, or all that an account has.
type TokenRevocation struct {
	User string `json:"user,omitempty"` // empty is the caller
	ID   int64  `json:"id,omitempty"`   // 0: all
}

// Revoked is how many tokens no longer count.
type Revoked struct {
	Tokens int64 `json:"tokens"`
}

// LoggedOut is how many sessions were ended.
type LoggedOut struct {
	Sessions int `json:"sessions"`
}

// An AuditRequest asks who changed what, newest first.
type AuditRequest struct {
	User    string    `json:"user,omitempty"`    // who did it
	What    string    `json:"what,omitempty"`    // operation, as users.add, or all of a kind, as users
	Subject string    `json:"subject,omitempty"` // part of what it was done to
	Since   time.Time `json:"since,omitzero"`    // inclusive
	Until   time.Time `json:"until,omitzero"`    // exclusive
	// SinceID asks for the lines behind the one of this number, the oldest first: page by page none is missed; -1 is all so.
	SinceID int64 `json:"since_id,omitempty"`
	Limit   int   `json:"limit,omitempty"` // 0 is 1,000
}

// An AuditLine says that somebody changed something, or wanted to.
type AuditLine struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`            // account; empty: nobody who is known
	Via     string    `json:"via"`            // process, socket, http or page
	From    string    `json:"from,omitempty"` // address
	What    string    `json:"what"`
	Subject string    `json:"subject,omitempty"`
	Was     string    `json:"was,omitempty"`
	Became  string    `json:"became,omitempty"`
	Outcome string    `json:"outcome"` // done, or why not
}
