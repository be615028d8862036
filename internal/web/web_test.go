package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

func scene() *told {
	first := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	one := alert.Alert{ID: 17, RuleName: "ssh-scan", RuleVersion: 2, Owner: "admin", Title: "Scan of many hosts", Severity: alert.High, State: alert.Open,
		Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, Origin: "live", First: first, Last: first.Add(time.Minute), Triggers: 12345,
		Value: 154, Peak: 200, Limit: 100, Reason: "154 different destination.ip in 1h, more than 100", Samples: []json.RawMessage{[]byte(`{"source.ip":"192.0.2.7"}`)}}
	list := []alert.Alert{one}
	for i, s := range []alert.Severity{alert.Critical, alert.Medium, alert.Low, alert.Info} {
		other := one
		other.ID, other.Severity, other.Title, other.Samples = int64(16-i), s, "Rule of severity "+s.String(), nil
		other.Entity = alert.Entity{{Field: "user.name", Value: evil}}
		if s == alert.Low {
			other.Owner = "" // of a rule that is everybody's
		}
		list = append(list, other)
	}
	list[1].State, list[1].Handling = alert.Acknowledged, alert.Handling{AckedBy: "anna", AckedAt: first, AckedUntil: first.Add(time.Hour), AckNote: "mine " + evil, Assignee: "bob"}
	list[2].State, list[2].Handling = alert.Ended, alert.Handling{Disposition: alert.Duplicate, DuplicateOf: 17, ClosedBy: "carol", ClosedAt: first, CloseNote: evil}
	quoted, _ := json.Marshal(evil)
	s := &told{changed: make(chan struct{}), settings: settings{users: []api.User{{Name: "anna"}, {Name: "bob"}, {Name: "gone", Disabled: true}}}, alerts: list, events: []string{
		`{"@timestamp":"2026-03-04T05:06:07Z","event.dataset":"combined","service.name":"web","message":"GET /login HTTP/1.1"}`,
		`{"@timestamp":"2026-03-04T05:06:06Z","event.dataset":` + string(quoted) + `,"message":` + string(quoted) + `}`,
		`{"source.ip":"10.0.0.1","destination.port":22,"network.bytes":9007199254740993}`,
	}}
	s.health = api.Health{OK: true, Ready: true, Version: "1.2.3", Started: first, Events: map[string]int64{"log": 1234567}, Rate: 12.5, Rules: 3,
		Journal: api.JournalHealth{Bytes: 3 << 20, MaxBytes: 4 << 30, Free: 100 << 30, Lag: map[string]uint64{"history": 2}},
		History: api.HistoryHealth{Segments: 4, Rows: 5_000_000, Bytes: 400 << 20, First: first, Last: first},
		Sources: []api.SourceHealth{{Name: "files", Lines: 10, Events: 9, Rejected: map[string]int64{"no time": 1}, Problem: "cannot read " + evil}}}
	s.top = func(q api.TopRequest) api.TopAnswer {
		if q.Kinds[0] != "log" {
			return api.TopAnswer{}
		}
		a := api.TopAnswer{Metric: "count"}
		for at := q.Since; at.Before(q.Until); at = at.Add(time.Minute) {
			a.Rows = append(a.Rows, api.TopRow{Time: at, Value: float64(at.Minute()%7) * 100})
		}
		return a
	}
	return s
}

// record asks for a page.
func record(t *testing.T, s *told, path string, id api.Identity) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	handler(t, s).ServeHTTP(w, httptest.NewRequestWithContext(api.As(t.Context(), id), http.MethodGet, path, http.NoBody))
	harmless(t, path, w)
	return w
}

func page(t *testing.T, s *told, path string, id api.Identity) string {
	t.Helper()
	w := record(t, s, path, id)
	if w.Code != 200 {
		t.Fatalf("GET %s = %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// badSigns are in no page: foreign text that is not text, what the content security policy forbids, and templates that went wrong.
var badSigns = []string{"<script>alert", "<img", "style=", "onclick=", "javascript:", "ZgotmplZ", "<no value>", "%!", "map["}

// harmless checks that a page has none of badSigns.
func harmless(t *testing.T, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		return
	}
	for _, bad := range badSigns {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("%s answers with %q", path, bad)
		}
	}
}

// holds checks that a page, or what where says, has some texts.
func holds(t *testing.T, where, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", where, want)
		}
	}
}

func TestOverview(t *testing.T) {
	text := page(t, scene(), "/?all=yes", api.Identity{User: "alice", Admin: true})
	holds(t, "the page", text, "▲</span> HIGH", "◆</span> CRITICAL", "Scan of many hosts", "192.0.2.7", "12\u2009345×", "154 different destination.ip",
		"GET /login HTTP/1.1", "network.bytes=9007199254740993", "5\u2009000\u2009000", "3.0 MiB of 4.0 GiB", "tocsin 1.2.3", "<title>", "no time", "alice", "Log out",
		"acknowledged by anna", "for bob", `href="/alerts/17"`)
	if n := strings.Count(text, "<rect"); n != rateMinutes {
		t.Errorf("page draws %d bars, want %d", n, rateMinutes)
	}
}

// A part that cannot be had leaves the others.
func TestPartsFailAlone(t *testing.T) {
	s := scene()
	s.err = fault.New(fault.Unavailable, "ledger is away "+evil)
	text := page(t, s, "/?all=yes", api.Identity{User: "bob"})
	if n := strings.Count(text, "ledger is away"); n != 4 {
		t.Errorf("page tells %d problems, want 4", n)
	}
	if !strings.Contains(text, "GET /login") || strings.Contains(text, "<script>alert") {
		t.Error("page without a ledger does not show the events that were found, or not safely")
	}
}

func TestEmptyPage(t *testing.T) {
	text := page(t, &told{}, "/?all=yes", api.Identity{User: "bob"})
	holds(t, "the empty page", text, "No alerts", "Nothing came in", "No events yet")
}

func TestRowsAndWhose(t *testing.T) {
	s := scene()
	for query, want := range map[string]int{"": 100, "&rows=10": 10, "&rows=500": 500, "&rows=9": 10, "&rows=501": 500, "&rows=-3": 10, "&rows=x": 100, "&rows=99999999999999999999": 100} {
		if page(t, s, "/?all=yes"+query, api.Identity{User: "bob"}); s.asked.Limit != want {
			t.Errorf("page%s asks for %d rows, want %d", query, s.asked.Limit, want)
		}
	}
	if s.whose.User != "" {
		t.Errorf("page of no administrator asks for the alerts of %q", s.whose.User)
	}
	if page(t, s, "/", api.Identity{User: "alice", Admin: true}); s.whose.User != "*" {
		t.Errorf("page of an administrator asks for the alerts of %q, want all", s.whose.User)
	}
}

// The filter of a person goes to the search as it was typed, and comes back to the page with what is wrong about it.
func TestFilterOfEvents(t *testing.T) {
	s := scene()
	text := page(t, s, "/?all=yes&where="+url.QueryEscape(`message contains "`+evil), api.Identity{User: "bob"})
	if s.asked.Where != `message contains "`+evil {
		t.Errorf("the search is asked for %q", s.asked.Where)
	}
	if strings.Contains(text, "<script>alert") || !strings.Contains(text, `value="message contains`) {
		t.Error("the page does not show the filter, or not safely")
	}
	s.events, s.err = nil, fault.New(fault.Invalid, "filter: no field %q", "mesage")
	if text = page(t, s, "/?all=yes&where=mesage", api.Identity{User: "bob"}); !strings.Contains(text, "filter: no field &#34;mesage&#34;") {
		t.Error("the page does not say what is wrong with the filter")
	}
	s.err = nil
	if text = page(t, s, "/?all=yes&where=has(message)", api.Identity{User: "bob"}); !strings.Contains(text, "No event passes this filter") {
		t.Error("the page does not say that nothing passes the filter")
	}
	page(t, s, "/?all=yes&where="+strings.Repeat("x", maxFilter+1), api.Identity{User: "bob"})
	if s.asked.Where != "" {
		t.Errorf("a filter of %d bytes is searched with", len(s.asked.Where))
	}
}

// Events that are equal in everything are still told apart.
func TestEqualEvents(t *testing.T) {
	s := scene()
	s.events = []string{`{"message":"twice"}`, `{"message":"twice"}`}
	text := page(t, s, "/?all=yes", api.Identity{User: "bob"})
	if key := rowKey([]byte(s.events[0])); strings.Count(text, `id="events-event-`+key+`"`) != 1 || strings.Count(text, `id="events-event-`+key+`-2"`) != 1 {
		t.Error("two equal events have the same name on the page")
	}
}

func TestLoginPage(t *testing.T) {
	if text := page(t, scene(), "/login?problem=throttled", api.Identity{}); !strings.Contains(text, "Too many wrong passwords") {
		t.Error("login does not tell the problem")
	}
	if text := page(t, scene(), "/login?problem="+"%3Cscript%3E", api.Identity{}); strings.Contains(text, "<script>") {
		t.Error("login repeats what it was sent")
	}
	if text := page(t, scene(), "/login", api.Identity{}); strings.Contains(text, `name="token"`) {
		t.Error("login asks for a token though there is an administrator")
	}
	h, err := New(Options{Service: scene(), Log: slog.New(slog.DiscardHandler), NeedsSetup: func(context.Context) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", http.NoBody))
	if !strings.Contains(w.Body.String(), `name="token"`) {
		t.Error("login does not ask for the token of the first start")
	}
}

// A flow has no text of its own: what is shown of it is who sent what to whom, whatever of that is known.
func TestFlowsAreShownInWords(t *testing.T) {
	for event, want := range map[string]string{
		`{"flow.id":7,"source.ip":"192.0.2.7","source.port":50000,"destination.ip":"2001:db8::1","destination.port":443,"network.transport":"tcp","source.bytes":2048,"source.packets":1234}`: "192.0.2.7:50000 → [2001:db8::1]:443 tcp, 2.0 KiB, 1\u2009234 packets",
		`{"flow.id":7,"source.ip":"192.0.2.7","destination.ip":"192.0.2.8","source.bytes":0,"source.packets":1,"event.action":"dropped"}`:                                                     "192.0.2.7 → 192.0.2.8, 0 B, 1 packet, dropped",
		`{"flow.id":7,"source.bytes":"<b>"}`:                                 "unknown → unknown",
		`{"flow.id":7,"message":"a line of a log"}`:                          "a line of a log",
		`{"source.ip":"192.0.2.7","event.action":"logged-in"}`:               "logged-in",
		`{"source.ip":"192.0.2.7","source.port":50000,"host.name":"a host"}`: " host.name=a host source.ip=192.0.2.7 source.port=50000",
	} {
		r, err := newRow([]byte(event))
		if err != nil || r.Text != want {
			t.Errorf("%s is shown as %q, %v, want %q", event, r.Text, err, want)
		}
	}
}

func TestCount(t *testing.T) {
	for v, want := range map[any]string{0: "0", 999: "999", 1000: "1\u2009000", int64(-1234567): "-1\u2009234\u2009567", 12.5: "12.5", 2879062.46: "2\u2009879\u2009062.5", -1234.5: "-1\u2009234.5", uint64(100): "100", float64(1e6): "1\u2009000\u2009000"} {
		if got := count(v); got != want {
			t.Errorf("count(%v) = %q, want %q", v, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 40: "1.0 TiB", 1 << 62: "4096.0 PiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
