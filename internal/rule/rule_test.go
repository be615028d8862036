package rule

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

func detectors() detector.Set {
	return detector.Set{"threshold": threshold.Default, "absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default}
}

const good = `rules:
  - name: ssh-scan
    title: "SSH scan: many hosts"
    description: |
      Somebody knocks
      everywhere.
    from: flow
    where: destination.port == 22 # a comment
    detect: {threshold: {metric: distinct(destination.ip), by: [source.ip], over: 1h, above: 100}}
    severity: high
  - name: silent
    from: [log, login]
    detect:
      absence:
        by: [service.name]
        expect: ["off", "apache: 2", 'it''s']
        idle: 60m
    enabled: false
`

func TestDecode(t *testing.T) {
	rules, err := Decode("rules.yaml", []byte(good), detectors())
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) != 2 {
		t.Fatalf("Decode: got %d rules, want 2", len(rules))
	}
	r := rules[0]
	if r.Name != "ssh-scan" || r.Title != "SSH scan: many hosts" || r.From != event.Of(event.Flow) || r.Severity != alert.High ||
		!r.Enabled || r.File != "rules.yaml" || r.Line != 2 || r.Detector != "threshold" || r.WhereText() == "" {
		t.Errorf("Decode: got %+v", r)
	}
	if got := *r.Config.(*threshold.Config).Above; got != 100 {
		t.Errorf("above: got %v, want 100", got)
	}
	if r := rules[1]; r.Severity != alert.Medium || r.Enabled || r.Title != "silent" || r.From != event.Of(event.Log, event.Login) || r.Where != nil {
		t.Errorf("Decode: got %+v", r)
	}
}

// The text of a rule reads back as the same rule, and has the same text again.
func TestTextReadsBack(t *testing.T) {
	rules, err := Decode("rules.yaml", []byte(good), detectors())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		again, err := Decode("text", []byte(r.Text), detectors())
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Text)
		}
		got := again[0]
		if diff := cmp.Diff(r.Config, got.Config); diff != "" {
			t.Errorf("%s: other settings (-want +got):\n%s", r.Name, diff)
		}
		if got.Text != r.Text || got.Fingerprint() != r.Fingerprint() || got.Title != r.Title || got.Description != r.Description ||
			got.From != r.From || got.WhereText() != r.WhereText() || got.Severity != r.Severity || got.Enabled != r.Enabled {
			t.Errorf("got %+v\nwant %+v", got, r)
		}
	}
}

func TestFingerprint(t *testing.T) {
	one := func(text string) string {
		rules, err := Decode("x", []byte(text), detectors())
		if err != nil {
			t.Fatal(err)
		}
		return rules[0].Fingerprint()
	}
	base := one("{name: a, from: log, where: source.port == 1, detect: {threshold: {above: 3}}}")
	if got := one("{name: b, title: t, severity: LOW, from: log, where: source.port == 1, detect: {threshold: {above: 3}}}"); got != base {
		t.Error("name and severity change the fingerprint")
	}
	for _, other := range []string{
		"{name: a, from: flow, where: source.port == 1, detect: {threshold: {above: 3}}}",
		"{name: a, from: log, where: source.port == 2, detect: {threshold: {above: 3}}}",
		"{name: a, from: log, where: source.port == 1, detect: {threshold: {above: 4}}}",
		"{name: a, from: log, where: source.port == 1, detect: {threshold: {at_least: 3}}}",
	} {
		if one(other) == base {
			t.Errorf("%s has the same fingerprint as another rule", other)
		}
	}
}

// Every mistake is told at once, each with its place.
func TestMistakes(t *testing.T) {
	const bad = `rules:
  - name: one
    from: log
    where: destination.prt == 22
    detect: {threshold: {over: 0s, above: 3, at_least: 4}}
  - name: "two words"
    frm: log
    detect: {treshold: {}}
    severity: LOUD
  - name: one two
    from: [log, logs]
    where: |
      source.port == 1 &&
        message == 5
    detect: {novelty: {by: [host.mac], known: [1], again: sometimes}}
  - name: three
    from: log
    detect: {absence: {idle: 1h, by: [sevice.name]}}
  - name: four
    from: log
    detect: {absence: {}}
  - name: four
    from: log
    detect: absence
`
	_, err := Decode("rules.yaml", []byte(bad), detectors())
	if err == nil {
		t.Fatal("Decode: got no error")
	}
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("Decode: %v is no fault.Invalid", err)
	}
	text := err.Error()
	for _, want := range []string{
		"rules.yaml:4: rules[0].where", "destination.port", "rules.yaml:5: rules[0].detect.threshold.over", "one limit",
		"rules.yaml:6: rules[1].name", "rules.yaml:7: rules[1].frm", "did you mean from", "did you mean threshold", "rules[1].severity",
		"rules.yaml:11: rules[2].from[1]", "rules[2].where", "line 2", "rules[2].detect.novelty.again",
		"service.name", "no other rule has",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the mistakes do not say %q:\n%s", want, text)
		}
	}
	caret := "    4 |     where: destination.prt == 22\n                   ^"
	if !strings.Contains(text, caret) {
		t.Errorf("no caret at the field:\n%s", text)
	}
}

func TestOneRule(t *testing.T) {
	rules, err := Decode("stdin", []byte("name: x\nfrom: log\ndetect: absence\n"), detectors())
	if err != nil || len(rules) != 1 || rules[0].Detector != "absence" {
		t.Errorf("Decode of one rule: got %v, %v", rules, err)
	}
	for _, text := range []string{"", "42", "[]", "rules: 5", "rules:\n- 7\n", "rules: []\nmore: 1\n"} {
		if rules, err := Decode("stdin", []byte(text), detectors()); err == nil {
			t.Errorf("Decode(%q): got %v, want an error", text, rules)
		}
	}
	if rules, err := Decode("stdin", []byte("rules:\n"), detectors()); err != nil || len(rules) != 0 {
		t.Errorf("Decode of no rules: got %v, %v", rules, err)
	}
}

func TestFileID(t *testing.T) {
	if a, again := FileID("a"), FileID("a"); a >= 0 || a != again || a == FileID("b") {
		t.Error("numbers of rules in files must be negative, stable and different")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("{name: x, from: log, detect: {novelty: {by: [host.mac], known: devices}}}"))
	f.Add([]byte("name: a\nfrom: [log]\nwhere: 'a\"b\\'\ndetect: {threshold: {at_most: -1e3, metric: sum(source.bytes)}}\ntitle: \"\\u2028é: #\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := Decode("fuzz", text, detectors())
		if err != nil {
			return
		}
		for _, r := range rules {
			again, err := Decode("again", []byte(r.Text), detectors())
			if err != nil || len(again) != 1 || again[0].Text != r.Text || again[0].Fingerprint() != r.Fingerprint() {
				t.Fatalf("the text of a rule does not read back: %v\n%s", err, r.Text)
			}
		}
	})
}
