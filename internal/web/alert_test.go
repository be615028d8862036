package web

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

var alice = api.Identity{User: "alice", Admin: true}

// send posts a form to a page.
func send(t *testing.T, s *told, path string, id api.Identity, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(Options{Service: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(api.As(t.Context(), id), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	harmless(t, path, w)
	return w
}

// Every field of an alert that others fill in is shown as the text that it is.
func TestAlertPageShowsTextAsText(t *testing.T) {
	s := scene()
	a := &s.alerts[0]
	a.Title, a.Reason, a.RuleName, a.Owner, a.Handling.Assignee = evil, evil, evil, evil, evil
	a.Entity = alert.Entity{{Field: evil, Value: evil}}
	a.Samples = append(a.Samples, []byte(fmt.Sprintf(`{"message":%q,%q:%q}`, evil, evil, evil)), []byte(`["no object"]`))
	a.State, a.AckedBy, a.AckNote, a.ClosedBy, a.CloseNote = alert.Acknowledged, evil, evil, evil, evil
	s.stories = map[int64]api.AlertStory{17: {
		Log:     []alert.Entry{{Who: evil, What: alert.DidComment, Note: evil}, {Who: evil, What: evil, From: evil, To: evil}, {What: alert.DidAssign, From: evil, To: evil}},
		Notices: []api.AlertNotice{{Change: "CREATE", Channel: evil, User: evil, State: evil, Attempts: []api.NoticeAttempt{{Number: 1, Outcome: "failed", Answer: evil}}}},
	}}
	text := page(t, s, "/alerts/17", alice)
	if n := strings.Count(text, "&lt;script&gt;alert(1)"); n < 20 {
		t.Errorf("the hostile text is shown %d times, want it wherever it stands", n)
	}
}

func TestAlertPage(t *testing.T) {
	s := scene()
	s.alerts[0].Rule = 1
	s.stories = map[int64]api.AlertStory{17: {Notices: []api.AlertNotice{
		{Change: "CREATE", Channel: "pager", State: "sent", Attempts: []api.NoticeAttempt{{Number: 1, Outcome: "failed", Answer: "421 busy"}, {Number: 2, Outcome: "sent", Answer: "250 ok"}}},
		{Change: "END", Channel: "chat", User: "bob", State: "dead"}}}}
	text := page(t, s, "/alerts/17", alice)
	holds(t, "the page", text, "<title>HIGH Scan of many hosts: 192.0.2.7 · tocsin</title>", "▲</span> HIGH", "154 different", "<mark>192.0.2.7</mark>", "it is at version 3 now",
		"name: ssh-scan", "421 busy", "250 ok", "over <b>chat</b> to <b>bob</b>", "given up", `aria-label="now 154, at its peak 200, limit 100"`, `<option value="bob">`)
	if strings.Contains(text, `<option value="gone">`) {
		t.Error("a disabled account is offered")
	}
	if text = page(t, s, "/alerts/17", api.Identity{User: "mallory"}); strings.Contains(text, "<form method=\"post\" action=\"/alerts") || !strings.Contains(text, "may act on this alert") {
		t.Error("who may not act is offered forms")
	}
}

// What was typed stays in the form with what is wrong about it, and nothing is lost.
func TestFormsKeepWhatWasTyped(t *testing.T) {
	s := scene()
	s.refuse = fault.New(fault.Conflict, "alert 17 has ended "+evil)
	w := send(t, s, "/alerts/17", alice, url.Values{"act": {"comment"}, "note": {"a long thought " + evil}})
	text := w.Body.String()
	if w.Code != http.StatusConflict || !strings.Contains(text, "a long thought &lt;script&gt;") || !strings.Contains(text, "alert 17 has ended &lt;script&gt;") ||
		!strings.Contains(text, `data-act="comment" open`) || strings.Contains(text, "<script>alert") {
		t.Errorf("a refused comment = %d, want its form with the text and the cause:\n%s", w.Code, text)
	}
	s.refuse = nil
	for name, c := range map[string]struct {
		form url.Values
		code int
		says string
	}{
		"no act":          {url.Values{"note": {"x"}}, 422, "want acknowledge"},
		"unknown act":     {url.Values{"act": {"delete"}}, 422, "want acknowledge"},
		"bad time":        {url.Values{"act": {"acknowledge"}, "for": {"soon"}}, 422, "soon"},
		"bad number":      {url.Values{"act": {"close"}, "disposition": {"duplicate"}, "duplicate_of": {"1e3"}}, 422, "1e3"},
		"too long a form": {url.Values{"act": {"comment"}, "note": {strings.Repeat("x", maxForm)}}, 422, "too large"},
	} {
		if w := send(t, s, "/alerts/17", alice, c.form); w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s = %d, want %d and %q in it", name, w.Code, c.code, c.says)
		}
	}
	if len(s.acted()) != 1 {
		t.Errorf("acts = %+v, want the refused one alone", s.acted())
	}
	for path, code := range map[string]int{"/alerts/0": 404, "/alerts/x": 404, "/alerts/99": 404, "/alerts/-1": 404} {
		if w := send(t, s, path, alice, url.Values{"act": {"comment"}, "note": {"x"}}); w.Code != code {
			t.Errorf("POST %s = %d, want %d", path, w.Code, code)
		}
	}
}

// What is done is told once more by the page that it leads to; what stands in the address is not repeated.
func TestActsLeadBack(t *testing.T) {
	s := scene()
	began := time.Now()
	w := send(t, s, "/alerts/17", alice, url.Values{"act": {"acknowledge"}, "for": {"4h"}, "note": {" mine "}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alerts/17?done=acknowledge" {
		t.Errorf("acknowledge = %d to %q", w.Code, w.Header().Get("Location"))
	}
	if q := s.acted()[0]; q.Note != "mine" || !away(q.Until, began, 4*time.Hour) {
		t.Errorf("acknowledged with %+v", q)
	}
	if text := page(t, s, "/alerts/17?done=acknowledge", alice); !strings.Contains(text, "✓ Acknowledged.") {
		t.Error("the page does not say what was done")
	}
	if text := page(t, s, "/alerts/17?done="+url.QueryEscape(evil), alice); strings.Contains(text, "class=\"done\"") {
		t.Error("the page repeats what stands in its address")
	}
}

// away reports whether a time is so far from some moment since a test began, however long that takes on a busy machine.
func away(at, began time.Time, far time.Duration) bool {
	from := at.Add(-far)
	return !from.Before(began) && !from.After(time.Now())
}

func TestListFilter(t *testing.T) {
	s := scene()
	page(t, s, "/alerts", alice)
	if q := s.whose; !slices.Equal(q.States, []string{"open", "acknowledged"}) || q.User != "*" || q.Limit != pageRows || !q.Since.IsZero() {
		t.Errorf("the list asks for %+v, want all that have not ended", q)
	}
	began := time.Now()
	text := page(t, s, "/alerts?state=all&severity=high&rule=r+1&owner=bob&text=%25&since=1h&behind=5.6", alice)
	if q := s.whose; q.States != nil || q.MinSeverity != "HIGH" || q.Rule != "r 1" || q.User != "bob" || q.Text != "%" || q.Behind != "5.6" || !away(q.Since, began, -time.Hour) {
		t.Errorf("the list asks for %+v", q)
	}
	holds(t, "the page", text, `<option value="all" selected>`, `<option value="HIGH" selected>`, `value="r 1"`, `value="bob"`, `<option value="1h" selected>`, "Newest")
	h, err := New(Options{Service: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(api.As(t.Context(), alice), http.MethodGet, "/alerts?since="+url.QueryEscape(evil)+"&text="+url.QueryEscape(evil), http.NoBody))
	if text := w.Body.String(); w.Code != http.StatusUnprocessableEntity || strings.Contains(text, "<script>alert") || !strings.Contains(text, "length of time before now") {
		t.Errorf("a wrong filter = %d, want 422 with what is wrong", w.Code)
	}
}

func TestPages(t *testing.T) {
	s := scene()
	one := s.alerts[0]
	s.alerts = nil
	for i := range 2*pageRows + 1 {
		one.ID = int64(1000 - i)
		s.alerts = append(s.alerts, one)
	}
	seen, path := 0, "/alerts?severity=LOW"
	for n := 0; path != ""; n++ {
		text := page(t, s, path, alice)
		seen += strings.Count(text, `class="row pick`)
		_, rest, more := strings.Cut(text, `<a href="/alerts?severity=LOW&amp;behind=`)
		if path = ""; more {
			cursor, _, _ := strings.Cut(rest, `"`)
			path = "/alerts?severity=LOW&behind=" + cursor
		}
		if n > 3 {
			t.Fatal("the pages have no end")
		}
	}
	if seen != len(s.alerts) {
		t.Errorf("the pages show %d alerts, want %d", seen, len(s.alerts))
	}
}

// Of many alerts that are acted on, those that failed stay selected, each with its cause.
func TestBulk(t *testing.T) {
	s := scene()
	w := send(t, s, "/alerts?severity=LOW", alice, url.Values{"act": {"close"}, "disposition": {"benign"}, "note": {"seen"}, "id": {"17", "99", "x", "16"}})
	text := w.Body.String()
	if w.Code != http.StatusNotFound || !strings.Contains(text, "no alert 99") || !strings.Contains(text, "&#34;x&#34;") {
		t.Errorf("acts on alerts some of which are not there = %d, want 404 and each cause", w.Code)
	}
	if got := s.acted(); len(got) != 3 || got[0].Disposition != "benign" || got[2].ID != 16 {
		t.Errorf("acts = %+v, want those on 17, 99 and 16", got)
	}
	if w = send(t, s, "/alerts", alice, url.Values{"act": {"acknowledge"}}); w.Code != 422 || !strings.Contains(w.Body.String(), "select the alerts first") {
		t.Errorf("an act on nothing = %d", w.Code)
	}
	many := make([]string, maxPicks+1)
	for i := range many {
		many[i] = "17"
	}
	if w = send(t, s, "/alerts", alice, url.Values{"act": {"acknowledge"}, "id": many}); w.Code != 422 || len(s.acted()) != 3 {
		t.Errorf("an act on %d alerts = %d", len(many), w.Code)
	}
	w = send(t, s, "/alerts?state=ended&x=y", alice, url.Values{"act": {"comment"}, "note": {"x"}, "id": {"17", "16"}})
	if got := w.Header().Get("Location"); got != "/alerts?state=ended&done=comment&n=2" {
		t.Errorf("a bulk act leads to %q", got)
	}
}

// A day begins for the table when it does for the list that it is of, wherever tocsin runs.
func TestCSVHasTheDaysOfTheList(t *testing.T) {
	s := scene()
	for _, path := range []string{"/alerts?since=2026-03-01", "/alerts.csv?since=2026-03-01"} {
		page(t, s, path, alice)
		if got := s.whose.Since; got.Location() != time.UTC || !got.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s asks for alerts since %v, want midnight in UTC", path, got)
		}
	}
}

// No cell of an export is a formula, whatever a log says, and every row is there once.
func TestExport(t *testing.T) {
	s := scene()
	one := s.alerts[0]
	s.alerts = nil
	for i := range 2*exportPage + 3 {
		one.ID = int64(5000 - i)
		s.alerts = append(s.alerts, one)
	}
	s.alerts[7].Title = `=HYPERLINK("http://evil")`
	s.alerts[8].Entity = alert.Entity{{Field: "@x", Value: "y"}}
	s.alerts[9].Reason = "\t=1+1\x1b[31m\r\n+2"
	s.alerts[10].Value = -5
	rows, err := csv.NewReader(strings.NewReader(page(t, s, "/alerts.csv?state=all", alice))).ReadAll()
	if err != nil || len(rows) != len(s.alerts)+1 {
		t.Fatalf("the export has %d rows, %v, want %d", len(rows), err, len(s.alerts)+1)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] {
			t.Fatalf("alert %s stands twice", row[0])
		}
		seen[row[0]] = true
		for _, c := range row {
			if trimmed := strings.TrimLeft(c, " \t\r\n"); trimmed != "" && strings.ContainsRune("=+@", rune(trimmed[0])) || strings.ContainsAny(c, "\x1b\r\n\t") {
				t.Errorf("cell %q is a formula, or does something to a terminal", c)
			}
		}
	}
	if rows[8][3] != `'=HYPERLINK("http://evil")` || rows[11][11] != "-5" {
		t.Errorf("cells = %q and %q", rows[8][3], rows[11][11])
	}
}

// broken fails from its second page on.
type broken struct{ *told }

func (b broken) Alerts(ctx context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	if q.Behind != "" {
		return nil, fault.New(fault.Unavailable, "ledger is away")
	}
	return b.told.Alerts(ctx, q)
}

// An export that cannot be ended is cut, so that nobody takes it for whole.
func TestExportIsWholeOrCut(t *testing.T) {
	s := scene()
	one := s.alerts[0]
	for range 2 * exportPage {
		s.alerts = append(s.alerts, one)
	}
	server := httptest.NewServer(handler(t, broken{s}))
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/alerts.csv?state=all")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the cut export reads as if it were whole")
	}
}

func handler(t *testing.T, s api.Service) http.Handler {
	t.Helper()
	h, err := New(Options{Service: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 24 * time.Hour: "24h", 1500 * time.Millisecond: "1.5s", 61 * time.Minute: "1h1m"} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
