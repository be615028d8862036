package chart

import (
	"math"
	"strconv"
	"time"
)

// scale returns round values from 0 to highest or a little above it, about as many as wanted.
func scale(highest float64, wanted int) []float64 {
	if highest <= 0 {
		return []float64{0, 1}
	}
	step := math.Pow(10, math.Floor(math.Log10(highest/float64(wanted))))
	for _, by := range []float64{1, 2, 2.5, 5, 10} {
		if highest/(step*by) <= float64(wanted) {
			step *= by
			break
		}
	}
	marks := []float64{0}
	for i := 1; marks[len(marks)-1] < highest; i++ {
		marks = append(marks, float64(i)*step)
	}
	return marks
}

// prefixes are those of the SI, by thousands.
var prefixes = [...]string{"", "k", "M", "G", "T", "P", "E"}

// amount writes a value of a scale, as in 2.5 MB.
func amount(v float64, unit string) string {
	i := 0
	for v >= 1000 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	text := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	if tail := prefixes[i] + unit; tail != "" {
		text += " " + tail
	}
	return text
}

// Amount writes a number with three digits and an SI prefix, as in 2.5 MB.
func Amount(v float64, unit string) string {
	if v < 1000 {
		return amount(v, unit)
	}
	i, scaled := 0, v
	for scaled >= 999.5 && i < len(prefixes)-1 {
		scaled /= 1000
		i++
	}
	digits := max(0, 2-int(math.Floor(math.Log10(scaled))))
	return strconv.FormatFloat(scaled, 'f', min(digits, 2), 64) + " " + prefixes[i] + unit
}

// spacings are the distances of times that are written, with how they are.
var spacings = [...]struct {
	every  time.Duration
	layout string
}{
	{time.Second, "15:04:05"}, {5 * time.Second, "15:04:05"}, {15 * time.Second, "15:04:05"}, {30 * time.Second, "15:04:05"},
	{time.Minute, "15:04"}, {2 * time.Minute, "15:04"}, {5 * time.Minute, "15:04"}, {10 * time.Minute, "15:04"}, {15 * time.Minute, "15:04"}, {30 * time.Minute, "15:04"},
	{time.Hour, "15:04"}, {2 * time.Hour, "Jan 2 15:04"}, {3 * time.Hour, "Jan 2 15:04"}, {6 * time.Hour, "Jan 2 15:04"}, {12 * time.Hour, "Jan 2 15:04"},
	{day, "Jan 2"}, {2 * day, "Jan 2"}, {7 * day, "Jan 2"}, {14 * day, "Jan 2"}, {30 * day, "Jan 2006"}, {91 * day, "Jan 2006"}, {365 * day, "2006"},
}

const day = 24 * time.Hour

// spacing returns the least distance at which no more than wanted times stand in a span.
func spacing(span time.Duration, wanted int) (time.Duration, string) {
	for _, s := range spacings {
		if span/s.every <= time.Duration(wanted) {
			return s.every, s.layout
		}
	}
	last := spacings[len(spacings)-1]
	years := int(span/last.every)/wanted + 1
	return time.Duration(years) * last.every, last.layout
}

// firstMark returns the first round time at or after start, on the clock of its zone.
func firstMark(start time.Time, every time.Duration) time.Time {
	midnight := time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, start.Location())
	at := midnight
	if every <= time.Hour { // else from midnight on, by the clock
		at = midnight.Add(start.Sub(midnight).Truncate(every))
	}
	for at.Before(start) {
		at = nextMark(at, every)
	}
	return at
}

// nextMark returns the round time behind another. Days are those of the calendar, also where one has 23 hours, and several hours are
// those of the clock.
func nextMark(at time.Time, every time.Duration) time.Time {
	if every >= day {
		return at.AddDate(0, 0, int(every/day))
	}
	if every > time.Hour {
		hours := int(every / time.Hour)
		next := time.Date(at.Year(), at.Month(), at.Day(), at.Hour()-at.Hour()%hours+hours, 0, 0, 0, at.Location())
		if next.After(at) { // else that hour is left out by the clock
			return next
		}
	}
	return at.Add(every)
}
