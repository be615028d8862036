package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instants are the spellings of an instant that ParseTime takes; those without a zone are in that of now.
var instants = [...]string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
}

// ParseTime reads a point in time as people write it: a length of time before now ("3m", "2h", "7d", "1w2d"), an instant
// (RFC 3339, "2026-01-02", "2026-01-02 15:04"), seconds since 1970 ("@1767312000"), or "now", "today", "yesterday", which
// begin at midnight. What names no zone is in the zone of now. The years 1678 to 2262 can be told, as int64 nanoseconds can.
func ParseTime(text string, now time.Time) (time.Time, error) {
	s := strings.TrimSpace(text)
	switch midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()); strings.ToLower(s) {
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if seconds, ok := strings.CutPrefix(s, "@"); ok {
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return time.Time{}, badTime(text)
		}
		return inRange(time.Unix(n, 0).In(now.Location()), text)
	}
	for _, layout := range instants {
		t, err := time.ParseInLocation(layout, s, now.Location())
		if err != nil {
			continue
		}
		if _, offset := t.Zone(); max(offset, -offset) >= 24*3600 { // package time takes up to 24:60
			return time.Time{}, fmt.Errorf("time %q: want an offset from UTC of 23:59 at most", text)
		}
		return inRange(t, text)
	}
	d, err := ParseDuration(strings.TrimPrefix(s, "-"))
	if err != nil || strings.HasPrefix(s, "--") {
		return time.Time{}, badTime(text)
	}
	return inRange(now.Add(-d), text)
}

func inRange(t time.Time, text string) (time.Time, error) {
	if y := t.UTC().Year(); y < 1678 || y > 2261 {
		return time.Time{}, fmt.Errorf("time %q: want a year from 1678 to 2261", text)
	}
	return t, nil
}

func badTime(text string) error {
	return fmt.Errorf(`time %q: want a length of time before now such as 3m, 2h or 7d, or an instant such as 2026-01-02, "2026-01-02 15:04" or 2026-01-02T15:04:05Z`, text)
}

// ParseDuration reads a length of time: what time.ParseDuration takes, with the units d (24 hours) and w (7 days) before
// the smaller ones: "90s", "1h30m", "7d", "1w2d12h". It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("length of time %q: want a number and a unit, such as 90s, 5m, 2h, 7d or 1w", text)
	s, total := text, time.Duration(0)
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, rest, ok := strings.Cut(s, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > (1<<63-1-total)/unit.length {
			return 0, bad
		}
		total += time.Duration(n) * unit.length
		s = rest
		if s == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || total+d < total {
		return 0, bad
	}
	return total + d, nil
}
