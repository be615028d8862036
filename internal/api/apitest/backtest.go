package apitest

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// backTest asks what a rule would have found that nobody keeps.
func backTest(s *suite) {
	for address, n := range map[string]int{"192.0.2.1": 2, "192.0.2.2": 3, "192.0.2.3": 10} {
		_, err := s.Ingest(s.ctx, api.IngestRequest{Path: address}, strings.NewReader(accessLog(address, n)))
		s.must("Ingest", err)
	}
	s.must("Flush", s.Flush(s.ctx))
	a, err := s.BackTest(s.ctx, api.BackTestRequest{Text: scan, Suggest: 1})
	s.must("BackTest", err)
	if a.Name != "scan" || a.Events != 15 || a.Entities != 2 || a.Alerts != 2 || len(a.Hits) != 2 || a.Suggestion == nil {
		s.Fatalf("BackTest = %+v", a)
	}
	for _, h := range a.Hits {
		if !h.First.Equal(noon.Add(2*time.Second)) || h.Limit != 3 || h.Triggers < 1 || h.Reason == "" || h.Last.Before(h.First) {
			s.Errorf("BackTest found %+v, want the third line to fire", h)
		}
	}
	got := fmt.Sprint(a.Suggestion.Limit, a.Suggestion.Entities, a.Suggestion.Measured, a.Suggestion.Quantile, a.Suggestion.Estimate)
	for _, p := range a.Suggestion.Highest {
		got += fmt.Sprint(" ", p.Entity, "=", p.Value)
	}
	if want := "3 1 3 10 false 192.0.2.3=10 192.0.2.2=3 192.0.2.1=2"; got != want {
		s.Errorf("BackTest suggests %s, want %s", got, want)
	}
	for atMost, want := range map[int]string{2: "2 2", 3: "10 0", 100: "10 0"} {
		a, err := s.BackTest(s.ctx, api.BackTestRequest{Text: scan, Suggest: atMost, Limit: 1})
		s.must("BackTest", err)
		if got := fmt.Sprint(a.Suggestion.Limit, a.Suggestion.Entities); got != want || len(a.Hits) != 1 || a.Alerts != 2 {
			s.Errorf("BackTest that suggests for %d = %s of %+v, want %s", atMost, got, a, want)
		}
	}
	a, err = s.BackTest(s.ctx, api.BackTestRequest{Text: scan, Since: noon.Add(time.Hour)})
	if err != nil || a.Events != 0 || a.Hits == nil || len(a.Hits) != 0 {
		s.Errorf("BackTest of an hour without events = %+v, %v", a, err)
	}
	if kept, err := s.Rules(s.ctx, api.RuleRequest{Owner: "*"}); err != nil || len(kept) != 0 {
		s.Errorf("Rules after BackTest = %+v, %v, want none", kept, err)
	}
	if kept, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"}); err != nil || len(kept) != 0 {
		s.Errorf("Alerts after BackTest = %+v, %v, want none", kept, err)
	}
	for what, q := range map[string]api.BackTestRequest{
		"nothing": {}, "no rule": {Text: "x"}, "a wrong filter": {Text: strings.Replace(scan, "== 404", "==", 1)}, "flows and logs": {Text: strings.Replace(scan, "from: log", "from: [flow, log]", 1)},
		"too many hits": {Text: scan, Limit: api.MaxBackTestHits + 1}, "less than none": {Text: scan, Suggest: -1}, "a turned range": {Text: scan, Since: noon, Until: noon},
		"a limit for what has none": {Text: strings.Replace(scan, "at_least", "at_most", 1), Suggest: 1},
	} {
		_, err := s.BackTest(s.ctx, q)
		s.kind("BackTest of "+what, err, fault.Invalid)
	}
	_, err = s.BackTest(s.ctx, api.BackTestRequest{Text: scan, Owner: "nobody-of-this-name"})
	s.kind("BackTest for nobody", err, fault.NotFound)
}
