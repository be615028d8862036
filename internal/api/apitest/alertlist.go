package apitest

import (
	"strings"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// listing: alerts are found by what they say, page by page, and counted.
func listing(s *suite) {
	s.standing("192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1")
	q := api.AlertRequest{Text: "192.0.2.", Limit: 2, States: []string{"open"}}
	seen := map[string]bool{}
	for {
		page, err := s.Alerts(s.ctx, q)
		s.must("Alerts", err)
		for i := range page {
			if seen[page[i].Entity.String()] {
				s.Errorf("%s stands on two pages", page[i].Entity)
			}
			seen[page[i].Entity.String()] = true
		}
		if len(page) < q.Limit {
			break
		}
		q.Behind = api.AlertCursor(&page[len(page)-1])
	}
	if len(seen) != 3 {
		s.Errorf("pages hold %v, want the three of 192.0.2", seen)
	}
	whole, err := s.Alerts(s.ctx, api.AlertRequest{Text: "192.0.2."})
	s.must("Alerts", err)
	brief, err := s.Alerts(s.ctx, api.AlertRequest{Text: "192.0.2.", Brief: true})
	s.must("Alerts in brief", err)
	for i := range whole {
		if len(whole[i].Samples) == 0 {
			s.Errorf("alert %d has no samples", whole[i].ID)
		}
		whole[i].Samples = nil
	}
	if diff := cmp.Diff(whole, brief); diff != "" {
		s.Errorf("in brief the same alerts without samples are wanted (-whole +brief):\n%s", diff)
	}
	counts, err := s.CountAlerts(s.ctx, q)
	s.must("CountAlerts", err)
	if len(counts) != 1 || counts[0].Alerts != 3 || counts[0].Rule != "scan" || counts[0].State != alert.Open || counts[0].Triggers < 3 || counts[0].Last.IsZero() {
		s.Errorf("CountAlerts = %+v, want 3 of rule scan, whatever page was asked for", counts)
	}
	if counts, err = s.CountAlerts(s.ctx, api.AlertRequest{Text: "203.0.113"}); err != nil || len(counts) != 0 {
		s.Errorf("CountAlerts of none = %v, %v", counts, err)
	}
	for _, bad := range []string{"x", "1", "1.", ".1", "1.0", "1.-1", strings.Repeat("9", 40) + ".1"} {
		_, err := s.Alerts(s.ctx, api.AlertRequest{Behind: bad})
		s.kind("Alerts behind "+bad, err, fault.Invalid)
	}
	_, err = s.CountAlerts(s.ctx, api.AlertRequest{States: []string{"gone"}})
	s.kind("CountAlerts of no such state", err, fault.Invalid)
}
