package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/notifier"
)

// A Delivery is a notice with all that was tried.
type Delivery struct {
	ID       int64
	Key      string
	Alert    int64
	Change   notifier.Change
	User     string
	Channel  string
	To       string // whom it is to reach there; "" where the channel knows
	State    NoticeState
	Created  time.Time // or when it was put up again: let out of a hold, or sent again by somebody
	Due      time.Time // of one that waits: when it is to go
	Hold     Hold      // why it was held; "" when it was not
	Why      string    // the same for people, or why it was not sent
	Bundle   int64     // number of the summary that tells it; 0 when none does
	Attempts []Attempt
}

// An Attempt is one try to send a notice.
type Attempt struct {
	Number  int
	Began   time.Time
	Ended   time.Time // zero while it runs, and for ever when its process died
	Outcome string    // begun, sent, failed or given up
	Answer  string
}

// A DeliveryQuery selects notices; a zero field selects all.
type DeliveryQuery struct {
	Alert   int64
	Channel string
	User    string
	State   NoticeState
	Before  int64 // number that all of them are below; 0 is none
	Limit   int   // 0 is 1,000
}

// Deliveries returns notices with their attempts, the newest first.
func (l *Ledger) Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error) {
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	var all []Delivery
	err := l.read(ctx, "list notices", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT id, idempotency, alert, change, recipient, channel, target, state, created, due, hold, why, bundle FROM outbox
WHERE ($1 = 0 OR alert = $1) AND ($2 = '' OR channel = $2) AND ($3 = '' OR state = $3) AND ($4 = '' OR recipient = $4) AND ($5 = 0 OR id < $5)
ORDER BY id DESC LIMIT $6`,
			q.Alert, clean(q.Channel), string(q.State), clean(q.User), q.Before, int64(q.Limit))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var d Delivery
			var created, due int64
			if err := found.Scan(&d.ID, &d.Key, &d.Alert, &d.Change, &d.User, &d.Channel, &d.To, &d.State, &created, &due, &d.Hold, &d.Why, &d.Bundle); err != nil {
				return err
			}
			d.Created, d.Due = instant(created), instant(due)
			d.Hold = d.Hold.kind()
			d.Bundle = max(d.Bundle, 0)
			all = append(all, d)
		}
		if err := errors.Join(found.Err(), found.Close()); err != nil {
			return err
		}
		return attemptsOf(ctx, db, all)
	})
	return all, err
}

// attemptsOf reads the attempts of the notices in one go.
func attemptsOf(ctx context.Context, db *sql.DB, all []Delivery) error {
	if len(all) == 0 {
		return nil
	}
	at := make(map[int64]*Delivery, len(all))
	ids := make([]string, len(all))
	for i := range all {
		at[all[i].ID] = &all[i]
		ids[i] = strconv.FormatInt(all[i].ID, 10)
	}
	found, err := db.QueryContext(ctx, `SELECT notice, number, began, ended, outcome, answer FROM attempts WHERE notice IN (`+
		strings.Join(ids, ", ")+`) ORDER BY notice, number`)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var notice, began, ended int64
		var a Attempt
		if err := found.Scan(&notice, &a.Number, &began, &ended, &a.Outcome, &a.Answer); err != nil {
			return err
		}
		a.Began, a.Ended = instant(began), instant(ended)
		at[notice].Attempts = append(at[notice].Attempts, a)
	}
	return found.Err()
}

// OutboxCounts returns how many notices are in each state.
func (l *Ledger) OutboxCounts(ctx context.Context) (map[NoticeState]int64, error) {
	counts := map[NoticeState]int64{}
	err := l.read(ctx, "count notices", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT state, COUNT(*) FROM outbox GROUP BY state`)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var state NoticeState
			var n int64
			if err := found.Scan(&state, &n); err != nil {
				return err
			}
			counts[state] = n
		}
		return found.Err()
	})
	return counts, err
}
