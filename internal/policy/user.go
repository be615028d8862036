package policy

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// route adds the ways of a user.
func (u *User) route(targets []ledger.Target, c ledger.Change, terms Terms, muted string, late bool, whyLate string) []ledger.Target {
	now := c.Alert.Updated
	untold := u.untold(&c.Alert)
	if untold == "" {
		untold = muted
	}
	for _, w := range u.Ways {
		t := ledger.Target{User: u.Name, Channel: w.Channel, To: w.To, Mute: untold}
		if !strings.HasPrefix(w.Channel, "syslog:") {
			t.Limit = terms.Limit
		}
		switch {
		case untold != "":
		case about(&c.Alert, w.Channel):
			t.Mute = "the alert is about this channel"
		default:
			if t.Hold, t.Due, t.Why = u.hold(c.Alert.Severity, now); t.Hold == "" && late {
				t.Hold, t.Due, t.Why = ledger.Late, now.Add(lateWait), whyLate
			}
		}
		targets = append(targets, t)
	}
	return targets
}

// untold says why a user is not told of an alert, "" when he is.
func (u *User) untold(a *alert.Alert) string {
	own := a.Owner == u.Name
	everybody := a.Owner == "" || u.Admin && u.Preferences.Everyone
	switch {
	case !own && !everybody:
		return "the rule is another user's"
	case !u.sees(a, own):
		return "it is outside of what the user may see"
	case a.Severity < u.Preferences.MinSeverity:
		return below(a.Severity, u.Preferences.MinSeverity)
	case !u.where.Own(a) || len(a.Samples) == 0 && !u.where.Entity(a.Entity):
		return "the user's filter leaves it out: " + u.where.String()
	}
	return ""
}

func (u *User) sees(a *alert.Alert, own bool) bool {
	if own {
		return u.Scope.Own(a)
	}
	return u.Scope.Alert(a)
}

// hold says until when a notice waits, with what else, and why; no Hold sends it at once. What is due in quiet hours waits for
// their end.
func (u *User) hold(severity alert.Severity, now time.Time) (hold ledger.Hold, due time.Time, why string) {
	p := &u.Preferences
	if p.Digest.Takes(severity) {
		due = u.hours.NextDigest(now)
		if until, quiet := u.hours.QuietUntil(due); quiet {
			due = until
		}
		return ledger.Daily, due, "digest of " + u.clock(now, due)
	}
	if severity == alert.Critical && !p.QuietCritical {
		return "", time.Time{}, ""
	}
	if until, quiet := u.hours.QuietUntil(now); quiet {
		return ledger.Quiet, until, "quiet hours until " + u.clock(now, until)
	}
	return "", time.Time{}, ""
}

// clock writes a time to come as the user's clock shows it.
func (u *User) clock(now, at time.Time) string {
	at = at.In(u.zone)
	if at.Sub(now) < 24*time.Hour {
		return at.Format("15:04 MST")
	}
	return fmt.Sprintf("%s, %s", at.Format("Mon 2006-01-02"), at.Format("15:04 MST"))
}
