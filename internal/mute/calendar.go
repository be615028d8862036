package mute

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A calendar is a schedule that was read.
type calendar struct {
	days     [7]bool
	dates    uint32 // bit n for day n of the month
	last     bool   // the last of the month as well
	from, to int    // minutes after midnight of the day on which it begins; to is the greater
	zone     *time.Location
}

func (s *Schedule) compile() (*calendar, error) {
	c := &calendar{}
	var wrong []error
	for _, name := range s.Days {
		if d, err := weekday(name); err == nil {
			c.days[d] = true
		} else {
			wrong = append(wrong, err)
		}
	}
	if len(s.Days) == 0 {
		c.days = [7]bool{true, true, true, true, true, true, true}
	}
	for _, n := range s.Dates {
		switch {
		case !isDate(n):
			wrong = append(wrong, fmt.Errorf("date %d: want 1 to 31, or -1 for the last", n))
		case n == -1:
			c.last = true
		default:
			c.dates |= 1 << n
		}
	}
	if len(s.Dates) == 0 {
		c.dates = ^uint32(0)
	}
	var err error
	if c.from, err = parseClock(s.From); err != nil {
		wrong = append(wrong, fmt.Errorf("from: %w", err))
	} else if c.from == 24*60 {
		wrong = append(wrong, errors.New("from: want a time before 24:00"))
	}
	if c.to, err = parseClock(s.To); err != nil {
		wrong = append(wrong, fmt.Errorf("to: %w", err))
	} else if c.to <= c.from {
		c.to += 24 * 60
	}
	if c.zone, err = Zone(s.Zone); err != nil {
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return c, nil
}

// Zone returns the time zone of a name as Europe/Berlin; empty is UTC. The zone of the machine has none that holds elsewhere.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") || len(name) > 64 {
		return nil, fmt.Errorf("zone %q: want one such as Europe/Berlin or UTC", cut(name))
	}
	return zone, nil
}

// on reports whether a window begins on a day, which need not be normal.
func (c *calendar) on(year int, month time.Month, day int) bool {
	d := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if !c.days[d.Weekday()] {
		return false
	}
	return c.dates>>d.Day()&1 == 1 || c.last && d.AddDate(0, 0, 1).Day() == 1
}

// of returns the window that begins on a day: from is in it, to is not.
func (c *calendar) of(year int, month time.Month, day int) (from, to time.Time) {
	start := time.Date(year, month, day, 0, c.from, 0, 0, time.UTC)
	end := time.Date(year, month, day, 0, c.to, 0, 0, time.UTC)
	from, to = first(start, c.zone), last(end, c.zone)
	if !to.After(from) { // all of it is missing
		to = from.Add(end.Sub(start))
	}
	return from, to
}

// at returns the window that t lies in; ok is false when it lies in none. Of two that overlap, as the hour that is there
// twice may make them, it is the one that began first.
func (c *calendar) at(t time.Time) (from, to time.Time, ok bool) {
	year, month, day := t.In(c.zone).Date()
	for back := 2; back >= -1; back-- { // a window lasts at most a day and what a clock may be set by
		if !c.on(year, month, day-back) {
			continue
		}
		if from, to = c.of(year, month, day-back); !t.Before(from) && t.Before(to) {
			return from, to, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// horizon is for how many days ahead a window is looked for: a Monday that is the 31st may be more than a year away.
const horizon = 3 * 366

// next returns the first window that begins at or after t; ok is false when there is none within the horizon.
func (c *calendar) next(t time.Time) (from, to time.Time, ok bool) {
	year, month, day := t.In(c.zone).Date()
	for ahead := -1; ahead < horizon; ahead++ {
		if !c.on(year, month, day+ahead) {
			continue
		}
		if from, to = c.of(year, month, day+ahead); !from.Before(t) {
			return from, to, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// around returns the instants that a reading of the clock, written as if it were UTC, would be by the clocks of before and of
// after a change near it, and when that change is; change is zero when there is none.
func around(reading time.Time, zone *time.Location) (before, after, change time.Time) {
	const reach = 26 * time.Hour // more than any zone is from UTC and any clock is set by
	_, was := reading.Add(-reach).In(zone).Zone()
	before = reading.Add(-time.Duration(was) * time.Second)
	for t := reading.Add(-reach).In(zone); ; {
		_, until := t.ZoneBounds()
		if until.IsZero() || until.After(reading.Add(reach)) {
			return before, before, time.Time{}
		}
		_, is := until.Zone()
		if is != was {
			return before, reading.Add(-time.Duration(is) * time.Second), until
		}
		t = until // the name of the zone changed alone
	}
}

// first is the first instant at which the clock shows a reading, or a later one.
func first(reading time.Time, zone *time.Location) time.Time {
	before, after, change := around(reading, zone)
	switch {
	case change.IsZero(), before.Before(change):
		return before
	case after.Before(change): // missing
		return change
	default:
		return after
	}
}

// last is the instant at which the clock goes on to a reading, or beyond it, for the last time.
func last(reading time.Time, zone *time.Location) time.Time {
	before, after, change := around(reading, zone)
	switch {
	case change.IsZero():
		return before
	case after.After(change):
		return after
	case before.After(change): // missing
		return change
	default:
		return before
	}
}

// ended returns when the newest window that is over at t ended, unless that is at or before since.
func (c *calendar) ended(since, t time.Time) (at time.Time, ok bool) {
	year, month, day := t.In(c.zone).Date()
	for back := -1; back < horizon; back++ {
		if !c.on(year, month, day-back) {
			continue
		}
		_, to := c.of(year, month, day-back)
		if !to.After(since) {
			break
		}
		if !to.After(t) {
			return to, true
		}
	}
	return time.Time{}, false
}
