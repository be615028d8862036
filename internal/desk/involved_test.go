package desk

import (
	"cmp"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/filter"
)

// What an alert is about is asked for in words that filters have; what flows cannot be found by is not.
func TestFlowsOfAnEntity(t *testing.T) {
	for _, c := range []struct {
		field, value, want string
		end                bool // also of a line of a log
	}{
		{"flow.host", "192.0.2.7", `related.ip == "192.0.2.7"`, true},
		{"source.ip", "::ffff:192.0.2.7", `related.ip == "192.0.2.7"`, true},
		{"labels.client", "2001:db8::7", `related.ip == "2001:db8::7"`, true},
		{"observer.ip", "192.0.2.254", `observer.ip == "192.0.2.254"`, false},
		{"flow.port", "22", `flow.role == "server" && source.port == 22 || flow.role != "server" && destination.port == 22`, true},
		{"source.port", "22", `source.port == 22`, false},
		{"flow.country", "DE", `related.country == "DE"`, true},
		{"source.geo.country_iso_code", `"`, `related.country == "\""`, true},
		{"flow.as.number", "4200000001", `related.as.number == 4200000001`, true},
		{"destination.group", "desks of all", `related.group == "desks of all"`, true},
		{"flow.interface", "3", `flow.ingress == 3 || flow.egress == 3`, true},
		{"network.transport", "udp", `network.transport == "udp"`, false},
		{"flow.initiated", "7", "", false},
		{"labels.x", "7", "", false},
		{"user.name", "anna", `user.name == "anna"`, false},
		{"nonsense", "7", "", false},
	} {
		p := alert.Pair{Field: c.field, Value: c.value}
		text := endWith(p)
		if (text != "") != c.end {
			t.Errorf("%s %q: as an end it is %q, want one: %v", c.field, c.value, text, c.end)
		}
		if text = cmp.Or(text, valueWith(p)); text == "" || c.want == "" {
			if text != c.want {
				t.Errorf("%s %q: got %q, want %q", c.field, c.value, text, c.want)
			}
			continue
		}
		if x, err := filter.Parse(text); err != nil || x.String() != c.want {
			t.Errorf("%s %q: got %s (%v), want %s", c.field, c.value, text, err, c.want)
		}
	}
}
