package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
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

// Columns of an alert in the order in which a record reads them: what a list says of each, the samples, which are most of
// what there is to read, and what only the ledger needs to know.
const (
	briefColumns = `id, rule, rule_name, rule_version, owner, title, severity, state, entity, origin, first_at, last_at, updated_at, ended_at, ` +
		`triggers, value, peak, bound, below, span, reason, ` + handlingColumns + `, turns, flapping, calm, change, born`
	shownColumns = briefColumns + `, samples, odd`
	alertColumns = shownColumns + `, entity_key, seen, turn_times, settles`
)

type scanner interface{ Scan(into ...any) error }

// A record reads alerts from the database, each into the place of the one before, as to make a place for each of many takes
// longer than to read it. What is to stay of an alert is copied.
type record struct {
	row

	text struct{ entity, state, disposition, samples, odd, seen, turned string }
	at   struct{ first, last, updated, ended, acked, ackedUntil, closed, flapping, calm int64 }
	n    struct{ version, severity, below, window, reopened int64 }
	into []any // where the columns go
}

// newRecord reads one of the lists of columns above.
func newRecord(columns string) *record {
	c := &record{}
	c.into = []any{
		&c.ID, &c.Rule, &c.RuleName, &c.n.version, &c.Owner, &c.Title, &c.n.severity, &c.text.state, &c.text.entity, &c.Origin,
		&c.at.first, &c.at.last, &c.at.updated, &c.at.ended,
		&c.Triggers, &c.Value, &c.Peak, &c.Limit, &c.n.below, &c.n.window, &c.Reason,
		&c.AckedBy, &c.at.acked, &c.at.ackedUntil, &c.AckNote, &c.Assignee, &c.text.disposition, &c.DuplicateOf,
		&c.ClosedBy, &c.at.closed, &c.CloseNote, &c.n.reopened,
		&c.Turns, &c.at.flapping, &c.at.calm, &c.Change, &c.Born,
		&c.text.samples, &c.text.odd,
		&c.key, &c.text.seen, &c.text.turned, &c.settles,
	}[:1+strings.Count(columns, ",")]
	return c
}

// scanAlert reads all that is known of one alert.
func scanAlert(from scanner) (*row, error) {
	c := newRecord(alertColumns)
	if err := c.read(from); err != nil {
		return nil, err
	}
	r := c.row
	return &r, nil
}

// read takes an alert.
func (c *record) read(from scanner) error {
	c.row = row{}
	err := from.Scan(c.into...)
	if err != nil {
		return err
	}
	if c.Entity, err = decodeEntity(c.text.entity); err != nil {
		return fmt.Errorf("decode entity of alert %d: %w", c.ID, err)
	}
	if err := c.readSamples(c.text.samples, c.text.odd); err != nil {
		return fmt.Errorf("decode samples of alert %d: %w", c.ID, err)
	}
	if c.text.seen != "" {
		if err := json.Unmarshal([]byte(c.text.seen), &c.seen); err != nil {
			return fmt.Errorf("decode positions of alert %d: %w", c.ID, err)
		}
	}
	if c.turned, err = decodeTurns(c.text.turned); err != nil {
		return fmt.Errorf("decode turns of alert %d: %w", c.ID, err)
	}
	c.RuleVersion, c.Severity, c.State = int(c.n.version), alert.Severity(c.n.severity), alert.State(c.text.state)
	c.Below, c.Window = c.n.below != 0, time.Duration(c.n.window)
	c.Disposition, c.Reopened = alert.Disposition(c.text.disposition), int(c.n.reopened)
	c.First, c.Last = time.Unix(0, c.at.first).UTC(), time.Unix(0, c.at.last).UTC()
	c.Updated, c.EndedAt = instant(c.at.updated), instant(c.at.ended)
	c.AckedAt, c.AckedUntil, c.ClosedAt = instant(c.at.acked), instant(c.at.ackedUntil), instant(c.at.closed)
	c.Flapping, c.Calm = instant(c.at.flapping), instant(c.at.calm)
	return nil
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
