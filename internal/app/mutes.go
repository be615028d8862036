package app

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/mute"
	"tocsin/internal/notifier"
)

// excluded tells by which exclusion a finding is not to become an alert.
func (a *App) excluded(about *alert.Alert, now time.Time) (int64, bool) {
	m, ok := a.mutes.Current().Excluded(about, now)
	return m.ID, ok
}

// unmuted says that alerts have ended, with which silences may end.
func (a *App) unmuted(changes []ledger.Change) {
	if slices.ContainsFunc(changes, func(c ledger.Change) bool { return c.Kind == notifier.End }) {
		a.mutes.Ended()
	}
}

// mute ends what is over, and tells of the alerts that it hid.
func (a *App) mute(ctx context.Context) error {
	return a.mutes.Run(ctx, mute.RunOptions{Alerts: a.ledger, Route: a.policy.Route, Told: a.delivery.Wake})
}
