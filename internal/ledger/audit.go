package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// Bounds of one line of the audit log, in bytes.
const (
	maxAuditWord = 256
	maxAuditText = 4096
)

// Done is the outcome of what was done; any other outcome is why it was not.
const Done = "done"

// An AuditLine says who changed what, or wanted to.
type AuditLine struct {
	ID      int64
	At      time.Time
	Who     string // account; empty: nobody who is known
	Via     string // process, socket, http or page
	From    string // address
	What    string // operation
	Subject string // on what
	Was     string // before; empty where nothing was or nothing is told. Secrets never stand here
	Became  string
	Outcome string // Done, or why not
}

// A Draft is the line of one change that is under way. What changes the ledger writes it in the transaction of the change,
// if its context has one: see Audited.
type Draft struct {
	AuditLine

	Written bool // it stands in the ledger
}

type draftKey struct{}

// Audited returns a context in which the change that is made leaves the line of the draft behind. It is for one change, by one
// goroutine.
func Audited(ctx context.Context, d *Draft) context.Context {
	return context.WithValue(ctx, draftKey{}, d)
}

// note writes the line of the draft that the context has, within the transaction of the change. Empty words leave those that
// the draft has.
func note(ctx context.Context, tx session, was, became string) error {
	d, ok := ctx.Value(draftKey{}).(*Draft)
	if !ok || d.Written {
		return nil
	}
	if was != "" || became != "" {
		d.Was, d.Became = was, became
	}
	d.Outcome = Done
	if err := d.insert(ctx, tx); err != nil {
		return err
	}
	d.Written = true // should the transaction fail, so does the call, and who made the draft writes a line of that
	return nil
}

func (a *AuditLine) insert(ctx context.Context, tx session) error {
	return tx.QueryRowContext(ctx, `INSERT INTO audit (at, who, via, origin, what, subject, was, became, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`, nanos(a.At), cut(a.Who, maxAuditWord), cut(a.Via, maxAuditWord), cut(a.From, maxAuditWord),
		cut(a.What, maxAuditWord), cut(a.Subject, maxAuditWord), cut(a.Was, maxAuditText), cut(a.Became, maxAuditText), cut(a.Outcome, maxAuditText)).Scan(&a.ID)
}

// WriteAudit adds one line to the audit log.
func (l *Ledger) WriteAudit(ctx context.Context, a AuditLine) error {
	return l.write(ctx, "write audit log", func(ctx context.Context, tx *sql.Tx) error { return a.insert(ctx, tx) })
}

// An AuditQuery selects lines; a zero field selects all.
type AuditQuery struct {
	Who     string
	What    string // operation, or the part of it before the dot
	Subject string // part of it
	Since   time.Time
	Until   time.Time
	SinceID int64
	Limit   int // 0 is 1,000
}

// Audit returns the lines that q selects, the newest first; with SinceID in the order of their numbers, so that page by page
// none is missed.
func (l *Ledger) Audit(ctx context.Context, q AuditQuery) ([]AuditLine, error) {
	where, values := q.conditions()
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	values = append(values, int64(limit))
	order := ` ORDER BY at DESC, id DESC LIMIT $`
	if q.SinceID != 0 {
		order = ` ORDER BY id LIMIT $`
	}
	text := `SELECT id, at, who, via, origin, what, subject, was, became, outcome FROM audit` + where + order + strconv.Itoa(len(values))
	var lines []AuditLine
	err := l.read(ctx, "read audit log", func(ctx context.Context, db *sql.DB) error {
		lines = nil
		found, err := db.QueryContext(ctx, text, values...)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var a AuditLine
			var at int64
			if err := found.Scan(&a.ID, &at, &a.Who, &a.Via, &a.From, &a.What, &a.Subject, &a.Was, &a.Became, &a.Outcome); err != nil {
				return err
			}
			a.At = instant(at)
			lines = append(lines, a)
		}
		return found.Err()
	})
	return lines, err
}

func (q AuditQuery) conditions() (text string, values []any) {
	var parts []string
	add := func(condition string, value any) {
		values = append(values, value)
		parts = append(parts, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(values))))
	}
	if q.Who != "" {
		add("who = ?", clean(q.Who))
	}
	if q.What != "" {
		add("(what = ? OR substr(what, 1, length(?) + 1) = ? || '.')", clean(q.What))
	}
	if q.Subject != "" {
		add("replace(subject, ?, '') <> subject", clean(q.Subject))
	}
	if !q.Since.IsZero() {
		add("at >= ?", nanos(q.Since))
	}
	if !q.Until.IsZero() {
		add("at < ?", nanos(q.Until))
	}
	if q.SinceID != 0 {
		add("id > ?", q.SinceID)
	}
	if len(parts) > 0 {
		text = ` WHERE ` + strings.Join(parts, ` AND `)
	}
	return text, values
}

// PruneAudit deletes the lines from before a time, and the oldest of more than most; 0 is no such bound. It returns how many.
func (l *Ledger) PruneAudit(ctx context.Context, before time.Time, most int) (deleted int64, err error) {
	err = l.write(ctx, "prune audit log", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM audit WHERE at < $1`, nanos(before))
		if err != nil {
			return err
		}
		if deleted, err = done.RowsAffected(); err != nil || most <= 0 {
			return err
		}
		done, err = tx.ExecContext(ctx, `DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1)`, int64(most))
		if err != nil {
			return err
		}
		more, err := done.RowsAffected()
		deleted += more
		return err
	})
	return deleted, err
}
