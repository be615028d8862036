package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/fault"
)

// MaxReports is how many reports an account may have.
const MaxReports = 50

// maxReport bounds what is kept of one report, in bytes; valid ones are far smaller.
const maxReport = 16 << 10

// A SavedReport is a question that an account has asked on a schedule, as whoever stored it wrote it.
type SavedReport struct {
	ID      int64
	Account string
	Name    string
	Body    string
	Keep    int // results that stay
	Paused  bool
	Past    time.Time // what was due up to then was made, or is made no more
	Changed time.Time

	Last   time.Time // when the newest result was due; zero: there is none
	Failed string    // why that has no answer
}

const (
	reportColumns = `r.id, r.account, r.name, r.body, r.keep, r.paused, r.past, r.changed, COALESCE(x.due, 0), COALESCE(x.failed, '')`
	reportTables  = ` FROM reports r LEFT JOIN report_results x ON x.id = (SELECT MAX(y.id) FROM report_results y WHERE y.report = r.id)`
)

func scanReport(from scanner, more ...any) (r SavedReport, err error) {
	var paused, past, changed, last int64
	err = from.Scan(append([]any{&r.ID, &r.Account, &r.Name, &r.Body, &r.Keep, &paused, &past, &changed, &last, &r.Failed}, more...)...)
	r.Paused, r.Past, r.Changed, r.Last = paused != 0, instant(past), instant(changed), instant(last)
	return r, err
}

// Reports returns the reports of an account, in no particular order.
func (l *Ledger) Reports(ctx context.Context, account string) (list []SavedReport, err error) {
	err = l.read(ctx, "list reports of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		list = nil
		if err := wantAccount(ctx, db, account); err != nil {
			return err
		}
		found, err := db.QueryContext(ctx, `SELECT `+reportColumns+reportTables+` WHERE r.account = $1`, clean(account))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			r, err := scanReport(found)
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return found.Err()
	})
	return list, err
}

// Report returns a report of an account by its name.
func (l *Ledger) Report(ctx context.Context, account, name string) (r SavedReport, err error) {
	err = l.read(ctx, "read a report of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		if err := wantAccount(ctx, db, account); err != nil {
			return err
		}
		r, err = scanReport(db.QueryRowContext(ctx, `SELECT `+reportColumns+reportTables+` WHERE r.account = $1 AND r.name = $2`, clean(account), clean(name)))
		return noReport(name, err)
	})
	return r, err
}

// noReport says which report there is none of.
func noReport(name string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "no report %q", cut(name, 80))
	}
	return err
}

// A ScheduledReport is a report that is made on its schedule, with whose it is and the preferences that he stored; "" when none.
type ScheduledReport struct {
	SavedReport

	Owner       User
	Preferences string
}

// ScheduledReports returns those of all accounts that are not paused and whose account is not shut out, in no particular order.
func (l *Ledger) ScheduledReports(ctx context.Context) (list []ScheduledReport, err error) {
	err = l.read(ctx, "list scheduled reports", func(ctx context.Context, db *sql.DB) error {
		list = nil
		found, err := db.QueryContext(ctx, `SELECT `+reportColumns+`, a.id, a.admin, a.data_filter, COALESCE(p.body, '')`+reportTables+`
JOIN accounts a ON a.name = r.account LEFT JOIN preferences p ON p.account = r.account WHERE r.paused = 0 AND a.disabled = 0`)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var s ScheduledReport
			var admin int64
			if s.SavedReport, err = scanReport(found, &s.Owner.ID, &admin, &s.Owner.Filter, &s.Preferences); err != nil {
				return err
			}
			s.Owner.Name, s.Owner.Admin = s.Account, admin != 0
			list = append(list, s)
		}
		return found.Err()
	})
	return list, err
}

// PutReport keeps a report of its account. One of that name is replaced when replace says so, and else a fault.Conflict, as is one
// more than MaxReports, and one in place of another that was changed since before, unless that is zero. The results stay.
func (l *Ledger) PutReport(ctx context.Context, r SavedReport, replace bool, before time.Time) error {
	if len(r.Body) > maxReport {
		return fault.New(fault.Invalid, "report of %s: got %d bytes, want at most %d", cut(r.Account, 64), len(r.Body), maxReport)
	}
	return l.changeUser(ctx, "save a report of "+cut(r.Account, 64), r.Account, func(ctx context.Context, tx *sql.Tx, u User) error {
		var was string
		var changed int64
		err := tx.QueryRowContext(ctx, `SELECT body, changed FROM reports WHERE account = $1 AND name = $2`, u.Name, clean(r.Name)).Scan(&was, &changed)
		switch {
		case errors.Is(err, sql.ErrNoRows) && !before.IsZero():
			return fault.New(fault.Conflict, "there is no report %q any more", r.Name)
		case errors.Is(err, sql.ErrNoRows):
			var n int64
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM reports WHERE account = $1`, u.Name).Scan(&n); err != nil {
				return err
			}
			if n >= MaxReports {
				return fault.New(fault.Conflict, "%s has %d reports, which is as many as there may be: remove one", u.Name, n)
			}
		case err != nil:
			return err
		case !replace:
			return fault.New(fault.Conflict, "there is a report %q already: choose another name, or say that this one takes its place", r.Name)
		case !before.IsZero() && !instant(changed).Equal(before):
			return fault.New(fault.Conflict, "report %q: it was changed meanwhile, at %s (look at it again)", r.Name, instant(changed).Format(time.RFC3339))
		}
		var id int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO reports (account, name, body, keep, paused, past, changed) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account, name) DO UPDATE SET body = excluded.body, keep = excluded.keep, paused = excluded.paused, past = excluded.past, changed = excluded.changed RETURNING id`,
			u.Name, clean(r.Name), clean(r.Body), int64(r.Keep), flag(r.Paused), nanos(r.Past), nanos(r.Changed)).Scan(&id); err != nil {
			return err
		}
		if err := pruneResults(ctx, tx, id, int64(r.Keep)); err != nil {
			return err
		}
		return note(ctx, tx, was, r.Body)
	})
}

// pruneResults forgets all but so many of the newest results of a report.
func pruneResults(ctx context.Context, tx *sql.Tx, report, keep int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM report_results WHERE report = $1 AND id NOT IN
(SELECT id FROM report_results WHERE report = $1 ORDER BY id DESC LIMIT $2)`, report, keep)
	return err
}

// DeleteReport forgets a report of an account with its results.
func (l *Ledger) DeleteReport(ctx context.Context, account, name string) error {
	return l.changeUser(ctx, "remove a report of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		var id int64
		var was string
		err := tx.QueryRowContext(ctx, `DELETE FROM reports WHERE account = $1 AND name = $2 RETURNING id, body`, u.Name, clean(name)).Scan(&id, &was)
		if err != nil {
			return noReport(name, err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM report_results WHERE report = $1`, id); err != nil {
			return err
		}
		return note(ctx, tx, was, "removed")
	})
}

// PassReport says that what was due up to a time is made no more, or from then on is made again, of a report about which the
// ledger said otherwise at the time of was. When something else was said meanwhile it does nothing.
func (l *Ledger) PassReport(ctx context.Context, id int64, was, past time.Time) error {
	return l.write(ctx, "go on with a report", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE reports SET past = $1 WHERE id = $2 AND past = $3`, nanos(past), id, nanos(was))
		return err
	})
}
