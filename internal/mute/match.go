package mute

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// evidence is what filters are held against: a row for each sample of an alert, with the fields of its entity added, and
// where there are no samples one of the entity alone. It is nil where a sample cannot be read: nothing is proven then.
func evidence(a *alert.Alert) *event.Batch {
	b := event.NewBuilder(event.Log)
	if len(a.Samples) == 0 {
		addEntity(b, a.Entity)
		b.Next()
		return b.Batch()
	}
	for _, sample := range a.Samples {
		var members map[string]json.RawMessage
		if json.Unmarshal(sample, &members) != nil || members == nil {
			return nil
		}
		addEntity(b, a.Entity)
		for name, value := range members {
			if !addMember(b, name, value) {
				return nil
			}
		}
		b.Next()
	}
	return b.Batch()
}

// addEntity adds the fields of an entity. That of a view, such as related.ip, is told by the samples alone, as is one whose
// value is not of its type.
func addEntity(b *event.Builder, e alert.Entity) {
	for _, p := range e {
		if f, ok := event.FieldByName(p.Field); ok && len(f.Any) == 0 && !b.Has(f.ID) {
			add(b, f, p.Value)
		} else if label, ok := strings.CutPrefix(p.Field, "labels."); ok && label != "" {
			b.Label([]byte(label), []byte(p.Value))
		}
	}
}

// addMember adds a field or label of a sample, unless the entity told it. It reports false where its value is foul.
func addMember(b *event.Builder, name string, value json.RawMessage) bool {
	text := string(bytes.TrimSpace(value))
	switch {
	case text == "null", strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return true
	case strings.HasPrefix(text, `"`):
		var plain string
		if json.Unmarshal(value, &plain) != nil {
			return false
		}
		text = plain
	}
	f, ok := event.FieldByName(name)
	switch label, isLabel := strings.CutPrefix(name, "labels."); {
	case !ok && isLabel && label != "":
		b.Label([]byte(label), []byte(text))
		return true
	case !ok, len(f.Any) > 0, b.Has(f.ID):
		return true
	}
	return add(b, f, text)
}

func add(b *event.Builder, f *event.Field, text string) bool {
	if f.Type != event.Time {
		return parser.Fill(b, f, []byte(text))
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return false
	}
	b.Time(f.ID, at.UnixNano())
	return true
}
