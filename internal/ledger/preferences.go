package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/fault"
)

// maxPreferences bounds what is kept for one account, in bytes; valid preferences are far smaller.
const maxPreferences = 64 << 10

// UserPreferences are what an account wants to be told, as whoever stored it wrote it.
type UserPreferences struct {
	User    User
	Body    string
	Changed time.Time
}

// Preferences returns those of an account; ok is false when it has stored none.
func (l *Ledger) Preferences(ctx context.Context, account string) (p UserPreferences, ok bool, err error) {
	err = l.read(ctx, "read preferences of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		var changed sql.NullInt64
		var body sql.NullString
		p.User, err = scanUser(db.QueryRowContext(ctx, `SELECT `+userColumns+`, (SELECT body FROM preferences p WHERE p.account = a.name),
(SELECT p.changed FROM preferences p WHERE p.account = a.name) FROM accounts a WHERE name = $1`, clean(account)), &body, &changed)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no user %q", cut(account, 64))
		}
		p.Body, p.Changed, ok = body.String, instant(changed.Int64), body.Valid
		return err
	})
	return p, ok, err
}

// AllPreferences returns every account that has stored some, by name.
func (l *Ledger) AllPreferences(ctx context.Context) (all []UserPreferences, err error) {
	err = l.read(ctx, "list preferences", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT `+userColumns+`, body, set_at
FROM accounts JOIN (SELECT account, body, changed AS set_at FROM preferences) p ON p.account = name ORDER BY name`)
		if err != nil {
			return err
		}
		defer found.Close()
		all = nil
		for found.Next() {
			var p UserPreferences
			var changed int64
			if p.User, err = scanUser(found, &p.Body, &changed); err != nil {
				return err
			}
			p.Changed = instant(changed)
			all = append(all, p)
		}
		return found.Err()
	})
	return all, err
}

// SetPreferences stores those of an account in place of what it had.
func (l *Ledger) SetPreferences(ctx context.Context, account, body string, now time.Time) error {
	if len(body) > maxPreferences {
		return fault.New(fault.Invalid, "preferences of %s: got %d bytes, want at most %d", cut(account, 64), len(body), maxPreferences)
	}
	return l.changeUser(ctx, "store preferences of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		var was string
		err := tx.QueryRowContext(ctx, `SELECT body FROM preferences WHERE account = $1`, u.Name).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO preferences (account, body, changed) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET body = excluded.body, changed = excluded.changed`, u.Name, clean(body), nanos(now)); err != nil {
			return err
		}
		return note(ctx, tx, was, body)
	})
}
