package rule

import (
	"strings"
	"testing"
)

func TestImportLogTrack(t *testing.T) {
	const text = `[
	{"id": "kw 1", "rule_type": "keyword_threshold", "service": "apache", "keyword": "wp_%\"php", "threshold": 3, "window_minutes": 5, "description": "errors: many"},
	{"id": "msg", "rule_type": "repeated_message", "service": "apache", "message": "login failed", "threshold": 5, "window_minutes": 2},
	{"id": "user", "rule_type": "user_threshold", "message": "denied", "threshold": 4, "window_minutes": 10, "user_field": "user"},
	{"id": "rate", "rule_type": "rate_spike", "service": "apache", "threshold": 4, "window_seconds": 300},
	{"id": "idle", "rule_type": "inactivity", "service": "apache", "max_idle_minutes": 60, "keyword": null},
	{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", "zscore_threshold": 0, "threshold": 4, "window_minutes": 60},
	{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", "colour": "red"},
	{"id": "none", "rule_type": "rate_spike", "service": "apache", "threshold": 4},
	{"id": "odd", "rule_type": "astrology"},
	{"id": "", "rule_type": "inactivity", "max_idle_minutes": 1},
	{"id": "bad", "rule_type": "rate_spike", "threshold": "four", "window_seconds": 1},
	7
	]`
	rules, problems, err := ImportLogTrack([]byte(text), detectors())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"kw-1": `threshold {over: 5m, at_least: 3}`,
		"msg":  `threshold {over: 2m, at_least: 5}`,
		"user": `threshold {by: [user.name], over: 10m, at_least: 4}`,
		"rate": `threshold {over: 300s, at_least: 4}`,
		"idle": `absence {idle: 60m}`,
		"z":    `deviation {bucket: 60m, baseline: 6, z: 4, zero: logtrack, align: newest}`,
	}
	for _, r := range rules {
		if r.Detect != want[r.Name] {
			t.Errorf("%s: got %s, want %s", r.Name, r.Detect, want[r.Name])
		}
		delete(want, r.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v\nproblems: %s", want, strings.Join(problems, "\n"))
	}
	if w := rules[0].WhereText(); !strings.Contains(w, "apache") || !strings.Contains(w, "like(") {
		t.Errorf("kw-1: got filter %s", w)
	}
	if w := rules[1].WhereText(); strings.Contains(w, "apache") {
		t.Errorf("msg: got filter %s, want one for any service", w)
	}
	told := strings.Join(problems, "\n")
	for _, want := range []string{"user_field", "colour", "another rule has this name", "rule 8", "astrology", "rule 10", "rule 11", "rule 12"} {
		if !strings.Contains(told, want) {
			t.Errorf("the problems do not name %q:\n%s", want, told)
		}
	}
	for _, foul := range []string{"", "{}", "[", "null null"} {
		if _, _, err := ImportLogTrack([]byte(foul), detectors()); err == nil {
			t.Errorf("ImportLogTrack(%q): got no error", foul)
		}
	}
}

func FuzzImportLogTrack(f *testing.F) {
	f.Add([]byte(`[{"id": "a", "rule_type": "keyword_threshold", "keyword": "x", "threshold": 1, "window_minutes": 1}]`))
	f.Add([]byte(`[{"id": "z", "rule_type": "zscore_anomaly", "baseline_windows": -1, "description": "\u2028"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, _, err := ImportLogTrack(text, detectors())
		if err != nil {
			return
		}
		for _, r := range rules {
			if again, err := Decode("again", []byte(r.Text), detectors()); err != nil || again[0].Fingerprint() != r.Fingerprint() {
				t.Fatalf("the text of a rule does not read back: %v\n%s", err, r.Text)
			}
		}
	})
}
