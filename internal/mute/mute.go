// Package mute holds what people do not want to be told: silences and maintenance windows, which keep notices of alerts
// back while the alerts stand as ever, and exclusions, by which a finding does not become an alert at all.
//
// What applies to an alert is told by its rule, its entity, its severity and a filter. Nothing is hidden that is not proven
// to be meant: a filter must hold for every event that the alert shows.
package mute

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// A Kind says what a mute does, and for how long.
type Kind string

// The kinds.
const (
	Silence   Kind = "silence"   // notices are kept back for once, up to a time
	Window    Kind = "window"    // likewise while something is maintained, once or again and again
	Exclusion Kind = "exclusion" // findings do not become alerts
)

// Bounds.
const (
	MaxInForce = 1000                // that are in force or to come
	MaxLength  = 90 * 24 * time.Hour // of a silence, and of a window that does not recur
	MaxNote    = 4096                // bytes
	maxWhere   = 16 << 10            // bytes of a filter
	maxName    = 512                 // bytes of a rule's name, as the ledger keeps it
	maxPairs   = 16                  // of an entity, likewise
	maxValue   = 1024                // bytes of one of its values, likewise
)

// Anybody as the owner of a Match stands for the rules of every user and those that are everybody's.
const Anybody = "*"

// A Match says which alerts are meant: those for which all that is said holds.
type Match struct {
	Rule        string         `json:"rule,omitempty"`   // name; empty: of any rule
	Owner       string         `json:"owner"`            // of the rule; empty: rules that are everybody's; Anybody
	Entity      alert.Entity   `json:"entity,omitempty"` // exactly this one; nil: any
	MinSeverity alert.Severity `json:"min_severity,omitzero"`
	MaxSeverity alert.Severity `json:"max_severity,omitzero"` // 0: up to CRITICAL
	// Where is a filter in the language of rules. It must hold for every sample of the alert, to which the fields of its
	// entity are added. A field that is missing proves nothing, so that also != does not hold without it.
	Where string `json:"where,omitempty"`
}

// Everything reports whether a match means every alert of the rules of its owner.
func (m *Match) Everything() bool {
	return m.Rule == "" && m.Entity == nil && m.MinSeverity <= alert.Info && (m.MaxSeverity == 0 || m.MaxSeverity == alert.Critical) &&
		strings.TrimSpace(m.Where) == ""
}

// A Mute is one silence, window or exclusion.
type Mute struct {
	ID   int64
	Kind Kind
	Match
	Author  string // account
	Note    string // why; never empty
	Created time.Time
	Starts  time.Time
	Ends    time.Time // zero: never, which only exclusions and recurring windows may
	// Schedule, where it is not nil, makes a window recur between Starts and Ends.
	Schedule *Schedule
	// EndsWhenResolved ends a silence as soon as no alert stands that it hides.
	EndsWhenResolved bool

	Hits    int64 // changes of alerts that it kept back, or findings that it excluded
	LastHit time.Time
	Revoked time.Time // when it was taken back; zero: it was not
	By      string    // who took it back; empty: tocsin itself
	Told    time.Time // up to when ends of it were told
}

// Over reports whether a mute does nothing any more, whatever happens.
func (m *Mute) Over(now time.Time) bool {
	return !m.Revoked.IsZero() || !m.Ends.IsZero() && !now.Before(m.Ends)
}

// Validate reports every mistake in what somebody asks for at now.
func (m *Mute) Validate(now time.Time) error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	switch m.Kind {
	case Silence, Window, Exclusion:
	default:
		bad("kind %q: want silence, window or exclusion", cut(string(m.Kind)))
	}
	switch {
	case strings.TrimSpace(m.Note) == "":
		bad("note: got none, want to be told why, in 1 to %d bytes", MaxNote)
	case len(m.Note) > MaxNote:
		bad("note: got %d bytes, want %d or fewer", len(m.Note), MaxNote)
	case !plain(m.Note):
		bad("note: want text in UTF-8 without NUL")
	}
	m.validateTimes(now, bad)
	if m.EndsWhenResolved && m.Kind != Silence {
		bad("until resolved: want it of a silence, not of a %s", m.Kind)
	}
	if err := m.Match.Validate(); err != nil {
		wrong = append(wrong, err)
	}
	if len(wrong) > 0 {
		return fault.New(fault.Invalid, "%w", errors.Join(wrong...))
	}
	return nil
}

func (m *Mute) validateTimes(now time.Time, bad func(string, ...any)) {
	for name, t := range map[string]time.Time{"starts": m.Starts, "ends": m.Ends} {
		if y := t.UTC().Year(); !t.IsZero() && (y < 1970 || y > 2261) {
			bad("%s: got the year %d, want 1970 to 2261", name, y)
		}
	}
	from := m.Starts
	if from.Before(now) {
		from = now
	}
	switch {
	case m.Schedule != nil && m.Kind != Window:
		bad("schedule: want it of a window, not of a %s", m.Kind)
	case m.Schedule != nil:
		if err := m.Schedule.Validate(); err != nil {
			bad("schedule: %w", err)
		}
	case m.Ends.IsZero() && m.Kind != Exclusion:
		bad("ends: got none, want a time at most %s from now", days(MaxLength))
	}
	switch {
	case m.Ends.IsZero():
	case !m.Ends.After(from):
		bad("ends: got %s, want a time to come, and after it starts", m.Ends.UTC().Format(time.RFC3339))
	case m.Kind != Exclusion && m.Schedule == nil && m.Ends.Sub(from) > MaxLength:
		bad("ends: got %s, want at most %s after it starts (for longer, exclude, or make a window that recurs)", m.Ends.UTC().Format(time.RFC3339), days(MaxLength))
	}
}

// Validate reports every mistake in a match.
func (m *Match) Validate() error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if len(m.Rule) > maxName || !plain(m.Rule) {
		bad("rule: want a name of at most %d bytes", maxName)
	}
	if len(m.Owner) > maxName || !plain(m.Owner) {
		bad("owner: want an account, or %q for all", Anybody)
	}
	if len(m.Entity) > maxPairs {
		bad("entity: got %d fields, want %d or fewer", len(m.Entity), maxPairs)
	}
	for _, p := range m.Entity {
		if len(p.Field) > maxName || len(p.Value) > maxValue || !plain(p.Field) || !plain(p.Value) {
			bad("entity: %q: want a field of at most %d bytes and a value of at most %d", cut(p.Field), maxName, maxValue)
		}
	}
	if m.MinSeverity > alert.Critical || m.MaxSeverity > alert.Critical || m.MaxSeverity != 0 && m.MinSeverity > m.MaxSeverity {
		bad("severity: got %s to %s, want the lesser first", m.MinSeverity, m.MaxSeverity)
	}
	switch {
	case len(m.Where) > maxWhere:
		bad("where: got %d bytes, want %d or fewer", len(m.Where), maxWhere)
	case strings.TrimSpace(m.Where) != "":
		if _, err := filter.Parse(m.Where); err != nil {
			bad("where: %w", err)
		}
	}
	return errors.Join(wrong...)
}

func plain(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// cut shortens what is quoted in an error.
func cut(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", d/(24*time.Hour)) }

// String names a mute as people are told of it: "silence 12 by anna (disk swap) until 2026-01-02T15:04:05Z".
func (m *Mute) String() string {
	s := fmt.Sprintf("%s %d by %s (%s)", m.Kind, m.ID, m.Author, m.Note)
	if !m.Ends.IsZero() {
		s += " until " + m.Ends.UTC().Format(time.RFC3339)
	}
	return s
}

// A body is what the ledger keeps of a mute without looking at it.
type body struct {
	Match
	Schedule         *Schedule `json:"schedule,omitempty"`
	EndsWhenResolved bool      `json:"ends_when_resolved,omitempty"`
}

func (m *Mute) encode() (string, error) {
	text, err := json.Marshal(body{m.Match, m.Schedule, m.EndsWhenResolved})
	return string(text), err
}

func (m *Mute) decode(text string) error {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return fmt.Errorf("decode mute %d: %w", m.ID, err)
	}
	m.Match, m.Schedule, m.EndsWhenResolved = b.Match, b.Schedule, b.EndsWhenResolved
	return nil
}
