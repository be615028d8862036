package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"tocsin/internal/api"
)

// A reportPage shows one report and its results.
type reportPage struct {
	frame

	Report  api.Report
	Results []api.ReportResult // newest first
	Form    form               // that changes it
	Change  bool               // that form is unfolded
	Problem string
}

// Old reports whether the form is of a report that there is.
func (reportPage) Old() bool { return true }

func (s *site) report(w http.ResponseWriter, r *http.Request) {
	s.reportWith(w, r, http.StatusOK, r.PathValue("report"), form{})
}

func (s *site) reportWith(w http.ResponseWriter, r *http.Request, code int, called string, f form) {
	one, err := s.reportOf(r.Context(), called)
	if err != nil {
		s.refuse(w, r, "/me", err)
		return
	}
	p := reportPage{frame: s.frame(r, one.Name, "/me"), Report: one, Form: f, Change: f.Is(changeReport) || r.URL.Query().Get("change") != ""}
	if !f.Is(changeReport) {
		p.Form.Values = reportValues(&one)
	}
	if p.Results, err = s.Service.ReportResults(r.Context(), api.ReportRef{Name: one.Name}); err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	s.show(w, code, "report.html", p)
}

// reportValues fills the form that changes a report.
func reportValues(r *api.Report) url.Values {
	v := url.Values{"name": {r.Name}, "address": {r.Address}, "every": {r.Every}, "at": {cmp.Or(r.At, midnight)}, "day": {r.Day}, "keep": {strconv.Itoa(r.Keep)}, "changed": {exact(r.Changed)}}
	if r.Rows > 0 {
		v.Set("rows", strconv.Itoa(r.Rows))
	}
	if r.Mail {
		v.Set("mail", "yes")
	}
	if r.Paused {
		v.Set("paused", "yes")
	}
	return v
}
