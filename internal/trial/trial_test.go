package trial_test

import (
	"strings"
	"testing"

	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/pack"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/syslog"
	"tocsin/internal/rule"
	"tocsin/internal/trial"
)

func detectors() detector.Set {
	return detector.Set{"absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default, "threshold": threshold.Default}
}

func formats() parser.Set {
	return parser.Set{"cloudtrail": cloudtrail.Format(), "combined": combined.Format(), "jsonlines": jsonlines.Format(), "syslog": syslog.Format()}
}

// The samples of all shipped rules come out as they say.
func TestPacks(t *testing.T) {
	for _, p := range pack.All() {
		rules, err := p.Rules(detectors())
		if err != nil {
			t.Errorf("pack %s: %v", p.Name, err)
			continue
		}
		results, err := trial.Run(t.Context(), rules, formats())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if !r.Passed || r.Events == 0 {
				t.Errorf("%s, sample %q with %d events: %q", r.Rule, r.Sample, r.Events, r.Faults)
			}
		}
	}
}

const guessing = `
name: guessing
from: log
where: http.response.status_code == 401
detect: {threshold: {by: [source.ip], over: 1m, at_least: 2}}
samples:
`

// What a sample does not do as it says is told in words, and what cannot be tried is an error with its place.
func TestFaults(t *testing.T) {
	const line = `192.0.2.{n} - - [10/Mar/2024:12:00:00 +0000] "GET / HTTP/1.1" 401 1`
	const twice = `192.0.2.7 - - [10/Mar/2024:12:00:00 +0000] "GET / HTTP/1.1" 401 1`
	for _, c := range []struct{ name, sample, fault, err string }{
		{name: "silent and should ring", sample: "log: '" + twice + "'\n    expect: [{entity: 192.0.2.7}]", fault: "no alert about 192.0.2.7"},
		{name: "rings and should be silent", sample: "log:\n      - {lines: '" + twice + "', times: 2, every: 1m}", fault: "an alert about 192.0.2.7 with 1 triggers, want none"},
		{name: "rings too seldom", sample: "log:\n      - {lines: '" + twice + "', times: 2}\n    expect: [{entity: 192.0.2.7, triggers: 2}]", fault: "1 triggers about 192.0.2.7, want 2"},
		{name: "rings about another", sample: "log:\n      - {lines: '" + twice + "', times: 2}\n    expect: [{entity: 192.0.2.8}]", fault: "no alert about 192.0.2.8"},
		{name: "too late by a moment", sample: "log:\n      - {lines: '" + twice + "', times: 2, every: 1m1s}\n    expect: [{entity: 192.0.2.7}]", fault: "no alert about 192.0.2.7"},
		{name: "one each", sample: "log:\n      - {lines: '" + line + "', times: 9}"},
		{name: "a bad line", sample: "format: combined\n    log: |\n      " + twice + "\n      nonsense", fault: `line "nonsense" cannot be read`},
		{name: "no such format", sample: "format: combinde\n    log: x", err: `rules.yaml:7: sample "s" of rule guessing: no format "combinde"`},
		{name: "not recognised", sample: "log: x", err: "recognise the format"},
	} {
		rules, err := rule.Decode("rules.yaml", []byte(guessing+"  - name: s\n    "+c.sample+"\n"), detectors())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		results, err := trial.Run(t.Context(), rules, formats())
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: Run = %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || len(results) != 1 {
			t.Errorf("%s: Run = %d results, %v", c.name, len(results), err)
			continue
		}
		if got := strings.Join(results[0].Faults, "; "); results[0].Passed != (c.fault == "") || !strings.Contains(got, c.fault) || c.fault == "" && got != "" {
			t.Errorf("%s: passed %v with %q, want %q", c.name, results[0].Passed, got, c.fault)
		}
	}
}

// A rule that is switched off is tried all the same: whoever writes its samples wants to know.
func TestResting(t *testing.T) {
	text := "enabled: false" + guessing + "  - name: s\n    log:\n      - {lines: '192.0.2.7 - - [10/Mar/2024:12:00:00 +0000] \"GET / HTTP/1.1\" 401 1', times: 2}\n    expect: [{entity: 192.0.2.7}]\n"
	rules, err := rule.Decode("rules.yaml", []byte(text), detectors())
	if err != nil {
		t.Fatal(err)
	}
	results, err := trial.Run(t.Context(), rules, formats())
	if err != nil || len(results) != 1 || !results[0].Passed {
		t.Errorf("Run = %+v, %v; want one that passed", results, err)
	}
}
