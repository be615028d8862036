// Package instant reads the ways in which logs write times, without allocating: it works on bytes and knows no formats but
// its own few. All instants are nanoseconds since 1970 UTC.
//
// The package is pure: the present time reaches it as an argument.
package instant

import "time"

// Years that fit into nanoseconds since 1970 as an int64, less one at each end for offsets.
const (
	minYear = 1678
	maxYear = 2261
)

const (
	second = int64(time.Second)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// A Reading is a time as it stands in a record, before its zone is applied.
type Reading struct {
	Year, Month, Day     int // Year is 0 where the text has none
	Hour, Minute, Second int // Second may be 60, a leap second, which counts as the first of the next minute
	Nanos                int
	Offset               int  // seconds east of UTC, when HasZone
	HasZone              bool // the text says its offset
	Len                  int  // bytes that the time takes in the text
}

// Valid reports whether there is such a day and time.
func (r *Reading) Valid() bool {
	year := r.Year
	if year == 0 {
		year = 2000 // a leap year: without a year, 29 February may be meant
	}
	return year >= minYear && year <= maxYear &&
		r.Month >= 1 && r.Month <= 12 && r.Day >= 1 && r.Day <= daysIn(year, r.Month) &&
		r.Hour <= 23 && r.Minute <= 59 && r.Second <= 60
}

// UTC returns the instant, taking the offset in the text, and UTC when there is none.
func (r *Reading) UTC() int64 {
	return Civil(r.Year, r.Month, r.Day)*day + r.clock() - int64(r.Offset)*second
}

func (r *Reading) clock() int64 {
	return int64(r.Hour)*hour + int64(r.Minute)*minute + int64(r.Second)*second + int64(r.Nanos)
}

// Civil returns the days from 1970-01-01 to a date of the Gregorian calendar.
func Civil(year, month, dayOfMonth int) int64 {
	// Years are counted from March, so that the leap day is the last of its year.
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + int64(dayOfMonth) - 719469
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// A Zone turns wall-clock readings of one place into instants, and remembers the last minute it was asked for, which the
// next line of a log mostly shares. Not for use by several goroutines at once.
type Zone struct {
	place *time.Location
	key   int64 // minute of the wall clock that start belongs to
	start int64 // instant at which that minute begins
	known bool
}

// NewZone returns the zone of a place; nil is UTC.
func NewZone(place *time.Location) *Zone {
	if place == nil {
		place = time.UTC
	}
	return &Zone{place: place}
}

// Instant returns the instant of a reading: by its own offset when it has one, else by the zone. Of a wall-clock time that
// exists twice, when clocks are put back, it is the first; one that is skipped, when they are put forward, counts on from
// before: 02:30 is half an hour behind 02:00, which is 03:30.
func (z *Zone) Instant(r *Reading) int64 {
	if r.HasZone || z.place == time.UTC {
		return r.UTC()
	}
	wall := Civil(r.Year, r.Month, r.Day)*1440 + int64(r.Hour)*60 + int64(r.Minute)
	if !z.known || wall != z.key {
		z.start = z.begin(wall*60) * second
		z.key, z.known = wall, true
	}
	return z.start + int64(r.Second)*second + int64(r.Nanos)
}

// begin returns the instant, in seconds, at which the clock shows wall, in seconds as if it were UTC. (time.Date does not say
// which of two it takes.) Clocks change at most once in two days.
func (z *Zone) begin(wall int64) int64 {
	before, after := z.offset(wall-86400), z.offset(wall+86400)
	early, late := wall-max(before, after), wall-min(before, after)
	if before != after && z.offset(early) != max(before, after) { // it exists once or, where clocks go forward, never
		if z.offset(late) == min(before, after) {
			return late
		}
		return wall - before
	}
	return early
}

// offset returns the seconds east of UTC at an instant.
func (z *Zone) offset(at int64) int64 {
	_, seconds := time.Unix(at, 0).In(z.place).Zone()
	return int64(seconds)
}

// Near completes a reading without a year: it takes the latest year that puts the time not more than a day after
// received, which is the nearest one unless the record is older than a year. A 29 February goes back to a leap year. The
// day of grace lets pass clocks that run ahead and zones that are set wrongly.
func (z *Zone) Near(r *Reading, received int64) int64 {
	thisYear := time.Unix(0, received).In(z.place).Year()
	for year := thisYear + 1; year >= thisYear-8; year-- {
		if r.Day > daysIn(year, r.Month) {
			continue
		}
		try := *r
		try.Year = year
		if at := z.Instant(&try); at <= received+day {
			r.Year = year
			return at
		}
	}
	return received // not reached by a valid reading: every eight years but around 2100 have a leap day
}
