package preference

import (
	"time"
)

// longestQuiet bounds the search for the end of quiet hours. Those that are valid leave some minutes of each week, and so end
// before, even when the clock is put forward over those of one week.
const longestQuiet = 15 * 24 * time.Hour

// QuietUntil reports whether notices are held at a time, and until when: the first instant after it that is in no span.
func (p Preferences) QuietUntil(now time.Time) (until time.Time, quiet bool) {
	zone := p.location()
	for until = now; until.Sub(now) < longestQuiet; quiet = true {
		end := until
		for _, s := range p.Quiet {
			if to := s.around(until.In(zone)); to.After(end) {
				end = to
			}
		}
		if end.Equal(until) {
			break
		}
		until = end
	}
	if !quiet {
		return time.Time{}, false
	}
	return until, true
}

// around returns the end of the span that holds a time, the zero time when none does. Its zone is that of the time.
func (s Span) around(at time.Time) (end time.Time) {
	from, fromOK := parseClock(s.From)
	to, toOK := parseClock(s.To)
	if !fromOK || !toOK {
		return time.Time{}
	}
	if to <= from {
		to += minutesOfDay
	}
	// Dates are counted in UTC, which lacks none, as one does where a zone moved over the date line. One that began the day
	// before yesterday has ended: it is at most 24 hours long by the clock.
	for back := range 3 {
		date := time.Date(at.Year(), at.Month(), at.Day()-back, 0, 0, 0, 0, time.UTC)
		if !s.on(date.Weekday()) {
			continue
		}
		year, month, day := date.Date()
		if first(year, month, day, from, at.Location()).After(at) {
			continue
		}
		if to := first(year, month, day, to, at.Location()); to.After(at) && to.After(end) {
			end = to
		}
	}
	return end
}

func (s Span) on(day time.Weekday) bool {
	for _, text := range s.Days {
		if d, ok := parseDay(text); ok && d == day {
			return true
		}
	}
	return len(s.Days) == 0
}

// leavesNothing reports whether spans hold every minute of a week.
func leavesNothing(spans []Span) bool {
	var held [7 * minutesOfDay]bool
	for _, s := range spans {
		from, fromOK := parseClock(s.From)
		to, toOK := parseClock(s.To)
		if !fromOK || !toOK {
			continue
		}
		if to <= from {
			to += minutesOfDay
		}
		for day := range 7 {
			if !s.on(time.Weekday(day)) {
				continue
			}
			for m := from; m < to; m++ {
				held[(day*minutesOfDay+m)%len(held)] = true
			}
		}
	}
	for _, minute := range held {
		if !minute {
			return false
		}
	}
	return true
}
