package apitest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// logLine is one line of a web server's log, n seconds after noon.
func logLine(n int, address, path string, status int) string {
	return fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d 12 "-" "curl/8"`, address, noon.Add(time.Duration(n)*time.Second).Format("02/Jan/2006:15:04:05 -0700"), path, status)
}

func explain(s *suite) {
	for _, text := range []string{
		`{name: probe, from: log, where: 'http.response.status_code == 404 && source.ip != "192.0.2.99"', detect: {threshold: {by: [source.ip], over: 10m, at_least: 3}}, severity: HIGH}`,
		`{name: users, from: log, where: http.response.status_code == 404, detect: {threshold: {by: [user.name], at_least: 3}}, severity: LOW}`,
		`{name: logins, from: login, detect: {threshold: {at_least: 3}}, severity: LOW}`,
		`{name: asleep, from: log, enabled: false, detect: {threshold: {at_least: 1}}, severity: LOW}`,
	} {
		_, err := s.PutRule(s.ctx, api.RuleEdit{Text: text})
		s.must("PutRule", err)
	}
	s.explainsReading()
	s.explainsRules()
	s.explainsWindows()
	s.explainsNothingAmiss()
}

// explained asks and returns the only line.
func (s *suite) explained(q api.ExplainRequest) (api.ExplainAnswer, api.Account) {
	s.Helper()
	a, err := s.Explain(s.ctx, q)
	s.must("Explain", err)
	if len(a.Lines) != 1 {
		s.Fatalf("Explain(%+v) = %d lines, want 1", q, len(a.Lines))
	}
	return a, a.Lines[0]
}

// explainsReading looks at how lines are read.
func (s *suite) explainsReading() {
	_, l := s.explained(api.ExplainRequest{Lines: []string{logLine(0, "192.0.2.1", "/a", 200)}, Service: "shop"})
	if l.Format != "combined" || l.Confidence < 50 || len(l.Scores) == 0 || l.Scores[0].Format != "combined" || l.Fault != nil || len(l.Events) != 1 {
		s.Fatalf("a good line: got %+v", l)
	}
	e := l.Events[0]
	for _, want := range []api.EventField{{Name: "source.ip", Type: "ip", Value: "192.0.2.1"}, {Name: "http.response.status_code", Type: "int", Value: "200"}, {Name: "service.name", Type: "string", Value: "shop"}} {
		if !slices.Contains(e.Fields, want) {
			s.Errorf("fields %+v lack %+v", e.Fields, want)
		}
	}
	if !e.Time.Equal(noon) || e.Kind != "log" || !json.Valid(e.Event) || len(e.Mended) != 0 {
		s.Errorf("event = %+v", e)
	}
	cut := logLine(0, "192.0.2.1", "/a", 200)
	cut = cut[:strings.Index(cut, "HTTP")]
	_, l = s.explained(api.ExplainRequest{Lines: []string{cut}, Format: "combined"})
	if l.Fault == nil || l.Fault.Reason == "" || l.Fault.Offset <= 0 || l.Fault.Before == "" || len(l.Events) != 0 || l.Confidence != 100 {
		s.Errorf("a line that breaks off: got %+v, fault %+v", l, l.Fault)
	}
	if _, l = s.explained(api.ExplainRequest{Lines: []string{"neither fish nor fowl"}}); l.Format != "" || len(l.Events) != 0 || l.Why == "" {
		s.Errorf("a line of no format: got %+v", l)
	}
	if _, l = s.explained(api.ExplainRequest{Raw: [][]byte{[]byte("{\"message\":\"a\xff\"}")}}); l.Format != "jsonlines" || !strings.Contains(l.Text, "\ufffd") {
		s.Errorf("a line that is no UTF-8: got %+v", l)
	}
	if _, l = s.explained(api.ExplainRequest{Lines: []string{" \t"}}); !l.Empty || l.Fault != nil {
		s.Errorf("a blank line: got %+v", l)
	}
	if _, l = s.explained(api.ExplainRequest{Lines: []string{`{"message":"no time"}`}}); len(l.Events) != 1 || len(l.Events[0].Mended) != 1 || !strings.Contains(l.Events[0].Mended[0], "no readable time") {
		s.Errorf("a line without a time: got %+v", l)
	}
	for _, q := range []api.ExplainRequest{
		{}, {Lines: []string{"a"}, Raw: [][]byte{{'a'}}}, {Lines: make([]string, api.MaxExplainLines+1)}, {Lines: []string{"a"}, State: "tomorrow"},
		{Lines: []string{"a"}, Format: "clay"}, {Lines: []string{"a"}, Format: "combined", Zone: "Atlantis/Center"},
	} {
		_, err := s.Explain(s.ctx, q)
		s.kind("Explain of a wrong request", err, fault.Invalid)
	}
	_, err := s.Explain(s.ctx, api.ExplainRequest{Lines: []string{"a"}, Rules: []string{"nosuch"}})
	s.kind("Explain by a rule that is not there", err, fault.NotFound)
}

// of returns what one rule says of the first event.
func (s *suite) of(l api.Account, name string) api.RuleTrace {
	s.Helper()
	for _, e := range l.Events {
		for _, r := range e.Rules {
			if r.Name == name {
				return r
			}
		}
	}
	s.Fatalf("no word of rule %s in %+v", name, l)
	return api.RuleTrace{}
}

// explainsRules looks at why rules look away.
func (s *suite) explainsRules() {
	a, l := s.explained(api.ExplainRequest{Lines: []string{logLine(0, "192.0.2.99", "/a", 200)}})
	if a.Rules != 3 || len(l.Events[0].Rules) != 3 {
		s.Errorf("asked %d rules, told of %d, want the 3 that run", a.Rules, len(l.Events[0].Rules))
	}
	r := s.of(l, "probe")
	want := []api.FilterTrace{
		{Depth: 1, Text: "http.response.status_code == 404", Has: []api.FieldHeld{{Name: "http.response.status_code", Values: []string{"200"}}}},
		{Depth: 1, Text: `source.ip != "192.0.2.99"`, Has: []api.FieldHeld{{Name: "source.ip", Values: []string{"192.0.2.99"}}}},
	}
	if len(r.Filter) != 3 || r.Filter[0].Word != "and" || r.Filter[0].Holds || !cmp.Equal(r.Filter[1:], want) || r.Verdict != api.NotSelected || len(r.Blame) != 2 {
		s.Errorf("a rule that does not select: got %+v", r)
	}
	if r := s.of(l, "logins"); r.Verdict != api.OtherKind || r.Why == "" {
		s.Errorf("a rule about another kind: got %+v", r)
	}
	_, l = s.explained(api.ExplainRequest{Lines: []string{logLine(0, "192.0.2.1", "/a", 404)}, Rules: []string{"users", "asleep"}})
	if r := s.of(l, "users"); r.Verdict != api.Lacking || !strings.Contains(r.Why, "user.name") {
		s.Errorf("a rule whose field is missing: got %+v", r)
	}
	if r := s.of(l, "asleep"); r.Verdict != api.Resting || !strings.Contains(r.Why, "not enabled") {
		s.Errorf("a rule that is off: got %+v", r)
	}
}

// explainsWindows looks at how full windows are: by what is judged as it comes, and by history.
func (s *suite) explainsWindows() {
	probe := func(q api.ExplainRequest, verdict string, value, with float64) {
		s.Helper()
		q.Rules = []string{"probe"}
		a, l := s.explained(q)
		r := s.of(l, "probe")
		if r.Verdict != verdict || r.Value != value || r.With != with || r.Limit != 3 || r.Why == "" || r.Entity.Key() != (alert.Entity{{Field: "source.ip", Value: "192.0.2.1"}}).Key() {
			s.Errorf("Explain(%+v) by %s = %+v, want %s with %v, then %v", q, a.State, r, verdict, value, with)
		}
		if q.State != "" && (q.State == "history") != (a.State == "history") {
			s.Errorf("asked by %s, want %s", a.State, q.State)
		}
	}
	next := []string{logLine(60, "192.0.2.1", "/c", 404)}
	probe(api.ExplainRequest{Lines: next}, api.Counts, 0, 1)
	add := func(n int) {
		s.add(api.AppendRequest{}, line(n, `"source.ip":"192.0.2.1","http.response.status_code":404`))
	}
	add(1)
	probe(api.ExplainRequest{Lines: next, State: "live"}, api.Counts, 1, 2)
	add(2)
	for range 3 { // asking changes nothing
		probe(api.ExplainRequest{Lines: next, State: "live"}, api.Fires, 2, 3)
		probe(api.ExplainRequest{Lines: next, State: "history"}, api.Fires, 2, 3)
	}
	both, err := s.Explain(s.ctx, api.ExplainRequest{Lines: slices.Repeat(next, 2), Rules: []string{"probe"}})
	s.must("Explain", err)
	if x, y := s.of(both.Lines[0], "probe"), s.of(both.Lines[1], "probe"); !cmp.Equal(x, y) {
		s.Errorf("the second of two equal lines: got %+v, want it by itself: %+v", y, x)
	}
	add(3)
	probe(api.ExplainRequest{Lines: next, State: "live"}, api.Stands, 3, 4)
	probe(api.ExplainRequest{Lines: []string{logLine(700, "192.0.2.1", "/c", 404)}, State: "history"}, api.Stands, 0, 1) // the window is empty again; its alert is not yet over
	probe(api.ExplainRequest{Lines: []string{logLine(2000, "192.0.2.1", "/c", 404)}, State: "history"}, api.Counts, 0, 1)
}

// explainsNothingAmiss looks at what is left behind: nothing.
func (s *suite) explainsNothingAmiss() {
	s.finds(api.SearchRequest{Where: `message contains "/c"`}, "")
	if kept, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"}); err != nil || len(kept) != 1 || kept[0].Triggers != 1 {
		s.Errorf("Alerts = %+v, %v, want the one that three events made", kept, err)
	}
}
