package schedule

import (
	"errors"
	"strconv"
	"time"

	"tocsin/internal/document"
)

// How often something is done.
const (
	Hourly  = "hour"
	Daily   = "day"
	Weekly  = "week"
	Monthly = "month"
)

// A Plan says when something is done again and again, by the clock of a zone.
type Plan struct {
	// Every is hour, day, week or month; empty is never.
	Every string
	// At is when, as 08:00; of hour the minutes count alone. Empty is 00:00.
	At string
	// Day is that of week, mon to sun, empty is mon; and that of month, 1 to 31, empty is 1. A month that has no such day has its
	// last one instead.
	Day string
}

// Validate reports every mistake, by the names every, at and day.
func (p Plan) Validate() error {
	var mistakes []error
	switch p.Every {
	case Hourly, Daily:
		if p.Day != "" {
			mistakes = append(mistakes, document.At("day", shorten(p.Day), "none for what is done every "+p.Every))
		}
	case Weekly:
		if _, ok := ParseDay(p.Day); p.Day != "" && !ok {
			mistakes = append(mistakes, document.At("day", shorten(p.Day), "mon, tue, wed, thu, fri, sat or sun"))
		}
	case Monthly:
		if _, ok := p.date(); !ok {
			mistakes = append(mistakes, document.At("day", shorten(p.Day), "a day of the month from 1 to 31"))
		}
	default:
		mistakes = append(mistakes, document.Choice("every", shorten(p.Every), []string{Hourly, Daily, Weekly, Monthly}))
	}
	if at, ok := ParseClock(p.At); p.At != "" && (!ok || at == DayMinutes) {
		mistakes = append(mistakes, document.At("at", shorten(p.At), "a time of day from 00:00 to 23:59"))
	}
	return errors.Join(mistakes...)
}

// shorten cuts what is quoted in an error.
func shorten(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

// date is the day of a monthly plan.
func (p Plan) date() (day int, ok bool) {
	if p.Day == "" {
		return 1, true
	}
	day, err := strconv.Atoi(p.Day)
	return day, err == nil && day >= 1 && day <= 31 && strconv.Itoa(day) == p.Day
}

// Next is the first time after now at which it is done, by the clock of a zone; the zero time when there is none.
func (p Plan) Next(now time.Time, zone *time.Location) time.Time {
	minutes, ok := ParseClock(p.At)
	if p.At != "" && !ok {
		return time.Time{}
	}
	local := now.In(zone)
	switch p.Every {
	case Hourly:
		// Minute by minute: a zone may move by half an hour, as that of Lord Howe Island does twice a year.
		next := local.Add(time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		for next.Minute() != minutes%60 {
			next = next.Add(time.Minute)
		}
		return next
	case Daily:
		return nextDay(local, minutes, func(time.Time) bool { return true })
	case Weekly:
		want, ok := ParseDay(p.Day)
		if !ok {
			want = time.Monday
		}
		return nextDay(local, minutes, func(date time.Time) bool { return date.Weekday() == want })
	case Monthly:
		want, ok := p.date()
		if !ok {
			return time.Time{}
		}
		return nextDay(local, minutes, func(date time.Time) bool {
			last := time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
			return date.Day() == min(want, last)
		})
	}
	return time.Time{}
}

// Latest is the last time after since and not after now at which it is done; the zero time when there is none. It looks back no
// further than needed, however long ago since was.
func (p Plan) Latest(since, now time.Time, zone *time.Location) (latest time.Time) {
	// Twice its length and some days hold at least one such time, also where a zone left out a day.
	back := map[string]time.Duration{Hourly: 3 * time.Hour, Daily: 4 * 24 * time.Hour, Weekly: 17 * 24 * time.Hour, Monthly: 65 * 24 * time.Hour}[p.Every]
	if from := now.Add(-back); since.Before(from) {
		since = from
	}
	for at := p.Next(since, zone); !at.IsZero() && !at.After(now); at = p.Next(at, zone) {
		latest = at
	}
	return latest
}

// nextDay is the first time after now at which the clock first shows some minutes past midnight on a date that fits.
func nextDay(now time.Time, minutes int, fits func(date time.Time) bool) time.Time {
	for ahead := range 64 { // dates count here, of which a zone that moved over the date line lacks one
		date := time.Date(now.Year(), now.Month(), now.Day()+ahead, 0, 0, 0, 0, time.UTC)
		if !fits(date) {
			continue
		}
		if at := First(date.Year(), date.Month(), date.Day(), minutes, now.Location()); at.After(now) {
			return at
		}
	}
	return time.Time{}
}
