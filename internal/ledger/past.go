package ledger

import (
	"context"
	"database/sql"
	"math"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// A Past is what judging history found.
type Past struct {
	Now    time.Time
	Writes []Write
	Route  Route // nil: nobody is told
	DryRun bool  // look, and write nothing
}

// Record writes what judging history found: alerts that have ended already. One that overlaps an alert of the same rule and
// entity widens that alert instead. The least and greatest of what both say are kept and nothing is summed, so that recording
// the same again, in any order and however the ranges overlap, changes nothing. It returns the alerts that are new or changed.
func (l *Ledger) Record(ctx context.Context, p Past) ([]alert.Alert, error) {
	p.Now = p.Now.UTC().Round(0)
	var changed []alert.Alert
	err := l.write(ctx, "record alerts", func(ctx context.Context, tx *sql.Tx) error {
		changed = nil
		for i := range p.Writes {
			rows, err := p.record(ctx, tx, &p.Writes[i])
			if err != nil {
				return err
			}
			for _, r := range rows {
				changed = append(changed, r.Alert)
			}
		}
		return nil
	})
	return changed, err
}

// record takes in what was found about one entity.
func (p *Past) record(ctx context.Context, tx *sql.Tx, in *Write) ([]*row, error) {
	key := entityKey(in.Entity)
	rows, err := alertsWithin(ctx, tx, in, key)
	if err != nil {
		return nil, err
	}
	for i := range in.Episodes {
		e := &in.Episodes[i]
		if e.Triggers == 0 {
			continue
		}
		if r := overlapping(rows, e); r == nil {
			r = newRow(in.Rule, in.Entity, key, History, e)
			r.take(in.Rule, e, p.Now)
			r.end(time.Unix(0, e.end()).UTC(), p.Now)
			r.dirty = true
			rows = append(rows, r)
		} else if !r.contains(e) {
			r.widen(e, p.Now)
		}
	}
	var changed []*row
	for _, r := range rows {
		if !r.dirty {
			continue
		}
		changed = append(changed, r)
		if p.DryRun {
			continue
		}
		fresh := r.fresh
		if err := r.store(ctx, tx); err != nil {
			return nil, err
		}
		if fresh {
			if err := enqueue(ctx, tx, Change{Kind: notifier.Create, Alert: r.Alert}, p.Route, p.Now); err != nil {
				return nil, err
			}
		}
	}
	return changed, nil
}

// end is when the episode was over, as far as is known.
func (e *Episode) end() int64 {
	if e.Ended {
		return max(e.EndedAt, e.Last)
	}
	return e.Last
}

// alertsWithin returns the alerts about an entity that overlap the time from its first episode to its last.
func alertsWithin(ctx context.Context, tx *sql.Tx, in *Write, key string) ([]*row, error) {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range in.Episodes {
		if e := &in.Episodes[i]; e.Triggers > 0 {
			from, to = min(from, e.First), max(to, e.end())
		}
	}
	return alertsWhere(ctx, tx, `rule = $1 AND entity_key = $2 AND first_at <= $3 AND (state <> 'ended' OR ended_at >= $4 OR last_at >= $4)`,
		in.Rule.ID, key, to, from)
}

// overlapping picks the alert that an episode belongs to: one that says all of it already, else one that is open, else the
// oldest; nil when none overlaps. As alerts only grow, whatever was once recorded stays contained in one.
func overlapping(rows []*row, e *Episode) *row {
	var best *row
	for _, r := range rows {
		if r.First.UnixNano() > e.end() || r.until() < e.First {
			continue
		}
		if r.contains(e) {
			return r
		}
		if best == nil || (r.State != alert.Ended && best.State == alert.Ended) {
			best = r
		}
	}
	return best
}

// until is when the alert was over; an open one is not.
func (r *row) until() int64 {
	if r.State != alert.Ended {
		return math.MaxInt64
	}
	return max(r.EndedAt.UnixNano(), r.Last.UnixNano())
}

// contains reports whether the alert already says all that the episode does.
func (r *row) contains(e *Episode) bool {
	return r.First.UnixNano() <= e.First && r.Last.UnixNano() >= e.Last && r.until() >= e.end() && r.Triggers >= e.Triggers &&
		unusual(r.Peak, r.Limit, r.Below) >= unusual(finite(e.Peak), r.Limit, r.Below)
}

// widen makes the alert contain the episode. Its limit stays, as peaks are compared by it.
func (r *row) widen(e *Episode, now time.Time) {
	if last := time.Unix(0, e.Last).UTC(); last.After(r.Last) {
		r.Last, r.Value, r.Reason = last, finite(e.Newest.Value), cut(e.Newest.Reason, maxReason)
		r.samples = joinSamples(r.samples, e.Samples)
	}
	r.First = minTime(r.First, time.Unix(0, e.First).UTC())
	r.Triggers = max(r.Triggers, e.Triggers)
	if peak := finite(e.Peak); unusual(peak, r.Limit, r.Below) > unusual(r.Peak, r.Limit, r.Below) {
		r.Peak, r.odd = peak, e.odd
	}
	r.Samples = evidence(r.samples, r.odd)
	if r.State == alert.Ended {
		r.EndedAt = maxTime(r.EndedAt, time.Unix(0, e.end()).UTC())
	}
	r.Updated, r.dirty = now, true
}

// EndRule ends all open alerts of a rule that will judge no more, at event time at.
func (l *Ledger) EndRule(ctx context.Context, rule int64, at, now time.Time, route Route) ([]Change, error) {
	now = now.UTC().Round(0)
	var changes []Change
	err := l.write(ctx, "end alerts of a rule", func(ctx context.Context, tx *sql.Tx) error {
		changes = nil
		rows, err := openOf(ctx, tx, rule)
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.lapse(now)
			r.end(at.UTC(), now)
			r.Updated = now
			if err := r.store(ctx, tx); err != nil {
				return err
			}
			c := Change{Kind: notifier.End, Alert: r.Alert}
			changes = append(changes, c)
			if err := enqueue(ctx, tx, c, route, now); err != nil {
				return err
			}
		}
		return nil
	})
	return changes, err
}

func openOf(ctx context.Context, tx *sql.Tx, rule int64) ([]*row, error) {
	return alertsWhere(ctx, tx, `rule = $1 AND state <> 'ended'`, rule)
}

// alertsWhere returns the alerts for which a condition holds, the oldest first.
func alertsWhere(ctx context.Context, tx *sql.Tx, condition string, args ...any) ([]*row, error) {
	found, err := tx.QueryContext(ctx, `SELECT `+alertColumns+` FROM alerts WHERE `+condition+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []*row
	for c := newRecord(alertColumns); found.Next(); {
		if err := c.read(found); err != nil {
			return nil, err
		}
		r := c.row
		rows = append(rows, &r)
	}
	return rows, found.Err()
}
