package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// EnableRule and DeleteRule do what they say to the rules that are told.
func (s *told) EnableRule(_ context.Context, owner, name string, enabled bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withRule(owner, name, func(i int) { s.ruled[i].Enabled = enabled })
}

func (s *told) DeleteRule(_ context.Context, owner, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withRule(owner, name, func(i int) { s.ruled = slices.Delete(s.ruled, i, i+1) })
}

func (s *told) withRule(owner, name string, do func(int)) error {
	if s.refuse != nil {
		return s.refuse
	}
	i := slices.IndexFunc(s.ruled, func(r api.Rule) bool { return r.Owner == owner && r.Name == name })
	if i < 0 {
		return fault.New(fault.NotFound, "no rule %q", name)
	}
	do(i)
	return nil
}

const sshScanText = `name: "ssh-scan"
title: "SSH scan"
from: flow
where: "flowtraq:SRVPORT == 22"
detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 1h, above: 57000}}
severity: HIGH
`

// ruled has rules of all sorts: everybody's, one's own, another's, of a file, one that does not run and one without its list.
func ruled() *told {
	s := scene()
	s.alerts[slices.IndexFunc(s.alerts, func(a alert.Alert) bool { return a.RuleName == "ssh-scan" })].Owner = "alice"
	changed := time.Now().Add(-time.Hour)
	s.ruled = []api.Rule{
		{ID: 1, Name: "brute-force", Enabled: true, ReadOnly: true, File: "pack web", Line: 3, Severity: "HIGH", From: "log", Where: `message contains "` + evil + `"`, Detect: "threshold {at_least: 5}", Text: "name: brute-force\n# " + evil + "\n"},
		{ID: 2, Name: "ssh-scan", Title: "SSH scan " + evil, Owner: "alice", Enabled: true, Version: 1, Severity: "HIGH", From: "flow", Where: "flow.server.port == 22", Detect: "threshold {above: 57000}", Text: sshScanText, Changed: changed},
		{ID: 3, Name: "quiet", Owner: "bob", Version: 2, Severity: "LOW", From: "log", Detect: "absence {idle: 5m}", Text: "name: quiet\nfrom: log\n", Changed: changed},
		{ID: 4, Name: "broken", Enabled: true, Problem: "rule: metric \"x\" " + evil, Text: "name: broken\n", Changed: changed},
		{ID: 5, Name: "listed", Enabled: true, Severity: "MEDIUM", From: "flow", Detect: "threshold {at_least: 1}", Text: "name: listed\n", MissingLists: []string{"drop"}, Changed: changed},
	}
	return s
}

func TestRulesPage(t *testing.T) {
	s := ruled()
	text := page(t, s, "/rules", api.Identity{User: "root", Admin: true})
	holds(t, "the list", text, `href="/rules/2"`, `href="/alerts?owner=alice&amp;rule=ssh-scan"`, "<b>1</b> alert now", "does not run", "rests", "judges", "no list drop", "in <bdi>pack web</bdi>", "of <bdi>bob</bdi>",
		`href="/flows/alert?rule=2"`, `href="/rules/3">Change`, "5 of 5", `href="/rules/new"`)
	if first, last := strings.Index(text, "rule-4"), strings.Index(text, "rule-1"); first < 0 || first > last {
		t.Error("rules of files do not stand behind the others")
	}
	if n := strings.Count(text, `name="rule"`); n != 4 {
		t.Errorf("an administrator is offered to change %d rules, want 4: all but the one of a file", n)
	}
	text = page(t, s, "/rules", api.Identity{User: "alice"})
	if n := strings.Count(text, `name="rule"`); n != 1 {
		t.Errorf("alice is offered to change %d rules, want her own", n)
	}
	if text = page(t, s, "/rules?text=ssh+scan", api.Identity{User: "alice"}); !strings.Contains(text, "<bdi>SSH scan &lt;") || !strings.Contains(text, "1 of 1") {
		t.Errorf("found by its title:\n%s", text)
	}
	text = page(t, s, "/rules?text=SSH", api.Identity{User: "alice"})
	if !strings.Contains(text, "1 of 1") || strings.Contains(text, "brute-force") {
		t.Error("the search selects others")
	}
	holds(t, "a search without result", page(t, s, "/rules?text=nosuch", api.Identity{User: "alice"}), "No rule contains this.")
	for len(s.ruled) < 2*ruleRows {
		s.ruled = append(s.ruled, s.ruled[1])
	}
	holds(t, "a long list", page(t, s, "/rules", api.Identity{User: "alice"}), "200 of 400; the search finds the others")
	s.ruled = []api.Rule{}
	holds(t, "the list of none", page(t, s, "/rules", api.Identity{User: "alice"}), "nothing is judged")
}

// Each rule has a page; what may be changed there is for who looks.
func TestRulePage(t *testing.T) {
	s := ruled()
	admin, alice := api.Identity{User: "root", Admin: true}, api.Identity{User: "alice"}
	text := page(t, s, "/rules/2", alice)
	holds(t, "her own rule", text, "<textarea", "flowtraq:SRVPORT == 22", `href="/flows/alert?rule=2"`, `value="restrule"`, `value="removerule"`, "Version</dt><dd>1")
	text = page(t, s, "/rules/1", admin)
	holds(t, "the rule of a file", text, "<pre", "pack web</bdi>, line 3", "which alone changes it")
	if strings.Contains(text, "<textarea") || strings.Contains(text, "<button name=") {
		t.Error("a rule of a file is offered to be changed")
	}
	if text := page(t, s, "/rules/3", alice); strings.Contains(text, "<textarea") {
		t.Error("a rule of bob is offered to be changed by alice")
	}
	holds(t, "a rule that does not run", page(t, s, "/rules/4", admin), "does not run", "metric &#34;x&#34;")
	holds(t, "a rule without its list", page(t, s, "/rules/5", admin), "There is no list <b><bdi>drop</bdi></b>")
	for _, path := range []string{"/rules/17", "/rules/x", "/flows/alert?rule=17"} {
		if w := record(t, s, path, admin); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no rule") {
			t.Errorf("%s = %d", path, w.Code)
		}
	}
	if w := record(t, s, "/flows/alert?rule=3", admin); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/rules/3" {
		t.Errorf("a rule that is no sentence = %d, leads to %q", w.Code, w.Header().Get("Location"))
	}
	s.err = fault.New(fault.Unavailable, "the ledger is away")
	for _, path := range []string{"/rules", "/rules/2"} {
		if w := record(t, s, path, admin); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the ledger is away") {
			t.Errorf("%s without a ledger = %d", path, w.Code)
		}
	}
}

// What the forms say is done to the very rule, under its own owner, and what is refused is told with what was typed.
func TestRuleForms(t *testing.T) {
	s := ruled()
	admin := api.Identity{User: "root", Admin: true}
	leads := func(path string, values url.Values, to string) {
		t.Helper()
		if w := send(t, s, path, admin, values); w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
			t.Errorf("%s %v = %d, leads to %q, want %q", path, values, w.Code, w.Header().Get("Location"), to)
		}
	}
	leads("/rules", url.Values{"act": {"restrule"}, "rule": {"2"}}, "/rules?done=restrule")
	leads("/rules/3", url.Values{"act": {"letrule"}}, "/rules/3?done=letrule")
	if s.ruled[1].Enabled || !s.ruled[2].Enabled {
		t.Errorf("alice's rule judges %v, bob's %v; want the other way round", s.ruled[1].Enabled, s.ruled[2].Enabled)
	}
	leads("/rules/3", url.Values{"act": {"removerule"}}, "/rules?done=removerule")
	if len(s.ruled) != 4 {
		t.Errorf("%d rules are left, want 4", len(s.ruled))
	}
	leads("/rules/2", url.Values{"act": {"save"}, "text": {"name: ssh-scan\r\nfrom: log\r\n"}}, "/rules/2?done=keptrule")
	if e := s.kept[0]; e.Text != "name: ssh-scan\nfrom: log\n" || !e.Replace || e.Owner != "alice" {
		t.Errorf("kept %+v", e)
	}
	leads("/rules/new", url.Values{"act": {"save"}, "text": {"name: x\n"}, "owner": {" bob "}}, "/rules/99?done=keptrule")
	if e := s.kept[1]; e.Text != "name: x\n" || e.Replace || e.Owner != "bob" {
		t.Errorf("kept %+v", e)
	}
	s.missing = []string{"drop"}
	leads("/rules/new", url.Values{"act": {"save"}, "text": {"name: x\n"}}, "/rules/99?done=keptwithout")
	s.missing = nil

	w := send(t, s, "/rules/2", admin, url.Values{"act": {"preview"}, "text": {"name: typed\n"}, "back": {"7d"}})
	holds(t, "the preview", w.Body.String(), "What it would have found", "name: typed", " events.")
	if ask := s.tried[0]; ask.Owner != "alice" || ask.Text != "name: typed\n" || time.Since(ask.Since) < 6*24*time.Hour || time.Since(ask.Since) > 8*24*time.Hour {
		t.Errorf("the preview asks %+v", ask)
	}

	for path, values := range map[string]url.Values{
		"/rules": {"act": {"nonsense"}, "rule": {"2"}}, "/rules/2": {"act": {"nonsense"}}, "/rules/new": {"act": {"preview"}, "back": {"soon"}, "text": {"typed " + evil}},
	} {
		if w := send(t, s, path, admin, values); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("%s %v = %d", path, values, w.Code)
		}
	}
	for _, path := range []string{"/rules", "/rules/17"} {
		if w := send(t, s, path, admin, url.Values{"act": {"restrule"}, "rule": {"17"}}); w.Code != http.StatusNotFound {
			t.Errorf("%s of a rule that is not there = %d", path, w.Code)
		}
	}
	s.refuse = fault.New(fault.Invalid, "rule:1: severity \"HUGE\"")
	w = send(t, s, "/rules/2", admin, url.Values{"act": {"save"}, "text": {"name: ssh-scan\nseverity: HUGE\n"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a rule that is wrong = %d", w.Code)
	}
	holds(t, "the form of a rule that is wrong", w.Body.String(), "severity: HUGE\n", "rule:1: severity")
	if w := record(t, s, "/rules/new", api.Identity{User: "reader", Scopes: "read"}); w.Code != http.StatusForbidden {
		t.Errorf("the form of a new rule for who may make none = %d", w.Code)
	}
}

// A definition is changed in the form that it was made in, and stays the rule that it was.
func TestDefineChange(t *testing.T) {
	s := ruled()
	alice := api.Identity{User: "alice"}
	text := page(t, s, "/flows/alert?rule=2", alice)
	holds(t, "the form", text, "Change <bdi>ssh-scan</bdi>", `value="SSH scan"`, `value="57000"`, `value="flowtraq:SRVPORT == 22"`, "<option selected>unique hosts", "<option selected>1h", "<option selected>HIGH",
		`type="hidden" name="rule" value="2"`)
	if strings.Contains(text, `name="owner"`) || strings.Contains(text, `name="name"`) {
		t.Error("name and owner of a rule that is there can be changed")
	}
	values := sshScan("save")
	values.Set("rule", "2")
	values.Set("title", "SSH scan of many")
	values.Set("name", "other")
	values.Set("owner", "root")
	w := send(t, s, definePath, alice, values)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/rules/2?done=defined" {
		t.Errorf("save = %d, leads to %q", w.Code, to)
	}
	if e := s.kept[0]; e.Owner != "alice" || !e.Replace || !strings.HasPrefix(e.Text, "name: \"ssh-scan\"\ntitle: \"SSH scan of many\"\n") {
		t.Errorf("kept %+v", e)
	}
	values.Set("act", "preview")
	if w := send(t, s, definePath, alice, values); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Change <bdi>ssh-scan</bdi>") || s.tried[0].Owner != "alice" {
		t.Errorf("preview = %d of %+v", w.Code, s.tried)
	}
	values.Set("rule", "17")
	if w := send(t, s, definePath, alice, values); w.Code != http.StatusNotFound {
		t.Errorf("a rule that is there no more = %d", w.Code)
	}
}

func TestRulesInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := ruled()
			b := tab(t, s, screen, "/rules")
			b.Shows(".alerts", "ssh-scan")
			b.Looks("rules-" + name)
			b.Click(`#rule-2 button`)
			b.Shows(".done", "It rests.")
			b.Shows("#rule-2", "rests")
			b.Click(`#rule-2 a.to`)
			b.Shows("h1", "ssh-scan")
			b.Looks("rule-" + name)
			b.Click(`.acting button[value=letrule]`)
			b.Shows(".done", "It judges again.")
			b.Click(`.views a:last-child`)
			b.Shows("h1", "Change ssh-scan")
			b.Looks("rule-sentence-" + name)
			b.Type(`input[name=number]`, "99")
			b.Click(`button[value=save]`)
			b.Shows(".done", "Saved")
			b.Click(`.acting summary`)
			b.Click(`button[value=removerule]`)
			b.Shows(".done", "Rule deleted.")
			b.Hides("#rule-2")
			b.Click(`.views a:last-child`)
			b.Shows("h1", "New rule")
			b.Click(`button[value=preview]`)
			b.Shows("#preview", "would have")
			b.Looks("rule-new-" + name)
		})
	}
}
