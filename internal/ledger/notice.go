package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/notifier"
)

// Bounds of what one change puts into the outbox.
const (
	maxTargets = 2000 // notices
	maxUntold  = 100  // targets that are not told, which are kept for people to read
	maxWhy     = 300  // bytes
)

// notHeard is why somebody is not told of an end.
const notHeard = "was not told of its beginning"

// A clerk puts notices into the outbox, within one transaction.
type clerk struct {
	tx    session
	route Route
	now   time.Time
	flows map[post]*flow // what was looked up once is counted on
}

// A post is whom notices reach.
type post struct{ channel, user, to string }

func newClerk(tx session, route Route, now time.Time) *clerk {
	return &clerk{tx: tx, route: route, now: now, flows: map[post]*flow{}}
}

// enqueue puts the notices about one change into the outbox.
func enqueue(ctx context.Context, tx session, c Change, route Route, now time.Time) error {
	return newClerk(tx, route, now).enqueue(ctx, c)
}

// enqueue puts the notices about a change into the outbox. An alert is created once; other changes of it are told apart by
// number. The time tells apart alerts of equal number in different ledgers that share a receiver.
func (k *clerk) enqueue(ctx context.Context, c Change) error {
	if k.route == nil {
		return nil
	}
	targets := k.route(c)
	if len(targets) == 0 {
		return nil
	}
	if len(targets) > maxTargets {
		targets = targets[:maxTargets]
	}
	body, err := encode(c.Alert)
	if err != nil {
		return err
	}
	number, err := k.number(ctx, c)
	if err != nil {
		return err
	}
	if c.Kind == notifier.End {
		if targets, err = k.endings(ctx, c.Alert.ID, targets); err != nil {
			return err
		}
	}
	untold, muted := 0, map[int64]Hit{}
	for _, t := range targets {
		t.User, t.Channel, t.To = clean(t.User), clean(t.Channel), clean(t.To)
		if t.Mute != "" {
			if t.MutedBy != 0 {
				muted[t.MutedBy] = Hit{Mute: t.MutedBy, N: 1, Last: k.now}
			}
			if untold++; untold > maxUntold {
				continue
			}
			err = k.put(ctx, c, t, untoldKey(c, t), "", "muted")
		} else {
			err = k.tell(ctx, c, t, noticeKey(c, t, number, k.now), body)
		}
		if err != nil {
			return err
		}
	}
	return hit(ctx, k.tx, slices.Collect(maps.Values(muted)))
}

// number tells the updates of one alert apart, and its ends when it was opened again.
func (k *clerk) number(ctx context.Context, c Change) (n int64, err error) {
	if c.Kind == notifier.Update || c.Kind == notifier.End && c.Alert.Reopened > 0 {
		err = k.tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM outbox WHERE alert = $1`, c.Alert.ID).Scan(&n)
	}
	return n, err
}

// endings has whoever heard of the beginning of an alert hear of its end, whatever has changed since, and nobody else. An end
// whose beginning is held still is held with it.
func (k *clerk) endings(ctx context.Context, id int64, targets []Target) ([]Target, error) {
	heard := map[[2]string]Target{} // newest notice of each
	found, err := k.tx.QueryContext(ctx, `SELECT channel, recipient, state, hold, why, due FROM outbox WHERE alert = $1 AND state <> 'muted' ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var t Target
		var state NoticeState
		var due int64
		if err := found.Scan(&t.Channel, &t.User, &state, &t.Hold, &t.Why, &due); err != nil {
			return nil, err
		}
		if t.Due = instant(due); state != Held {
			t.Hold, t.Why = "", ""
		}
		heard[[2]string{t.Channel, t.User}] = t
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return nil, err
	}
	var all []Target
	for _, t := range targets {
		before, told := heard[[2]string{clean(t.Channel), clean(t.User)}]
		switch {
		case !told && t.Mute == "":
			t.Mute = notHeard
		case told && before.Hold != "":
			t.Hold, t.Due, t.Why, t.Mute = before.Hold, before.Due, before.Why, ""
		case told && t.Mute != "":
			t.Mute, t.Hold = "", ""
		}
		all = append(all, t)
	}
	return all, nil
}

// tell puts one notice into the outbox, to be sent or to be held.
func (k *clerk) tell(ctx context.Context, c Change, t Target, key, body string) error {
	var err error
	switch {
	case t.Hold == "" && (t.Wait > 0 || t.Every > 0):
		if t, err = k.group(ctx, c.Alert.Rule, t); err != nil {
			return err
		}
	case t.Hold == Late:
		if t.Due, err = k.join(ctx, t, t.Due); err != nil {
			return err
		}
	}
	if t.Limit > 0 && t.Hold == "" {
		if t, err = k.limit(ctx, t); err != nil {
			return err
		}
	}
	if t.Hold != "" {
		return k.put(ctx, c, t, key, body, "held")
	}
	t.Due = k.now
	return k.put(ctx, c, t, key, body, "pending")
}

// group holds a notice together with others of its rule.
func (k *clerk) group(ctx context.Context, rule int64, t Target) (Target, error) {
	t.Hold, t.Why = Group+Hold("/"+strconv.FormatInt(rule, 10)), "with others of its rule"
	due := k.now.Add(t.Wait)
	if t.Every > 0 { // the last that left, as itself or as a summary
		var last int64
		err := k.tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(created), 0) FROM outbox
WHERE channel = $1 AND recipient = $2 AND created > $3 AND hold = $4 AND state NOT IN ('held', 'bundled', 'muted')`,
			t.Channel, t.User, nanos(k.now.Add(-t.Every)), string(t.Hold)).Scan(&last)
		if err != nil {
			return t, err
		}
		if last > 0 {
			due = maxTime(due, instant(last).Add(t.Every))
		}
	}
	var err error
	t.Due, err = k.join(ctx, t, due)
	return t, err
}

// join returns when those leave that are held alike already, and otherwise due.
func (k *clerk) join(ctx context.Context, t Target, due time.Time) (time.Time, error) {
	var first int64
	err := k.tx.QueryRowContext(ctx, `SELECT COALESCE(MIN(due), 0) FROM outbox WHERE state = 'held' AND channel = $1 AND recipient = $2 AND target = $3 AND hold = $4`,
		t.Channel, t.User, t.To, string(t.Hold)).Scan(&first)
	if err == nil && first > 0 {
		due = instant(first)
	}
	return due, err
}

// stormEvery is how often a summary of a storm leaves.
const stormEvery = time.Minute

// A flow is how many notices went the same way lately, and how many may.
type flow struct{ notices, most int }

// limit holds a notice when too many went the same way in the last minute. Those that are held count as well. A storm that goes on
// lasts until less than half of the limit came in two minutes, so that it does not come and go.
func (k *clerk) limit(ctx context.Context, t Target) (Target, error) {
	way := post{t.Channel, t.User, t.To}
	f := k.flows[way]
	if f == nil {
		var err error
		if f, err = k.flow(ctx, way, t.Limit); err != nil {
			return t, err
		}
		k.flows[way] = f
	}
	f.notices++
	if f.notices > f.most {
		t.Hold, t.Due = Storm, k.now.Truncate(stormEvery).Add(stormEvery)
		t.Why = fmt.Sprintf("more than %d notices in a minute", t.Limit)
	}
	return t, nil
}

// flow looks up what went one way lately.
func (k *clerk) flow(ctx context.Context, way post, limit int) (*flow, error) {
	storm := false // a summary of it was made, or waits to be
	for _, sign := range []string{`bundle = -1 AND bundle <> 0`, `state = 'held' AND hold = 'storm'`} {
		var n int
		err := k.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 AS one FROM outbox WHERE `+sign+` AND channel = $1 AND recipient = $2 AND target = $3 LIMIT 1) found`,
			way.channel, way.user, way.to).Scan(&n)
		if err != nil {
			return nil, err
		}
		storm = storm || n > 0
	}
	f, since := &flow{most: limit}, time.Minute
	if storm {
		f.most, since = limit/2, 2*time.Minute
	}
	return f, k.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 AS one FROM outbox WHERE channel = $1 AND recipient = $2 AND created > $3 AND target = $4
AND state <> 'muted' AND change <> 'SUMMARY' AND hold IN ('', 'storm') LIMIT $5) lately`,
		way.channel, way.user, nanos(k.now.Add(-since)), way.to, int64(limit)).Scan(&f.notices)
}

// put writes a row of the outbox, unless there is one of its key.
func (k *clerk) put(ctx context.Context, c Change, t Target, key, body, state string) error {
	why, due := t.Why, t.Due
	if t.Mute != "" {
		why, due, t.Hold = t.Mute, k.now, ""
	}
	if _, err := k.tx.ExecContext(ctx, `INSERT INTO outbox (idempotency, alert, change, recipient, channel, target, body, state, attempts, created, due, lease, lease_until, hold, why, bundle)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, '', 0, $11, $12, 0) ON CONFLICT (idempotency) DO NOTHING`,
		key, c.Alert.ID, string(c.Kind), t.User, t.Channel, t.To, body, state, nanos(k.now), nanos(due), string(t.Hold), cut(why, maxWhy)); err != nil {
		return fmt.Errorf("put notice %s into the outbox: %w", key, err)
	}
	return nil
}

func noticeKey(c Change, t Target, number int64, now time.Time) string {
	key := "alert-" + strconv.FormatInt(c.Alert.ID, 10) + "-" + strconv.FormatInt(nanos(now), 36) + "-" + string(c.Kind)
	if number > 0 {
		key += "-" + strconv.FormatInt(number, 10)
	}
	key += "-" + t.Channel
	if t.User != "" {
		key += "-" + t.User
	}
	return key
}

// untoldKey is the same for each reason why one target is not told of an alert, so that it stands there once.
func untoldKey(c Change, t Target) string {
	sum := sha256.Sum256([]byte(t.Channel + "\x00" + t.User + "\x00" + t.Mute))
	return "untold-" + strconv.FormatInt(c.Alert.ID, 10) + "-" + hex.EncodeToString(sum[:12])
}
