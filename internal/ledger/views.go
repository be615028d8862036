package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/fault"
)

// MaxViews is how many views an account may keep.
const MaxViews = 200

// A SavedView is an address that an account keeps under a name, as whoever stored it wrote it.
type SavedView struct {
	Name    string
	Address string
	Changed time.Time
}

// Views returns the views of an account, in no particular order.
func (l *Ledger) Views(ctx context.Context, account string) (list []SavedView, err error) {
	err = l.read(ctx, "list views of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		list = nil
		if err := wantAccount(ctx, db, account); err != nil {
			return err
		}
		found, err := db.QueryContext(ctx, `SELECT name, address, changed FROM saved_views WHERE account = $1`, clean(account))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var v SavedView
			var changed int64
			if err := found.Scan(&v.Name, &v.Address, &changed); err != nil {
				return err
			}
			v.Changed = instant(changed)
			list = append(list, v)
		}
		return found.Err()
	})
	return list, err
}

// PutView keeps a view of an account. One of that name is replaced when replace says so, and else a fault.Conflict, as is one
// more than MaxViews.
func (l *Ledger) PutView(ctx context.Context, account string, v SavedView, replace bool) error {
	return l.changeUser(ctx, "save a view of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		var was string
		err := tx.QueryRowContext(ctx, `SELECT address FROM saved_views WHERE account = $1 AND name = $2`, u.Name, clean(v.Name)).Scan(&was)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			var n int64
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM saved_views WHERE account = $1`, u.Name).Scan(&n); err != nil {
				return err
			}
			if n >= MaxViews {
				return fault.New(fault.Conflict, "%s keeps %d views, which is as many as there may be: remove one", u.Name, n)
			}
		case err != nil:
			return err
		case !replace:
			return fault.New(fault.Conflict, "there is a view %q already: choose another name, or say that this one takes its place", v.Name)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO saved_views (account, name, address, changed) VALUES ($1, $2, $3, $4)
ON CONFLICT (account, name) DO UPDATE SET address = excluded.address, changed = excluded.changed`, u.Name, clean(v.Name), clean(v.Address), nanos(v.Changed)); err != nil {
			return err
		}
		return note(ctx, tx, was, v.Address)
	})
}

// DeleteView forgets a view of an account.
func (l *Ledger) DeleteView(ctx context.Context, account, name string) error {
	return l.changeUser(ctx, "remove a view of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		var was string
		err := tx.QueryRowContext(ctx, `DELETE FROM saved_views WHERE account = $1 AND name = $2 RETURNING address`, u.Name, clean(name)).Scan(&was)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no view %q", cut(name, 80))
		}
		if err != nil {
			return err
		}
		return note(ctx, tx, was, "removed")
	})
}

// wantAccount is fault.NotFound where there is no account of a name.
func wantAccount(ctx context.Context, from session, name string) error {
	err := from.QueryRowContext(ctx, `SELECT id FROM accounts WHERE name = $1`, clean(name)).Scan(new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "no user %q", cut(name, 64))
	}
	return err
}
