package ledger

import (
	"context"
	"database/sql"
	"time"
)

// clearPatience bounds the one transaction that deletes all alerts, of which there may be millions.
const clearPatience = 10 * time.Minute

// ClearAlerts deletes all alerts with their logs and all notices about them, and returns how many alerts that were. Numbers of alerts and
// of changes are not used again, and positions stay where they are.
func (l *Ledger) ClearAlerts(ctx context.Context) (n int64, err error) {
	err = l.writeWithin(ctx, clearPatience, "clear alerts", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE alert_changes SET cleared = `+nextChange+` - 1`); err != nil {
			return err
		}
		for _, table := range []string{"attempts", "outbox", "alert_log", "alerts"} {
			done, err := tx.ExecContext(ctx, `DELETE FROM `+table)
			if err != nil {
				return err
			}
			if n, err = done.RowsAffected(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
