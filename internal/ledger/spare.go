package ledger

import (
	"context"
	"database/sql"
	"time"
)

// spareWait is how long notices of a channel that cannot send them are gathered for another one, so that thousands do not flood it.
const spareWait = 10 * time.Second

// spare copies notices of a channel that cannot send them to another one, each once, and returns how many. There they are held for a
// moment, so that several leave as one summary. The condition has the parameter $7. A copy is never copied again, so that two channels that stand in for each other do not play ball.
func spare(ctx context.Context, tx *sql.Tx, from, to string, now time.Time, why, condition string, arg any) (int64, error) {
	done, err := tx.ExecContext(ctx, `INSERT INTO outbox (idempotency, alert, change, recipient, channel, target, body, state, attempts, created, due, lease, lease_until, hold, why, bundle)
SELECT idempotency || $1, alert, change, recipient, $2, '', body, 'held', 0, CAST($3 AS BIGINT), CAST($8 AS BIGINT), '', 0, $4, $5, 0 FROM outbox
WHERE channel = $6 AND hold <> 'spare' AND `+condition+` ORDER BY id ON CONFLICT (idempotency) DO NOTHING`,
		"-spare-"+clean(to), clean(to), nanos(now), string(Spare), cut(why, maxWhy), clean(from), arg, nanos(now.Add(spareWait)))
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// SpareWaiting has notices that wait on a channel which cannot send them go out through another one as well, and returns how
// many that are. Those of before a time go; however often it is called, each goes once.
func (l *Ledger) SpareWaiting(ctx context.Context, from, to string, before, now time.Time, why string) (n int64, err error) {
	err = l.write(ctx, "hand notices of "+from+" to "+to, func(ctx context.Context, tx *sql.Tx) error {
		n, err = spare(ctx, tx, from, to, now, why, `state IN ('pending', 'leased') AND created <= $7`, nanos(before))
		return err
	})
	return n, err
}

// An Again says which notices that were given up are to be sent again.
type Again struct {
	IDs     []int64 // these
	Channel string  // or all of a channel
	User    string  // only those of this user; "" is everybody
	Now     time.Time
}

// maxAgain bounds how many notices one call sends again.
const maxAgain = 10_000

// SendAgain puts notices that were given up back into the outbox, under the keys that they had, and returns their numbers.
func (l *Ledger) SendAgain(ctx context.Context, a Again) (sent []int64, err error) {
	err = l.write(ctx, "send notices again", func(ctx context.Context, tx *sql.Tx) error {
		sent = nil
		ids := a.IDs
		if len(ids) == 0 {
			if ids, err = deadOf(ctx, tx, a.Channel); err != nil {
				return err
			}
		}
		for _, id := range ids {
			done, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'pending', due = $1, created = $1 WHERE id = $2 AND state = 'dead' AND ($3 = '' OR recipient = $3)`,
				nanos(a.Now), id, clean(a.User))
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				sent = append(sent, id)
			}
		}
		return nil
	})
	return sent, err
}

// deadOf returns the numbers of notices of a channel that were given up, the oldest first.
func deadOf(ctx context.Context, tx *sql.Tx, channel string) (ids []int64, err error) {
	found, err := tx.QueryContext(ctx, `SELECT id FROM outbox WHERE state = 'dead' AND channel = $1 ORDER BY id LIMIT $2`, clean(channel), int64(maxAgain))
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var id int64
		if err := found.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, found.Err()
}
