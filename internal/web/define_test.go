package web

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// defined is what was asked about rules that are one sentence.
type defined struct {
	tried []api.BackTestRequest
	kept  []api.RuleEdit
	still bool // nothing is found
	few   bool // of whom so little is known that all may fire

	missing []string   // lists that have no file
	ruled   []api.Rule // that are there
}

func (s *told) BackTest(_ context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = append(s.tried, q)
	if s.refuse != nil {
		return api.BackTestAnswer{}, s.refuse
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	a := api.BackTestAnswer{Name: "x", Events: 123456, Hits: []api.BackTestHit{}}
	if !s.still {
		a.Entities, a.Alerts = 2, 3
		for i, who := range []string{"198.51.100.77", "2001:db8::17", evil} {
			a.Hits = append(a.Hits, api.BackTestHit{Entity: alert.Entity{{Field: "flow.host", Value: who}}, First: at, Last: at.Add(time.Minute), Triggers: int64(i + 17), Peak: 140, Limit: 100, Estimate: i == 2})
		}
	}
	if q.Suggest > 0 {
		a.Suggestion = &api.LimitSuggestion{AtMost: q.Suggest, Limit: 57000, Entities: 4, Quantile: 61, Measured: 1234, Highest: []api.EntityPeak{}}
		if s.few {
			a.Suggestion = &api.LimitSuggestion{AtMost: q.Suggest, Limit: 140, Quantile: 140, Measured: 3, Highest: []api.EntityPeak{}}
		}
		if s.still {
			a.Suggestion = &api.LimitSuggestion{AtMost: q.Suggest, Highest: []api.EntityPeak{}}
		}
	}
	return a, nil
}

func (s *told) PutRule(_ context.Context, e api.RuleEdit) (api.Rule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, e)
	if s.refuse != nil {
		return api.Rule{}, s.refuse
	}
	r := api.Rule{ID: 99, Name: "ssh-scan", Version: 1, MissingLists: s.missing}
	if i := slices.IndexFunc(s.ruled, func(r api.Rule) bool { return e.Replace && r.Owner == e.Owner && r.Name == "ssh-scan" }); i >= 0 {
		r.ID = s.ruled[i].ID
	}
	return r, nil
}

func sshScan(act string) url.Values {
	return url.Values{"act": {act}, "title": {"SSH scan"}, "metric": {"unique hosts"}, "entity": {"host"}, "way": {"above"}, "number": {"100"}, "over": {"1h"}, "severity": {"HIGH"},
		"where": {"flowtraq:SRVPORT == 22"}, "description": {"look"}, "back": {"7d"}}
}

// What is asked of flows becomes the alert that is offered.
func TestDefineCarriesOver(t *testing.T) {
	id := api.Identity{User: "alice"}
	for ask, want := range map[string][]string{
		"by=host&rank=hosts&where=" + url.QueryEscape(`flowtraq:SRVPORT == 22`):      {"<option selected>unique hosts<", "<option selected>host<", `value="flowtraq:SRVPORT == 22"`},
		"by=pair&rank=bytes&side=sent":                                               {"<option selected>bytes sent<", "<option selected>host pair<"},
		"by=country&rank=sessions&side=received":                                     {"<option selected>sessions accepted<", "<option selected>country<"},
		"by=port&rank=sessions&once=yes":                                             {"<option selected>sessions<", "<option selected>port<", `value="yes" checked`},
		"by=asn&rank=packets&since=1h":                                               {"<option selected>packets<", "<option selected>host<"},
		"by=<script>&rank=x&where=" + url.QueryEscape(`"><script>alert(1)</script>`): {"<option selected>bytes<", `value="&#34;&gt;&lt;script&gt;`},
	} {
		s := scene()
		text := page(t, s, "/flows?"+ask, id)
		from := strings.Index(text, `href="/flows/alert`)
		if from < 0 {
			t.Fatalf("%s: no link to an alert", ask)
		}
		to := html.UnescapeString(text[from+6 : from+6+strings.Index(text[from+6:], `"`)])
		form := page(t, s, to, id)
		for _, w := range want {
			if !strings.Contains(form, w) {
				t.Errorf("%s leads to %s, which has no %s", ask, to, w)
			}
		}
	}
}

func TestDefinePreview(t *testing.T) {
	s, id := scene(), api.Identity{User: "alice"}
	w := send(t, s, definePath, id, sshScan("preview"))
	text := w.Body.String()
	if w.Code != http.StatusOK || len(s.tried) != 1 || len(s.kept) != 0 || s.tried[0].Suggest != suggestFor || !strings.Contains(s.tried[0].Text, "by: [flow.host], over: 1h, above: 100") {
		t.Fatalf("preview = %d, asked %+v, kept %+v", w.Code, s.tried, s.kept)
	}
	if back := time.Since(s.tried[0].Since); back < 7*24*time.Hour || back > 7*24*time.Hour+time.Hour {
		t.Errorf("it looks back for %v", back)
	}
	holds(t, "the preview", text, "<b>3</b> alerts about <b>2</b>", "198.51.100.77", "2001:db8::17", "~140", "With <b>57k</b> 4 would have fired", "above 100 within 1h, raise a HIGH alert.", `value="SSH scan"`, `value="100"`)
	none := sshScan("preview")
	none.Del("number")
	none.Del("title")
	text = send(t, s, definePath, id, none).Body.String()
	if len(s.tried) != 3 || !strings.Contains(s.tried[2].Text, "above: 57000") || !strings.Contains(text, `value="57k"`) {
		t.Errorf("without a number it asks %+v", s.tried[1:])
	}
	s.few = true
	text = send(t, s, definePath, id, none).Body.String()
	holds(t, "the preview of few", text, "Only 3 were measured, and 5 may fire. <b>140</b> is the least number with which none would have.", `value="140"`)
	s.still = true
	text = send(t, s, definePath, id, none).Body.String()
	if !strings.Contains(text, "no number is suggested") || !strings.Contains(text, "It would have raised no alert.") {
		t.Error("that there are no flows is not said")
	}
}

func TestDefineSave(t *testing.T) {
	s := scene()
	w := send(t, s, definePath, api.Identity{User: "alice"}, sshScan("save"))
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/alerts?done=defined&rule=ssh-scan" {
		t.Errorf("save = %d, leads to %s", w.Code, to)
	}
	if len(s.kept) != 1 || s.kept[0].Replace || s.kept[0].Owner != "" || !strings.HasPrefix(s.kept[0].Text, "name: \"ssh-scan\"\ntitle: \"SSH scan\"\ndescription: \"look\"\nfrom: flow\nwhere: \"flowtraq:SRVPORT == 22\"\n") {
		t.Errorf("kept %+v", s.kept)
	}
	if text := page(t, s, "/alerts?done=defined&rule=ssh-scan", api.Identity{User: "alice"}); !strings.Contains(text, "Saved: it judges") {
		t.Error("that it is saved is not said")
	}

	s.missing = []string{"drop"}
	w = send(t, s, definePath, api.Identity{User: "alice"}, sshScan("save"))
	text := page(t, s, w.Header().Get("Location"), api.Identity{User: "alice"})
	holds(t, "what says that it is saved", text, "Saved. A list that its filter names is not there")
}

// What is wrong is said with what was typed, and nothing is kept.
func TestDefineRefusals(t *testing.T) {
	for field, c := range map[string][2]string{
		"title": {"", "title: got none"}, "metric": {"flows", "want one of bytes sent"}, "entity": {"x", "want one of host"}, "number": {"1x", "want a whole one"}, "over": {"x", "interval"},
		"severity": {"x", "severity"}, "where": {"nonsense ==", "filter"}, "name": {"a b", "a name of letters"}, "act": {"x", "want preview or save"}, "description": {strings.Repeat("x", 9000), "8 KiB"},
	} {
		s := scene()
		f := sshScan("save")
		f.Set(field, c[0])
		f.Set("owner", evil)
		w := send(t, s, definePath, api.Identity{User: "alice", Admin: true}, f)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), c[1]) || len(s.kept) != 0 {
			t.Errorf("%s %.20q = %d, want 422 with %q", field, c[0], w.Code, c[1])
		}
	}
	f := sshScan("preview")
	f.Set("way", "below")
	f.Del("number")
	if w := send(t, scene(), definePath, api.Identity{User: "alice"}, f); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "suggested for above alone") {
		t.Errorf("a preview below no number = %d", w.Code)
	}
	f = sshScan("save")
	f.Del("number")
	if w := send(t, scene(), definePath, api.Identity{User: "alice"}, f); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "number: got none") {
		t.Errorf("saving without a number = %d", w.Code)
	}
	for _, act := range []string{"save", "preview"} {
		s := scene()
		s.refuse = fault.New(fault.Denied, "change rules: only who may")
		if w := send(t, s, definePath, api.Identity{User: "alice"}, sshScan(act)); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "only who may") {
			t.Errorf("%s by who may not = %d", act, w.Code)
		}
	}
}

func TestFlowsOf(t *testing.T) {
	first := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		entity    alert.Entity
		by, where string
	}{
		{alert.Entity{{Field: "flow.host", Value: "192.0.2.7"}}, "pair", `related.ip == "192.0.2.7"`},
		{alert.Entity{{Field: "source.ip", Value: "2001:db8::1"}}, "pair", `related.ip == "2001:db8::1"`},
		{alert.Entity{{Field: "flow.lower", Value: "192.0.2.7"}, {Field: "flow.higher", Value: "192.0.2.9"}}, "port", `(source.ip == "192.0.2.7" and destination.ip == "192.0.2.9" or source.ip == "192.0.2.9" and destination.ip == "192.0.2.7")`},
		{alert.Entity{{Field: "flow.port", Value: "22"}}, "host", `related.port == 22`},
		{alert.Entity{{Field: "flow.country", Value: "DE"}}, "host", `related.country == "DE"`},
		{alert.Entity{{Field: "host.name", Value: "x"}}, "", ""}, {alert.Entity{{Field: "flow.host"}}, "", ""}, {nil, "", ""},
	} {
		to := flowsOf(&alert.Alert{Entity: c.entity, First: first, Last: first.Add(time.Hour), Window: time.Hour})
		if (to == "") != (c.by == "") {
			t.Errorf("%v leads to %q", c.entity, to)
		}
		u, err := url.Parse(to)
		if err != nil || to == "" {
			continue
		}
		ask := bookmark.ReadFlows(u.Query())
		since, until, err := ask.Times(first.Add(24 * time.Hour))
		if err != nil || ask.By != c.by || ask.Where != c.where || !since.Equal(first.Add(-time.Hour)) || !until.Equal(first.Add(time.Hour+time.Minute)) {
			t.Errorf("%v leads to %+v, %v", c.entity, ask, err)
		}
	}
	if text := page(t, scene(), "/alerts/17", api.Identity{User: "alice", Admin: true}); !strings.Contains(text, "Flows of then") {
		t.Error("the page of an alert leads to no flows")
	}
}

// A person makes an alert of what he looks at.
func TestDefineInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			b := tab(t, s, screen, "/flows?by=host&rank=hosts&where=destination.port+%3D%3D+22")
			b.Click(`a[href^="/flows/alert"]`)
			b.Until(`document.querySelector("select[name=metric]").value === "unique hosts" && document.querySelector("input[name=where]").value === "destination.port == 22"`)
			b.Type(`input[name=title]`, "SSH scan "+evil)
			b.Choose(`select[name=severity]`, "HIGH")
			b.Click(`button[value=preview]`)
			b.Shows("#preview", "198.51.100.77")
			b.Until(`document.querySelector("input[name=number]").value === "57k"`)
			b.Looks("define-" + name)
			b.Click(`button[value=save]`)
			b.Shows(".done", "Saved")
		})
	}
}

// A widget leads to the form that makes an alert of what it shows, with its filter and its ranking; who may make none is not led there.
func TestWidgetsLeadToNewAlerts(t *testing.T) {
	s := boarded()
	const where = `flowtraq: SRVPORT==22 && CLIENT=="` + evil
	s.saved = []api.View{{Name: "ssh", Address: "/flows?" + url.Values{"by": {"port"}, "rank": {"packets"}, "side": {"sent"}, "since": {"24h"}, "rows": {"7"}, "once": {"yes"}, "where": {where}}.Encode()}}
	links := regexp.MustCompile(`href="(/flows/alert[^"]*)"`)
	for _, c := range []struct {
		who  api.Identity
		want bool
	}{
		{alice, true}, {api.Identity{User: "bob"}, true}, {api.Identity{User: "bob", Scopes: "act"}, true},
		{api.Identity{User: "bob", Scopes: "read"}, false}, {api.Identity{User: "alice", Admin: true, Scopes: "read"}, false}, {api.Identity{}, false},
	} {
		for path, form := range map[string]map[string]string{
			"/board/widget?page=1&id=top": {"metric": "packets sent", "entity": "port", "where": where, "once": "yes"},
			"/":                           {"metric": "bytes", "entity": "host", "where": "", "once": ""},
		} {
			text := page(t, s, path, c.who)
			found := links.FindStringSubmatch(text)
			if (found != nil) != c.want {
				t.Errorf("%s for %+v leads to a new alert: %v", path, c.who, found != nil)
			}
			if found == nil {
				continue
			}
			to, err := url.Parse(html.UnescapeString(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			for field, want := range form {
				if f := defineForm(to.Query()); f.Typed(field) != want {
					t.Errorf("%s leads to %s, whose %s is %q, want %q", path, to, field, f.Typed(field), want)
				}
			}
			page(t, s, to.String(), c.who)
		}
	}
	for _, id := range []string{"ses", "ev", "ra"} {
		if text := page(t, s, "/board/widget?page=1&id="+id, alice); links.MatchString(text) {
			t.Errorf("widget %s leads to an alert of what it does not rank", id)
		}
	}
}
