package app

import "context"

// kept returns when everything that is in the journal now is found by queries.
func (a *App) kept(ctx context.Context) error { return a.holds(ctx, a.journal.Head()) }

// clearAlerts deletes all alerts while no judge writes any.
func (a *App) clearAlerts(ctx context.Context) (n int64, err error) {
	remove := func(ctx context.Context) error {
		n, err = a.ledger.ClearAlerts(ctx)
		return err
	}
	for _, j := range a.judges {
		inner := remove
		remove = func(ctx context.Context) error { return j.alerting.Empty(ctx, inner) }
	}
	err = remove(ctx)
	return n, err
}
