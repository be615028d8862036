package ledger

import (
	"context"
	"database/sql"
	"time"

	"tocsin/internal/alert"
)

// An AlertCount is how many alerts there are of one rule, severity and state.
type AlertCount struct {
	RuleName, Owner  string
	Severity         alert.Severity
	State            alert.State
	Alerts, Triggers int64
	Last             time.Time // newest trigger of all of them
}

// CountAlerts counts the alerts that q selects, whatever its Limit, most severe first and by the names of their rules.
func (l *Ledger) CountAlerts(ctx context.Context, q AlertQuery) ([]AlertCount, error) {
	var counts []AlertCount
	err := l.read(ctx, "count alerts", func(ctx context.Context, db *sql.DB) error {
		where, values := q.conditions()
		rows, err := db.QueryContext(ctx, `SELECT rule_name, owner, severity, state, COUNT(*), CAST(SUM(triggers) AS BIGINT), MAX(last_at) FROM alerts`+where+
			` GROUP BY rule_name, owner, severity, state ORDER BY severity DESC, rule_name, owner, state`, values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c AlertCount
			var severity, last int64
			if err := rows.Scan(&c.RuleName, &c.Owner, &severity, &c.State, &c.Alerts, &c.Triggers, &last); err != nil {
				return err
			}
			c.Severity, c.Last = alert.Severity(severity), instant(last) //nolint:gosec // as it was stored
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}
