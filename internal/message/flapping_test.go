package message

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// TestFlapping: a notice says that its alert comes and goes, or how that ended, and says nothing of it otherwise.
func TestFlapping(t *testing.T) {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change     notifier.Change
		alert      alert.Alert
		news, says string
	}{
		"never flapped":     {notifier.Update, alert.Alert{}, "again", ""},
		"flaps":             {notifier.Update, alert.Alert{Flapping: since, Turns: 6}, "flapping", "6 times so far"},
		"closed while so":   {notifier.End, alert.Alert{Turns: 6}, "ended", "came and went 6 times"},
		"steady again":      {notifier.Update, alert.Alert{Turns: 9}, "steady", "came and went 9 times, and goes on"},
		"ended by itself":   {notifier.End, alert.Alert{}, "ended", ""},
		"begins, as others": {notifier.Create, alert.Alert{}, "", ""},
	} {
		c.alert.Reason = "because"
		f := NewFacts(notifier.Notice{Change: c.change, Alert: c.alert}, time.UTC)
		if f.News != c.news || !strings.HasPrefix(f.Reason, "because") || !strings.Contains(f.Reason, c.says) || c.says == "" && f.Reason != "because" {
			t.Errorf("%s: news %q, reason %q, want %q and %q", name, f.News, f.Reason, c.news, c.says)
		}
	}
}
