package app

import (
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/detect"
	"tocsin/internal/rule"
)

// A finding that a rule was switched off is told of tocsin itself, one of a rule about anything else is not.
func TestDisables(t *testing.T) {
	for _, c := range []struct {
		entity alert.Entity
		want   bool
	}{
		{nil, false}, {alert.Entity{{Field: "source.ip", Value: detect.DisabledField}}, false},
		{aboutRule(&rule.Rule{Name: "bad"}), true}, {aboutRule(&rule.Rule{Name: "bad", Owner: "anna"}), true},
	} {
		if got := disables(alert.Finding{Entity: c.entity}); got != c.want {
			t.Errorf("disables(%v) = %v", c.entity, got)
		}
	}
}
