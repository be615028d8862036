// Package apitest holds every api.Service to the same promises, whether it answers in this process or from another one.
package apitest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Run tests the service that open returns: empty, without accounts and rules, and closed by t.Cleanup. Each part opens one
// of its own. Calls are made as api.Local.
func Run(t *testing.T, open func(t *testing.T) api.Service) {
	for name, part := range map[string]func(*suite){
		"Search": search, "SearchInRanges": ranges, "SearchOfMany": many, "Append": appending, "Repeats": repeats, "Top": top, "Wrong": wrong,
		"Ingest": ingest, "Quarantine": rejected, "Rules": rules, "Detect": detect, "BackTest": backTest, "Explain": explain, "Users": users, "People": people, "Health": health, "Backup": backup, "Clear": clearing, "AlertLife": life, "AlertList": listing, "AlertPages": paging, "Following": following, "Muting": muting, "Notices": notices, "Preferences": preferring, "MailServer": mailServer, "Exporters": exporters, "Traffic": traffic, "FlowSessions": sessions, "Grouping": grouping, "NameThings": nameThings, "Views": viewing, "Board": boarding, "Reports": reporting,
	} {
		t.Run(name, func(t *testing.T) {
			part(&suite{T: t, Service: open(t), ctx: api.As(t.Context(), api.Local())})
		})
	}
}

// A suite is one part with its service.
type suite struct {
	*testing.T
	api.Service

	ctx context.Context //nolint:containedctx // of the test
}

// must ends the part on an error.
func (s *suite) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// kind fails when an error is not of a kind, or says nothing.
func (s *suite) kind(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) || err.Error() == "" {
		s.Errorf("%s = %v of kind %v, want kind %v", what, err, fault.Kind(err), want)
	}
}

// noon is when the events of the tests happen: long ago, so that no retention by now and no lateness matters to one part
// only.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// line writes an event n seconds after noon.
func line(n int, fields string) string {
	return fmt.Sprintf(`{"@timestamp":%q,"event.code":"%d",%s}`, noon.Add(time.Duration(n)*time.Second).Format(time.RFC3339), n, fields)
}

// add appends events and makes them found.
func (s *suite) add(q api.AppendRequest, lines ...string) {
	s.Helper()
	a, err := s.Append(s.ctx, q, strings.NewReader(strings.Join(lines, "\n")+"\n"))
	s.must("Append", err)
	if want := (api.AppendAnswer{Accepted: len(lines)}); !cmp.Equal(a, want) {
		s.Fatalf("Append of %d events = %+v, want all accepted", len(lines), a)
	}
	s.must("Flush", s.Flush(s.ctx))
}

// codes finds events and returns their event.code in order.
func (s *suite) codes(q api.SearchRequest) string {
	s.Helper()
	var found []string
	s.must("Search", s.Search(s.ctx, q, func(text json.RawMessage) error {
		var e struct {
			Code string `json:"event.code"`
		}
		err := json.Unmarshal(text, &e)
		found = append(found, e.Code)
		return err
	}))
	return strings.Join(found, " ")
}

func (s *suite) finds(q api.SearchRequest, want string) {
	s.Helper()
	if got := s.codes(q); got != want {
		s.Errorf("Search(%+v) finds %q, want %q", q, got, want)
	}
}

// mixed are five events, one of them a login.
func (s *suite) mixed() {
	s.Helper()
	s.add(api.AppendRequest{},
		line(1, `"source.ip":"192.0.2.1","http.response.status_code":200,"http.response.bytes":100,"message":"GET /"`),
		line(2, `"source.ip":"192.0.2.2","http.response.status_code":500,"http.response.bytes":50,"message":"GET /login"`),
		line(3, `"source.ip":"192.0.2.1","http.response.status_code":404,"http.response.bytes":7,"team":"a"`),
		line(4, `"kind":"login","user.name":"alice","source.ip":"2001:db8::1","event.outcome":"failure"`),
		line(5, `"message":"no address"`))
}

func search(s *suite) {
	s.finds(api.SearchRequest{}, "")
	s.mixed()
	s.finds(api.SearchRequest{}, "5 4 3 2 1")
	s.finds(api.SearchRequest{Oldest: true}, "1 2 3 4 5")
	s.finds(api.SearchRequest{Limit: 2}, "5 4")
	s.finds(api.SearchRequest{Limit: 2, Oldest: true}, "1 2")
	s.finds(api.SearchRequest{Limit: -1}, "5 4 3 2 1")
	s.finds(api.SearchRequest{Kinds: []string{"login"}}, "4")
	s.finds(api.SearchRequest{Kinds: []string{"log", "login"}, Limit: 3}, "5 4 3")
	s.finds(api.SearchRequest{Kinds: []string{"flow"}}, "")
	s.finds(api.SearchRequest{Where: `source.ip == "192.0.2.1"`}, "3 1")
	s.finds(api.SearchRequest{Where: `http.response.status_code >= 400 && message contains "login"`}, "2")
	s.finds(api.SearchRequest{Where: `source.ip != "192.0.2.1"`}, "5 4 2") // also where missing: CONTRACTS section 6
	s.finds(api.SearchRequest{Where: `labels.team == "a"`}, "3")

	enough := errors.New("enough")
	n := 0
	err := s.Search(s.ctx, api.SearchRequest{}, func(json.RawMessage) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		s.Errorf("Search whose caller has enough = %v after %d events, want his error after 1", err, n)
	}
}

func ranges(s *suite) {
	s.mixed()
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	s.finds(api.SearchRequest{Since: at(2), Until: at(4)}, "3 2") // since is in, until is not
	s.finds(api.SearchRequest{Since: at(4)}, "5 4")
	s.finds(api.SearchRequest{Until: at(2)}, "1")
	s.finds(api.SearchRequest{Since: at(6)}, "")
	s.finds(api.SearchRequest{Since: at(2).Add(1), Until: at(3).Add(1)}, "3")
	s.finds(api.SearchRequest{Since: at(2).In(time.FixedZone("", 3600)), Until: at(3)}, "2")
}

// many finds more than any buffer holds, each once.
func many(s *suite) {
	const n = 20_000
	lines := make([]string, n)
	for i := range lines {
		lines[i] = line(i, `"message":"`+strings.Repeat("x", i%50)+`"`)
	}
	s.add(api.AppendRequest{}, lines...)
	next := 0
	for code := range strings.FieldsSeq(s.codes(api.SearchRequest{Limit: -1, Oldest: true})) {
		if code != fmt.Sprint(next) {
			s.Fatalf("event %d is %s", next, code)
		}
		next++
	}
	if next != n {
		s.Errorf("Search finds %d events, want %d", next, n)
	}
	if got := len(strings.Fields(s.codes(api.SearchRequest{}))); got != 100 {
		s.Errorf("Search without a limit finds %d events, want 100", got)
	}
}

func appending(s *suite) {
	a, err := s.Append(s.ctx, api.AppendRequest{Kind: "login", Source: "test"}, strings.NewReader(
		line(1, `"user.name":"alice"`)+"\n"+"no JSON\n"+line(2, `"kind":"log","message":"x"`)+"\n"+`{"kind":"nonsense"}`+"\n"+line(3, `"user.name":"bob"`)))
	s.must("Append", err)
	if a.Accepted != 3 || a.Rejected != 2 || a.Repeated || len(a.Errors) != 2 || a.Errors[0].Line != 2 || a.Errors[1].Line != 4 ||
		a.Errors[0].Reason == "" || !strings.Contains(a.Errors[0].Sample, "no JSON") {
		s.Errorf("Append of 3 events and 2 foul lines = %+v", a)
	}
	s.must("Flush", s.Flush(s.ctx))
	s.finds(api.SearchRequest{Kinds: []string{"login"}}, "3 1")
	s.finds(api.SearchRequest{Kinds: []string{"log"}}, "2")

	a, err = s.Append(s.ctx, api.AppendRequest{}, strings.NewReader("foul\n"))
	if err != nil || a.Accepted != 0 || a.Rejected != 1 {
		s.Errorf("Append of one foul line = %+v, %v, want it rejected", a, err)
	}
	if a, err = s.Append(s.ctx, api.AppendRequest{}, strings.NewReader("")); err != nil || a.Accepted != 0 || a.Rejected != 0 {
		s.Errorf("Append of nothing = %+v, %v, want nothing", a, err)
	}
	_, err = s.Append(s.ctx, api.AppendRequest{Kind: "nonsense"}, strings.NewReader(line(9, `"message":"x"`)))
	s.kind("Append of an unknown kind", err, fault.Invalid)
}

func repeats(s *suite) {
	q := api.AppendRequest{IdempotencyKey: "key 1"}
	s.add(q, line(1, `"message":"x"`))
	a, err := s.Append(s.ctx, q, strings.NewReader(line(1, `"message":"x"`)+"\n"))
	if err != nil || !a.Repeated {
		s.Errorf("Append by the same key = %+v, %v, want that it is repeated", a, err)
	}
	s.add(api.AppendRequest{IdempotencyKey: "key 2"}, line(2, `"message":"x"`))
	s.finds(api.SearchRequest{}, "2 1")
}

func top(s *suite) {
	s.mixed()
	ranks := func(q api.TopRequest, want string) {
		s.Helper()
		a, err := s.Top(s.ctx, q)
		s.must("Top", err)
		var got []string
		for _, r := range a.Rows {
			one := fmt.Sprintf("%s=%v", strings.Join(r.Values, "+"), r.Value)
			if q.Bucket > 0 {
				one = r.Time.UTC().Format("15:04:05 ") + one
			}
			got = append(got, one)
		}
		if text := fmt.Sprintf("%s; %d others of %d events", strings.Join(got, ", "), a.Others, a.Events); text != want {
			s.Errorf("Top(%+v) = %q, want %q", q, text, want)
		}
	}
	ranks(api.TopRequest{By: []string{"source.ip"}, Where: "has(source.ip)", Limit: 1}, "192.0.2.1=2; 2 others of 4 events")
	ranks(api.TopRequest{By: []string{"source.ip"}, Metric: "sum(http.response.bytes)", Where: "has(http.response.bytes)"}, "192.0.2.1=107, 192.0.2.2=50; 0 others of 3 events")
	ranks(api.TopRequest{By: []string{"source.ip"}, Metric: "sum(http.response.bytes)", Where: "has(http.response.bytes)", Lowest: true}, "192.0.2.2=50, 192.0.2.1=107; 0 others of 3 events")
	ranks(api.TopRequest{By: []string{}}, "=5; 0 others of 5 events")
	ranks(api.TopRequest{By: []string{}, Metric: "max(http.response.status_code)"}, "=500; 0 others of 5 events")
	ranks(api.TopRequest{By: []string{"user.name", "event.outcome"}, Kinds: []string{"login"}}, "alice+failure=1; 0 others of 1 events")
	ranks(api.TopRequest{By: []string{}, Bucket: 2 * time.Second}, "12:00:00 =1, 12:00:02 =2, 12:00:04 =2; 0 others of 5 events")
	ranks(api.TopRequest{By: []string{"source.ip"}, Since: noon.Add(time.Hour)}, "; 0 others of 0 events")
}

// wrong asks what cannot be answered.
func wrong(s *suite) {
	s.mixed()
	never := func(json.RawMessage) error { return errors.New("nothing should be found") }
	err := s.Search(s.ctx, api.SearchRequest{Where: "source.pi == 1"}, never)
	s.kind("Search by a misspelt field", err, fault.Invalid)
	if err != nil && (!strings.Contains(err.Error(), "^") || !strings.Contains(err.Error(), "did you mean source.ip?")) {
		s.Errorf("Search by a misspelt field says %q, want a caret and a suggestion", err)
	}
	s.kind("Search by no filter", s.Search(s.ctx, api.SearchRequest{Where: "(("}, never), fault.Invalid)
	s.kind("Search of an unknown kind", s.Search(s.ctx, api.SearchRequest{Kinds: []string{"logs"}}, never), fault.Invalid)
	for name, q := range map[string]api.TopRequest{"field": {By: []string{"source.pi"}}, "metric": {By: []string{}, Metric: "most"}, "field of the metric": {By: []string{}, Metric: "sum(nothing)"},
		"filter": {By: []string{}, Where: "x ="}, "kind": {By: []string{}, Kinds: []string{"x"}}} {
		_, err := s.Top(s.ctx, q)
		s.kind("Top by a wrong "+name, err, fault.Invalid)
	}
	_, err = s.Alerts(s.ctx, api.AlertRequest{States: []string{"shut"}})
	s.kind("Alerts in an unknown state", err, fault.Invalid)
	_, err = s.Alerts(s.ctx, api.AlertRequest{MinSeverity: "BAD"})
	s.kind("Alerts of an unknown severity", err, fault.Invalid)
}
