package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/mute"
	"tocsin/internal/notifier"
	"tocsin/internal/policy"
	"tocsin/internal/preference"
	"tocsin/internal/scope"
)

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// raised is the beginning of a HIGH alert at a time.
func raised(now time.Time) ledger.Change {
	return ledger.Change{Kind: notifier.Create, Alert: alert.Alert{
		ID: 7, RuleName: "ssh-scan", Severity: alert.High, State: alert.Open, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}},
		First: now, Last: now, Updated: now, Origin: ledger.Live, Samples: []json.RawMessage{[]byte(`{"source.ip":"192.0.2.7","message":"x"}`)},
	}}
}

func made(t *testing.T, channels []policy.Channel, users []policy.User, mutes ...mute.Mute) *policy.Snapshot {
	t.Helper()
	set, err := mute.NewSet(mutes)
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.New(policy.Terms{Late: 15 * time.Minute, Limit: 30}, channels, users, func() *mute.Set { return set })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func anna(p preference.Preferences) policy.User {
	return policy.User{Name: "anna", Preferences: p, Ways: []policy.Way{{Channel: "mail:anna", To: "anna@example.org"}}}
}

// word sums a target up.
func word(t ledger.Target) string {
	switch {
	case t.Mute != "":
		return "muted: " + t.Mute
	case t.Hold != "":
		return string(t.Hold) + " until " + t.Due.UTC().Format(time.RFC3339) + ": " + t.Why
	}
	return "sent"
}

func TestUsers(t *testing.T) {
	night := []preference.Span{{From: "22:00", To: "07:00"}}
	bounds, err := scope.Compile(`source.ip in cidr("10.0.0.0/8")`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		p      preference.Preferences
		change func(u *policy.User, c *ledger.Change)
		now    string
		want   string
	}{
		{"plain", preference.Preferences{}, nil, "2026-03-04T12:00:00Z", "sent"},
		{"least severity", preference.Preferences{MinSeverity: alert.Critical}, nil, "2026-03-04T12:00:00Z", "muted: HIGH is below CRITICAL"},
		{"filter", preference.Preferences{Where: `source.ip == "192.0.2.8"`}, nil, "2026-03-04T12:00:00Z", `muted: the user's filter leaves it out: source.ip == "192.0.2.8"`},
		{"filter that fits", preference.Preferences{Where: `source.ip == "192.0.2.7"`}, nil, "2026-03-04T12:00:00Z", "sent"},
		{"own rule", preference.Preferences{}, func(_ *policy.User, c *ledger.Change) { c.Alert.Owner = "anna" }, "2026-03-04T12:00:00Z", "sent"},
		{"another's rule", preference.Preferences{Everyone: true}, func(_ *policy.User, c *ledger.Change) { c.Alert.Owner = "bob" }, "2026-03-04T12:00:00Z", "muted: the rule is another user's"},
		{"another's rule to an administrator", preference.Preferences{Everyone: true}, func(u *policy.User, c *ledger.Change) { c.Alert.Owner, u.Admin = "bob", true }, "2026-03-04T12:00:00Z", "sent"},
		{"administrator who does not want it", preference.Preferences{}, func(u *policy.User, c *ledger.Change) { c.Alert.Owner, u.Admin = "bob", true }, "2026-03-04T12:00:00Z", "muted: the rule is another user's"},
		{"may not see it", preference.Preferences{}, func(u *policy.User, _ *ledger.Change) { u.Scope = bounds }, "2026-03-04T12:00:00Z", "muted: it is outside of what the user may see"},
		{"about itself", preference.Preferences{}, func(_ *policy.User, c *ledger.Change) {
			c.Alert.RuleName, c.Alert.Entity = policy.ChannelRule, alert.Entity{{Field: policy.ChannelField, Value: "mail:anna"}}
		}, "2026-03-04T12:00:00Z", "muted: the alert is about this channel"},

		{"quiet", preference.Preferences{Quiet: night, Zone: "Europe/Berlin"}, nil, "2026-03-04T22:00:00Z", "quiet until 2026-03-05T06:00:00Z: quiet hours until 07:00 CET"},
		{"quiet over the leap of the clock", preference.Preferences{Quiet: night, Zone: "Europe/Berlin"}, nil, "2026-03-28T22:00:00Z", "quiet until 2026-03-29T05:00:00Z: quiet hours until 07:00 CEST"},
		{"quiet over the hour that comes twice", preference.Preferences{Quiet: night, Zone: "Europe/Berlin"}, nil, "2026-10-24T22:00:00Z", "quiet until 2026-10-25T06:00:00Z: quiet hours until 07:00 CET"},
		{"CRITICAL at night", preference.Preferences{Quiet: night}, func(_ *policy.User, c *ledger.Change) { c.Alert.Severity = alert.Critical }, "2026-03-04T23:00:00Z", "sent"},
		{"CRITICAL held at night", preference.Preferences{Quiet: night, QuietCritical: true}, func(_ *policy.User, c *ledger.Change) { c.Alert.Severity = alert.Critical },
			"2026-03-04T23:00:00Z", "quiet until 2026-03-05T07:00:00Z: quiet hours until 07:00 UTC"},
		{"digest", preference.Preferences{Digest: preference.Digest{Every: "week", At: "08:00", Day: "mon", UpTo: alert.High}}, nil, "2026-03-04T12:00:00Z",
			"digest until 2026-03-09T08:00:00Z: digest of Mon 2026-03-09, 08:00 UTC"},
		{"digest in quiet hours", preference.Preferences{Quiet: night, Digest: preference.Digest{Every: "day", At: "06:00", UpTo: alert.High}}, nil, "2026-03-04T12:00:00Z",
			"digest until 2026-03-05T07:00:00Z: digest of 07:00 UTC"},
		{"too severe for the digest", preference.Preferences{Digest: preference.Digest{Every: "day"}}, nil, "2026-03-04T12:00:00Z", "sent"},
		{"late", preference.Preferences{}, func(_ *policy.User, c *ledger.Change) { c.Alert.Last = c.Alert.Last.Add(-time.Hour) }, "2026-03-04T12:00:00Z",
			"late until 2026-03-04T12:01:00Z: what happened more than 15m ago"},
		{"end of a long window is not late", preference.Preferences{}, func(_ *policy.User, c *ledger.Change) {
			c.Kind, c.Alert.EndedAt, c.Alert.Last = notifier.End, c.Alert.Updated.Add(-time.Minute), c.Alert.Last.Add(-time.Hour)
		}, "2026-03-04T12:00:00Z", "sent"},
		{"history is told as it comes", preference.Preferences{}, func(_ *policy.User, c *ledger.Change) {
			c.Alert.Origin, c.Alert.Last = ledger.History, c.Alert.Last.Add(-time.Hour)
		}, "2026-03-04T12:00:00Z", "sent"},
		{"late at night", preference.Preferences{Quiet: night}, func(_ *policy.User, c *ledger.Change) { c.Alert.Last = c.Alert.Last.Add(-time.Hour) }, "2026-03-04T23:00:00Z",
			"quiet until 2026-03-05T07:00:00Z: quiet hours until 07:00 UTC"},
	} {
		u, c := anna(test.p), raised(instant(t, test.now))
		if test.change != nil {
			test.change(&u, &c)
		}
		targets := made(t, nil, []policy.User{u}).Route(c)
		if len(targets) != 1 || word(targets[0]) != test.want || targets[0].User != "anna" || targets[0].To != "anna@example.org" || targets[0].Limit != 30 {
			t.Errorf("%s: %+v, want %s", test.name, targets, test.want)
		}
	}
}

func TestChannels(t *testing.T) {
	now := instant(t, "2026-03-04T12:00:00Z")
	channels := []policy.Channel{{Name: "all", Limit: 5}, {Name: "critical", MinSeverity: alert.Critical}, {Name: "pager", Acks: true, Wait: time.Second}}
	told := func(c ledger.Change, mutes ...mute.Mute) string {
		var parts []string
		for _, target := range made(t, channels, nil, mutes...).Route(c) {
			parts = append(parts, target.Channel+" "+word(target))
		}
		return strings.Join(parts, ", ")
	}
	c := raised(now)
	if got := told(c); got != "all sent, critical muted: HIGH is below CRITICAL, pager sent" {
		t.Errorf("beginning: %s", got)
	}
	silence := mute.Mute{ID: 12, Kind: mute.Silence, Match: mute.Match{Owner: mute.Anybody, Rule: "ssh-scan"}, Author: "anna", Note: "disk swap", Starts: now.Add(-time.Hour), Ends: now.Add(time.Hour)}
	if got := told(c, silence); strings.Count(got, "muted: silence 12 by anna (disk swap)") != 3 {
		t.Errorf("silenced: %s", got)
	}
	if got := told(ledger.Change{Kind: "", Alert: c.Alert}); got != "" {
		t.Errorf("of nothing: %s", got)
	}
	if got := told(ledger.Change{Kind: notifier.Update, Acked: true, Alert: c.Alert}); got != "pager sent" {
		t.Errorf("taken on: %s, want it told where it can be shown", got)
	}
	c.Alert.RuleName, c.Alert.Entity = policy.ChannelRule, alert.Entity{{Field: policy.ChannelField, Value: "pager"}}
	if got := told(c); got != "all sent, critical muted: HIGH is below CRITICAL, pager muted: the alert is about this channel" {
		t.Errorf("of a channel that fails: %s", got)
	}
}

// Whatever the policy, each way of each user and each channel is answered for exactly once, what is held leaves later, and nobody
// is told what he may not see.
func TestEveryTargetIsAnsweredFor(t *testing.T) {
	severities := []alert.Severity{alert.Info, alert.Low, alert.Medium, alert.High, alert.Critical}
	rapid.Check(t, func(r *rapid.T) {
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(r, "now"), 0).UTC()
		var users []policy.User
		for i := range rapid.IntRange(0, 4).Draw(r, "users") {
			p := preference.Preferences{
				Zone:        rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(r, "zone"),
				MinSeverity: rapid.SampledFrom(severities).Draw(r, "least"), Everyone: rapid.Bool().Draw(r, "everyone"), QuietCritical: rapid.Bool().Draw(r, "quiet critical"),
				Where: rapid.SampledFrom([]string{"", `source.ip == "192.0.2.7"`, `source.ip != "192.0.2.7"`, `has(user.name)`}).Draw(r, "where"),
			}
			if rapid.Bool().Draw(r, "night") {
				p.Quiet = []preference.Span{{From: "22:00", To: "07:00"}}
			}
			if rapid.Bool().Draw(r, "digest") {
				p.Digest = preference.Digest{Every: rapid.SampledFrom(preference.Periods()).Draw(r, "every"), UpTo: alert.Low}
			}
			name := fmt.Sprint("u", i)
			bounds, err := scope.Compile(rapid.SampledFrom([]string{"", `source.ip == "192.0.2.7"`, `source.ip == "192.0.2.8"`}).Draw(r, "scope"))
			if err != nil {
				r.Fatal(err)
			}
			users = append(users, policy.User{Name: name, Admin: rapid.Bool().Draw(r, "admin"), Scope: bounds, Preferences: p, Ways: []policy.Way{{Channel: "mail:" + name}, {Channel: "syslog:" + name}}})
		}
		channels := []policy.Channel{{Name: "a", MinSeverity: rapid.SampledFrom(severities).Draw(r, "channel")}, {Name: "b"}}
		s, err := policy.New(policy.Terms{Late: 15 * time.Minute}, channels, users, nil)
		if err != nil {
			r.Fatal(err)
		}
		c := raised(now)
		c.Kind = rapid.SampledFrom([]notifier.Change{notifier.Create, notifier.Update, notifier.End}).Draw(r, "kind")
		c.Alert.Severity, c.Alert.Owner = rapid.SampledFrom(severities).Draw(r, "severity"), rapid.SampledFrom([]string{"", "u0", "u1", "x"}).Draw(r, "owner")
		c.Alert.Last = now.Add(-time.Duration(rapid.IntRange(0, 3600).Draw(r, "ago")) * time.Second)
		c.Alert.EndedAt = c.Alert.Last
		targets := s.Route(c)
		var names []string
		for _, target := range targets {
			names = append(names, target.Channel)
			if target.Hold != "" && (!target.Due.After(now) || target.Why == "" || target.Mute != "") {
				r.Fatalf("held: %+v", target)
			}
			if i := slices.IndexFunc(users, func(u policy.User) bool { return u.Name == target.User }); i >= 0 && target.Mute == "" {
				if u := users[i]; !u.Scope.Alert(&c.Alert) || c.Alert.Owner != "" && c.Alert.Owner != u.Name && !u.Admin || c.Alert.Severity < u.Preferences.MinSeverity {
					r.Fatalf("%s is told %+v", u.Name, c.Alert)
				}
			}
		}
		slices.Sort(names)
		if len(names) != 2+2*len(users) || len(slices.Compact(names)) != 2+2*len(users) {
			r.Fatalf("answered for %v", names)
		}
	})
}

// What a filter that cannot be read leaves out is nothing.
func TestFoulFilter(t *testing.T) {
	s, err := policy.New(policy.Terms{}, nil, []policy.User{anna(preference.Preferences{Where: "((", Zone: "Mars/Olympus"})}, nil)
	if err == nil || !strings.Contains(err.Error(), "anna") {
		t.Errorf("New = %v, want the user named", err)
	}
	if got := s.Route(raised(instant(t, "2026-03-04T12:00:00Z"))); len(got) != 1 || got[0].Mute != "" {
		t.Errorf("Route = %+v, want it told", got)
	}
}

func BenchmarkRoute(b *testing.B) {
	var users []policy.User
	for i := range 100 {
		p := preference.Preferences{Where: `source.ip == "192.0.2.7"`, Quiet: []preference.Span{{From: "22:00", To: "07:00"}}, Zone: "Europe/Berlin"}
		users = append(users, policy.User{Name: fmt.Sprint("u", i), Preferences: p, Ways: []policy.Way{{Channel: fmt.Sprint("mail:u", i)}}})
	}
	s, err := policy.New(policy.Terms{}, nil, users, nil)
	if err != nil {
		b.Fatal(err)
	}
	c := raised(time.Date(2026, 3, 4, 23, 0, 0, 0, time.UTC))
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Route(c)) != 100 {
			b.Fatal("not all are answered for")
		}
	}
}
