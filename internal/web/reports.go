package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
)

const reportsPath = "/reports"

// What the forms about reports say.
const (
	keepReport   = "keepreport"
	changeReport = "changereport"
	runReport    = "runreport"
	pauseReport  = "pausereport"
	resumeReport = "resumereport"
	removeReport = "removereport"
	removeResult = "removeresult"
)

// midnight is when a report is made unless its form says otherwise, and usualKeep how many of its results are kept.
const (
	midnight  = "00:00"
	usualKeep = "12"
)

// A reportsPage lists the reports of somebody, and makes new ones.
type reportsPage struct {
	frame

	Reports []api.Report
	Form    form // of a new one
	New     bool // that form is unfolded
	Problem string
}

// Old reports whether the form is of a report that there is.
func (reportsPage) Old() bool { return false }

func (s *site) reports(w http.ResponseWriter, r *http.Request) {
	s.reportsWith(w, r, http.StatusOK, form{})
}

func (s *site) reportsWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	p := reportsPage{frame: s.frame(r, "Reports", "/me"), Form: f, New: f.Is(keepReport)}
	if q := r.URL.Query(); f.Act == "" {
		p.New = q.Get("address") != ""
		p.Form = form{Values: url.Values{"address": {q.Get("address")}, "name": {q.Get("name")}, "every": {"day"}, "at": {midnight}, "keep": {usualKeep}}}
	}
	var err error
	if p.Reports, err = s.Service.Reports(r.Context(), ""); err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	s.show(w, code, "reports.html", p)
}

// changeReports does what a form about reports says. It leads back to the page that the form stands on.
func (s *site) changeReports(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	to := reportsPath
	if err == nil {
		to, err = s.actOnReport(r.Context(), f)
	}
	if err == nil {
		again(w, r, to, f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	if f.Typed("page") != "" || f.Is(changeReport) {
		s.reportWith(w, r, status(err), f.Typed("name"), f)
		return
	}
	s.reportsWith(w, r, status(err), f)
}

// actOnReport does what a form says, and returns the page to be shown then.
func (s *site) actOnReport(ctx context.Context, f form) (to string, err error) {
	name := f.Typed("name")
	if f.Typed("page") != "" {
		to = reportPath(name)
	} else {
		to = reportsPath
	}
	switch f.Act {
	case keepReport, changeReport:
		edit, err := reportEdit(f)
		if err != nil {
			return "", err
		}
		kept, err := s.Service.PutReport(ctx, edit)
		return reportPath(kept.Name), err
	case runReport:
		result, err := s.Service.RunReport(ctx, api.ReportRun{Name: name, Mail: f.Typed("mail") != ""})
		return result.Page(), err
	case pauseReport, resumeReport:
		return to, s.pauseReport(ctx, name, f.Act == pauseReport)
	case removeReport:
		return reportsPath, s.Service.DeleteReport(ctx, api.ReportRef{Name: name})
	case removeResult:
		id, err := strconv.ParseInt(f.Typed("id"), 10, 64)
		if err != nil || id < 1 {
			return "", fault.New(fault.Invalid, "id: got %q, want the number of a result", f.Typed("id"))
		}
		return reportPath(name), s.Service.DeleteReportResult(ctx, api.ResultRef{Report: name, ID: id})
	}
	return "", fault.New(fault.Invalid, "act %q: reports have no such form", f.Act)
}

// reportEdit reads the form of a new report, or of one that is changed.
func reportEdit(f form) (e api.ReportEdit, err error) {
	get := func(name string) string { return strings.TrimSpace(f.Typed(name)) }
	e = api.ReportEdit{Name: get("name"), Address: get("address"), Every: get("every"), At: get("at"), Day: get("day"), Mail: get("mail") != "",
		Paused: get("paused") != "", Replace: f.Is(changeReport)}
	if e.Every != "week" && e.Every != "month" {
		e.Day = "" // which the form shows all the same
	}
	if e.Rows, err = formNumber(f, "rows"); err != nil {
		return e, err
	}
	if e.Keep, err = formNumber(f, "keep"); err != nil {
		return e, err
	}
	if changed := get("changed"); e.Replace && changed != "" {
		if e.Changed, err = time.Parse(time.RFC3339Nano, changed); err != nil {
			return e, fault.New(fault.Invalid, "changed: got %q, want a time", changed)
		}
	}
	return e, nil
}

// formNumber reads a whole number of a form; nothing is 0.
func formNumber(f form, field string) (int, error) {
	text := strings.TrimSpace(f.Typed(field))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%s: got %q, want a number", field, text)
	}
	return n, nil
}

// pauseReport stops the schedule of a report, or lets it go on.
func (s *site) pauseReport(ctx context.Context, name string, paused bool) error {
	r, err := s.reportOf(ctx, name)
	if err != nil {
		return err
	}
	q := r.Edit("")
	q.Paused = paused
	_, err = s.Service.PutReport(ctx, q)
	return err
}

// reportOf returns a report of who asks.
func (s *site) reportOf(ctx context.Context, name string) (api.Report, error) {
	list, err := s.Service.Reports(ctx, "")
	if err != nil {
		return api.Report{}, err
	}
	at := slices.IndexFunc(list, func(r api.Report) bool { return r.Name == name })
	if at < 0 {
		return api.Report{}, fault.New(fault.NotFound, "there is no report %q", name)
	}
	return list[at], nil
}

// reportPath is the address of the page about a report.
func reportPath(name string) string { return reportsPath + "/" + url.PathEscape(name) }

// scheduleAddress is where a report is made of an address. How a list of alerts is shown is none of a report's.
func scheduleAddress(address, name string) string {
	if v, err := bookmark.Parse(address, time.Now()); err == nil && v.Page == bookmark.AlertsPage {
		v.Alerts.Group, v.Alerts.Silenced = "", ""
		address = v.Address()
	}
	q := url.Values{"address": {address}}
	if name != "" {
		q.Set("name", name)
	}
	return reportsPath + "?" + q.Encode() + "#new"
}

// everies are the choices of how often a report is made, daysOfWeek those of the day of a week.
func everies() []bookmark.Choice {
	return []bookmark.Choice{{Word: "hour", Text: "hour"}, {Word: "day", Text: "day"}, {Word: "week", Text: "week"}, {Word: "month", Text: "month"}}
}

func daysOfWeek() []bookmark.Choice {
	return []bookmark.Choice{{Word: "mon", Text: "Monday"}, {Word: "tue", Text: "Tuesday"}, {Word: "wed", Text: "Wednesday"}, {Word: "thu", Text: "Thursday"},
		{Word: "fri", Text: "Friday"}, {Word: "sat", Text: "Saturday"}, {Word: "sun", Text: "Sunday"}}
}

// daysOfMonth are the choices of the day of a month.
func daysOfMonth() (list []string) {
	for n := range 31 {
		list = append(list, strconv.Itoa(n+1))
	}
	return list
}

// when says in words when a report is made.
func when(r api.Report) string {
	at := cmp.Or(r.At, midnight)
	var text string
	switch r.Every {
	case "hour":
		_, minute, _ := strings.Cut(at, ":")
		return "every hour at :" + minute
	case "week":
		text = "every " + name(daysOfWeek(), cmp.Or(r.Day, "mon"))
	case "month":
		text = "on day " + cmp.Or(r.Day, "1") + " of every month"
	default:
		text = "every " + r.Every
	}
	return text + " at " + at + " " + cmp.Or(r.Zone, "UTC")
}
