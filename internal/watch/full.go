package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
)

// A Table is what one rule keeps of its entities.
type Table struct {
	Rule     string
	Owner    string       // of the rule
	Entity   alert.Entity // whom an alert about it is about
	Entities int          // kept now
	Evicted  uint64       // given up for lack of room; a count that grows
}

// calmAfter is for how long nothing is given up before people are told that there is room again.
const calmAfter = time.Minute

// tables knows the rules whose room is full, by the keys of their entities.
type tables map[string]*filled

// A filled is one of them.
type filled struct {
	entity  alert.Entity
	evicted uint64 // when it was looked at last
	known   bool   // evicted is of this process
	lost    uint64 // given up since it is full
	calm    time.Duration
	told    bool // an alert is open, or was about to be when an earlier process ended
}

// MarshalJSON writes what outlasts a restart: whom an open alert is about.
func (f *filled) MarshalJSON() ([]byte, error) { return json.Marshal(f.entity) }

// UnmarshalJSON reads it.
func (f *filled) UnmarshalJSON(text []byte) error {
	*f = filled{told: true}
	return json.Unmarshal(text, &f.entity)
}

// MarshalJSON leaves out what need not outlast a restart.
func (m tables) MarshalJSON() ([]byte, error) {
	open := map[string]*filled{}
	for key, f := range m {
		if f.told {
			open[key] = f
		}
	}
	return json.Marshal(open)
}

// step takes in what the rules keep, after so much more time, and returns what is to be told.
func (m tables) step(elapsed time.Duration, now []Table) (calls []call) {
	there := map[string]bool{}
	for i := range now {
		t := &now[i]
		key := t.Entity.Key()
		there[key] = true
		f := m[key]
		if f == nil {
			f = &filled{}
			m[key] = f
		}
		if c, tell := f.look(elapsed, t); tell {
			c.key = key
			calls = append(calls, c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch f := m[key]; {
		case there[key]:
		case f.told:
			calls = append(calls, call{key: key, Own: alerting.Own{Name: FullRule, Entity: f.entity}})
		default:
			delete(m, key)
		}
	}
	return calls
}

// look takes in one table. It is told again as long as it gives up more, so that the alert says how many.
func (f *filled) look(elapsed time.Duration, t *Table) (c call, tell bool) {
	more := t.Evicted - f.evicted
	if t.Evicted < f.evicted { // the rule began anew
		more = t.Evicted
	}
	if !f.known { // what was given up before this process began was told by the one before
		more = 0
	}
	f.entity, f.evicted, f.known = t.Entity, t.Evicted, true
	c.Own = alerting.Own{Name: FullRule, Title: "Rule keeps too many entities", Owner: t.Owner, Entity: t.Entity, Severity: alert.High}
	if more > 0 {
		f.calm = 0
		f.lost += more
		c.raise, c.Value, c.Limit = true, float64(f.lost), 0
		c.Reason = fmt.Sprintf("rule %s keeps %d entities, as many as its memory holds, and gave up %d others, those furthest from its limit: what such a one does is not counted until it is seen again, and then from the beginning (raise memory of the rule, narrow its where, or group it by less)",
			t.Rule, t.Entities, f.lost)
		return c, true
	}
	f.calm += elapsed
	if f.calm < calmAfter {
		return c, false
	}
	f.lost = 0
	return c, f.told
}

// told notes whether a call was heeded.
func (m tables) told(c call, done bool) {
	if f := m[c.key]; f != nil && done {
		f.told = c.raise
	}
}
