package preference_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/preference"
)

func span(from, to string, days ...string) preference.Span {
	return preference.Span{From: from, To: to, Days: days}
}

// In Berlin the clock was put from 02:00 to 03:00 on Sunday 2026-03-29, and from 03:00 to 02:00 on Sunday 2026-10-25.
func TestQuietUntil(t *testing.T) {
	night := []preference.Span{span("22:00", "07:00")}
	for _, test := range []struct {
		name, zone string
		quiet      []preference.Span
		now, until string // until is "" when it is not quiet
	}{
		{"none", "UTC", nil, "2026-03-04T23:00:00Z", ""},
		{"before", "UTC", night, "2026-03-04T21:59:59Z", ""},
		{"begins", "UTC", night, "2026-03-04T22:00:00Z", "2026-03-05T07:00:00Z"},
		{"after midnight", "UTC", night, "2026-03-05T06:59:59Z", "2026-03-05T07:00:00Z"},
		{"is over", "UTC", night, "2026-03-05T07:00:00Z", ""},
		{"in its zone", "Asia/Kolkata", night, "2026-03-04T16:30:00Z", "2026-03-05T01:30:00Z"},
		{"day on which it begins", "UTC", []preference.Span{span("22:00", "07:00", "fri")}, "2026-03-07T06:00:00Z", "2026-03-07T07:00:00Z"},
		{"day on which it ends", "UTC", []preference.Span{span("22:00", "07:00", "fri")}, "2026-03-06T06:00:00Z", ""},
		{"weekend", "UTC", []preference.Span{span("00:00", "24:00", "sat", "sun")}, "2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z"},
		{"24 hours", "UTC", []preference.Span{span("12:00", "12:00", "sat")}, "2026-03-08T11:00:00Z", "2026-03-08T12:00:00Z"},
		{"one joins another", "UTC", []preference.Span{span("22:00", "02:00"), span("01:00", "03:00"), span("03:00", "04:00")}, "2026-03-04T22:00:00Z", "2026-03-05T04:00:00Z"},
		{"overlap", "UTC", []preference.Span{span("08:00", "18:00"), span("09:00", "10:00")}, "2026-03-04T09:30:00Z", "2026-03-04T18:00:00Z"},
		{"a short night", "Europe/Berlin", night, "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"}, // 8 hours
		{"a long night", "Europe/Berlin", night, "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"},  // 10 hours
		{"begins in the leap", "Europe/Berlin", []preference.Span{span("02:30", "04:00")}, "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		{"before the leap", "Europe/Berlin", []preference.Span{span("02:30", "04:00")}, "2026-03-29T00:59:59Z", ""},
		{"ends in the leap", "Europe/Berlin", []preference.Span{span("01:30", "02:30")}, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"is leapt over", "Europe/Berlin", []preference.Span{span("02:10", "02:50")}, "2026-03-29T01:00:00Z", ""},
		{"ends in the hour that comes twice", "Europe/Berlin", []preference.Span{span("01:30", "02:30")}, "2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z"},
		{"does not begin again", "Europe/Berlin", []preference.Span{span("01:30", "02:30")}, "2026-10-25T01:10:00Z", ""},
		{"goes on over the hour that comes twice", "Europe/Berlin", []preference.Span{span("02:30", "03:30")}, "2026-10-25T01:10:00Z", "2026-10-25T02:30:00Z"},
		{"a zone that leaps half an hour", "Australia/Lord_Howe", []preference.Span{span("02:15", "03:00")}, "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"},
		{"a zone whose midnight is leapt over", "Africa/Cairo", []preference.Span{span("23:00", "00:30")}, "2026-04-23T21:30:00Z", "2026-04-23T22:00:00Z"},
		{"a date that never was", "Pacific/Apia", []preference.Span{span("22:00", "07:00")}, "2011-12-30T09:30:00Z", "2011-12-30T17:00:00Z"},
		{"an unknown zone is UTC", "Mars/Olympus", night, "2026-03-04T22:00:00Z", "2026-03-05T07:00:00Z"},
		{"nonsense is not quiet", "UTC", []preference.Span{span("x", "07:00"), span("01:00", "")}, "2026-03-04T02:00:00Z", ""},
	} {
		p := preference.Preferences{Zone: test.zone, Quiet: test.quiet}
		until, quiet := p.QuietUntil(instant(t, test.now))
		if quiet != (test.until != "") || quiet && !until.Equal(instant(t, test.until)) {
			t.Errorf("%s: QuietUntil(%s) = %s, %v, want %s", test.name, test.now, until.UTC().Format(time.RFC3339), quiet, test.until)
		}
	}
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia"}

func drawSpan(r *rapid.T) preference.Span {
	clock := rapid.Custom(func(r *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(r, "hour"), rapid.SampledFrom([]int{0, 1, 15, 30, 59}).Draw(r, "minute"))
	})
	days := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}), 0, 7, rapid.ID)
	return preference.Span{From: clock.Draw(r, "from"), To: clock.Draw(r, "to"), Days: days.Draw(r, "days")}
}

// The end of quiet hours is the first instant that is not quiet: all before it is, and it is not. What is held is so decided
// anew at its end for nothing.
func TestQuietUntilIsTheFirstInstantOutside(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := preference.Preferences{Zone: rapid.SampledFrom(zones).Draw(r, "zone"), Quiet: rapid.SliceOfN(rapid.Custom(drawSpan), 1, 4).Draw(r, "quiet")}
		if p.Validate() != nil {
			r.Skip("quiet for ever")
		}
		now := time.Unix(rapid.Int64Range(1_300_000_000, 1_900_000_000).Draw(r, "now"), rapid.Int64Range(0, 999_999_999).Draw(r, "nanosecond"))
		until, quiet := p.QuietUntil(now)
		if !quiet {
			return
		}
		if !until.After(now) {
			r.Fatalf("until %v is not after %v", until, now)
		}
		if _, still := p.QuietUntil(until); still {
			r.Fatalf("%v is quiet still", until)
		}
		within := now.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(now))-1).Draw(r, "within")))
		for _, at := range []time.Time{within, until.Add(-1)} {
			if again, quiet := p.QuietUntil(at); !quiet || !again.Equal(until) {
				r.Fatalf("QuietUntil(%v) = %v, %v, want %v as of %v", at, again, quiet, until, now)
			}
		}
	})
}

// In a zone whose clock is never put, quiet is what the clock shows: minute by minute.
func TestQuietIsWhatTheClockShows(t *testing.T) {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	rapid.Check(t, func(r *rapid.T) {
		s := drawSpan(r)
		now := time.Unix(60*rapid.Int64Range(25_000_000, 30_000_000).Draw(r, "now"), 0).UTC()
		on := func(day time.Time) bool {
			for _, d := range s.Days {
				if d == names[day.Weekday()] {
					return true
				}
			}
			return len(s.Days) == 0
		}
		clock, yesterday := now.Format("15:04"), now.AddDate(0, 0, -1)
		want := s.From < s.To && on(now) && clock >= s.From && clock < s.To ||
			s.From >= s.To && (on(now) && clock >= s.From || on(yesterday) && clock < s.To)
		if _, got := (preference.Preferences{Quiet: []preference.Span{s}}).QuietUntil(now); got != want {
			r.Fatalf("%+v at %s: quiet = %v", s, now.Format("Mon 15:04"), got)
		}
	})
}

func TestNextDigest(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		digest     preference.Digest
		now, next  string
	}{
		{"hour", "UTC", preference.Digest{Every: "hour", At: "00:10"}, "2026-03-04T05:09:59Z", "2026-03-04T05:10:00Z"},
		{"hour, now", "UTC", preference.Digest{Every: "hour", At: "00:10"}, "2026-03-04T05:10:00Z", "2026-03-04T06:10:00Z"},
		{"hour of an odd zone", "Asia/Kathmandu", preference.Digest{Every: "hour"}, "2026-03-04T05:00:00Z", "2026-03-04T05:15:00Z"},
		{"day", "UTC", preference.Digest{Every: "day", At: "08:00"}, "2026-03-04T07:00:00Z", "2026-03-04T08:00:00Z"},
		{"day, now", "UTC", preference.Digest{Every: "day", At: "08:00"}, "2026-03-04T08:00:00Z", "2026-03-05T08:00:00Z"},
		{"day of its zone", "America/New_York", preference.Digest{Every: "day", At: "08:00"}, "2026-03-04T01:00:00Z", "2026-03-04T13:00:00Z"},
		{"day that is leapt over", "Europe/Berlin", preference.Digest{Every: "day", At: "02:30"}, "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"},
		{"time that comes twice", "Europe/Berlin", preference.Digest{Every: "day", At: "02:30"}, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"week", "UTC", preference.Digest{Every: "week", At: "08:00"}, "2026-03-04T08:00:00Z", "2026-03-09T08:00:00Z"},
		{"week of a day", "UTC", preference.Digest{Every: "week", At: "08:00", Day: "wed"}, "2026-03-04T08:00:00Z", "2026-03-11T08:00:00Z"},
		{"a date that never was", "Pacific/Apia", preference.Digest{Every: "day", At: "08:00"}, "2011-12-30T09:30:00Z", "2011-12-30T10:00:00Z"},
	} {
		got := (preference.Preferences{Zone: test.zone, Digest: test.digest}).NextDigest(instant(t, test.now))
		if !got.Equal(instant(t, test.next)) {
			t.Errorf("%s: NextDigest(%s) = %s, want %s", test.name, test.now, got.UTC().Format(time.RFC3339), test.next)
		}
	}
	if got := (preference.Preferences{}).NextDigest(time.Now()); !got.IsZero() {
		t.Errorf("NextDigest without one = %v", got)
	}
}

// A digest always comes, and within its time: what waits for it does not wait for ever.
func TestDigestComes(t *testing.T) {
	most := map[string]time.Duration{"hour": time.Hour, "day": 26 * time.Hour, "week": 8*24*time.Hour + 2*time.Hour}
	rapid.Check(t, func(r *rapid.T) {
		p := preference.Preferences{Zone: rapid.SampledFrom(zones).Draw(r, "zone"), Digest: preference.Digest{
			Every: rapid.SampledFrom([]string{"hour", "day", "week"}).Draw(r, "every"), At: drawSpan(r).From, UpTo: alert.Low,
		}}
		if p.Digest.Every == "week" {
			p.Digest.Day = rapid.SampledFrom([]string{"", "mon", "sun"}).Draw(r, "day")
		}
		now := time.Unix(rapid.Int64Range(1_330_000_000, 1_900_000_000).Draw(r, "now"), 5)
		next := p.NextDigest(now)
		if !next.After(now) || next.Sub(now) > most[p.Digest.Every] {
			r.Fatalf("NextDigest(%v) = %v", now, next)
		}
	})
}

// Whether a user is told now is asked for each change of an alert and each user.
func BenchmarkQuietUntil(b *testing.B) {
	night := preference.Preferences{Zone: "Europe/Berlin", Quiet: []preference.Span{span("22:00", "07:00"), span("00:00", "24:00", "sat", "sun")}}.Hours()
	for name, text := range map[string]string{"day": "2026-03-04T12:00:00Z", "night": "2026-03-04T23:00:00Z"} {
		now := instant(b, text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				night.QuietUntil(now)
			}
		})
	}
}
