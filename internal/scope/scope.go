// Package scope decides who may see what: a filter held against one event, and against an alert, where only what is proven
// to lie within counts.
package scope

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/parser"
)

// A Scope is a filter that bounds what somebody may see, or what something is to apply to. Its logic is that of
// filter.Expr.Certain: what is missing proves nothing, so source.ip != "10.0.0.1" is within no scope where there is no
// source.ip. A nil Scope has no bounds. Its methods may be called from several goroutines.
type Scope struct {
	text  string
	whole *filter.Expr
	looks map[string]bool // names of the fields and labels that decide

	mu     sync.Mutex // a filter is used by one goroutine at a time
	events *filter.Filter
	part   *filter.Filter
	denied *filter.Filter
}

// Compile reads a filter. A blank one gives a nil Scope. The error is fault.Invalid and says where the filter is wrong.
func Compile(text string) (*Scope, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil //nolint:nilnil // a nil Scope has no bounds
	}
	expr, err := filter.Parse(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	whole := expr.Certain(false)
	looks := map[string]bool{}
	for _, id := range expr.Fields() {
		if f, ok := event.FieldByID(id); ok {
			looks[f.Name] = true
		}
	}
	for _, name := range expr.Labels() {
		looks["labels."+name] = true
	}
	return &Scope{
		text: text, whole: whole, looks: looks,
		events: filter.Compile(whole), part: filter.Compile(expr.Certain(true)), denied: filter.Compile(expr.Opposite().Certain(true)),
	}, nil
}

// String returns the filter as it was written; "" of a nil Scope.
func (s *Scope) String() string {
	if s == nil {
		return ""
	}
	return s.text
}

// Bound returns a filter that selects what the given one does within the scope. A nil filter selects everything.
func (s *Scope) Bound(where *filter.Expr) *filter.Expr {
	switch {
	case s == nil:
		return where
	case where == nil:
		return s.whole
	default:
		return filter.And(s.whole, where)
	}
}

// Event reports whether an event is within: a JSON object with dotted names, as event.Batch.AppendJSON writes it. What is
// none, and what has a value that a field which decides cannot have, is not.
func (s *Scope) Event(text json.RawMessage) bool {
	if s == nil {
		return true
	}
	b, ok := batchOf(text, s.looks)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events.Select(b, nil)) == 1
}

// Samples reports whether there is a sample and all of them are within.
func (s *Scope) Samples(samples []json.RawMessage) bool {
	return s == nil || len(samples) > 0 && !slices.ContainsFunc(samples, func(e json.RawMessage) bool { return !s.Event(e) })
}

// Entity reports whether everything that an entity can be of is within: the entity tells a few fields of its events, and
// what it does not tell is unknown. The value of a view, such as related.ip, may be that of any of the fields it stands for.
func (s *Scope) Entity(e alert.Entity) bool {
	return s == nil || s.each(s.part, e)
}

// Alert reports whether others may see an alert: its entity and all stored samples are within. One without samples, as of
// somebody's silence, is seen by its entity.
func (s *Scope) Alert(a *alert.Alert) bool {
	return s == nil || s.Entity(a.Entity) && (len(a.Samples) == 0 || s.Samples(a.Samples))
}

// Own reports whether the owner of a rule may see an alert of it. The rule itself is bound by his scope, so that its entity
// need only not lie outside; the samples must be within, as the scope may have been narrowed since.
func (s *Scope) Own(a *alert.Alert) bool {
	return s == nil || !s.any(s.denied, a.Entity) && (len(a.Samples) == 0 || s.Samples(a.Samples))
}

func (s *Scope) any(f *filter.Filter, e alert.Entity) bool {
	return slices.Contains(s.held(f, e), true)
}

func (s *Scope) each(f *filter.Filter, e alert.Entity) bool {
	return !slices.Contains(s.held(f, e), false)
}

// held holds a filter against all the events that an entity may stand for, as far as it tells.
func (s *Scope) held(f *filter.Filter, e alert.Entity) (holds []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fields := range readings(e) {
		b := event.NewBuilder(event.Log)
		ok := true
		for i, p := range e {
			ok = fill(b, fields[i], p.Field, p.Value) && ok
		}
		b.Next()
		holds = append(holds, ok && len(f.Select(b.Batch(), nil)) == 1)
	}
	return holds
}

// maxReadings bounds the readings of an entity of many views. One of more is held against none, which hides it.
const maxReadings = 256

// readings lists for each of the ways to read an entity the field of every pair: a view is read as each of its fields. A
// label has none.
func readings(e alert.Entity) [][]*event.Field {
	all := [][]*event.Field{make([]*event.Field, len(e))}
	for i, p := range e {
		f, ok := event.FieldByName(p.Field)
		if !ok {
			continue
		}
		choices := []*event.Field{f}
		if len(f.Any) > 0 {
			choices = choices[:0]
			for _, id := range f.Any {
				if one, ok := event.FieldByID(id); ok {
					choices = append(choices, one)
				}
			}
		}
		var next [][]*event.Field
		for _, r := range all {
			for _, c := range choices {
				with := slices.Clone(r)
				with[i] = c
				next = append(next, with)
			}
		}
		if all = next; len(all) > maxReadings {
			return [][]*event.Field{make([]*event.Field, len(e))}
		}
	}
	return all
}

// batchOf reads what one event has under some names.
func batchOf(text json.RawMessage, looks map[string]bool) (*event.Batch, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return nil, false
	}
	b := event.NewBuilder(event.Log)
	labels, size := 0, 0
	for name, value := range members {
		if !looks[name] {
			continue
		}
		v := string(bytes.TrimSpace(value))
		switch {
		case v == "null":
			continue
		case strings.HasPrefix(v, `"`):
			var plain string
			if json.Unmarshal(value, &plain) != nil {
				return nil, false
			}
			v = plain
		case strings.HasPrefix(v, "{"), strings.HasPrefix(v, "["):
			continue
		}
		f, ok := event.FieldByName(name)
		switch {
		case ok && len(f.Any) > 0:
			continue
		case !ok:
			if labels, size = labels+1, size+len(name)+len(v); labels > event.MaxLabels || size > event.MaxLabelBytes {
				return nil, false // no event has so many
			}
		}
		if !fill(b, f, name, v) {
			return nil, false
		}
	}
	b.Next()
	return b.Batch(), true
}

// fill sets a field, or a label where it is nil, from the text of its value. What is neither is left out.
func fill(b *event.Builder, f *event.Field, name, value string) bool {
	switch {
	case f == nil:
		if label, ok := strings.CutPrefix(name, "labels."); ok && label != "" {
			b.Label([]byte(label), []byte(value))
		}
		return true
	case b.Has(f.ID):
		return false // told twice: nothing is proven
	case f.Type == event.Time:
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return false
		}
		b.Time(f.ID, at.UnixNano())
		return true
	default:
		return parser.Fill(b, f, []byte(value))
	}
}
