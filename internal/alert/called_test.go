package alert_test

import (
	"testing"

	"tocsin/internal/alert"
)

func TestWithNames(t *testing.T) {
	a := alert.Alert{
		Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}, {Field: "destination.ip", Value: "2001:db8::7"}, {Field: "user.name", Value: "anna"}},
		Names:  map[string]string{"192.0.2.7": "web-1", "2001:db8::7": "192.0.2.7"}, // a name that reads as another value is not named again
	}
	for text, want := range map[string]string{
		"":                           "",
		"from 192.0.2.7":             "from web-1 (192.0.2.7)",
		"192.0.2.7 → 2001:db8::7":    "web-1 (192.0.2.7) → 192.0.2.7 (2001:db8::7)",
		"It was 192.0.2.7.":          "It was web-1 (192.0.2.7).",
		"192.0.2.7: too many":        "web-1 (192.0.2.7): too many",
		"(192.0.2.7, 192.0.2.7)":     "(web-1 (192.0.2.7), web-1 (192.0.2.7))",
		"192.0.2.70 and 1192.0.2.7":  "192.0.2.70 and 1192.0.2.7",
		"192.0.2.7:443 192.0.2.7/32": "192.0.2.7:443 192.0.2.7/32",
		"192.0.2.7.example é":        "192.0.2.7.example é",
		"2001:db8::7:1 \xff":         "2001:db8::7:1 \xff",
		"anna logged in":             "anna logged in",
	} {
		if got := a.WithNames(text); got != want {
			t.Errorf("WithNames(%q) = %q, want %q", text, got, want)
		}
	}
	if got, want := a.About(), "web-1 (192.0.2.7) → 192.0.2.7 (2001:db8::7) → anna"; got != want {
		t.Errorf("About() = %q, want %q", got, want)
	}
	if key := a.Entity.Key(); key != "source.ip=192.0.2.7,destination.ip=2001:db8::7,user.name=anna" {
		t.Errorf("the key has names in it: %s", key)
	}
	none := alert.Alert{}
	if none.About() != "everything" || none.WithNames("192.0.2.7") != "192.0.2.7" {
		t.Errorf("without names: %q, %q", none.About(), none.WithNames("192.0.2.7"))
	}
}
