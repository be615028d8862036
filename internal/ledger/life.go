package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/alert"
)

// handlingColumns hold what people did about an alert, in the order of newRecord and store.
const handlingColumns = `acked_by, acked_at, acked_until, acked_note, assignee, disposition, duplicate_of, closed_by, closed_at, closed_note, reopened`

// say adds a line to the alert's log, which is written together with the alert.
func (r *row) say(e alert.Entry) { r.log = append(r.log, e) }

// storeLog writes what is new in the log of the alert.
func (r *row) storeLog(ctx context.Context, tx session) error {
	for _, e := range r.log {
		if _, err := tx.ExecContext(ctx, `INSERT INTO alert_log (alert, at, who, what, was, became, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			r.ID, nanos(e.At), clean(e.Who), e.What, clean(e.From), clean(e.To), e.Note); err != nil {
			return fmt.Errorf("add to the log of alert %d: %w", r.ID, err)
		}
	}
	r.log = nil
	return nil
}

// end ends an alert that stands, at event time at but not before its last trigger.
func (r *row) end(at, now time.Time) {
	if !r.fresh { // that it ended belongs to its beginning then
		r.say(alert.Entry{At: now, What: alert.DidEnd, From: string(r.State), To: string(alert.Ended)})
	}
	if !r.Flapping.IsZero() {
		r.stopFlapping()
	}
	r.State, r.EndedAt = alert.Ended, maxTime(at, r.Last)
}

// release makes an acknowledged alert an open one.
func (r *row) release(e alert.Entry) {
	e.From, e.To = string(r.State), string(alert.Open)
	r.say(e)
	r.State = alert.Open
	r.AckedBy, r.AckedAt, r.AckedUntil, r.AckNote = "", time.Time{}, time.Time{}, ""
}

// lapse ends an acknowledgement whose time is over by now.
func (r *row) lapse(now time.Time) {
	if r.State == alert.Acknowledged && !r.AckedUntil.IsZero() && !r.AckedUntil.After(now) {
		r.release(alert.Entry{At: r.AckedUntil, What: alert.DidLapse})
	}
}

// changeSeverity notes that the rule says another severity now. A rise breaks an acknowledgement: what was taken on was less.
func (r *row) changeSeverity(to alert.Severity, now time.Time) {
	if r.Flapping.IsZero() {
		r.Turns = 0 // what is told now is something else
	}
	r.say(alert.Entry{At: now, What: alert.DidChange, From: r.Severity.String(), To: to.String()})
	if to > r.Severity && r.State == alert.Acknowledged {
		r.release(alert.Entry{At: now, What: alert.DidBreak})
	}
}

// endedWithin reports whether the alert ended so shortly before an episode that it goes on with it.
func (r *row) endedWithin(reopen time.Duration, e *Episode) bool {
	return reopen > 0 && time.Unix(0, e.First).Sub(r.EndedAt) <= reopen
}

// reopen makes an alert that ended an open one again. Its comments and whose it is stay.
func (r *row) reopen(now time.Time) {
	entry := alert.Entry{At: now, What: alert.DidReopen, From: string(r.State), To: string(alert.Open)}
	if r.ClosedBy != "" {
		entry.Note = "closed as " + string(r.Disposition) + " by " + r.ClosedBy
	}
	r.say(entry)
	r.State, r.EndedAt, r.again = alert.Open, time.Time{}, true
	r.Handling = alert.Handling{Assignee: r.Assignee, Reopened: r.Reopened + 1}
}

// dueAcknowledgement selects the alerts whose acknowledgement was to end by now, by the index that is made for it.
const dueAcknowledgement = `state = 'acknowledged' AND acked_until > 0 AND acked_until <= $1`

// AcknowledgementsDue reports whether EndAcknowledgements has anything to do.
func (l *Ledger) AcknowledgementsDue(ctx context.Context, now time.Time) (due bool, err error) {
	err = l.read(ctx, "look for acknowledgements that end", func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM alerts WHERE `+dueAcknowledgement+`)`, nanos(now)).Scan(&due)
	})
	return due, err
}

// EndAcknowledgements opens the alerts again whose acknowledgement was to end by now, and returns how many that were.
func (l *Ledger) EndAcknowledgements(ctx context.Context, now time.Time) (n int, err error) {
	err = l.write(ctx, "end acknowledgements", func(ctx context.Context, tx *sql.Tx) error {
		n = 0
		rows, err := alertsWhere(ctx, tx, dueAcknowledgement, nanos(now))
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.lapse(now)
			r.Updated = now.UTC().Round(0)
			if err := r.store(ctx, tx); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// AlertLog returns what happened to an alert, the oldest first; its beginning is told by the alert itself.
func (l *Ledger) AlertLog(ctx context.Context, id int64) ([]alert.Entry, error) {
	var log []alert.Entry
	err := l.read(ctx, "read the log of an alert", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT id, at, who, what, was, became, note FROM alert_log WHERE alert = $1 ORDER BY id`, id)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var e alert.Entry
			var at int64
			if err := found.Scan(&e.ID, &at, &e.Who, &e.What, &e.From, &e.To, &e.Note); err != nil {
				return err
			}
			e.At = instant(at)
			log = append(log, e)
		}
		return found.Err()
	})
	return log, err
}
