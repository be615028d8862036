package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// Bounds of one result, in bytes.
const (
	MaxResult = 256 << 10 // of its body
	maxHead   = 128 << 10
	maxFailed = 2000
)

// A KeptResult is what a report was answered, as whoever stored it wrote it.
type KeptResult struct {
	ID     int64
	Due    time.Time // of one report no two are due at the same time
	Made   time.Time
	Failed string // why there is no answer; empty when there is one
	Head   string // what lists tell of it
	Body   string // all else
}

// A NewResult is a result that is to be kept.
type NewResult struct {
	KeptResult

	Report  int64     // number of the report
	Changed time.Time // that of the report of which the question was asked
	// Scheduled says that it was made on the schedule of the report: what was due up to Due is over.
	Scheduled bool
	// Mail is called with the number of the result, and returns what is to be sent; nil, or an empty channel, is nothing. It is
	// pure, and is called inside a transaction.
	Mail func(id int64) (ReportMail, error)
}

// A ReportMail is a result that goes out over a channel.
type ReportMail struct {
	Channel string
	To      string
	Report  notifier.Report
}

// KeepResult keeps a result, puts its mail into the outbox and forgets the results that are too old, all in one transaction. The
// report has to be there as it was asked, and its account must not be shut out, else it is a fault.Conflict and nothing is kept. Of
// two results that are due at the same time the first is kept; of the second the number is 0.
func (l *Ledger) KeepResult(ctx context.Context, r NewResult) (id int64, err error) {
	if len(r.Body) > MaxResult || len(r.Head) > maxHead {
		return 0, fault.New(fault.Invalid, "result of a report: got %d bytes, want at most %d", max(len(r.Body), len(r.Head)), MaxResult)
	}
	err = l.write(ctx, "keep the result of a report", func(ctx context.Context, tx *sql.Tx) error {
		id = 0
		var account, name string
		var keep, changed, past int64
		err := tx.QueryRowContext(ctx, `SELECT r.account, r.name, r.keep, r.changed, r.past FROM reports r JOIN accounts a ON a.name = r.account WHERE r.id = $1 AND a.disabled = 0`,
			r.Report).Scan(&account, &name, &keep, &changed, &past)
		switch {
		case errors.Is(err, sql.ErrNoRows) || err == nil && !instant(changed).Equal(r.Changed):
			return fault.New(fault.Conflict, "the report was changed or removed, or its owner shut out, while it was made")
		case err != nil:
			return err
		}
		err = tx.QueryRowContext(ctx, `INSERT INTO report_results (report, due, made, failed, head, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (report, due) DO NOTHING RETURNING id`, r.Report, nanos(r.Due), nanos(r.Made), cut(r.Failed, maxFailed), clean(r.Head), clean(r.Body)).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if r.Scheduled && nanos(r.Due) > past {
			if _, err := tx.ExecContext(ctx, `UPDATE reports SET past = $1 WHERE id = $2`, nanos(r.Due), r.Report); err != nil {
				return err
			}
		}
		if id == 0 {
			return nil
		}
		if err := pruneResults(ctx, tx, r.Report, keep); err != nil {
			return err
		}
		if err := r.post(ctx, tx, id, account, name); err != nil {
			return err
		}
		return note(ctx, tx, "", "result "+strconv.FormatInt(id, 10))
	})
	return id, err
}

// post puts the mail of a result into the outbox.
func (r *NewResult) post(ctx context.Context, tx *sql.Tx, id int64, account, name string) error {
	if r.Mail == nil {
		return nil
	}
	mail, err := r.Mail(id)
	if err != nil || mail.Channel == "" {
		return err
	}
	body, err := encode(mail.Report)
	if err != nil {
		return err
	}
	key := "report-" + strconv.FormatInt(id, 10) + "-" + strconv.FormatInt(nanos(r.Made), 36) + "-" + mail.Channel // the time tells ledgers apart
	if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (idempotency, alert, change, recipient, channel, target, body, state, attempts, created, due, lease, lease_until, hold, why, bundle)
VALUES ($1, 0, $2, $3, $4, $5, $6, 'pending', 0, $7, $7, '', 0, $8, $9, 0)`,
		clean(key), string(notifier.Reported), account, clean(mail.Channel), clean(mail.To), body, nanos(r.Made), string(ByReport), cut("report "+name, maxWhy)); err != nil {
		return fmt.Errorf("put %s into the outbox: %w", key, err)
	}
	return nil
}

// Results returns what is kept of a report of an account, without bodies, the newest first.
func (l *Ledger) Results(ctx context.Context, account, name string) (list []KeptResult, err error) {
	err = l.read(ctx, "list results of a report of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		list = nil
		id, err := reportOf(ctx, db, account, name)
		if err != nil {
			return err
		}
		found, err := db.QueryContext(ctx, `SELECT id, due, made, failed, head FROM report_results WHERE report = $1 ORDER BY id DESC`, id)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			r, err := scanResult(found)
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return found.Err()
	})
	return list, err
}

// Result returns one result of a report of an account with its body; number 0 is the newest.
func (l *Ledger) Result(ctx context.Context, account, name string, number int64) (r KeptResult, err error) {
	err = l.read(ctx, "read a result of a report of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		id, err := reportOf(ctx, db, account, name)
		if err != nil {
			return err
		}
		var body string
		r, err = scanResult(db.QueryRowContext(ctx, `SELECT id, due, made, failed, head, body FROM report_results WHERE report = $1 AND ($2 = 0 OR id = $2) ORDER BY id DESC LIMIT 1`,
			id, number), &body)
		r.Body = body
		return noResult(name, number, err)
	})
	return r, err
}

// HasResult reports whether there is a result of a report that was due at a time.
func (l *Ledger) HasResult(ctx context.Context, report int64, due time.Time) (has bool, err error) {
	err = l.read(ctx, "look for a result of a report", func(ctx context.Context, db *sql.DB) error {
		var n int64
		err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM report_results WHERE report = $1 AND due = $2`, report, nanos(due)).Scan(&n)
		has = n > 0
		return err
	})
	return has, err
}

// DeleteResult forgets a result of a report of an account.
func (l *Ledger) DeleteResult(ctx context.Context, account, name string, number int64) error {
	return l.changeUser(ctx, "remove a result of a report of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		id, err := reportOf(ctx, tx, u.Name, name)
		if err != nil {
			return err
		}
		var due int64
		if err := tx.QueryRowContext(ctx, `DELETE FROM report_results WHERE report = $1 AND id = $2 RETURNING due`, id, number).Scan(&due); err != nil {
			return noResult(name, number, err)
		}
		return note(ctx, tx, "result of "+instant(due).Format(time.RFC3339), "removed")
	})
}

func scanResult(from scanner, more ...any) (r KeptResult, err error) {
	var due, made int64
	err = from.Scan(append([]any{&r.ID, &due, &made, &r.Failed, &r.Head}, more...)...)
	r.Due, r.Made = instant(due), instant(made)
	return r, err
}

// reportOf returns the number of a report of an account.
func reportOf(ctx context.Context, from session, account, name string) (id int64, err error) {
	if err := wantAccount(ctx, from, account); err != nil {
		return 0, err
	}
	err = from.QueryRowContext(ctx, `SELECT id FROM reports WHERE account = $1 AND name = $2`, clean(account), clean(name)).Scan(&id)
	return id, noReport(name, err)
}

// noResult says which result there is none of.
func noResult(report string, number int64, err error) error {
	switch {
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case number == 0:
		return fault.New(fault.NotFound, "report %q has no result yet", cut(report, 80))
	default:
		return fault.New(fault.NotFound, "report %q has no result %d (any more)", cut(report, 80), number)
	}
}
