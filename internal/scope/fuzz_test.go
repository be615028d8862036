package scope

import (
	"encoding/json"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/filter"
)

// FuzzScope: no text of a filter and no event does harm, and what is within a scope is selected by its filter as well.
func FuzzScope(f *testing.F) {
	f.Add(`source.ip in cidr("10.0.0.0/8") || !has(user.name)`, `{"source.ip":"10.0.0.1"}`, "related.ip", "10.0.0.1")
	f.Add(`!(message contains "x") && source.port != 22`, `{"message":"y","source.port":80,"labels.a":"b"}`, "source.port", "80")
	f.Add(`num(labels.size) > 1 or @timestamp < date("2026-01-01")`, `{"@timestamp":"2025-01-01T00:00:00Z","labels.size":"2"}`, "labels.size", "x")
	f.Fuzz(func(t *testing.T, text, event, field, value string) {
		s, err := Compile(text)
		if err != nil || s == nil {
			return
		}
		entity := alert.Entity{{Field: field, Value: value}}
		s.Alert(&alert.Alert{Entity: entity, Samples: []json.RawMessage{json.RawMessage(event)}})
		if s.Entity(entity) && !s.Own(&alert.Alert{Entity: entity}) {
			t.Errorf("%v is within %s and outside of it", entity, text)
		}
		if !s.Event(json.RawMessage(event)) {
			return
		}
		plain, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := batchOf(json.RawMessage(event), s.looks); !ok || len(filter.Compile(plain).Select(b, nil)) != 1 {
			t.Errorf("%s is within %s, whose filter does not select it", event, text)
		}
	})
}
