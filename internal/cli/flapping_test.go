package cli

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
)

// TestFlapping: an alert that comes and goes says so in a line and to people, and one that does not says nothing of it.
func TestFlapping(t *testing.T) {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &shell{Options: Options{Zone: time.UTC}}
	for _, c := range []struct {
		alert       alert.Alert
		shown, line string
	}{
		{alert.Alert{Change: 3}, "", " change=3"},
		{alert.Alert{Turns: 6, Flapping: since}, "since 2026-03-01 12:00:00, 6 changes", " turns=6 flapping=2026-03-01T12:00:00Z"},
		{alert.Alert{Turns: 7, Flapping: since, Calm: since.Add(time.Minute)}, "since 2026-03-01 12:00:00, 7 changes, calm since 2026-03-01 12:01:00", " turns=7 flapping=2026-03-01T12:00:00Z"},
		{alert.Alert{Turns: 8}, "no more, after 8 changes", " turns=8"},
	} {
		if got := s.flaps(&c.alert); got != c.shown {
			t.Errorf("flaps(%+v) = %q, want %q", c.alert, got, c.shown)
		}
		if got := alertLine(&c.alert); !strings.HasSuffix(got, c.line) {
			t.Errorf("alertLine(%+v) = %q, want %q at its end", c.alert, got, c.line)
		}
	}
}
