package traq

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DefaultRange is how far back is looked where nobody says.
const DefaultRange = "15m"

// mostUnits bounds a number of a length of time, so that no sum of them leaves what can be told.
const mostUnits = 1_000_000

// Before reads a length of time as FlowTraq spells it, and returns the instant so long before now: numbers with units, of
// which each may be left out, years Y, months M, weeks w, days d, hours h, minutes m and seconds s; a minus before it says
// the same. Years and months are those of the calendar.
func Before(spec string, now time.Time) (time.Time, error) {
	bad := fmt.Errorf("%s: want a length of time such as 3m, 1h or 1d12h (units Y M w d h m s)", quoted(spec))
	rest := strings.TrimPrefix(spec, "-")
	if rest == "" {
		return time.Time{}, bad
	}
	at := now
	for rest != "" {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 1 {
			return time.Time{}, bad
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n > mostUnits {
			return time.Time{}, bad
		}
		switch rest[digits] {
		case 'Y':
			at = monthsBefore(at, 12*n)
		case 'M':
			at = monthsBefore(at, n)
		case 'w':
			at = at.AddDate(0, 0, -7*n)
		case 'd':
			at = at.AddDate(0, 0, -n)
		case 'h':
			at = at.Add(-time.Duration(n) * time.Hour)
		case 'm':
			at = at.Add(-time.Duration(n) * time.Minute)
		case 's':
			at = at.Add(-time.Duration(n) * time.Second)
		default:
			return time.Time{}, bad
		}
		rest = rest[digits+1:]
		if at.Year() < firstYear {
			return time.Time{}, fmt.Errorf("%s: want fewer years", quoted(spec))
		}
	}
	return at, nil
}

// monthsBefore is the same day so many months ago, or the last of that month where it has fewer: a month before the 31st of March is
// no day of March.
func monthsBefore(at time.Time, n int) time.Time {
	last := time.Date(at.Year(), at.Month()-time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return at.AddDate(0, -n, min(last-at.Day(), 0))
}

// firstYear and lastYear are the whole years of times in nanoseconds.
const (
	firstYear = 1678
	lastYear  = 2261
)

// layouts are the spellings of a point in time, with a year of two digits as FlowTraq's manual has it, and of four; a
// fraction may stand behind the seconds of each, which time.Parse takes by itself.
var layouts = [...]string{"01/02/06 15:04:05", "01/02/2006 15:04:05", "01/02/06 15:04", "01/02/2006 15:04", "01/02/06", "01/02/2006"}

// ParseInstant reads a point in time as FlowTraq spells it, on the clock of a zone.
func ParseInstant(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range layouts {
		if at, err := time.ParseInLocation(layout, strings.TrimSpace(text), zone); err == nil {
			if at.Year() < firstYear || at.Year() > lastYear {
				return time.Time{}, fmt.Errorf("%s: want a year from %d to %d", quoted(text), firstYear, lastYear)
			}
			return onward(at, text, layout), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: want MM/DD/YY hh:mm:ss.usec, such as 11/21/26 13:45:00.000000", quoted(text))
}

// onward moves an instant that no clock ever showed, where summer time begins, to what it would have been had the clock gone on: half past
// two is half an hour after two, when it was three.
func onward(at time.Time, text, layout string) time.Time {
	said, err := time.Parse(layout, strings.TrimSpace(text))
	if err != nil {
		return at
	}
	_, offset := at.Zone()
	if ahead := said.Sub(at.Add(time.Duration(offset) * time.Second)); ahead > 0 {
		return at.Add(ahead)
	}
	return at
}

// A Range is a range of time as FlowTraq is asked for it; what is empty was not said.
type Range struct {
	Last     string // a length of time before the end
	Earliest string // a point in time
	Latest   string
}

// Of returns the beginning of the range, which belongs to it, and its end, which does not. Without an end it is now, without
// a beginning it lies DefaultRange before the end.
func (r Range) Of(now time.Time, zone *time.Location) (since, until time.Time, err error) {
	until = now
	if r.Latest != "" {
		if until, err = ParseInstant(r.Latest, zone); err != nil {
			return since, until, err
		}
		until = again(until, time.Hour)
	}
	switch {
	case r.Earliest != "":
		since, err = ParseInstant(r.Earliest, zone)
		since = again(since, -time.Hour)
	case r.Last != "":
		since, err = Before(r.Last, until.In(zone))
	default:
		since, err = Before(DefaultRange, until)
	}
	if err == nil && !since.Before(until) {
		err = fmt.Errorf("the range of time is empty: it begins at %s and ends at %s", Instant(since, zone), Instant(until, zone))
	}
	return since, until, err
}

// again returns the other instant, so much away, at which the clock shows the same, as it does where summer time ends; else at itself.
// A range of time has that hour whole.
func again(at time.Time, away time.Duration) time.Time {
	if other := at.Add(away); other.Format(instant) == at.Format(instant) {
		return other
	}
	return at
}

// steps are the lengths that a step of a line over time may have.
var steps = [...]time.Duration{
	time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// mostSteps is how many steps a line over time has at most, about.
const mostSteps = 60

// Step is the least length of which at most 60 fill a range of time; of 15 minutes it is 15 seconds.
func Step(span time.Duration) time.Duration {
	for _, s := range steps {
		if span <= mostSteps*s {
			return s
		}
	}
	last := steps[len(steps)-1]
	return time.Duration(int(span/last)/mostSteps+1) * last
}

// Span writes a length of time in the largest unit that tells it whole, as in 15 s.
func Span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + " " + u.name
		}
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}
