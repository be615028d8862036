package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// An Unmuting is the end of a silence, or of one time of a window.
type Unmuting struct {
	Mute  int64
	Until time.Time // when it ended
	Now   time.Time
	Why   string                  // for people
	Hid   func(*alert.Alert) bool // whether an alert is one that it hid
	Route Route                   // who is told
}

// Unmute tells of the alerts that a mute hid and that still stand, in one summary for each way that leads to people: those who
// heard of an alert before that it goes on, the others that it began. Who has been taken on needs no word. It happens once for
// each end, whatever happens to this process, and returns of how many alerts people are told.
func (l *Ledger) Unmute(ctx context.Context, u Unmuting) (n int, err error) {
	u.Now, u.Until = u.Now.UTC().Round(0), u.Until.UTC().Round(0)
	err = l.write(ctx, "tell of what a mute hid", func(ctx context.Context, tx *sql.Tx) error {
		n = 0
		var told int64
		err := tx.QueryRowContext(ctx, `SELECT told FROM mutes WHERE id = $1`, u.Mute).Scan(&told)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no silence, window or exclusion %d", u.Mute)
		}
		if err != nil || told >= nanos(u.Until) {
			return err
		}
		rows, err := alertsWhere(ctx, tx, `state = 'open'`)
		if err != nil {
			return err
		}
		k := newClerk(newSession(tx, len(rows)), nil, u.Now)
		for _, r := range rows {
			if !u.Hid(&r.Alert) {
				continue
			}
			n++
			if err := u.tell(ctx, k, r.Alert); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE mutes SET told = $1 WHERE id = $2`, nanos(u.Until), u.Mute)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// tell puts the notices about one alert with those that leave as a summary. A user's quiet hours and digests hold as ever.
func (u *Unmuting) tell(ctx context.Context, k *clerk, a alert.Alert) error {
	if u.Route == nil {
		return nil
	}
	a.Updated = u.Now // the time that the route goes by
	heard, err := heardOf(ctx, k.tx, a.ID)
	if err != nil {
		return err
	}
	for _, kind := range []notifier.Change{notifier.Create, notifier.Update} {
		k.route = func(c Change) (list []Target) {
			for _, t := range u.Route(c) {
				if heard[post{clean(t.Channel), clean(t.User), ""}] != (kind == notifier.Update) {
					continue
				}
				if t.Hold != Quiet && t.Hold != Daily {
					t.Hold, t.Due, t.Why = Unmuted+Hold("/"+strconv.FormatInt(u.Mute, 10)), u.Now, u.Why
				}
				t.Limit, t.Wait, t.Every, t.MutedBy = 0, 0, 0, 0
				list = append(list, t)
			}
			return list
		}
		if err := k.enqueue(ctx, Change{Kind: kind, Alert: a}); err != nil {
			return err
		}
	}
	return nil
}

// heardOf returns who was told of an alert, or is about to be.
func heardOf(ctx context.Context, tx session, id int64) (map[post]bool, error) {
	found, err := tx.QueryContext(ctx, `SELECT DISTINCT channel, recipient FROM outbox WHERE alert = $1 AND state <> 'muted'`, id)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	heard := map[post]bool{}
	for found.Next() {
		var p post
		if err := found.Scan(&p.channel, &p.user); err != nil {
			return nil, err
		}
		heard[p] = true
	}
	return heard, found.Err()
}
