package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/notifier"
)

// Bounds of one summary and of one call.
const (
	maxMembers = 10_000 // notices in one summary; the rest is told by the next
	maxBundles = 100    // summaries of one call
	maxThread  = 100    // bytes of a digest's thread
)

// raging marks, in the column of the bundle, the newest summary of a storm that goes on.
const raging = -1

// A held is what is held alike, and becomes one summary.
type held struct {
	post

	hold    Hold // as stored
	members []member
	digest  notifier.Digest
	storm   int64 // number of the storm's last summary; 0 when it is the first
}

type member struct {
	id  int64
	key string
	why string
}

// Bundle makes summaries of what was held and is due, each in one transaction with its members, so that each notice is told by
// one summary, whatever happens in between. One that is alone is let out as it is, but in a storm. It returns how many summaries
// and notices there are to send now.
func (l *Ledger) Bundle(ctx context.Context, now time.Time) (n int, err error) {
	now = now.UTC().Round(0)
	for range maxBundles {
		more := false
		err = l.write(ctx, "make a summary", func(ctx context.Context, tx *sql.Tx) error {
			h, err := nextHeld(ctx, tx, now)
			if h == nil || err != nil {
				return err
			}
			more = true
			return h.bundle(ctx, tx, now)
		})
		if err != nil || !more {
			return n, err
		}
		n++
	}
	return n, nil
}

// NextHeld is when the earliest summary is due; ok is false when nothing is held.
func (l *Ledger) NextHeld(ctx context.Context) (at time.Time, ok bool, err error) {
	err = l.read(ctx, "look for held notices", func(ctx context.Context, db *sql.DB) error {
		var due sql.NullInt64
		if err := db.QueryRowContext(ctx, `SELECT MIN(due) FROM outbox WHERE state = 'held'`).Scan(&due); err != nil {
			return err
		}
		var storm sql.NullInt64
		err := db.QueryRowContext(ctx, `SELECT MIN(created) FROM outbox WHERE bundle = $1 AND bundle <> 0`, int64(raging)).Scan(&storm)
		if storm.Valid && (!due.Valid || storm.Int64+int64(stormEvery) < due.Int64) {
			due = sql.NullInt64{Int64: storm.Int64 + int64(stormEvery), Valid: true}
		}
		at, ok = time.Unix(0, due.Int64).UTC(), due.Valid
		return err
	})
	return at, ok, err
}

// nextHeld returns something that is held alike and due, nil when nothing is.
func nextHeld(ctx context.Context, tx *sql.Tx, now time.Time) (*held, error) {
	h := &held{}
	err := tx.QueryRowContext(ctx, `SELECT channel, recipient, target, hold FROM outbox WHERE state = 'held' AND due <= $1 ORDER BY due, id LIMIT 1`, nanos(now)).
		Scan(&h.channel, &h.user, &h.to, &h.hold)
	if errors.Is(err, sql.ErrNoRows) {
		return endedStorm(ctx, tx, now)
	}
	if err != nil {
		return nil, err
	}
	if err := h.gather(ctx, tx, now); err != nil {
		return nil, err
	}
	if h.hold == Storm {
		err = h.weather(ctx, tx)
	}
	return h, err
}

// endedStorm returns the end of a storm in which nothing was held for a while, nil when there is none.
func endedStorm(ctx context.Context, tx *sql.Tx, now time.Time) (*held, error) {
	h := &held{hold: Storm}
	err := tx.QueryRowContext(ctx, `SELECT channel, recipient, target FROM outbox WHERE bundle = $1 AND bundle <> 0 AND created <= $2 ORDER BY id LIMIT 1`,
		int64(raging), nanos(now.Add(-stormEvery))).Scan(&h.channel, &h.user, &h.to)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is an answer here
	}
	if err != nil {
		return nil, err
	}
	h.digest = notifier.Digest{Since: now, Until: now, Severities: map[string]int{}, Final: true}
	return h, h.weather(ctx, tx)
}

// gather reads what is held alike. Of each alert the newest notice tells.
func (h *held) gather(ctx context.Context, tx *sql.Tx, now time.Time) error {
	found, err := tx.QueryContext(ctx, `SELECT id, idempotency, change, body, created, why FROM outbox
WHERE state = 'held' AND channel = $1 AND recipient = $2 AND target = $3 AND hold = $4 AND due <= $5 ORDER BY id LIMIT $6`,
		h.channel, h.user, h.to, string(h.hold), nanos(now), int64(maxMembers))
	if err != nil {
		return err
	}
	defer found.Close()
	h.digest = notifier.Digest{Severities: map[string]int{}}
	lines := map[int64]int{} // places of alerts in the digest
	for found.Next() {
		var m member
		var change notifier.Change
		var body string
		var created int64
		if err := found.Scan(&m.id, &m.key, &change, &body, &created, &m.why); err != nil {
			return err
		}
		told, err := toldBy(change, body, &h.digest)
		if err != nil {
			return fmt.Errorf("decode notice %d: %w", m.id, err)
		}
		if h.digest.Until = instant(created); len(h.members) == 0 {
			h.digest.Since = h.digest.Until
		}
		h.members = append(h.members, m)
		for _, line := range told {
			if place, ok := lines[line.Alert.ID]; ok {
				h.digest.Lines[place] = line
				continue
			}
			lines[line.Alert.ID] = len(h.digest.Lines)
			h.digest.Lines = append(h.digest.Lines, line)
		}
	}
	for i := range h.digest.Lines {
		h.digest.Severities[h.digest.Lines[i].Alert.Severity.String()]++
	}
	h.digest.Order()
	h.digest.Notices = len(h.members)
	return errors.Join(found.Err(), found.Close())
}

// toldBy returns what one notice tells: an alert, or those of a summary, whose uncounted ones the digest counts.
func toldBy(change notifier.Change, body string, into *notifier.Digest) ([]notifier.DigestLine, error) {
	if change != notifier.Summary {
		line := notifier.DigestLine{Change: change}
		err := json.Unmarshal([]byte(body), &line.Alert)
		line.Alert.Samples = nil
		return []notifier.DigestLine{line}, err
	}
	var d notifier.Digest
	err := json.Unmarshal([]byte(body), &d)
	into.More += d.More
	return d.Lines, err
}

// weather has a summary of a storm go on from the one before it.
func (h *held) weather(ctx context.Context, tx *sql.Tx) error {
	var body string
	h.digest.Total = h.digest.Notices
	err := tx.QueryRowContext(ctx, `SELECT id, body FROM outbox WHERE bundle = $1 AND bundle <> 0 AND channel = $2 AND recipient = $3 AND target = $4 ORDER BY id DESC LIMIT 1`,
		int64(raging), h.channel, h.user, h.to).Scan(&h.storm, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var before notifier.Digest
	if err := json.Unmarshal([]byte(body), &before); err != nil {
		return fmt.Errorf("decode summary %d: %w", h.storm, err)
	}
	h.digest.Thread, h.digest.Since = before.Thread, before.Since
	h.digest.Total += before.Total
	return nil
}

// reason says for people why there is a summary.
func (h *held) reason(now time.Time) string {
	d := &h.digest
	switch kind := h.hold.kind(); {
	case d.Final:
		return fmt.Sprintf("the storm is over: %d notices in %s", d.Total, now.Sub(d.Since).Round(time.Second))
	case kind == Storm:
		return fmt.Sprintf("storm: %d notices since %s, one summary a minute", d.Total, d.Since.Format("15:04:05 UTC"))
	case h.members[0].why != "":
		return h.members[0].why
	default:
		return "held: " + string(kind)
	}
}

// bundle writes the summary and says so in its members, or lets out the only one.
func (h *held) bundle(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if len(h.members) == 1 && h.hold != Storm {
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'pending', due = $1, created = $1 WHERE id = $2`, nanos(now), h.members[0].id)
		return err
	}
	key := "summary-" + strconv.FormatInt(nanos(now), 36) + "-" + string(h.hold) + "-" + h.channel
	if len(h.members) > 0 {
		key += "-" + strconv.FormatInt(h.members[0].id, 10)
	}
	if h.user != "" {
		key += "-" + h.user
	}
	h.digest.Reason = h.reason(now)
	if h.digest.Thread == "" {
		h.digest.Thread = cut(key, maxThread)
	}
	body, err := encode(h.digest)
	if err != nil {
		return err
	}
	goesOn := int64(0)
	if h.hold == Storm && !h.digest.Final {
		goesOn = raging
	}
	if h.storm > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE outbox SET bundle = 0 WHERE id = $1`, h.storm); err != nil {
			return err
		}
	}
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO outbox (idempotency, alert, change, recipient, channel, target, body, state, attempts, created, due, lease, lease_until, hold, why, bundle)
VALUES ($1, 0, $2, $3, $4, $5, $6, 'pending', 0, $7, $7, '', 0, $8, $9, $10) RETURNING id`,
		key, string(notifier.Summary), h.user, h.channel, h.to, body, nanos(now), string(h.hold), cut(h.digest.Reason, maxWhy), goesOn).Scan(&id)
	if err != nil {
		return fmt.Errorf("put %s into the outbox: %w", key, err)
	}
	if len(h.members) == 0 {
		return nil
	}
	last := h.members[len(h.members)-1].id
	_, err = tx.ExecContext(ctx, `UPDATE outbox SET state = 'bundled', bundle = $1
WHERE state = 'held' AND channel = $2 AND recipient = $3 AND target = $4 AND hold = $5 AND due <= $6 AND id <= $7`,
		id, h.channel, h.user, h.to, string(h.hold), nanos(now), last)
	return err
}

// A Raging is a storm that goes on: more notices come for one recipient over one channel than may go out one by one.
type Raging struct {
	Channel string
	User    string
	Notices int // told by the newest summary, and by all of the storm so far
	Total   int
	Since   time.Time
}

// Storms returns the storms that go on.
func (l *Ledger) Storms(ctx context.Context) (all []Raging, err error) {
	err = l.read(ctx, "look for storms", func(ctx context.Context, db *sql.DB) error {
		all = nil
		found, err := db.QueryContext(ctx, `SELECT channel, recipient, body FROM outbox WHERE bundle = $1 AND bundle <> 0 ORDER BY id`, int64(raging))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var r Raging
			var body string
			var d notifier.Digest
			if err := found.Scan(&r.Channel, &r.User, &body); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(body), &d); err != nil {
				return fmt.Errorf("decode summary of a storm: %w", err)
			}
			r.Notices, r.Total, r.Since = d.Notices, d.Total, d.Since
			all = append(all, r)
		}
		return found.Err()
	})
	return all, err
}
