package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// Where an alert came from.
const (
	Live    = "live"    // judged as the events came in
	History = "history" // judged afterwards
	Test    = "test"    // made by tocsin to try itself
)

// nextChange is the number of the next change of an alert. As there is one writer at a time, a number that can be read has
// all lower ones before it.
const nextChange = `(SELECT MAX(newest) + 1 FROM (SELECT MAX(change) AS newest FROM alerts UNION ALL SELECT cleared FROM alert_changes) AS known)`

// mark notes that findings up to a position were counted.
func (r *row) mark(name string, p event.Position) {
	if r.seen == nil {
		r.seen = map[string]event.Position{}
	}
	r.seen[name] = join(r.seen[name], p)
}

// store writes the alert and what is new of its log, which is one change; a fresh one gets its number.
func (r *row) store(ctx context.Context, tx session) error {
	entity, err := encode(r.Entity)
	if err != nil {
		return err
	}
	samples, odd, err := r.encodeSamples()
	if err != nil {
		return err
	}
	seen, err := encode(r.seen)
	if err != nil {
		return err
	}
	turned, err := encodeTurns(r.turned)
	if err != nil {
		return err
	}
	values := []any{r.Rule, r.RuleName, int64(r.RuleVersion), r.Owner, r.Title, int64(r.Severity), string(r.State), entity, r.key, r.Origin,
		r.First.UnixNano(), r.Last.UnixNano(), nanos(r.Updated), nanos(r.EndedAt), r.Triggers, r.Value, r.Peak, r.Limit, flag(r.Below),
		int64(r.Window), r.Reason, samples, seen,
		clean(r.AckedBy), nanos(r.AckedAt), nanos(r.AckedUntil), r.AckNote, clean(r.Assignee), string(r.Disposition), r.DuplicateOf,
		clean(r.ClosedBy), nanos(r.ClosedAt), r.CloseNote, int64(r.Reopened), turned, r.Turns, nanos(r.Flapping), nanos(r.Calm), r.settles, odd}
	if r.fresh {
		err := tx.QueryRowContext(ctx, `INSERT INTO alerts (rule, rule_name, rule_version, owner, title, severity, state, entity, entity_key, origin,
  first_at, last_at, updated_at, ended_at, triggers, value, peak, bound, below, span, reason, samples, seen, `+handlingColumns+`, turn_times, turns, flapping, calm, settles, odd, change, born)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
  $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, `+nextChange+`, `+nextChange+`) RETURNING id, change, born`, values...).Scan(&r.ID, &r.Change, &r.Born)
		if err != nil {
			return fmt.Errorf("insert alert of rule %d: %w", r.Rule, err)
		}
		r.fresh, r.dirty = false, false
		return r.storeLog(ctx, tx)
	}
	err = tx.QueryRowContext(ctx, `UPDATE alerts SET rule = $1, rule_name = $2, rule_version = $3, owner = $4, title = $5, severity = $6, state = $7,
  entity = $8, entity_key = $9, origin = $10, first_at = $11, last_at = $12, updated_at = $13, ended_at = $14, triggers = $15, value = $16,
  peak = $17, bound = $18, below = $19, span = $20, reason = $21, samples = $22, seen = $23,
  acked_by = $24, acked_at = $25, acked_until = $26, acked_note = $27, assignee = $28, disposition = $29, duplicate_of = $30,
  closed_by = $31, closed_at = $32, closed_note = $33, reopened = $34, turn_times = $35, turns = $36, flapping = $37, calm = $38, settles = $39, odd = $40,
  change = `+nextChange+` WHERE id = $41 RETURNING change`, append(values, r.ID)...).Scan(&r.Change)
	if err != nil {
		return fmt.Errorf("update alert %d: %w", r.ID, err)
	}
	r.dirty = false
	return r.storeLog(ctx, tx)
}

// Alerts returns the alerts that q selects, that with the newest trigger first, or with SinceChange that with the oldest
// change.
func (l *Ledger) Alerts(ctx context.Context, q AlertQuery) ([]alert.Alert, error) {
	var found pages
	err := l.read(ctx, "list alerts", func(ctx context.Context, db *sql.DB) error {
		found = pages{}
		query, values := q.statement()
		rows, err := db.QueryContext(ctx, query, values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for c := newRecord(q.columns()); rows.Next(); {
			if err := c.read(rows); err != nil {
				return err
			}
			found.add(&c.Alert)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return found.all(), nil
}

// pages gather alerts, of which nobody knows how many come: an alert is large, so that each is copied once and not whenever
// a list of them outgrows its place.
type pages struct {
	full [][]alert.Alert
	last []alert.Alert
}

// alertsOfPage are so many that the first page, made for few, is followed by ones that are worth it.
const alertsOfPage = 512

func (p *pages) add(a *alert.Alert) {
	if len(p.last) == alertsOfPage {
		p.full = append(p.full, p.last)
		p.last = make([]alert.Alert, 0, alertsOfPage)
	}
	p.last = append(p.last, *a)
}

// all returns the alerts in the order in which they came, nil for none.
func (p *pages) all() []alert.Alert {
	if len(p.full) == 0 {
		return p.last
	}
	return slices.Concat(append(p.full, p.last)...)
}

// NewestChange returns the number of the newest change of all alerts, 0 when there was none.
func (l *Ledger) NewestChange(ctx context.Context) (n int64, err error) {
	err = l.read(ctx, "read newest change", func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT `+nextChange+` - 1`).Scan(&n)
	})
	return n, err
}

// OpenAlerts counts the alerts of each rule that have not ended; the one that stands for an overflow is left out.
func (l *Ledger) OpenAlerts(ctx context.Context) (map[int64]int, error) {
	counts := map[int64]int{}
	err := l.read(ctx, "count open alerts", func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx,
			`SELECT rule, COUNT(*) FROM alerts WHERE state <> 'ended' AND entity_key <> $1 GROUP BY rule`, overflowKey)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var rule int64
			var n int
			if err := rows.Scan(&rule, &n); err != nil {
				return err
			}
			counts[rule] = n
		}
		return rows.Err()
	})
	return counts, err
}
