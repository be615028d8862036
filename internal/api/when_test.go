package api

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 3, 1, 12, 30, 45, 5, zone)
	for _, c := range []struct{ text, want string }{
		{"3m", "2026-03-01T12:27:45.000000005+02:00"},
		{"-3m", "2026-03-01T12:27:45.000000005+02:00"},
		{" 2h ", "2026-03-01T10:30:45.000000005+02:00"},
		{"7d", "2026-02-22T12:30:45.000000005+02:00"},
		{"1w2d1h", "2026-02-20T11:30:45.000000005+02:00"},
		{"0s", "2026-03-01T12:30:45.000000005+02:00"},
		{"now", "2026-03-01T12:30:45.000000005+02:00"},
		{"Today", "2026-03-01T00:00:00+02:00"},
		{"yesterday", "2026-02-28T00:00:00+02:00"},
		{"2026-01-02", "2026-01-02T00:00:00+02:00"},
		{"2026-01-02 15:04", "2026-01-02T15:04:00+02:00"},
		{"2026-01-02T15:04:05", "2026-01-02T15:04:05+02:00"},
		{"2026-01-02T15:04:05.25Z", "2026-01-02T15:04:05.25Z"},
		{"2026-01-02 15:04:05-07:00", "2026-01-02T15:04:05-07:00"},
		{"2026-01-02T15:04:05-23:59", "2026-01-02T15:04:05-23:59"},
		{"@0", "1970-01-01T02:00:00+02:00"},
	} {
		got, err := ParseTime(c.text, now)
		if err != nil || got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("ParseTime(%q) = %s, %v, want %s", c.text, got.Format(time.RFC3339Nano), err, c.want)
		}
	}
	for _, text := range []string{"", "-", "--3m", "m", "3", "3x", "d", "7d-1h", "7d+1h", "2026-13-01", "2026-02-30", "tomorrow",
		"@", "@9999999999999", "9999-01-01", "0001-01-01", "99999999w", "106751d24h",
		"2026-01-02T15:04:05+24:60", "2026-01-02T15:04:05-24:00", "2026-01-02 15:04:05+23:60"} {
		got, err := ParseTime(text, now)
		if err == nil {
			t.Errorf("ParseTime(%q) = %s, want an error", text, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"3m", "7d", "1w2d", "@12", "2026-01-02 15:04", "-5h", "999999999999d"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime(text, now)
		if err == nil && time.Unix(0, got.UnixNano()).Compare(got) != 0 {
			t.Errorf("ParseTime(%q) = %s, which int64 nanoseconds cannot hold", text, got)
		}
		if d, err := ParseDuration(text); err == nil && d < 0 {
			t.Errorf("ParseDuration(%q) = %s, want none below 0", text, d)
		}
	})
}
