package deviation

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"tocsin/internal/window"
)

// reason says in one sentence what is unusual.
func (d *gauge) reason(v float64, u *habit) string {
	was := fmt.Sprintf("%s was %s in %s", d.metric, number(v), window.Span(d.config.Bucket))
	switch {
	case d.config.Z == 0:
		return was + ", " + u.compared(v) + u.percent(v)
	case u.deviation == 0:
		return fmt.Sprintf("%s, where it always was %s (deviation 0)", was, number(u.mean))
	default:
		return was + ", " + u.compared(v)
	}
}

// percent says how many percent of what is usual a value is; nothing where nothing is usual.
func (u *habit) percent(v float64) string {
	if u.mean <= 0 {
		return ""
	}
	return fmt.Sprintf(": %s %%", strconv.FormatFloat(100*v/u.mean, 'f', 0, 64))
}

// compared holds a value against what is usual, in words.
func (u *habit) compared(v float64) string {
	text := fmt.Sprintf("%s are %s ± %s", u.words(), number(u.mean), number(u.deviation))
	if u.deviation > 0 {
		text += fmt.Sprintf(" (z=%.2f)", (v-u.mean)/u.deviation)
	}
	return text
}

// number writes a value for people: large ones to the unit, others with six digits.
func number(v float64) string {
	if a := math.Abs(v); a >= 1e5 && a < 1<<53 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// words says which buckets are meant by what is usual.
func (u *habit) words() string {
	hour := int(u.hour) % hoursOfDay
	span := fmt.Sprintf("%02d:00 to %02d:00", hour, (hour+1)%hoursOfDay)
	switch u.level {
	case thisOne:
		return "usual on " + time.Weekday((int(u.hour)/hoursOfDay+1)%7).String() + "s from " + span
	case anyDay:
		return "usual from " + span
	case anyHour:
		return "usual at all hours"
	default:
		return "usual"
	}
}
