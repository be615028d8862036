package traffic

import (
	"testing"

	"tocsin/internal/aggregate"
	"tocsin/internal/event"
)

// TestAmong: the records of a few rows can be looked for by themselves, whatever is ranked, and where they cannot all are looked at.
func TestAmong(t *testing.T) {
	for _, e := range entities() {
		value := map[event.Type]string{event.IP: "2001:db8::1", event.String: "DE"}[field(e.by[0]).Type]
		if value == "" {
			value = "17"
		}
		row := aggregate.Row{Values: []string{value, value}[:len(e.by)], Missing: make([]bool, len(e.by))}
		if got := e.among([]aggregate.Row{row}); (got == nil) != (e.filter == "") {
			t.Errorf("%s: among = %v", e.name, got)
		}
		row.Missing[0] = true
		if got := e.among([]aggregate.Row{row}); got != nil {
			t.Errorf("%s: records without a value are looked for by %s", e.name, got)
		}
		row = aggregate.Row{Values: []string{"a\" || \"", "b\\"}[:len(e.by)], Missing: make([]bool, len(e.by))}
		if got := e.among([]aggregate.Row{row}); got != nil {
			t.Errorf("%s: text that closes quotes makes %s", e.name, got)
		}
	}
}
