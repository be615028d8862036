package mute

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// oracle finds the window of a day by looking at the clock of every minute: it begins with the first that shows from or
// later, and ends behind the last that shows less than to.
func oracle(t *testing.T, zone *time.Location, year int, month time.Month, day, from, to int) (begins, ends time.Time) {
	t.Helper()
	reading := func(at time.Time) time.Time {
		at = at.In(zone)
		return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	}
	start, end := time.Date(year, month, day, 0, from, 0, 0, time.UTC), time.Date(year, month, day, 0, to, 0, 0, time.UTC)
	for at := start.Add(-30 * time.Hour); at.Before(end.Add(30 * time.Hour)); at = at.Add(time.Minute) {
		shown := reading(at)
		if begins.IsZero() && !shown.Before(start) {
			begins = at
		}
		if shown.Before(end) {
			ends = at.Add(time.Minute)
		}
	}
	if !ends.After(begins) {
		ends = begins.Add(end.Sub(start))
	}
	return begins, ends
}

func zones(t *testing.T) (list []*time.Location) {
	t.Helper()
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe" /* half an hour */, "America/Sao_Paulo" /* at midnight, until 2019 */, "Africa/Cairo", /* at midnight */
		"Asia/Kolkata", "Pacific/Chatham" /* 02:45 */, "Africa/Casablanca" /* during Ramadan */, "America/Santiago",
	} {
		zone, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, zone)
	}
	return list
}

// Every window, on ordinary days and on those on which the clock is set, is the one that the oracle finds.
func TestWindowsAgainstEveryMinute(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, zone := range zones(t) {
		var days []time.Time // those around each change of the clock, and some others
		for at := time.Date(2017, 1, 1, 0, 0, 0, 0, zone); ; {
			_, next := at.ZoneBounds()
			if next.IsZero() || next.Year() > 2028 {
				break
			}
			for d := -1; d <= 1; d++ {
				days = append(days, next.In(zone).AddDate(0, 0, d))
			}
			at = next
		}
		for range 8 {
			days = append(days, time.Date(2024, 1, 1+random.IntN(900), 0, 0, 0, 0, zone))
		}
		for _, d := range days {
			year, month, day := d.Date()
			for range 2 {
				from := random.IntN(24 * 60)
				if random.IntN(2) == 0 {
					from = random.IntN(4 * 60) // when clocks are set
				}
				length := 1 + random.IntN(24*60)
				if random.IntN(2) == 0 {
					length = 1 + random.IntN(90)
				}
				c := &calendar{days: [7]bool{true, true, true, true, true, true, true}, dates: ^uint32(0), from: from, to: from + length, zone: zone}
				begins, ends := c.of(year, month, day)
				wantBegins, wantEnds := oracle(t, zone, year, month, day, from, from+length)
				if !begins.Equal(wantBegins) || !ends.Equal(wantEnds) {
					t.Fatalf("%s %04d-%02d-%02d from minute %d for %d: got %s to %s, want %s to %s", zone, year, month, day, from, length,
						begins.In(zone), ends.In(zone), wantBegins.In(zone), wantEnds.In(zone))
				}
			}
		}
	}
}

// Whether a window is on is told for every minute of a fortnight around a change of the clock, and next finds its beginnings.
func TestWindowIsOnEveryMinute(t *testing.T) {
	for _, test := range []struct {
		schedule Schedule
		on       func(local time.Time) bool // on the days without a change
	}{
		{Schedule{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "22:00", To: "02:00", Zone: "Europe/Berlin"}, func(l time.Time) bool {
			night := l.Add(-2 * time.Hour) // the day on which a night began
			return (l.Hour() >= 22 && workday(l)) || (l.Hour() < 2 && workday(night.AddDate(0, 0, 0)))
		}},
		{Schedule{From: "00:00", To: "24:00", Zone: "Europe/Berlin"}, func(time.Time) bool { return true }},
		{Schedule{From: "00:00", To: "00:00", Zone: "Europe/Berlin"}, func(time.Time) bool { return true }},
		{Schedule{Dates: []int{-1}, From: "09:00", To: "17:00", Zone: "Europe/Berlin"}, func(l time.Time) bool {
			return l.AddDate(0, 0, 1).Day() == 1 && l.Hour() >= 9 && l.Hour() < 17
		}},
	} {
		c, err := test.schedule.compile()
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range []time.Time{time.Date(2026, 3, 22, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 18, 0, 0, 0, 0, time.UTC)} {
			was := false
			for at := start; at.Before(start.AddDate(0, 0, 16)); at = at.Add(time.Minute) {
				local := at.In(c.zone)
				from, to, on := c.at(at)
				if on && (at.Before(from) || !at.Before(to)) {
					t.Fatalf("%+v at %s: it lies in %s to %s, which it does not", test.schedule, local, from, to)
				}
				if want := test.on(local); on != want {
					t.Fatalf("%+v at %s: on is %v, want %v", test.schedule, local, on, want)
				}
				if on && !was && at.After(start) {
					if next, _, ok := c.next(at); !ok || !next.Equal(from) {
						t.Fatalf("%+v at %s: next begins %s, %v, want %s", test.schedule, local, next, ok, from)
					}
				}
				was = on
			}
		}
	}
}

func workday(t time.Time) bool {
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday
}

// The hour that is missing and the one that is there twice, as the documentation tells them.
func TestClocksThatAreSet(t *testing.T) {
	for _, test := range []struct{ day, from, to, begins, ends string }{
		{"2026-03-29", "02:15", "02:45", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}, // moved to 03:00 summer time
		{"2026-03-29", "01:30", "02:30", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"2026-03-29", "02:30", "03:30", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"},
		{"2026-03-28", "22:00", "06:00", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"}, // an hour shorter
		{"2026-10-25", "02:15", "02:45", "2026-10-25T00:15:00Z", "2026-10-25T01:45:00Z"}, // an hour longer
		{"2026-10-25", "01:00", "02:00", "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z"},
		{"2026-10-25", "03:00", "04:00", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"},
		{"2026-10-24", "22:00", "06:00", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"},
	} {
		s := Schedule{From: test.from, To: test.to, Zone: "Europe/Berlin"}
		c, err := s.compile()
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.Parse(time.DateOnly, test.day)
		if err != nil {
			t.Fatal(err)
		}
		from, to := c.of(day.Date())
		if got := from.UTC().Format(time.RFC3339) + " " + to.UTC().Format(time.RFC3339); got != test.begins+" "+test.ends {
			t.Errorf("%s %s to %s: got %s, want %s %s", test.day, test.from, test.to, got, test.begins, test.ends)
		}
	}
}

func TestParseDaysAndDates(t *testing.T) {
	for text, want := range map[string]string{
		"mon-fri": "[mon tue wed thu fri]", "SAT, sunday": "[sat sun]", "fri-mon": "[mon fri sat sun]", "wed": "[wed]", "mon-sun": "[mon tue wed thu fri sat sun]",
	} {
		if got, err := ParseDays(text); err != nil || fmt.Sprint(got) != want {
			t.Errorf("ParseDays(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "mon-", "-", "day", "mon-tue-wed", "mon,,tue"} {
		if got, err := ParseDays(text); err == nil {
			t.Errorf("ParseDays(%q) = %v, want an error", text, got)
		}
	}
	if got, err := ParseDates("1,15,last,15"); err != nil || fmt.Sprint(got) != "[1 15 -1]" {
		t.Errorf("ParseDates = %v, %v", got, err)
	}
	for _, text := range []string{"", "0", "32", "-2", "first", "1,"} {
		if got, err := ParseDates(text); err == nil {
			t.Errorf("ParseDates(%q) = %v, want an error", text, got)
		}
	}
}

func TestFoulSchedules(t *testing.T) {
	for _, s := range []Schedule{
		{}, {From: "22:00"}, {From: "24:00", To: "02:00"}, {From: "22:60", To: "02:00"}, {From: "22:0", To: "02:00"}, {From: "-1:00", To: "02:00"},
		{From: "25:00", To: "02:00"}, {From: "22:00", To: "24:01"}, {From: "22:00", To: "02:00", Zone: "Berlin"}, {From: "22:00", To: "02:00", Zone: "Local"},
		{From: "22:00", To: "02:00", Zone: "../../etc/passwd"}, {From: "22:00", To: "02:00", Days: []string{"noday"}}, {From: "22:00", To: "02:00", Dates: []int{0}},
	} {
		if err := s.Validate(); err == nil {
			t.Errorf("%+v was taken for good", s)
		}
	}
	never := Schedule{Dates: []int{30}, From: "10:00", To: "11:00"}
	c, err := never.compile()
	if err != nil {
		t.Fatal(err)
	}
	if from, _, ok := c.next(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)); !ok || from.Month() != time.March {
		t.Errorf("the 30th after 1 February: got %s, %v, want March", from, ok)
	}
}
