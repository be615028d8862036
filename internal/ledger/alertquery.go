package ledger

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
)

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
	return `SELECT ` + q.columns() + ` FROM alerts` + where + order + ` LIMIT $` + strconv.Itoa(len(values)), values
}

func (q AlertQuery) columns() string {
	if q.Brief {
		return briefColumns
	}
	return shownColumns
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
