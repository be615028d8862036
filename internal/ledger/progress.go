package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/event"
)

// Progress is how far somebody has brought the journal into the ledger.
type Progress struct {
	Position  event.Position // all up to here is written
	Front     event.Position // some alerts have counted findings up to here
	Watermark event.Watermark
	Updated   time.Time
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Progress returns how far name is; the zero Progress when nothing is known of it.
func (l *Ledger) Progress(ctx context.Context, name string) (p Progress, err error) {
	err = l.read(ctx, "read position of "+name, func(ctx context.Context, db *sql.DB) error {
		p, err = readProgress(ctx, db, name)
		return err
	})
	return p, err
}

func readProgress(ctx context.Context, from querier, name string) (p Progress, err error) {
	var position, front string
	var watermark, updated int64
	err = from.QueryRowContext(ctx, `SELECT position, front, watermark, updated FROM positions WHERE name = $1`, name).
		Scan(&position, &front, &watermark, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return Progress{}, nil
	}
	if err != nil {
		return Progress{}, err
	}
	if p.Position, err = decodePosition(position); err != nil {
		return Progress{}, err
	}
	if p.Front, err = decodePosition(front); err != nil {
		return Progress{}, err
	}
	p.Watermark, p.Updated = event.Watermark(watermark), instant(updated)
	return p, nil
}

func storeProgress(ctx context.Context, tx *sql.Tx, name string, p Progress) error {
	position, err := encode(p.Position)
	if err != nil {
		return err
	}
	front, err := encode(p.Front)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO positions (name, position, front, watermark, updated) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, front = excluded.front, watermark = excluded.watermark, updated = excluded.updated`,
		name, position, front, int64(p.Watermark), nanos(p.Updated))
	if err != nil {
		return fmt.Errorf("store position of %s: %w", name, err)
	}
	return nil
}

// Setting returns a stored value; ok is false when there is none.
func (l *Ledger) Setting(ctx context.Context, name string) (value string, ok bool, err error) {
	err = l.read(ctx, "read setting "+name, func(ctx context.Context, db *sql.DB) error {
		err := db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, clean(name)).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	return value, ok, err
}

// SetSetting stores a value.
func (l *Ledger) SetSetting(ctx context.Context, name, value string, now time.Time) error {
	return l.ReplaceSetting(ctx, name, value, "", "", now)
}

// ReplaceSetting stores a value that may hold secrets. The audit log is told of was and became, which hold none, in its place.
func (l *Ledger) ReplaceSetting(ctx context.Context, name, value, was, became string, now time.Time) error {
	return l.write(ctx, "store setting "+name, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value, changed) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed`, clean(name), clean(value), nanos(now)); err != nil {
			return err
		}
		return note(ctx, tx, was, became)
	})
}
