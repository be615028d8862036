package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/notifier"
)

// enqueue puts the notices about a change into the outbox. An alert is created and ended once; other changes of it are
// told apart by number. The time tells apart alerts of equal number in different ledgers that share a receiver.
func enqueue(ctx context.Context, tx session, c Change, route Route, now time.Time) error {
	if route == nil {
		return nil
	}
	targets := route(c)
	if len(targets) == 0 {
		return nil
	}
	body, err := encode(c.Alert)
	if err != nil {
		return err
	}
	var number int64
	if c.Kind == notifier.Update {
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM outbox WHERE alert = $1`, c.Alert.ID).Scan(&number)
		if err != nil {
			return err
		}
	}
	for _, t := range targets {
		key := noticeKey(c, t, number, now)
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (idempotency, alert, change, recipient, channel, body, state, attempts, created, due, lease, lease_until)
VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7, $7, '', 0) ON CONFLICT (idempotency) DO NOTHING`,
			key, c.Alert.ID, string(c.Kind), clean(t.User), clean(t.Channel), body, nanos(now)); err != nil {
			return fmt.Errorf("put notice %s into the outbox: %w", key, err)
		}
	}
	return nil
}

func noticeKey(c Change, t Target, number int64, now time.Time) string {
	key := "alert-" + strconv.FormatInt(c.Alert.ID, 10) + "-" + strconv.FormatInt(nanos(now), 36) + "-" + string(c.Kind)
	if number > 0 {
		key += "-" + strconv.FormatInt(number, 10)
	}
	key += "-" + clean(t.Channel)
	if t.User != "" {
		key += "-" + clean(t.User)
	}
	return key
}
