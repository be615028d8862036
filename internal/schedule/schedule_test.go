package schedule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// In Berlin the clock was put from 02:00 to 03:00 on Sunday 2026-03-29, and from 03:00 to 02:00 on Sunday 2026-10-25.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		plan           schedule.Plan
		zone, now      string
		next, nextNext string
	}{
		{schedule.Plan{Every: "day", At: "08:00"}, "Europe/Berlin", "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z", "2026-03-30T06:00:00Z"},
		{schedule.Plan{Every: "day", At: "02:30"}, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}, // leapt over
		{schedule.Plan{Every: "day", At: "02:30"}, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}, // twice, the first counts
		{schedule.Plan{Every: "hour", At: "08:30"}, "Asia/Kolkata", "2026-03-28T07:00:00Z", "2026-03-28T08:00:00Z", "2026-03-28T09:00:00Z"},
		// There the clock was put from 02:00 to 01:30 on 2011-04-03, at 15:00 UTC, and from 02:00 to 02:30 on 2011-10-02, at 15:30 UTC.
		{schedule.Plan{Every: "hour", At: "00:01"}, "Australia/Lord_Howe", "2011-04-02T13:30:00Z", "2011-04-02T14:01:00Z", "2011-04-02T15:31:00Z"},
		{schedule.Plan{Every: "hour", At: "00:45"}, "Australia/Lord_Howe", "2011-04-02T14:30:00Z", "2011-04-02T14:45:00Z", "2011-04-02T15:15:00Z"},
		{schedule.Plan{Every: "hour", At: "00:01"}, "Australia/Lord_Howe", "2011-10-01T14:00:00Z", "2011-10-01T14:31:00Z", "2011-10-01T16:01:00Z"},
		{schedule.Plan{Every: "hour", At: "00:00"}, "UTC", "2026-03-28T07:59:59.5Z", "2026-03-28T08:00:00Z", "2026-03-28T09:00:00Z"},
		{schedule.Plan{Every: "week"}, "UTC", "2026-03-28T07:00:00Z", "2026-03-30T00:00:00Z", "2026-04-06T00:00:00Z"},
		{schedule.Plan{Every: "week", Day: "SAT", At: "07:00"}, "UTC", "2026-03-28T07:00:00Z", "2026-04-04T07:00:00Z", "2026-04-11T07:00:00Z"},
		{schedule.Plan{Every: "month"}, "UTC", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"},
		{schedule.Plan{Every: "month", Day: "31", At: "23:59"}, "UTC", "2027-01-31T23:59:00Z", "2027-02-28T23:59:00Z", "2027-03-31T23:59:00Z"},
		{schedule.Plan{Every: "month", Day: "30"}, "UTC", "2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-30T00:00:00Z"},
		{schedule.Plan{Every: "month", Day: "29", At: "02:30"}, "Europe/Berlin", "2026-02-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-04-29T00:30:00Z"},
		{schedule.Plan{Every: "month", Day: "30"}, "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z", "2012-01-29T10:00:00Z"}, // a date that never was
	} {
		next := c.plan.Next(instant(t, c.now), zone(t, c.zone))
		after := c.plan.Next(next, zone(t, c.zone))
		if !next.Equal(instant(t, c.next)) || !after.Equal(instant(t, c.nextNext)) {
			t.Errorf("%+v in %s after %s: %s and %s, want %s and %s", c.plan, c.zone, c.now, next.UTC().Format(time.RFC3339), after.UTC().Format(time.RFC3339), c.next, c.nextNext)
		}
	}
	for _, none := range []schedule.Plan{{}, {Every: "year"}, {Every: "day", At: "x"}, {Every: "month", Day: "32"}} {
		if at := none.Next(instant(t, "2026-03-28T07:00:00Z"), time.UTC); !at.IsZero() {
			t.Errorf("%+v is next at %v, want never", none, at)
		}
		if at := none.Latest(time.Time{}, instant(t, "2026-03-28T07:00:00Z"), time.UTC); !at.IsZero() {
			t.Errorf("%+v was last at %v, want never", none, at)
		}
	}
}

func draw(r *rapid.T) (schedule.Plan, *time.Location) {
	p := schedule.Plan{Every: rapid.SampledFrom([]string{"hour", "day", "week", "month"}).Draw(r, "every"), At: fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(r, "hour"), rapid.IntRange(0, 59).Draw(r, "minute"))}
	switch p.Every {
	case "week":
		p.Day = rapid.SampledFrom([]string{"", "mon", "sun", "wed"}).Draw(r, "day")
	case "month":
		p.Day = fmt.Sprint(rapid.IntRange(1, 31).Draw(r, "date"))
	}
	z, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo"}).Draw(r, "zone"))
	if err != nil {
		r.Fatal(err)
	}
	return p, z
}

// The next time always comes, is none of those before, and the latest is the one that was next before it; however long ago one
// looked, it is the same.
func TestLatestWasNext(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, z := draw(r)
		if err := p.Validate(); err != nil {
			r.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1_300_000_000, 1_900_000_000).Draw(r, "now"), 0)
		next := p.Next(now, z)
		if !next.After(now) || next.Sub(now) > 63*24*time.Hour {
			r.Fatalf("next after %v is %v", now, next)
		}
		if want, _ := schedule.ParseClock(p.At); p.Every == "hour" && (next.In(z).Minute() != want%60 || next.Second() != 0) {
			r.Fatalf("next after %v is %v, want minute %d", now, next, want%60)
		}
		latest := p.Latest(time.Time{}, now, z)
		if latest.IsZero() || latest.After(now) {
			r.Fatalf("latest at %v is %v", now, latest)
		}
		if again := p.Next(latest, z); !again.Equal(next) {
			r.Fatalf("behind %v comes %v, want %v", latest, again, next)
		}
		if since := p.Latest(latest.Add(-time.Nanosecond), now, z); !since.Equal(latest) {
			r.Fatalf("latest since just before it is %v, want %v", since, latest)
		}
		if none := p.Latest(latest, now, z); !none.IsZero() {
			r.Fatalf("latest since itself is %v, want none", none)
		}
		if at := p.Latest(now, next, z); !at.Equal(next) {
			r.Fatalf("latest at %v is %v", next, at)
		}
	})
}

func TestValidate(t *testing.T) {
	for want, p := range map[string]schedule.Plan{
		`every: got "", want hour`: {}, `want hour, day, week or month`: {Every: "Day"}, `at: got "24:00"`: {Every: "day", At: "24:00"}, `at: got "8:00"`: {Every: "day", At: "8:00"}, `day: got "1", want mon`: {Every: "week", Day: "1"},
		`day: got "0"`: {Every: "month", Day: "0"}, `day: got "01"`: {Every: "month", Day: "01"}, `day: got "+1"`: {Every: "month", Day: "+1"}, `day: got "mon", want none`: {Every: "hour", Day: "mon"},
		`…`: {Every: "month", Day: strings.Repeat("ä", 1000)},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("Validate of %+v = %v, want %s", p, err, want)
		}
	}
	var all interface{ Unwrap() []error }
	if err := (schedule.Plan{Every: "week", Day: "x", At: "x"}).Validate(); !errors.As(err, &all) || len(all.Unwrap()) != 2 {
		t.Errorf("Validate of two mistakes = %v", err)
	}
}
