package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/fault"
)

// maxBoard bounds what is kept for one account, in bytes; valid boards are far smaller.
const maxBoard = 256 << 10

// A UserBoard is what an account made of its first page, as whoever stored it wrote it.
type UserBoard struct {
	Body string // empty: nothing, or it was taken back
	// Version counts the changes; 0: there was none.
	Version int64
	Changed time.Time
}

// Board returns that of an account.
func (l *Ledger) Board(ctx context.Context, account string) (b UserBoard, err error) {
	err = l.read(ctx, "read board of "+cut(account, 64), func(ctx context.Context, db *sql.DB) error {
		if err := wantAccount(ctx, db, account); err != nil {
			return err
		}
		b, err = scanBoard(ctx, db, account)
		return err
	})
	return b, err
}

func scanBoard(ctx context.Context, from session, account string) (b UserBoard, err error) {
	var changed int64
	err = from.QueryRowContext(ctx, `SELECT version, body, changed FROM boards WHERE account = $1`, clean(account)).Scan(&b.Version, &b.Body, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return UserBoard{}, nil
	}
	b.Changed = instant(changed)
	return b, err
}

// SetBoard stores that of an account in place of what it had; an empty body takes it back. With version it is refused as
// fault.Conflict when the account's is of another by now: who saw that one does not overwrite what he never saw.
func (l *Ledger) SetBoard(ctx context.Context, account string, version *int64, body string, now time.Time) (b UserBoard, err error) {
	if len(body) > maxBoard {
		return b, fault.New(fault.Invalid, "board of %s: got %d bytes, want at most %d", cut(account, 64), len(body), maxBoard)
	}
	err = l.changeUser(ctx, "store board of "+cut(account, 64), account, func(ctx context.Context, tx *sql.Tx, u User) error {
		was, err := scanBoard(ctx, tx, u.Name)
		if err != nil {
			return err
		}
		if version != nil && *version != was.Version && was.Version == 0 {
			return fault.New(fault.Conflict, "it was never changed, and so has no version %d (look at it again)", *version)
		}
		if version != nil && *version != was.Version {
			return fault.New(fault.Conflict, "it was changed meanwhile, at %s (look at it again)", was.Changed.Format(time.RFC3339))
		}
		b = UserBoard{Body: clean(body), Version: was.Version + 1, Changed: now}
		if _, err := tx.ExecContext(ctx, `INSERT INTO boards (account, version, body, changed) VALUES ($1, $2, $3, $4)
ON CONFLICT (account) DO UPDATE SET version = excluded.version, body = excluded.body, changed = excluded.changed`, u.Name, b.Version, b.Body, nanos(now)); err != nil {
			return err
		}
		return note(ctx, tx, was.Body, body)
	})
	return b, err
}
