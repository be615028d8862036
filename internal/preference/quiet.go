package preference

import (
	"slices"
	"time"

	"tocsin/internal/schedule"
)

// longestQuiet bounds the search for the end of quiet hours. Those that are valid leave some minutes of each week, and so end
// before, even when the clock is put forward over those of one week.
const longestQuiet = 15 * 24 * time.Hour

// Hours are the times of one user by his clock, made ready to be asked often.
type Hours struct {
	zone   *time.Location
	quiet  []span
	digest Digest
}

// A span is a Span that was read: minutes since midnight, to later than from, and the days on which it begins.
type span struct {
	from, to int
	on       [7]bool
}

// Hours makes the times ready. What is not valid in them is left out, and an unknown zone is UTC.
func (p Preferences) Hours() Hours {
	h := Hours{zone: p.Location(), digest: p.Digest}
	for _, s := range p.Quiet {
		if ready, ok := s.read(); ok {
			h.quiet = append(h.quiet, ready)
		}
	}
	return h
}

// read makes a Span ready; ok is false when it is not valid.
func (s Span) read() (ready span, ok bool) {
	from, fromOK := schedule.ParseClock(s.From)
	to, toOK := schedule.ParseClock(s.To)
	if to <= from {
		to += schedule.DayMinutes
	}
	ready = span{from: from, to: to}
	for day := range ready.on {
		ready.on[day] = len(s.Days) == 0
	}
	for _, text := range s.Days {
		if day, known := schedule.ParseDay(text); known {
			ready.on[day] = true
		}
	}
	return ready, fromOK && toOK
}

// QuietUntil is that of Hours.
func (p Preferences) QuietUntil(now time.Time) (until time.Time, quiet bool) {
	return p.Hours().QuietUntil(now)
}

// QuietUntil reports whether notices are held at a time, and until when: the first instant after it that is in no span.
func (h Hours) QuietUntil(now time.Time) (until time.Time, quiet bool) {
	if len(h.quiet) == 0 {
		return time.Time{}, false
	}
	for until = now.In(h.zone); until.Sub(now) < longestQuiet; quiet = true {
		end := until
		for _, s := range h.quiet {
			if to := s.around(until); to.After(end) {
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
func (s span) around(at time.Time) (end time.Time) {
	// Dates are counted in UTC, which lacks none, as one does where a zone moved over the date line. One that began the day
	// before yesterday has ended: it is at most 24 hours long by the clock.
	for back := range 3 {
		date := time.Date(at.Year(), at.Month(), at.Day()-back, 0, 0, 0, 0, time.UTC)
		if !s.on[date.Weekday()] {
			continue
		}
		year, month, day := date.Date()
		if schedule.First(year, month, day, s.from, at.Location()).After(at) {
			continue
		}
		if to := schedule.First(year, month, day, s.to, at.Location()); to.After(at) && to.After(end) {
			end = to
		}
	}
	return end
}

// leavesNothing reports whether spans hold every minute of a week.
func leavesNothing(spans []Span) bool {
	var held [7 * schedule.DayMinutes]bool
	for _, s := range spans {
		ready, ok := s.read()
		if !ok {
			continue
		}
		for day, on := range ready.on {
			for m := ready.from; on && m < ready.to; m++ {
				held[(day*schedule.DayMinutes+m)%len(held)] = true
			}
		}
	}
	return !slices.Contains(held[:], false)
}
