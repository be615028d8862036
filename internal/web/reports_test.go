package web

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// answered is the part of told that is about reports.
type answered struct {
	reports   []api.Report
	results   []api.ReportResult // newest first
	reportPut []api.ReportEdit
	ran       []api.ReportRun
}

func (s *told) Reports(context.Context, string) ([]api.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reports), s.err
}

func (s *told) PutReport(_ context.Context, q api.ReportEdit) (api.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reportPut = append(s.reportPut, q)
	if s.refuse != nil {
		return api.Report{}, s.refuse
	}
	r := api.Report{Name: q.Name, Address: q.Address, Every: q.Every, At: q.At, Day: q.Day, Rows: q.Rows, Keep: max(q.Keep, 1), Mail: q.Mail, Paused: q.Paused, Changed: quarter, Zone: "Europe/Berlin"}
	if !q.Paused {
		r.Next = quarter.Add(24 * time.Hour)
	}
	at := slices.IndexFunc(s.reports, func(r api.Report) bool { return r.Name == q.Name })
	if at < 0 {
		s.reports = append(s.reports, r)
	} else {
		r.Last, r.LastError = s.reports[at].Last, s.reports[at].LastError
		s.reports[at] = r
	}
	return r, nil
}

func (s *told) DeleteReport(_ context.Context, q api.ReportRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = slices.DeleteFunc(s.reports, func(r api.Report) bool { return r.Name == q.Name })
	return s.refuse
}

func (s *told) RunReport(_ context.Context, q api.ReportRun) (api.ReportResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, q)
	if s.refuse != nil {
		return api.ReportResult{}, s.refuse
	}
	r := api.ReportResult{}
	for _, one := range s.results {
		if one.Report == q.Name && one.Error == "" {
			r = one
			break
		}
	}
	r.ID, r.Report, r.Asked = int64(len(s.results)+17), q.Name, true
	s.results = append([]api.ReportResult{r}, s.results...)
	return r, nil
}

func (s *told) ReportResults(_ context.Context, q api.ReportRef) (list []api.ReportResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.results {
		if r.Report == q.Name {
			r.Note, r.Columns, r.Rows, r.Lines = "", nil, nil, nil
			list = append(list, r)
		}
	}
	return list, s.err
}

func (s *told) DeleteReportResult(_ context.Context, q api.ResultRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = slices.DeleteFunc(s.results, func(r api.ReportResult) bool { return r.Report == q.Report && r.ID == q.ID })
	return s.refuse
}

func (s *told) ReportResult(_ context.Context, q api.ResultRef) (api.ReportResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.results {
		if r.Report == q.Report && (q.ID == 0 || r.ID == q.ID) {
			return r, s.err
		}
	}
	return api.ReportResult{}, fault.New(fault.NotFound, "report %q has no result %d", q.Report, q.ID)
}

// quarter is when results of the tests were due.
var quarter = time.Date(2026, 3, 4, 5, 15, 0, 0, time.UTC)

const odd = "50% of a/b? #1 & <b>"

// reported is a scene whose alice has reports.
func reported() *told {
	s := scene()
	s.reports = []api.Report{
		{Name: "Top hosts", Address: "/flows?since=24h", Every: "day", At: "08:00", Keep: 12, Mail: true, Changed: quarter, Zone: "Europe/Berlin", Next: quarter.Add(24 * time.Hour), Last: quarter},
		{Name: odd, Address: "/flows/sessions?order=bytes&where=" + url.QueryEscape(evil), Every: "week", Day: "tue", Keep: 1, Rows: 500, Paused: true, Changed: quarter, Last: quarter, LastError: "filter: no field " + evil},
		{Name: "Alerts", Address: "/alerts?since=7d", Every: "month", Day: "31", Keep: 100, Next: quarter},
	}
	ranking := api.ReportResult{ID: 3, Report: "Top hosts", Address: "/flows?since=24h", Due: quarter, Made: quarter.Add(time.Hour), From: quarter.Add(-24 * time.Hour), To: quarter, Mail: "sent to " + evil, Zone: "Europe/Berlin",
		Title: "Hosts by bytes " + evil, Count: 10, Others: 1234, Truncated: true, Note: "5678 sessions", Start: quarter.Add(-24 * time.Hour), Bucket: time.Hour, Rank: "bytes", Keys: 1,
		Columns: []api.ReportColumn{{Name: "host"}, {Name: "bytes", Kind: api.BytesColumn}, {Name: "sessions", Kind: api.NumberColumn}, {Name: "first", Kind: api.TimeColumn}, {Name: "name " + evil}}}
	for i := range 10 {
		ranking.Rows = append(ranking.Rows, []string{"10.0.0." + strconv.Itoa(i), strconv.Itoa(1 << (40 - i)), strconv.Itoa(12345 - i), "2026-03-04T05:06:07Z", "printer"})
	}
	ranking.Rows[1] = []string{evil, "many", "x", "yesterday", "=1+1"}
	ranking.Rows[2] = ranking.Rows[2][:2] // as nobody should send it
	for i := range 8 {
		var line []float64
		for n := range 24 {
			line = append(line, float64((n*7+i)%50)*1e6)
		}
		ranking.Lines = append(ranking.Lines, line)
	}
	s.results = []api.ReportResult{ranking,
		{ID: 2, Report: "Top hosts", Address: "/flows?since=24h", Due: quarter.Add(-24 * time.Hour), Made: quarter.Add(-24 * time.Hour), Error: "history is away " + evil, Zone: "Europe/Berlin"},
		{ID: 1, Report: odd, Address: "/flows/sessions?order=bytes", Due: quarter, Made: quarter, Title: "Sessions", Columns: []api.ReportColumn{{Name: "begin", Kind: api.TimeColumn}, {Name: "client"}}},
	}
	return s
}

func TestReportsPage(t *testing.T) {
	s := reported()
	text := page(t, s, "/reports", alice)
	holds(t, "the page", text, "every day at 08:00 Europe/Berlin", "every Tuesday at 00:00 UTC", "on day 31 of every month", `href="/reports/Top%20hosts"`, `href="/reports/50%25%20of%20a%2Fb%3F%20%231%20&amp;%20%3Cb%3E"`,
		"paused", "by mail as well", "No result yet", "no field", `value="resumereport"`, `value="pausereport"`)
	if strings.Contains(text, `id="new" open`) {
		t.Error("the form of a new report is unfolded though nobody asked for it")
	}
	holds(t, "the page that is to make one", page(t, s, "/reports?address="+url.QueryEscape("/flows?where="+evil)+"&name=ssh", alice), `id="new" open`, `value="/flows?where=&lt;script&gt;`, `name="name" maxlength="80" required value="ssh"`)
	s.reports = nil
	holds(t, "the empty page", page(t, s, "/reports", alice), "You have no reports yet", `value="keepreport"`)
	s.err = fault.New(fault.Unavailable, "ledger is away "+evil)
	if w := record(t, s, "/reports", alice); w.Code != 503 || !strings.Contains(w.Body.String(), "ledger is away") || strings.Contains(w.Body.String(), "no reports yet") {
		t.Errorf("without a ledger = %d", w.Code)
	}
}

func TestReportIsMade(t *testing.T) {
	s := reported()
	form := url.Values{"act": {keepReport}, "name": {" Daily "}, "address": {"/flows?since=24h"}, "every": {"day"}, "day": {"tue"}, "at": {"08:30"}, "rows": {"50"}, "keep": {"7"}, "mail": {"yes"}}
	w := send(t, s, "/reports", alice, form)
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/reports/Daily?done=keepreport" {
		t.Errorf("a new report = %d to %s", w.Code, to)
	}
	if diff := cmp.Diff([]api.ReportEdit{{Name: "Daily", Address: "/flows?since=24h", Every: "day", At: "08:30", Rows: 50, Keep: 7, Mail: true}}, s.reportPut); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	holds(t, "its page", page(t, s, "/reports/Daily?done=keepreport", alice), "Report saved.", "no results yet")
	for field, bad := range map[string]string{"rows": "many " + evil, "keep": "1e3"} {
		form.Set("name", "Typed "+evil)
		was := form.Get(field)
		form.Set(field, bad)
		w = send(t, s, "/reports", alice, form)
		holds(t, "a form that is refused", w.Body.String(), field+": got", `id="new" open`, "Typed &lt;script&gt;", `value="08:30"`, `<option value="tue" selected>`, ` checked>`)
		if w.Code != 422 {
			t.Errorf("%s %q = %d, want it refused", field, bad, w.Code)
		}
		harmless(t, "/reports", w)
		form.Set(field, was)
	}
	s.refuse = fault.New(fault.Conflict, "there is a report %q already", evil)
	if w = send(t, s, "/reports", alice, form); w.Code != 409 || !strings.Contains(w.Body.String(), "already") {
		t.Errorf("a report of a name that there is = %d", w.Code)
	}
	harmless(t, "/reports", w)
}

// A change says what it changes, so that of two browsers the second is told; pausing keeps all else as it is.
func TestReportIsChanged(t *testing.T) {
	s := reported()
	text := page(t, s, reportPath(odd)+"?change=yes", alice)
	holds(t, "the page", text, `id="change" open`, `name="changed" value="2026-03-04T05:15:00Z"`, `name="paused" value="yes"`, `<option value="week" selected>`, `<option value="tue" selected>`, `value="500"`, `value="changereport"`)
	if strings.Contains(text, `name="replace"`) || strings.Contains(text, `name="name" maxlength`) {
		t.Error("the form offers another name")
	}
	form := url.Values{"act": {changeReport}, "name": {odd}, "address": {"/flows"}, "every": {"month"}, "day": {"5"}, "paused": {"yes"}, "changed": {"2026-03-04T05:15:00Z"}}
	w := send(t, s, "/reports", alice, form)
	if to := w.Header().Get("Location"); w.Code != 303 || to != reportPath(odd)+"?done=changereport" {
		t.Errorf("a change = %d to %s", w.Code, to)
	}
	for _, act := range []string{resumeReport, pauseReport} {
		w = send(t, s, "/reports", alice, url.Values{"act": {act}, "name": {"Top hosts"}})
		if to := w.Header().Get("Location"); w.Code != 303 || to != "/reports?done="+act {
			t.Errorf("%s = %d to %s", act, w.Code, to)
		}
	}
	w = send(t, s, "/reports", alice, url.Values{"act": {pauseReport}, "name": {odd}, "page": {"yes"}})
	if to := w.Header().Get("Location"); to != reportPath(odd)+"?done="+pauseReport {
		t.Errorf("pausing on the page of a report leads to %s", to)
	}
	top := api.ReportEdit{Name: "Top hosts", Address: "/flows?since=24h", Every: "day", At: "08:00", Keep: 12, Mail: true, Replace: true, Changed: quarter}
	paused := top
	paused.Paused = true
	changed := api.ReportEdit{Name: odd, Address: "/flows", Every: "month", Day: "5", Paused: true, Replace: true, Changed: quarter}
	still := changed
	still.Keep = 1
	if diff := cmp.Diff([]api.ReportEdit{changed, top, paused, still}, s.reportPut); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}

	s.refuse = fault.New(fault.Conflict, "report was changed meanwhile "+evil)
	form.Set("address", "/flows?where="+evil)
	w = send(t, s, "/reports", alice, form)
	holds(t, "a change that is refused", w.Body.String(), "was changed meanwhile", `id="change" open`, `value="/flows?where=&lt;script&gt;`)
	harmless(t, "/reports", w)
	for _, act := range []string{runReport, pauseReport, removeReport} {
		for _, from := range []string{"", "yes"} {
			w = send(t, s, "/reports", alice, url.Values{"act": {act}, "name": {"Top hosts"}, "page": {from}})
			if act == removeReport {
				s.reports = reported().reports
			}
			if w.Code < 400 || !strings.Contains(w.Body.String(), "was changed meanwhile") && !strings.Contains(w.Body.String(), "no report") {
				t.Errorf("%s that is refused = %d", act, w.Code)
			}
			harmless(t, "/reports", w)
		}
	}
	s.refuse = nil
	for _, c := range []struct {
		form url.Values
		code int
	}{
		{url.Values{"act": {"dance"}, "name": {"Top hosts"}}, 422},
		{url.Values{"act": {pauseReport}, "name": {"nosuch"}}, 404},
		{url.Values{"act": {changeReport}, "name": {"Top hosts"}, "changed": {"once"}}, 422},
		{url.Values{"act": {changeReport}, "name": {"nosuch " + evil}, "keep": {"x"}}, 404},
	} {
		w = send(t, s, "/reports", alice, c.form)
		if w.Code != c.code {
			t.Errorf("%v = %d, want %d", c.form, w.Code, c.code)
		}
		harmless(t, "/reports", w)
	}
	if w = send(t, s, "/reports", alice, url.Values{"act": {removeReport}, "name": {odd}, "page": {"yes"}}); w.Header().Get("Location") != "/reports?done=removereport" || len(s.reports) != 2 {
		t.Errorf("removing = %d to %s, %d left", w.Code, w.Header().Get("Location"), len(s.reports))
	}
}

func TestReportPage(t *testing.T) {
	s := reported()
	text := page(t, s, "/reports/Top%20hosts", alice)
	holds(t, "the page", text, `href="/reports/Top%20hosts/3"`, "Hosts by bytes", "✗ history is away", "the newest 12 results", "to your own address", "sent to &lt;script&gt;")
	holds(t, "the page of a paused one", page(t, s, reportPath(odd), alice), "never: it is paused", "the newest result", "at most 500 rows", `href="/reports/50%25%20of%20a%2Fb%3F%20%231%20&amp;%20%3Cb%3E/1"`)
	w := send(t, s, "/reports", alice, url.Values{"act": {runReport}, "name": {odd}, "page": {"yes"}, "mail": {"yes"}})
	to := w.Header().Get("Location")
	if want := reportPath(odd) + "/20?done=runreport"; w.Code != 303 || to != want {
		t.Errorf("Run now = %d to %s, want %s", w.Code, to, want)
	}
	if diff := cmp.Diff([]api.ReportRun{{Name: odd, Mail: true}}, s.ran); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	holds(t, "the result", page(t, s, to, alice), "Done: this is the result.", "Somebody asked for it")
	for _, path := range []string{"/reports/nosuch", "/reports/nosuch/1", "/reports/Top%20hosts/99", "/reports/Top%20hosts/x", "/reports/Top%20hosts/0", "/reports/Top%20hosts/-1", "/reports/Top%20hosts/99/csv"} {
		if w := record(t, s, path, alice); w.Code != 404 {
			t.Errorf("GET %s = %d, want 404", path, w.Code)
		}
	}
	s.results = nil
	holds(t, "the page without results", page(t, s, "/reports/Top%20hosts", alice), "It has no results yet", "The first is made")
	if w := record(t, s, "/reports/Top%20hosts/newest", alice); w.Code != 404 {
		t.Errorf("the newest of no results = %d", w.Code)
	}
}

func TestResultPage(t *testing.T) {
	s := reported()
	for _, path := range []string{"/reports/Top%20hosts/3", "/reports/Top%20hosts/newest"} {
		text := page(t, s, path, alice)
		holds(t, path, text, `href="/flows?since=2026-03-03T05%3A15%3A00Z&amp;until=2026-03-04T05%3A15%3A00Z"`, `href="/reports/Top%20hosts/3/csv"`, `class="card chart"`, "bit/s", `class="s7"`, "1.0 TiB", "12\u2009345",
			`datetime="2026-03-04T05:06:07Z"`, "yesterday", "many", "1\u2009234 more would have been too much to keep", "and made at", "5678 sessions", "Europe/Berlin", "sent to &lt;script&gt;")
		if n := strings.Count(text, "<polygon"); n != 8 {
			t.Errorf("%d lines are drawn, want 8", n)
		}
	}
	failed := page(t, s, "/reports/Top%20hosts/2", alice)
	holds(t, "a result with an error", failed, "history is away", `href="/flows?since=24h"`)
	if strings.Contains(failed, "/csv") || strings.Contains(failed, "Nothing was found") {
		t.Error("a result without an answer is offered as one")
	}
	holds(t, "an empty result", page(t, s, reportPath(odd)+"/1", alice), "Nothing was found")
	s.results[2].Address = "/flows?by=gone"
	if text := page(t, s, reportPath(odd)+"/1", alice); strings.Contains(text, "live page") {
		t.Error("a result leads to a page that there is no more")
	}
}

// Sessions and alerts have no key; what names something is not written as a number is.
func TestResultsOfOtherPages(t *testing.T) {
	s := reported()
	s.results = []api.ReportResult{{ID: 1, Report: "Alerts", Address: "/alerts?since=7d", Title: "Alerts", Due: quarter, From: quarter.Add(-time.Hour), Count: 1,
		Columns: []api.ReportColumn{{Name: "alert", Kind: api.NumberColumn}, {Name: "client port", Kind: api.NumberColumn}, {Name: "client as", Kind: api.NumberColumn}, {Name: "triggers", Kind: api.NumberColumn}, {Name: "title"}},
		Rows:    [][]string{{"123456", "40000", "64496", "9999", evil}}}}
	text := page(t, s, "/reports/Alerts/1", alice)
	holds(t, "the page", text, `<a href="/alerts/123456">123456</a>`, ">40000<", ">64496<", ">9\u2009999<", `href="/alerts?since=2026-03-04T04%3A15%3A00Z"`, `<th scope="col"><bdi>title</bdi></th>`)
	if strings.Contains(text, `scope="row"`) || strings.Contains(text, "chart") {
		t.Error("the page draws what is no ranking")
	}
	s.results[0].Keys, s.results[0].Address = 2, "/flows?by=pair"
	holds(t, "a ranking of pairs", page(t, s, "/reports/Alerts/1", alice), "<bdi>host pairs</bdi>", "123456 ↔ 40000")
	s.results[0].Keys, s.results[0].Address = 99, "/flows?by=gone"
	holds(t, "a ranking of a page that is gone", page(t, s, "/reports/Alerts/1", alice), "alert ↔ client port ↔ client as")
}

func TestResultIsRemoved(t *testing.T) {
	s := reported()
	w := send(t, s, "/reports", alice, url.Values{"act": {removeResult}, "name": {"Top hosts"}, "id": {"3"}, "page": {"yes"}})
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/reports/Top%20hosts?done=removeresult" || len(s.results) != 2 {
		t.Errorf("removing a result = %d to %s, %d left", w.Code, to, len(s.results))
	}
	for _, id := range []string{"", "x", "0", "-1"} { // 0 is the newest, which nobody meant
		w = send(t, s, "/reports", alice, url.Values{"act": {removeResult}, "name": {"Top hosts"}, "id": {id}, "page": {"yes"}})
		if w.Code != 422 || len(s.results) != 2 {
			t.Errorf("removing result %q = %d, %d left", id, w.Code, len(s.results))
		}
	}
}

func TestResultAsCSV(t *testing.T) {
	s := reported()
	w := record(t, s, "/reports/Top%20hosts/3/csv", alice)
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="report-3.csv"` || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Fatalf("CSV = %d %v", w.Code, w.Header())
	}
	in := csv.NewReader(w.Body)
	in.FieldsPerRecord = -1
	lines, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := append([][]string{{"host", "bytes", "sessions", "first", "name " + evil}}, s.results[0].Rows...)
	want[2] = []string{evil, "many", "x", "yesterday", "'=1+1"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
	if w := record(t, s, "/reports/Top%20hosts/2/csv", alice); w.Code != 404 || !strings.Contains(w.Body.String(), "history is away") {
		t.Errorf("CSV of a result without an answer = %d", w.Code)
	}
}

// What a page shows can be put on a schedule from there.
func TestPagesLeadToReports(t *testing.T) {
	s := reported()
	s.saved = []api.View{{Name: "ssh & <b>", Address: "/flows?since=24h&where=a"}}
	for path, want := range map[string]string{
		"/flows?since=24h&done=sent":       `href="/reports?address=%2Fflows%3Fsince%3D24h#new"`,
		"/flows/sessions?order=bytes":      `href="/reports?address=%2Fflows%2Fsessions%3Forder%3Dbytes#new"`,
		"/alerts?severity=high&behind=1.1": `href="/reports?address=%2Falerts%3Fseverity%3DHIGH#new"`,
		"/views":                           `href="/reports?address=%2Fflows%3Fsince%3D24h%26where%3Da&amp;name=ssh&#43;%26&#43;%3Cb%3E#new"`,
		"/alerts?group=rule&silenced=hide": `href="/reports?address=%2Falerts#new"`,
		"/me":                              `href="/reports"`,
		"/board":                           `href="/reports"`,
	} {
		holds(t, path, page(t, s, path, alice), want)
	}
}

// A board shows reports, and what one of them was answered last.
func TestWidgetsOfReports(t *testing.T) {
	s := reported()
	show := func(widgets ...api.Widget) string {
		t.Helper()
		s.own.board = api.Board{User: "alice", Version: 7, Pages: []api.BoardPage{{Name: "a", Columns: 2, Widgets: widgets}}}
		return page(t, s, "/", alice) // without asking the history
	}
	text := show(api.Widget{ID: "all", Kind: "reports"}, api.Widget{ID: "one", Kind: "report", Report: "Top hosts", Rows: 3, Column: 2})
	holds(t, "the board", text, `href="/reports/Top%20hosts/newest"`, `href="/reports/Alerts"`, "no result yet", "✗ <bdi>filter: no field", `href="/reports"`, `class="card chart"`, "1.0 TiB", "3 of 10 rows", `href="/reports/Top%20hosts/3"`, ">Top hosts</bdi></h2>")
	if n := strings.Count(text, `<th scope="row">`); n != 3 {
		t.Errorf("the widget shows %d rows, want 3", n)
	}
	s.results[0].Error, s.results[0].Rows, s.results[0].Lines = "it takes too long "+evil, nil, nil
	holds(t, "a board with what is not there", show(api.Widget{ID: "gone", Kind: "report", Report: "gone " + evil[:20]}, api.Widget{ID: "none", Kind: "report"}, api.Widget{ID: "bad", Kind: "report", Report: "Top hosts", Title: "Mine"}, api.Widget{ID: "empty", Kind: "report", Report: odd}, api.Widget{ID: "ok", Kind: "counts"}),
		"has no result 0", "no report was chosen yet", "it takes too long", ">Mine</bdi></h2>", "Nothing was found.", "CRITICAL")
	s.reports = nil
	holds(t, "a board without reports", show(api.Widget{ID: "all", Kind: "reports"}), "You have no reports yet")

	s.reports = reported().reports
	if w := onBoard(t, s, saveWidget, "id", "all", "report", "Top hosts"); w.Code != 422 || !strings.Contains(w.Body.String(), "no such setting") {
		t.Errorf("a widget that has no report is given one = %d", w.Code)
	}
	show(api.Widget{ID: "one", Kind: "report", Report: "gone"})
	holds(t, "the page that changes the board", page(t, s, "/board?open=one", alice), `<option selected>gone</option>`, "<option>Top hosts</option>", "50% of a/b? #1 &amp; &lt;b&gt;</option>")
	if w := onBoard(t, s, saveWidget, "id", "one", "report", odd); w.Code != 303 || s.own.board.Pages[0].Widgets[0].Report != odd {
		t.Errorf("choosing a report = %d, %+v", w.Code, s.own.board.Pages[0].Widgets)
	}
}

func TestReportsInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := reported()
			b := tab(t, s, screen, "/flows?since=24h")
			b.Looks("flows-keep-" + name)
			b.Click(`.keep > a`)
			b.Shows("#new[open]", "Every")
			b.Looks("reports-" + name)
			b.Type(`#new input[name=name]`, "Mine "+evil[:20])
			b.Choose(`#new select[name=every]`, "week")
			b.Choose(`#new select[name=day]`, "fri")
			b.Click(`#new button.main`)
			b.Shows(".done", "Report saved.")
			b.Shows("dl.card", "every Friday")
			b.Looks("report-new-" + name)
			b.Go("/reports/Top%20hosts")
			b.Looks("report-" + name)
			b.Click(`#change summary`)
			b.Looks("report-change-" + name)
			b.Click(`button[value=runreport]`)
			b.Shows(".done", "this is the result")
			b.Shows(".chart figcaption", "bit/s")
			b.Looks("result-" + name)
			b.Click(`.views a`)
			b.Shows("h1", "Flows")
			b.Go("/reports/Top%20hosts/2")
			b.Looks("result-failed-" + name)
			s.mu.Lock()
			s.own.board = api.Board{User: "alice", Version: 7, Pages: []api.BoardPage{{Name: "a", Columns: 2, Widgets: []api.Widget{{ID: "one", Kind: "report", Report: "Top hosts", Column: 2}, {ID: "all", Kind: "reports"}}}}}
			s.mu.Unlock()
			b.Go("/")
			b.Shows("#w-one", "1.0 TiB")
			b.Looks("board-reports-" + name)
			b.Go("/reports")
			b.Click(`.reports .row:first-child button[value=pausereport]`)
			b.Shows(".done", "Paused.")
			b.Click(`.reports .row:first-child summary`)
			b.Looks("reports-remove-" + name)
			b.Click(`.reports .row:first-child button[value=removereport]`)
			b.Shows(".done", "Report removed.")
		})
	}
}
