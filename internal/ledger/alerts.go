package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// Where an alert came from.
const (
	Live    = "live"    // judged as the events came in
	History = "history" // judged afterwards
	Test    = "test"    // made by tocsin to try itself
)

// A row is an alert with what only the ledger needs to know.
type row struct {
	alert.Alert
	key   string                    // entityKey of its entity
	seen  map[string]event.Position // up to where its findings were counted, by name of the position
	fresh bool                      // not in the database yet
	dirty bool                      // must be written
	again bool                      // opened again, of which people are to be told
	log   []alert.Entry             // what is to be added to its log when it is written

	samples []json.RawMessage // the first few and the last few; Samples are these and odd
	odd     []json.RawMessage // of when it was most unusual
	turned  turns
	settles int64 // event time at which it flaps no more unless it changes before
}

const alertFields = `id, rule, rule_name, rule_version, owner, title, severity, state, entity, entity_key, origin, ` +
	`first_at, last_at, updated_at, ended_at, triggers, value, peak, bound, below, span, reason, samples`

// All that is known of an alert, and what is shown of it: how far its findings were counted takes long to read for many.
const (
	alertColumns = alertFields + `, seen, turn_times, ` + lifeColumns
	shownColumns = alertFields + `, '', '', ` + lifeColumns
	lifeColumns  = handlingColumns + `, turns, flapping, calm, settles, odd, change, born`
)

// withoutSamples takes the samples out of columns.
func withoutSamples(columns string) string {
	return strings.NewReplacer(` samples,`, ` '',`, ` odd,`, ` '',`).Replace(columns)
}

// nextChange is the number of the next change of an alert. As there is one writer at a time, a number that can be read has
// all lower ones before it.
const nextChange = `(SELECT MAX(newest) + 1 FROM (SELECT MAX(change) AS newest FROM alerts UNION ALL SELECT cleared FROM alert_changes) AS known)`

type scanner interface{ Scan(into ...any) error }

func scanAlert(from scanner) (*row, error) {
	var r row
	var entity, samples, seen, turned, odd string
	var first, last, updated, ended, below, ackedAt, ackedUntil, closedAt, flapping, calm int64
	err := from.Scan(&r.ID, &r.Rule, &r.RuleName, &r.RuleVersion, &r.Owner, &r.Title, &r.Severity, &r.State, &entity, &r.key, &r.Origin,
		&first, &last, &updated, &ended, &r.Triggers, &r.Value, &r.Peak, &r.Limit, &below, &r.Window, &r.Reason, &samples, &seen, &turned,
		&r.AckedBy, &ackedAt, &ackedUntil, &r.AckNote, &r.Assignee, &r.Disposition, &r.DuplicateOf, &r.ClosedBy, &closedAt, &r.CloseNote, &r.Reopened,
		&r.Turns, &flapping, &calm, &r.settles, &odd, &r.Change, &r.Born)
	if err != nil {
		return nil, err
	}
	if r.Entity, err = decodeEntity(entity); err != nil {
		return nil, fmt.Errorf("decode entity of alert %d: %w", r.ID, err)
	}
	if err := r.readSamples(samples, odd); err != nil {
		return nil, fmt.Errorf("decode samples of alert %d: %w", r.ID, err)
	}
	if seen != "" {
		if err := json.Unmarshal([]byte(seen), &r.seen); err != nil {
			return nil, fmt.Errorf("decode positions of alert %d: %w", r.ID, err)
		}
	}
	if r.turned, err = decodeTurns(turned); err != nil {
		return nil, fmt.Errorf("decode turns of alert %d: %w", r.ID, err)
	}
	r.First, r.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
	r.Flapping, r.Calm = instant(flapping), instant(calm)
	r.Updated, r.EndedAt, r.Below = instant(updated), instant(ended), below != 0
	r.AckedAt, r.AckedUntil, r.ClosedAt = instant(ackedAt), instant(ackedUntil), instant(closedAt)
	return &r, nil
}

// encodeSamples writes the samples as they are stored.
func (r *row) encodeSamples() (samples, odd string, err error) {
	if r.samples == nil {
		r.samples = []json.RawMessage{}
	}
	if samples, err = encode(r.samples); err == nil && len(r.odd) > 0 {
		odd, err = encode(r.odd)
	}
	r.Samples = evidence(r.samples, r.odd)
	return samples, odd, err
}

// readSamples is its inverse.
func (r *row) readSamples(samples, odd string) (err error) {
	if samples == "" { // left out
		return nil
	}
	if r.samples, err = decodeSamples(samples); err != nil {
		return err
	}
	if odd != "" {
		if r.odd, err = decodeSamples(odd); err != nil {
			return err
		}
	}
	r.Samples = evidence(r.samples, r.odd)
	return nil
}

// mark notes that findings up to a position were counted.
func (r *row) mark(name string, p event.Position) {
	if r.seen == nil {
		r.seen = map[string]event.Position{}
	}
	r.seen[name] = join(r.seen[name], p)
}

// store writes the alert and what is new of its log, which is one change; a fresh one gets its number.
func (r *row) store(ctx context.Context, tx session) error {
	entity, err := encode(r.Entity)
	if err != nil {
		return err
	}
	samples, odd, err := r.encodeSamples()
	if err != nil {
		return err
	}
	seen, err := encode(r.seen)
	if err != nil {
		return err
	}
	turned, err := encodeTurns(r.turned)
	if err != nil {
		return err
	}
	values := []any{r.Rule, r.RuleName, int64(r.RuleVersion), r.Owner, r.Title, int64(r.Severity), string(r.State), entity, r.key, r.Origin,
		r.First.UnixNano(), r.Last.UnixNano(), nanos(r.Updated), nanos(r.EndedAt), r.Triggers, r.Value, r.Peak, r.Limit, flag(r.Below),
		int64(r.Window), r.Reason, samples, seen,
		clean(r.AckedBy), nanos(r.AckedAt), nanos(r.AckedUntil), r.AckNote, clean(r.Assignee), string(r.Disposition), r.DuplicateOf,
		clean(r.ClosedBy), nanos(r.ClosedAt), r.CloseNote, int64(r.Reopened), turned, r.Turns, nanos(r.Flapping), nanos(r.Calm), r.settles, odd}
	if r.fresh {
		err := tx.QueryRowContext(ctx, `INSERT INTO alerts (rule, rule_name, rule_version, owner, title, severity, state, entity, entity_key, origin,
  first_at, last_at, updated_at, ended_at, triggers, value, peak, bound, below, span, reason, samples, seen, `+handlingColumns+`, turn_times, turns, flapping, calm, settles, odd, change, born)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
  $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, `+nextChange+`, `+nextChange+`) RETURNING id, change, born`, values...).Scan(&r.ID, &r.Change, &r.Born)
		if err != nil {
			return fmt.Errorf("insert alert of rule %d: %w", r.Rule, err)
		}
		r.fresh, r.dirty = false, false
		return r.storeLog(ctx, tx)
	}
	err = tx.QueryRowContext(ctx, `UPDATE alerts SET rule = $1, rule_name = $2, rule_version = $3, owner = $4, title = $5, severity = $6, state = $7,
  entity = $8, entity_key = $9, origin = $10, first_at = $11, last_at = $12, updated_at = $13, ended_at = $14, triggers = $15, value = $16,
  peak = $17, bound = $18, below = $19, span = $20, reason = $21, samples = $22, seen = $23,
  acked_by = $24, acked_at = $25, acked_until = $26, acked_note = $27, assignee = $28, disposition = $29, duplicate_of = $30,
  closed_by = $31, closed_at = $32, closed_note = $33, reopened = $34, turn_times = $35, turns = $36, flapping = $37, calm = $38, settles = $39, odd = $40,
  change = `+nextChange+` WHERE id = $41 RETURNING change`, append(values, r.ID)...).Scan(&r.Change)
	if err != nil {
		return fmt.Errorf("update alert %d: %w", r.ID, err)
	}
	r.dirty = false
	return r.storeLog(ctx, tx)
}

// An AlertQuery selects alerts; a zero field selects all.
type AlertQuery struct {
	ID          int64
	States      []alert.State
	RuleID      int64
	Rule        string // name
	Owner       *string
	Origin      string
	MinSeverity alert.Severity
	Since       time.Time // last trigger at or after
	Until       time.Time // last trigger before
	Owners      []string  // of one of them; none is anybody
	Text        string    // stands in the entity, the title or the reason, in any case
	Behind      Place     // goes on behind this place; zero begins with the first
	SinceID     int64     // number above
	Oldest      bool      // in the order of their numbers, unless SinceChange
	SinceChange int64     // newest change above, in the order of their changes; -1 is all of them so
	Limit       int       // 0 is 1,000
	Brief       bool      // without samples, which are most of what is read
}

// A Place is where an alert stands in the list of them, newest trigger first.
type Place struct {
	Last time.Time
	ID   int64
}

// Alerts returns the alerts that q selects, that with the newest trigger first, or with SinceChange that with the oldest
// change.
func (l *Ledger) Alerts(ctx context.Context, q AlertQuery) ([]alert.Alert, error) {
	var found []*row
	err := l.read(ctx, "list alerts", func(ctx context.Context, db *sql.DB) error {
		found = nil
		query, values := q.statement()
		rows, err := db.QueryContext(ctx, query, values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanAlert(rows)
			if err != nil {
				return err
			}
			found = append(found, r)
		}
		return rows.Err()
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	alerts := make([]alert.Alert, len(found)) // made once: an alert is large
	for i, r := range found {
		alerts[i] = r.Alert
	}
	return alerts, nil
}

func (q AlertQuery) statement() (string, []any) {
	where, values := q.conditions()
	order := ` ORDER BY last_at DESC, id DESC`
	switch {
	case q.SinceChange != 0:
		order = ` ORDER BY change`
	case q.Oldest:
		order = ` ORDER BY id`
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	values = append(values, int64(limit))
	columns := shownColumns
	if q.Brief {
		columns = withoutSamples(columns)
	}
	return `SELECT ` + columns + ` FROM alerts` + where + order + ` LIMIT $` + strconv.Itoa(len(values)), values
}

// conditions returns the WHERE of q, "" when it selects all, with its values.
func (q AlertQuery) conditions() (string, []any) {
	var where []string
	var values []any
	mark := func(value any) string {
		values = append(values, value)
		return "$" + strconv.Itoa(len(values))
	}
	add := func(condition string, value any) { where = append(where, condition+" "+mark(value)) }
	oneOf := func(column string, words []string) {
		marks := make([]string, len(words))
		for i, w := range words {
			marks[i] = mark(clean(w))
		}
		where = append(where, column+" IN ("+strings.Join(marks, ", ")+")")
	}
	if q.ID != 0 {
		add("id =", q.ID)
	}
	if q.RuleID != 0 {
		add("rule =", q.RuleID)
	}
	if q.Rule != "" {
		add("rule_name =", clean(q.Rule))
	}
	if q.Owner != nil {
		add("owner =", clean(*q.Owner))
	}
	if q.Origin != "" {
		add("origin =", clean(q.Origin))
	}
	if q.MinSeverity > 0 {
		add("severity >=", int64(q.MinSeverity))
	}
	if !q.Since.IsZero() {
		add("last_at >=", nanos(q.Since))
	}
	if !q.Until.IsZero() {
		add("last_at <", nanos(q.Until))
	}
	if q.SinceID != 0 {
		add("id >", q.SinceID)
	}
	if q.SinceChange != 0 {
		add("change >", q.SinceChange)
	}
	if q.Behind.ID != 0 {
		where = append(where, "(last_at, id) < ("+mark(nanos(q.Behind.Last))+", "+mark(q.Behind.ID)+")")
	}
	if q.Text != "" {
		// LOWER stands on both sides, as the databases differ in what they take for a letter.
		pattern := mark("%" + escapeLike.Replace(clean(q.Text)) + "%")
		like := " LIKE LOWER(" + pattern + ") ESCAPE '!'"
		where = append(where, "(LOWER(entity_key)"+like+" OR LOWER(title)"+like+" OR LOWER(reason)"+like+")")
	}
	if len(q.Owners) > 0 {
		oneOf("owner", q.Owners)
	}
	if len(q.States) > 0 {
		states := make([]string, len(q.States))
		for i, s := range q.States {
			states[i] = string(s)
		}
		oneOf("state", states)
	}
	if len(where) == 0 {
		return "", nil
	}
	return ` WHERE ` + strings.Join(where, ` AND `), values
}

// escapeLike takes the meaning from what LIKE knows.
var escapeLike = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// NewestChange returns the number of the newest change of all alerts, 0 when there was none.
func (l *Ledger) NewestChange(ctx context.Context) (n int64, err error) {
	err = l.read(ctx, "read newest change", func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT `+nextChange+` - 1`).Scan(&n)
	})
	return n, err
}

// OpenAlerts counts the alerts of each rule that have not ended; the one that stands for an overflow is left out.
func (l *Ledger) OpenAlerts(ctx context.Context) (map[int64]int, error) {
	counts := map[int64]int{}
	err := l.read(ctx, "count open alerts", func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx,
			`SELECT rule, COUNT(*) FROM alerts WHERE state <> 'ended' AND entity_key <> $1 GROUP BY rule`, overflowKey)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var rule int64
			var n int
			if err := rows.Scan(&rule, &n); err != nil {
				return err
			}
			counts[rule] = n
		}
		return rows.Err()
	})
	return counts, err
}
