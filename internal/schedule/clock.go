// Package schedule tells times by the clock of a zone: when it first shows a time of day, and when what is done every hour, day,
// week or month is done next. Where the clock is put forward or back, nothing is left out and nothing comes twice.
package schedule

import (
	"slices"
	"strings"
	"time"
)

// DayMinutes is how many minutes the clock of a day shows.
const DayMinutes = 24 * 60

// ParseClock reads 22:00 as minutes since midnight; 24:00 is 1,440.
func ParseClock(text string) (minutes int, ok bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	digit := func(i int) int { return int(text[i]) - '0' }
	for _, i := range []int{0, 1, 3, 4} {
		if d := digit(i); d < 0 || d > 9 {
			return 0, false
		}
	}
	hour, minute := 10*digit(0)+digit(1), 10*digit(3)+digit(4)
	minutes = 60*hour + minute
	return minutes, minute < 60 && minutes <= DayMinutes
}

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseDay reads mon to sun.
func ParseDay(text string) (day time.Weekday, ok bool) {
	i := slices.Index(weekdays[:], strings.ToLower(text))
	return time.Weekday(max(i, 0)), i >= 0
}

// First is the first instant at which the clock of a zone shows some minutes past the midnight with which a date begins, or
// any later time or date. So of a time that the clock leaps over it is the moment of the leap, and of one that comes twice, the
// first.
func First(year int, month time.Month, day, minutes int, zone *time.Location) time.Time {
	shown := time.Date(year, month, day, 0, minutes, 0, 0, time.UTC)
	// No zone is 26 hours from UTC, so there the clock shows less; from then on go through the spans between its changes.
	for at := shown.Add(-26 * time.Hour).In(zone); ; {
		_, offset := at.Zone()
		began, ends := at.ZoneBounds()
		reached := shown.Add(-time.Duration(offset) * time.Second)
		switch {
		case !began.IsZero() && reached.Before(began):
			return began.In(zone) // the change made the clock leap over it
		case ends.IsZero() || reached.Before(ends):
			return reached.In(zone)
		}
		at = ends.In(zone)
	}
}
