// Package policy says who is told of a change of an alert: over which channel, at once or in a summary, or not and why not.
//
// A Snapshot answers, and never changes. A Book keeps the newest one at hand and makes another when accounts, preferences or the
// configuration change. While the ledger is away the last one holds.
package policy

import (
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/mute"
	"tocsin/internal/notifier"
	"tocsin/internal/preference"
	"tocsin/internal/scope"
)

// ChannelRule is the rule of tocsin's own alerts about channels, whose entity names one by ChannelField. Nobody is told over a
// channel that it fails.
const (
	ChannelRule  = "tocsin-channel"
	ChannelField = "tocsin.channel"
)

// lateWait is how long notices are gathered of what is long past.
const lateWait = time.Minute

// A Channel is one that operators set up, and that whoever reads it reads.
type Channel struct {
	Name        string
	MinSeverity alert.Severity
	Limit       int           // notices a minute one by one; 0 is any number
	Wait, Every time.Duration // by which notices of one rule are grouped; both 0: they are not
	Acks        bool          // it can show who took an alert on, and wants to know
}

// A Way is a channel of one user.
type Way struct {
	Channel  string // mail:alice
	To       string // whom it reaches
	Notifier notifier.Notifier
}

// A User is somebody who has ways.
type User struct {
	Name        string
	Admin       bool
	Preferences preference.Preferences
	Scope       *scope.Scope // what he may see
	Ways        []Way

	where *scope.Scope
	zone  *time.Location
	hours preference.Hours
}

// Terms hold for everybody.
type Terms struct {
	// Late is how long past what a notice tells of must be so that it waits for others of the kind; 0: none does.
	Late time.Duration
	// Limit is how many notices a minute a user gets one by one over one way by mail; 0 is any number.
	Limit int
}

// A Snapshot is the policy of a moment. It never changes; Route may be called from several goroutines.
type Snapshot struct {
	terms    Terms
	channels []Channel
	users    []User
	mutes    func() *mute.Set
}

// New makes a snapshot. Mutes returns the silences and windows of now; nil is none. A filter of a user that cannot be read lets
// everything pass, so that nothing is missed: the error names it.
func New(terms Terms, channels []Channel, users []User, mutes func() *mute.Set) (*Snapshot, error) {
	if mutes == nil {
		mutes = func() *mute.Set { return nil }
	}
	s := &Snapshot{terms: terms, channels: channels, mutes: mutes}
	var foul error
	for _, u := range users {
		var err error
		if u.where, err = scope.Compile(u.Preferences.Where); err != nil {
			foul = fmt.Errorf("preferences of %s: where: %w", u.Name, err)
		}
		if u.zone, err = time.LoadLocation(u.Preferences.Zone); err != nil {
			u.zone = time.UTC
		}
		u.hours = u.Preferences.Hours()
		s.users = append(s.users, u)
	}
	return s, foul
}

// Route says who is told of a change. It is a ledger.Route: pure but for the newest silences, and quick.
func (s *Snapshot) Route(c ledger.Change) []ledger.Target {
	switch c.Kind {
	case notifier.Create, notifier.Update, notifier.End:
	default:
		return nil
	}
	if c.Acked {
		return s.acked()
	}
	now := c.Alert.Updated
	muted := ""
	silence, ok := s.mutes().Silenced(&c.Alert, now)
	if ok {
		muted = silence.String()
	}
	late, whyLate := s.late(c, now)
	targets := make([]ledger.Target, 0, len(s.channels)+len(s.users))
	for i := range s.channels {
		ch := &s.channels[i]
		t := ledger.Target{Channel: ch.Name, Limit: ch.Limit, Wait: ch.Wait, Every: ch.Every}
		switch {
		case muted != "":
			t.Mute = muted
		case c.Alert.Severity < ch.MinSeverity:
			t.Mute = below(c.Alert.Severity, ch.MinSeverity)
		case about(&c.Alert, ch.Name):
			t.Mute = "the alert is about this channel"
		case late:
			t.Hold, t.Due, t.Why = ledger.Late, now.Add(lateWait), whyLate
		}
		targets = append(targets, t)
	}
	for i := range s.users {
		targets = s.users[i].route(targets, c, s.terms, muted, late, whyLate)
	}
	for i := range targets {
		if muted != "" && targets[i].Mute == muted {
			targets[i].MutedBy = silence.ID
		}
	}
	return targets
}

// acked tells the channels that can show who took an alert on. Whoever of them did not hear of the alert is left out by the
// ledger.
func (s *Snapshot) acked() (targets []ledger.Target) {
	for _, ch := range s.channels {
		if ch.Acks {
			targets = append(targets, ledger.Target{Channel: ch.Name, Limit: ch.Limit})
		}
	}
	return targets
}

func below(got, want alert.Severity) string { return fmt.Sprintf("%s is below %s", got, want) }

// about reports whether an alert says that a channel fails.
func about(a *alert.Alert, channel string) bool {
	return a.RuleName == ChannelRule && len(a.Entity) > 0 && a.Entity[0].Field == ChannelField && a.Entity[0].Value == channel
}

// late reports whether what a change tells of is long past, as when tocsin was down. History that somebody has judged on purpose
// is told as it comes.
func (s *Snapshot) late(c ledger.Change, now time.Time) (late bool, why string) {
	at := c.Alert.Last
	if c.Kind == notifier.End {
		at = c.Alert.EndedAt
	}
	if s.terms.Late <= 0 || c.Alert.Origin == ledger.History || now.Sub(at) <= s.terms.Late {
		return false, ""
	}
	return true, "what happened more than " + spell(s.terms.Late) + " ago"
}

// spell writes a length of time without what is zero.
func spell(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
