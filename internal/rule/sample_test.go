package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/document"
)

const sampled = `
name: refused
references: [RFC 9110, "https://example.org/a?b=c#d"]
from: log
where: http.response.status_code == 401
detect: {threshold: {by: [source.ip], over: 5m, at_least: 30}}
samples:
  - name: many
    format: combined
    log:
      - {lines: "first", times: 3, every: 2s}
      - {lines: "second {n}"}
    then: 1h
    expect: [{entity: 192.0.2.7, triggers: 2}]
  - {name: none, log: "a\nb"}
`

func TestSamples(t *testing.T) {
	rules, err := Decode("rules.yaml", []byte(sampled), detectors())
	if err != nil {
		t.Fatal(err)
	}
	want := []Sample{
		{Name: "many", Format: "combined", Line: 8, Then: time.Hour, Expect: []Expected{{Entity: "192.0.2.7", Triggers: 2}},
			Pieces: []Piece{{Lines: "first", Times: 3, Every: 2 * time.Second}, {Lines: "second {n}", Times: 1}}},
		{Name: "none", Line: 15, Pieces: []Piece{{Lines: "a\nb", Times: 1}}},
	}
	if diff := cmp.Diff(want, rules[0].Samples); diff != "" {
		t.Errorf("Samples: want - got +\n%s", diff)
	}
	again, err := Decode("again", []byte(rules[0].Text), detectors())
	if err != nil || !cmp.Equal(again[0].References, rules[0].References) || again[0].Fingerprint() != rules[0].Fingerprint() {
		t.Errorf("the text of the rule reads back as %+v, %v:\n%s", again, err, rules[0].Text)
	}
	if strings.Contains(rules[0].Text, "samples") {
		t.Errorf("the text of a rule holds its samples:\n%s", rules[0].Text)
	}
}

func TestCopies(t *testing.T) {
	type copied struct {
		lines string
		later time.Duration
	}
	for _, c := range []struct {
		piece Piece
		want  []copied
	}{
		{Piece{Lines: "GET /{n}", Times: 2, Every: time.Minute}, []copied{{"GET /1", 0}, {"GET /2", time.Minute}}},
		{Piece{Lines: "GET /{n}", Times: 1}, []copied{{"GET /{n}", 0}}}, // a line that stands once is taken as it is
	} {
		var got []copied
		for lines, later := range c.piece.Copies {
			got = append(got, copied{lines, later})
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(copied{})); diff != "" {
			t.Errorf("Copies of %+v: want - got +\n%s", c.piece, diff)
		}
	}
}

// Samples that would cost too much, or say nothing, are refused with their place.
func TestBadSamples(t *testing.T) {
	for text, want := range map[string]string{
		`samples: {name: x}`:                                             "samples: got something else",
		`samples: [x]`:                                                   "samples[0]: got no mapping",
		`samples: [{log: x}]`:                                            "samples[0]: got no name",
		`samples: [{name: x}]`:                                           "samples[0]: got no log",
		`samples: [{name: x, lgo: y}]`:                                   "lgo: is not known here (did you mean log?)",
		`samples: [{name: x, log: [{lines: y, times: 0}]}]`:              "got times: 0",
		`samples: [{name: x, log: [{lines: y, times: 50001}]}]`:          "got times: 50001",
		`samples: [{name: x, log: [{lines: "y\nz", times: 30000}]}]`:     "got 60000 lines and more",
		`samples: [{name: x, log: [{lines: y, times: 2, every: 300d}]}]`: "got every: 300d",
		`samples: [{name: x, log: y, then: 400d}]`:                       "got then: 400d",
		`samples: [{name: x, log: y, expect: [{triggers: -1}]}]`:         "got -1 triggers",
		`samples: [{name: x, log: [{lines: "` + strings.Repeat("y", 4000) + `", times: 9000}]}]`: "got 36000000 bytes and more",
		`references: [""]`:   `references: got ""`,
		`references: ["\t"]`: "want texts of one line",
	} {
		_, err := Decode("r", []byte("name: x\nfrom: log\ndetect: {threshold: {at_least: 3}}\n"+text), detectors())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A tuned rule is that of the pack with what was changed, in its settings, its filter and its text alike.
func TestDecodeTuned(t *testing.T) {
	root, err := document.Parse("pack", []byte(sampled))
	if err != nil {
		t.Fatal(err)
	}
	tune := func(text string) (Rule, error) {
		change, err := document.Parse("tocsin.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return DecodeTuned(root, change, detectors())
	}
	same, err := DecodeTuned(root, document.Node{}, detectors())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Decode("pack", []byte(sampled), detectors())
	if err != nil || same.Fingerprint() != plain[0].Fingerprint() || same.Text != plain[0].Text {
		t.Errorf("a rule that is not changed is another one (%v):\n%s", err, same.Text)
	}
	r, err := tune(`{severity: LOW, except: user.name == "probe", detect: {at_least: 50, end_after: 1h}}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "threshold {by: [source.ip], over: 5m, at_least: 50, end_after: 1h}"; r.Detect != want {
		t.Errorf("Detect = %q, want %q", r.Detect, want)
	}
	if want := `http.response.status_code == 401 && user.name != "probe"`; r.WhereText() != want && r.WhereText() != `http.response.status_code == 401 && !(user.name == "probe")` {
		t.Errorf("Where = %q, want %q", r.WhereText(), want)
	}
	again, err := Decode("again", []byte(r.Text), detectors())
	if err != nil || again[0].Fingerprint() != r.Fingerprint() || again[0].Severity != r.Severity {
		t.Errorf("the text of a tuned rule does not read back: %v\n%s", err, r.Text)
	}
	for text, want := range map[string]string{
		`{detect: {at_lest: 3}}`:    "tocsin.yaml:1: detect.at_lest: is not known here (did you mean at_least?)",
		`{detect: 3}`:               "tocsin.yaml:1: detect: got no mapping",
		`{detect: {at_least: -1}}`:  "tocsin.yaml:1",
		`{severity: HUGE}`:          "tocsin.yaml:1: severity",
		`{except: "user.nam == 1"}`: "tocsin.yaml:1: except",
		`{enabled: false}`:          "enabled: is not known here",
	} {
		if _, err := tune(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
