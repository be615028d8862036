package apitest

import (
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// reporting: questions of pages are set up under names, each account its own; a result stays as it was, and as many as are kept.
func reporting(s *suite) {
	_, err := s.Reports(s.ctx, "")
	s.kind("Reports of who has no account", err, fault.NotFound)
	for _, name := range []string{"admin", "bob"} {
		s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: name, Password: "correct horse battery", Admin: name == "admin", Create: true}))
	}
	s.reports("bob")
	name := "Nacht / <b>\"ä\" 7%"
	kept, err := s.PutReport(s.ctx, api.ReportEdit{User: "bob", Name: name, Address: "/flows?by=host&since=2026-03-04T12:00:00Z&until=2026-03-04T13:00:00Z&rows=1", Every: "month", At: "23:59", Day: "31", Keep: 2})
	s.must("PutReport", err)
	want := api.Report{Name: name, Address: "/flows?rows=1&since=2026-03-04T12%3A00%3A00Z&until=2026-03-04T13%3A00%3A00Z", Every: "month", At: "23:59", Day: "31", Keep: 2, Zone: "UTC"}
	if next := kept.Next.UTC(); next.Before(time.Now()) || next.AddDate(0, 0, 1).Day() != 1 || next.Hour() != 23 || next.Minute() != 59 {
		s.Errorf("the report is made next at %v, want the end of a month", next)
	}
	s.reports("bob", want)
	s.reports("")
	_, err = s.PutReport(s.ctx, api.ReportEdit{User: "bob", Name: name, Address: "/flows", Every: "day"})
	s.kind("PutReport of a name that there is", err, fault.Conflict)
	_, err = s.PutReport(s.ctx, api.ReportEdit{User: "bob", Name: name, Address: "/flows", Every: "day", Replace: true, Changed: kept.Changed.Add(-time.Second)})
	s.kind("PutReport over what was changed meanwhile", err, fault.Conflict)
	s.refusedReports()
	s.reports("bob", want)
	s.reportResults(name)

	off, err := s.PutReport(s.ctx, api.ReportEdit{User: "bob", Name: name, Address: "/alerts?state=all", Every: "hour", At: "08:30", Mail: true, Paused: true, Changed: kept.Changed})
	s.must("PutReport that pauses", err)
	if !off.Paused || !off.Next.IsZero() || off.Keep != 12 || !off.Mail || off.Last.IsZero() {
		s.Errorf("a report that is paused = %+v", off)
	}
	run, err := s.RunReport(s.ctx, api.ReportRun{User: "bob", Name: name})
	s.must("RunReport of a paused one", err)
	if run.Title != "Alerts" || run.Rows != nil || run.Mail != "" {
		s.Errorf("a result without rows = %+v", run)
	}
	_, err = s.RunReport(s.ctx, api.ReportRun{User: "bob", Name: name, Mail: true})
	s.kind("RunReport with a mail and no address", err, fault.Conflict)
	s.must("DeleteReport", s.DeleteReport(s.ctx, api.ReportRef{User: "bob", Name: name}))
	s.kind("DeleteReport of none", s.DeleteReport(s.ctx, api.ReportRef{User: "bob", Name: name}), fault.NotFound)
	s.kind("DeleteReport without a name", s.DeleteReport(s.ctx, api.ReportRef{User: "bob"}), fault.Invalid)
	_, err = s.ReportResults(s.ctx, api.ReportRef{User: "bob", Name: name})
	s.kind("ReportResults of a report that was removed", err, fault.NotFound)
	audited(s, "reports.change", "report "+name+" of bob: ")
	audited(s, "reports.run", "report "+name+" of bob: ")
}

func (s *suite) reports(user string, want ...api.Report) {
	s.Helper()
	got, err := s.Reports(s.ctx, user)
	s.must("Reports", err)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Report{}, "Changed", "Next"), cmpopts.EquateEmpty()); diff != "" || got == nil {
		s.Errorf("Reports of %q (-want +got):\n%s", user, diff)
	}
}

// reportResults: what is asked now is kept as it is answered now.
func (s *suite) reportResults(name string) {
	s.Helper()
	none, err := s.ReportResults(s.ctx, api.ReportRef{User: "bob", Name: name})
	s.must("ReportResults of none", err)
	if none == nil || len(none) != 0 {
		s.Errorf("ReportResults of none = %#v, want an empty list", none)
	}
	_, err = s.ReportResult(s.ctx, api.ResultRef{User: "bob", Report: name})
	s.kind("ReportResult of none", err, fault.NotFound)
	s.add(api.AppendRequest{}, told(1, "1", "client", "10.0.0.1", "10.0.0.9", 40000, 443, 100, 1), told(2, "2", "client", "10.0.0.2", "10.0.0.9", 40001, 443, 200, 2))
	first, err := s.RunReport(s.ctx, api.ReportRun{User: "bob", Name: name})
	s.must("RunReport", err)
	if diff := cmp.Diff([][]string{{"10.0.0.9", "0", "300", "0", "3", "0", "2"}}, first.Rows); diff != "" || first.Title != "Hosts by bytes" || first.Others != 2 || first.Count != 1 || !first.Asked || first.ID == 0 ||
		len(first.Lines) != 1 || first.Bucket != time.Minute || len(first.Lines[0]) != 60 || first.Lines[0][0] != 100 || !first.Start.Equal(noon) || first.Keys != 1 || first.Rank != "bytes" {
		s.Errorf("RunReport = %+v\n%s", first, diff)
	}
	again, err := s.ReportResult(s.ctx, api.ResultRef{User: "bob", Report: name, ID: first.ID})
	s.must("ReportResult", err)
	if diff := cmp.Diff(first, again); diff != "" {
		s.Errorf("ReportResult is not what was answered (-answered +kept):\n%s", diff)
	}
	var last api.ReportResult
	for range 2 {
		last, err = s.RunReport(s.ctx, api.ReportRun{User: "bob", Name: name})
		s.must("RunReport", err)
	}
	list, err := s.ReportResults(s.ctx, api.ReportRef{User: "bob", Name: name})
	s.must("ReportResults", err)
	if len(list) != 2 || list[0].ID != last.ID || list[0].Rows != nil || list[0].Count != 1 || list[0].Report != name {
		s.Errorf("ReportResults of which 2 are kept = %+v", list)
	}
	if newest, err := s.ReportResult(s.ctx, api.ResultRef{User: "bob", Report: name}); err != nil || newest.ID != last.ID {
		s.Errorf("the newest result = %+v, %v", newest, err)
	}
	_, err = s.ReportResult(s.ctx, api.ResultRef{User: "bob", Report: name, ID: first.ID})
	s.kind("ReportResult of one that was too old", err, fault.NotFound)
	_, err = s.ReportResult(s.ctx, api.ResultRef{Report: name, ID: last.ID})
	s.kind("ReportResult of another account's", err, fault.NotFound)
	s.must("DeleteReportResult", s.DeleteReportResult(s.ctx, api.ResultRef{User: "bob", Report: name, ID: list[1].ID}))
	s.kind("DeleteReportResult of none", s.DeleteReportResult(s.ctx, api.ResultRef{User: "bob", Report: name, ID: list[1].ID}), fault.NotFound)
	s.kind("DeleteReportResult without a number", s.DeleteReportResult(s.ctx, api.ResultRef{User: "bob", Report: name}), fault.Invalid)
}

func (s *suite) refusedReports() {
	s.Helper()
	for want, q := range map[string]api.ReportEdit{
		"begins with /alerts, /flows": {Address: "/users"}, "no field": {Address: "/flows?where=nosuch+%3D%3D+1"}, "want host, pair": {Address: "/flows?by=hots"}, "earlier time first": {Address: "/flows?since=1h&until=2h"},
		"has none of it": {Address: "/alerts?silenced=hide"}, "every": {Address: "/flows", Every: "year"}, "at: ": {Address: "/flows", At: "24:00"}, "day of the month": {Address: "/flows", Every: "month", Day: "0"},
		"mon, tue": {Address: "/flows", Every: "week", Day: "1"}, "none for what is done every day": {Address: "/flows", Day: "mon"}, "1 to 1000": {Address: "/flows", Rows: 1001}, "1 to 100 results": {Address: "/flows", Keep: 101},
		"keep: ": {Address: "/flows", Keep: -1}, "rows: ": {Address: "/flows", Rows: -1},
	} {
		q.User, q.Name = "bob", "new"
		if q.Every == "" {
			q.Every = "day"
		}
		_, err := s.PutReport(s.ctx, q)
		s.kind("PutReport", err, fault.Invalid)
		if err != nil && !strings.Contains(err.Error(), want) {
			s.Errorf("PutReport of %+v: %v, want %q", q, err, want)
		}
	}
	for _, name := range []string{"", " a", "a\nb", "a\u202eb", "a\x00", "\xff", strings.Repeat("ä", 81)} {
		_, err := s.PutReport(s.ctx, api.ReportEdit{User: "bob", Name: name, Address: "/flows", Every: "day"})
		s.kind("PutReport with the name "+name, err, fault.Invalid)
	}
	_, err := s.PutReport(s.ctx, api.ReportEdit{User: "carol", Name: "a", Address: "/flows", Every: "day"})
	s.kind("PutReport of nobody", err, fault.NotFound)
	_, err = s.RunReport(s.ctx, api.ReportRun{User: "bob", Name: "nosuch"})
	s.kind("RunReport of none", err, fault.NotFound)
}
