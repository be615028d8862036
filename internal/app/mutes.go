package app

import (
	"time"

	"tocsin/internal/alert"
)

// excluded tells by which exclusion a finding is not to become an alert.
func (a *App) excluded(about *alert.Alert, now time.Time) (int64, bool) {
	m, ok := a.mutes.Current().Excluded(about, now)
	return m.ID, ok
}
