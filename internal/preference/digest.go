package preference

import "time"

// How often a digest is sent.
const (
	Hourly = "hour"
	Daily  = "day"
	Weekly = "week"
)

// NextDigest is that of Hours.
func (p Preferences) NextDigest(now time.Time) time.Time { return p.Hours().NextDigest(now) }

// NextDigest is the first time after now at which the digest is sent, the zero time when there is none.
func (h Hours) NextDigest(now time.Time) time.Time {
	minutes, ok := parseClock(h.digest.At)
	if h.digest.At != "" && !ok {
		return time.Time{}
	}
	local := now.In(h.zone)
	switch h.digest.Every {
	case Hourly:
		past := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
		next := local.Add(time.Duration(minutes%60)*time.Minute - past)
		if !next.After(now) {
			next = next.Add(time.Hour)
		}
		return next
	case Daily:
		return nextDay(local, minutes, func(time.Weekday) bool { return true })
	case Weekly:
		want, ok := parseDay(h.digest.Day)
		if !ok {
			want = time.Monday
		}
		return nextDay(local, minutes, func(day time.Weekday) bool { return day == want })
	}
	return time.Time{}
}

// nextDay is the first time after now at which the clock first shows some minutes past midnight on a day that fits.
func nextDay(now time.Time, minutes int, fits func(time.Weekday) bool) time.Time {
	for ahead := range 16 { // dates count here, of which a zone that moved over the date line lacks one
		date := time.Date(now.Year(), now.Month(), now.Day()+ahead, 0, 0, 0, 0, time.UTC)
		if !fits(date.Weekday()) {
			continue
		}
		if at := first(date.Year(), date.Month(), date.Day(), minutes, now.Location()); at.After(now) {
			return at
		}
	}
	return time.Time{}
}
