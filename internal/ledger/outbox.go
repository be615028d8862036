package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// A NoticeState is where a notice stands.
type NoticeState string

// The states of a notice.
const (
	Pending NoticeState = "pending" // waits for its time
	Leased  NoticeState = "leased"  // somebody sends it now
	Sent    NoticeState = "sent"
	Dead    NoticeState = "dead"    // given up
	Held    NoticeState = "held"    // waits for a summary
	Bundled NoticeState = "bundled" // a summary tells it
	Muted   NoticeState = "muted"   // is not told, and why
)

// A Claim asks for notices to send.
type Claim struct {
	Channel string
	Holder  string        // who sends: one name a process, the same after its restart
	Lease   time.Duration // for how long nobody else gets them; longer than one attempt may take
	Limit   int
	Now     time.Time
}

// A LeasedNotice is to be sent before its lease ends.
type LeasedNotice struct {
	ID      int64
	Channel string
	Lease   string // proves the claim
	Until   time.Time
	Notice  notifier.Notice // with the number of the attempt that now begins
}

// Claim leases notices of a channel that are due, the oldest first, and counts an attempt of each. One whose lease ran out
// is due again: its sender died, perhaps after sending, and whoever is next sends it with the same key. Notices about one
// alert to one recipient keep their order: a later one waits until those before it, and the summaries that tell some of
// them, are sent or given up. So do summaries, but for those that tell the summaries before them.
func (l *Ledger) Claim(ctx context.Context, c Claim) ([]LeasedNotice, error) {
	var leased []LeasedNotice
	err := l.write(ctx, "claim notices for "+c.Channel, func(ctx context.Context, tx *sql.Tx) error {
		leased = nil
		found, err := tx.QueryContext(ctx, `SELECT id, idempotency, change, recipient, target, body, attempts, created FROM outbox o
WHERE channel = $1 AND state IN ('pending', 'leased') AND due <= $2 AND lease_until <= $2
AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.alert = o.alert AND e.channel = o.channel AND e.recipient = o.recipient
  AND e.id < o.id AND (e.state IN ('pending', 'leased') OR e.state = 'bundled' AND
    EXISTS (SELECT 1 FROM outbox s WHERE s.id = e.bundle AND s.state IN ('pending', 'leased') AND (o.alert <> 0 OR s.id < o.id))))
ORDER BY due, id LIMIT $3`, clean(c.Channel), nanos(c.Now), int64(c.Limit))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			n := LeasedNotice{Channel: c.Channel, Until: c.Now.Add(c.Lease)}
			var body string
			var created int64
			if err := found.Scan(&n.ID, &n.Notice.Key, &n.Notice.Change, &n.Notice.User, &n.Notice.To, &body, &n.Notice.Attempt, &created); err != nil {
				return err
			}
			n.Notice.Created = instant(created)
			if err := decodeNotice(&n.Notice, body); err != nil {
				return fmt.Errorf("decode notice %d: %w", n.ID, err)
			}
			n.Notice.Attempt++
			n.Lease = c.Holder + "/" + rand.Text()
			leased = append(leased, n)
		}
		if err := errors.Join(found.Err(), found.Close()); err != nil {
			return err
		}
		for _, n := range leased {
			if _, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'leased', attempts = $1, lease = $2, lease_until = $3 WHERE id = $4`,
				int64(n.Notice.Attempt), n.Lease, nanos(n.Until), n.ID); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, number, began, ended, outcome, answer) VALUES ($1, $2, $3, 0, 'begun', '')`,
				n.ID, int64(n.Notice.Attempt), nanos(c.Now)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leased, nil
}

// decodeNotice reads what a notice tells: an alert, a digest of several, or what a report was answered.
func decodeNotice(n *notifier.Notice, body string) error {
	switch n.Change {
	case notifier.Summary:
	case notifier.Reported:
		n.Report = &notifier.Report{}
		err := json.Unmarshal([]byte(body), n.Report)
		n.Alert = n.Report.Standing(n.Created)
		return err
	default:
		return json.Unmarshal([]byte(body), &n.Alert)
	}
	n.Digest = &notifier.Digest{}
	if err := json.Unmarshal([]byte(body), n.Digest); err != nil {
		return err
	}
	n.Alert = n.Digest.Standing()
	return nil
}

// Release makes notices due again that a process of this name had leased, which is known to be gone.
func (l *Ledger) Release(ctx context.Context, holder string) error {
	return l.write(ctx, "release notices", func(ctx context.Context, tx *sql.Tx) error {
		prefix := clean(holder) + "/"
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'pending', lease = '', lease_until = 0
WHERE state = 'leased' AND substr(lease, 1, $1) = $2`, int64(len([]rune(prefix))), prefix)
		return err
	})
}

// An Outcome is what became of one attempt.
type Outcome struct {
	State  NoticeState // Sent, Dead, or Pending to try again at Due
	Due    time.Time
	Answer string // what the other side said, or why it failed
	Ended  time.Time
	// Spare is the channel that has to send a notice that is given up; "" for none.
	Spare string
}

// Finish stores the outcome of an attempt. When the lease has passed to somebody else only the attempt's answer is kept,
// and the error is a Conflict.
func (l *Ledger) Finish(ctx context.Context, n LeasedNotice, o Outcome) error {
	lost := false
	err := l.write(ctx, "store outcome of notice "+n.Notice.Key, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE outbox SET state = $1, due = $2, lease = '', lease_until = 0 WHERE id = $3 AND state = 'leased' AND lease = $4`,
			string(o.State), nanos(o.Due), n.ID, n.Lease)
		if err != nil {
			return err
		}
		held, err := done.RowsAffected()
		if err != nil {
			return err
		}
		lost = held == 0
		outcome := map[NoticeState]string{Sent: "sent", Pending: "failed", Dead: "given up"}[o.State]
		_, err = tx.ExecContext(ctx, `UPDATE attempts SET ended = $1, outcome = $2, answer = $3 WHERE notice = $4 AND number = $5`,
			nanos(o.Ended), outcome, cutAnswer(o.Answer), n.ID, int64(n.Notice.Attempt))
		if err != nil || held == 0 || o.State != Dead || o.Spare == "" {
			return err
		}
		_, err = spare(ctx, tx, n.Channel, o.Spare, o.Ended, n.Channel+" gave it up", `id = $7`, n.ID)
		return err
	})
	if err == nil && lost {
		return fault.New(fault.Conflict, "store outcome of notice %s: its lease has passed on", n.Notice.Key)
	}
	return err
}

// NextDue is when the earliest notice of a channel wants to be sent; ok is false when none waits.
func (l *Ledger) NextDue(ctx context.Context, channel string) (at time.Time, ok bool, err error) {
	err = l.read(ctx, "look for notices of "+channel, func(ctx context.Context, db *sql.DB) error {
		var due sql.NullInt64
		err := db.QueryRowContext(ctx, `SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END) FROM outbox
WHERE channel = $1 AND state IN ('pending', 'leased')`, clean(channel)).Scan(&due)
		at, ok = time.Unix(0, due.Int64).UTC(), due.Valid
		return err
	})
	return at, ok, err
}

// GiveUp ends all notices that wait since before a time, whatever their channel, and returns how many.
func (l *Ledger) GiveUp(ctx context.Context, before, now time.Time, why string) (n int64, err error) {
	err = l.write(ctx, "give up old notices", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, number, began, ended, outcome, answer)
SELECT id, attempts + 1, $1, $1, 'given up', $2 FROM outbox WHERE state IN ('pending', 'leased') AND created < $3 AND lease_until <= $1`,
			nanos(now), cutAnswer(why), nanos(before)); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'dead', attempts = attempts + 1, lease = '', lease_until = 0
WHERE state IN ('pending', 'leased') AND created < $1 AND lease_until <= $2`, nanos(before), nanos(now))
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	return n, err
}

// Prune forgets notices older than a time that wait for nothing.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.write(ctx, "prune notices", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM outbox WHERE state IN ('sent', 'dead', 'muted', 'bundled') AND created < $1`, nanos(before))
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	return n, err
}
