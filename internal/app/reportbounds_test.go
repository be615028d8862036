package app

import (
	"testing"

	"tocsin/internal/api"
)

// What a report was answered when its owner might see other things is not shown to him any more; administrators see it.
func TestResultsWithinBounds(t *testing.T) {
	b := bound(t)
	_, err := b.svc.PutReport(b.bob, api.ReportEdit{Name: "alerts", Address: "/alerts?state=all", Every: "day"})
	b.must(err)
	made, err := b.svc.RunReport(b.bob, api.ReportRun{Name: "alerts"})
	b.must(err)
	if made.Error != "" || made.Count == 0 {
		t.Fatalf("bob's report = %+v, want alerts", made)
	}
	b.clean("a report", made)
	shown := func(want bool, why string) {
		t.Helper()
		one, err := b.svc.ReportResult(b.bob, api.ResultRef{Report: "alerts"})
		b.must(err)
		list, err := b.svc.ReportResults(b.bob, api.ReportRef{Name: "alerts"})
		b.must(err)
		for _, r := range []api.ReportResult{list[0], one} {
			if seen := r.Error == "" && r.Count > 0; r.ID != made.ID || seen != want || !want && (len(r.Rows) > 0 || r.Title != "") {
				t.Errorf("%s bob is shown %+v, want it shown: %v", why, r, want)
			}
		}
	}
	shown(true, "at first")
	b.must(b.svc.FilterUser(b.admin, "bob", `source.ip == "10.0.0.2"`))
	shown(false, "with other bounds")
	b.must(b.svc.FilterUser(b.admin, "bob", ""))
	shown(true, "without bounds")

	b.must(b.svc.SetRole(b.admin, "anna", true))
	b.must(b.svc.SetRole(b.admin, "bob", true))
	made, err = b.svc.RunReport(b.admin, api.ReportRun{User: "bob", Name: "alerts"})
	b.must(err)
	b.must(b.svc.SetRole(b.admin, "bob", false))
	shown(false, "of when he was an administrator")
	if r, err := b.svc.ReportResult(b.admin, api.ResultRef{User: "bob", Report: "alerts"}); err != nil || len(r.Rows) == 0 {
		t.Errorf("an administrator is shown %+v, %v, want all of it", r, err)
	}
}
