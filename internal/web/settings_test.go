package web

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// configured has something in every field of every page of settings, all of it hostile if that is wanted.
func configured(text string) *told {
	s := scene()
	now := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)
	s.preferences = api.Preferences{Zone: text, Where: text, MinSeverity: "HIGH", Everyone: true, Mail: api.MailWay{To: []string{text}, Server: text, From: text},
		Syslog: api.SyslogWay{Host: text, Port: 514, Protocol: "tls", Facility: text, Format: "cef"}, Quiet: []api.QuietSpan{{Days: []string{text}, From: text, To: text}},
		Digest: api.DigestPlan{Every: "week", At: text, Day: "fri", UpTo: "HIGH"}, Changed: now}
	s.server = api.MailServer{Server: text, Port: 587, From: text, TLS: "implicit", User: text, Password: true, CA: text}
	s.tests = []api.WayTest{{Channel: "mail:alice", To: text, Via: text, Answer: "250 2.0.0 queued " + text}, {Channel: "syslog:alice", To: text, Failed: "connection refused " + text}}
	s.tokens = []api.TokenEntry{{ID: 3, Label: text, Scopes: "read,act", Valid: true, Used: now}, {ID: 4, Label: "old", Scopes: text}}
	s.notices = []api.AlertNotice{{ID: 5, Alert: 17, Change: "CREATE", Channel: text, User: text, To: text, State: "dead", Created: now, Why: text,
		Attempts: []api.NoticeAttempt{{Number: 1, Outcome: "failed", Answer: "first"}, {Number: 2, Outcome: "given up", Answer: "550 " + text}}}, {ID: 6, Change: "SUMMARY", Channel: "mail:bob", State: "dead", Created: now}}
	s.users = []api.User{{Name: "alice", Admin: true, Sessions: 1, LastLogin: now}, {Name: text, Filter: text, Provider: text}, {Name: "bob", Disabled: true}}
	s.audit = []api.AuditLine{{ID: 1, At: now, Who: text, Via: text, From: text, What: text, Subject: text, Was: text, Became: text, Outcome: text}}
	return s
}

var settingsPages = []string{"/me", "/settings/mail", "/silences", "/notices", "/notices?state=all", "/users", "/audit"}

func TestSettingsShowTextAsText(t *testing.T) {
	s := configured(evil)
	for _, path := range settingsPages {
		text := page(t, s, path, alice)
		if path != "/silences" && !strings.Contains(text, "&lt;script&gt;alert(1)") {
			t.Errorf("page %s does not show what it was given", path)
		}
	}
	for path, form := range map[string]url.Values{"/me": {"act": {"test"}}, "/settings/mail": {"act": {"save"}, "server": {evil}}} {
		w := send(t, s, path, alice, form)
		text := w.Body.String()
		if w.Code != 200 || !strings.Contains(text, "250 2.0.0 queued") || !strings.Contains(text, "connection refused") {
			t.Errorf("POST %s = %d, want the answers of the test messages", path, w.Code)
		}
	}
}

// What a page shows comes back as the same when it is saved, untouched.
func TestPreferencesComeBackAsTheyWere(t *testing.T) {
	f := form{Values: url.Values{"changed": {exact(time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC))}, "to": {"a@example.org\r\nb@example.org"}, "host": {"logs"}, "port": {"6514"}, "protocol": {"tls"},
		"facility": {"LOCAL3"}, "format": {"cef"}, "min": {"HIGH"}, "zone": {"Europe/Berlin"}, "where": {`host.name == "a b"`}, "everyone": {"yes"}, "critical": {"yes"},
		"quiet_days": {"mon Tue,fri", "", ""}, "quiet_from": {"22:00", "", "12:00"}, "quiet_to": {"07:00", "", "13:00"}, "every": {"week"}, "at": {"08:00"}, "day": {"fri"}, "upto": {"HIGH"}}}
	want := api.Preferences{Zone: "Europe/Berlin", MinSeverity: "HIGH", Where: `host.name == "a b"`, Everyone: true, QuietCritical: true, Mail: api.MailWay{To: []string{"a@example.org", "b@example.org"}},
		Syslog: api.SyslogWay{Host: "logs", Port: 6514, Protocol: "tls", Facility: "LOCAL3", Format: "cef"},
		Quiet:  []api.QuietSpan{{Days: []string{"mon", "tue", "fri"}, From: "22:00", To: "07:00"}, {Days: []string{}, From: "12:00", To: "13:00"}},
		Digest: api.DigestPlan{Every: "week", At: "08:00", Day: "fri", UpTo: "HIGH"}, Changed: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)}
	got, err := preferences(f)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("preferences = %+v, %v\nwant %+v", got, err, want)
	}
	for name, value := range map[string]string{"port": "none", "changed": "yesterday"} {
		f.Values.Set(name, value)
		if _, err := preferences(f); err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%s %q: %v, want it named", name, value, err)
		}
		f.Values.Del(name)
	}
}

func TestMyForms(t *testing.T) {
	s := configured("x")
	s.refuse = fault.New(fault.Invalid, "quiet[0]: from: want a time of day "+evil)
	w := send(t, s, "/me", alice, url.Values{"act": {"save"}, "to": {"new@example.org"}, "quiet_days": {""}, "quiet_from": {"25:00"}, "quiet_to": {"1"}})
	text := w.Body.String()
	for _, want := range []string{"want a time of day &lt;script&gt;", "new@example.org</textarea>", `value="25:00"`} {
		if w.Code != 422 || !strings.Contains(text, want) {
			t.Errorf("refused preferences = %d, want %q kept", w.Code, want)
		}
	}
	s.refuse = nil
	if w = send(t, s, "/me", alice, url.Values{"act": {"untested"}, "to": {"new@example.org"}}); w.Code != 200 || strings.Contains(w.Body.String(), "Test message to") || !strings.Contains(w.Body.String(), "✓ Saved.") {
		t.Errorf("saved without a test = %d", w.Code)
	}
	if last := s.edits[len(s.edits)-1]; last.Test != api.TestOff || last.User != "" {
		t.Errorf("saved %+v, want no test, and as the caller", last)
	}
	w = send(t, s, "/me", alice, url.Values{"act": {"make"}, "label": {"cron"}, "scope": {"read", "act"}, "for": {"1w"}})
	if q := s.settings.asked[0]; w.Code != 200 || !strings.Contains(w.Body.String(), "tocsin-secret") || q.Scopes != "read,act" || q.User != "" || time.Until(q.Expires).Round(time.Hour) != 7*24*time.Hour {
		t.Errorf("token = %d, asked for by %+v", w.Code, q)
	}
	if w = send(t, s, "/me", alice, url.Values{"act": {"revoke"}, "id": {"3"}}); w.Header().Get("Location") != "/me?done=revoke" || s.tokens[0].Valid {
		t.Errorf("revoke = %d", w.Code)
	}
	for _, form := range []url.Values{{"act": {"revoke"}, "id": {"x"}}, {"act": {"make"}, "for": {"soon"}}, {"act": {"become-admin"}}, {}} {
		if w = send(t, s, "/me", alice, form); w.Code != 422 {
			t.Errorf("POST /me %v = %d, want 422", form, w.Code)
		}
	}
	s.tests = nil
	if w = send(t, s, "/me", alice, url.Values{"act": {"test"}}); w.Code != 409 || !strings.Contains(w.Body.String(), "save an address") {
		t.Errorf("a test of nothing = %d", w.Code)
	}
}

// A password goes in and never comes out.
func TestPasswordsAreNotSentBack(t *testing.T) {
	s := configured("x")
	s.refuse = fault.New(fault.Unavailable, "connect mail.example.org:587: refused")
	const secret = "correct horse battery"
	for path, form := range map[string]url.Values{
		"/settings/mail": {"act": {"save"}, "server": {"mail.example.org"}, "password": {secret}, "port": {"587"}},
		"/users":         {"act": {"adduser"}, "name": {"carol"}, "password": {secret}},
	} {
		w := send(t, s, path, alice, form)
		if text := w.Body.String(); w.Code != 503 || strings.Contains(text, secret) || !strings.Contains(text, "refused") {
			t.Errorf("POST %s = %d, want the cause, and the password left out", path, w.Code)
		}
	}
	if w := send(t, s, "/settings/mail", alice, url.Values{"act": {"save"}, "port": {"x"}, "server": {"kept.example.org"}}); w.Code != 422 || !strings.Contains(w.Body.String(), "kept.example.org") {
		t.Errorf("a wrong port = %d, want what was typed kept", w.Code)
	}
}

func TestUsersPage(t *testing.T) {
	s := configured("carol")
	for act, want := range map[string]string{"promote": "promote carol", "demote": "demote carol", "disable": "disable carol", "enable": "enable carol", "filter": "filter f carol", "logout": "logout carol",
		"delete": "delete to bob carol", "password": "password of carol"} {
		w := send(t, s, "/users", alice, url.Values{"act": {act}, "name": {"carol"}, "filter": {" f "}, "to": {"bob"}, "password": {"p"}})
		if w.Header().Get("Location") != "/users?done="+act || !slices.Contains(s.did, want) {
			t.Errorf("%s = %d to %q and did %q", act, w.Code, w.Header().Get("Location"), s.did)
		}
		if done[act] == "" {
			t.Errorf("nothing says that %s was done", act)
		}
	}
	for _, form := range []url.Values{{"act": {"promote"}}, {"act": {"crown"}, "name": {"bob"}}} {
		if w := send(t, s, "/users", alice, form); w.Code != 422 {
			t.Errorf("POST /users %v = %d, want 422", form, w.Code)
		}
	}
}

func TestNoticesPage(t *testing.T) {
	s := configured("x")
	if w := send(t, s, "/notices", alice, url.Values{"act": {"again"}, "id": {"5", "6"}}); w.Header().Get("Location") != "/notices?done=sent" || !slices.Equal(s.again, []int64{5, 6}) {
		t.Errorf("send again = %d, %v", w.Code, s.again)
	}
	for _, form := range []url.Values{{"act": {"again"}}, {"act": {"again"}, "id": {"x"}}} {
		if w := send(t, s, "/notices", alice, form); w.Code != 422 {
			t.Errorf("POST /notices %v = %d, want 422", form, w.Code)
		}
	}
	text := page(t, s, "/notices", alice)
	if !strings.Contains(text, "550 x") || strings.Contains(text, "first") {
		t.Error("the page does not tell of the last attempt alone")
	}
	if text = page(t, s, "/notices", api.Identity{User: "bob"}); strings.Contains(text, `name="id"`) || strings.Contains(text, `href="/users"`) {
		t.Error("who is no administrator is offered what he may not do")
	}
}

// Who may not see a page is told so, by a page.
func TestPagesOfAdministrators(t *testing.T) {
	s := configured("x")
	s.err = fault.New(fault.Denied, "users.list: only administrators may")
	for _, path := range []string{"/users", "/settings/mail", "/audit", "/notices"} {
		res := record(t, s, path, api.Identity{User: "bob"})
		if res.Code != http.StatusForbidden || !strings.Contains(res.Body.String(), "only administrators may") || !strings.Contains(res.Body.String(), "<header>") {
			t.Errorf("GET %s = %d, want 403 and why", path, res.Code)
		}
	}
}

func TestSettingsInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := configured("db1.example.org")
			b := tab(t, s, screen, "/me")
			b.Looks("me-" + name)
			b.Type(`textarea[name=to]`, "alice@example.org")
			b.Click(`button[value=save]`)
			b.Shows("main", "250 2.0.0 queued")
			b.Shows("main", "connection refused")
			b.Looks("me-tested-" + name)
			b.Click(`button[value=make]`)
			b.Shows("pre", "tocsin-secret")
			b.Go("/settings/mail")
			b.Type(`input[name=server]`, "smtp.example.org")
			b.Type(`input[name=password]`, "secret")
			b.Click(`button[value=save]`)
			b.Shows("main", "Saved.")
			b.Looks("mail-" + name)
			b.Go("/notices")
			b.Click(`li.row input`)
			b.Looks("notices-" + name)
			b.Click(`button[value=again]`)
			b.Shows(".done", "They are sent again.")
			b.Go("/users")
			b.Click(`.change summary`)
			b.Looks("users-" + name)
			b.Type(`h2 + form input[name=name]`, "carol")
			b.Type(`h2 + form input[name=password]`, "correct horse")
			b.Click(`button[value=adduser]`)
			b.Shows(".done", "Account added.")
			b.Shows("ul.alerts", "carol")
			b.Go("/audit")
			b.Looks("audit-" + name)
			b.Go("/silences")
			b.Looks("silences-none-" + name)
		})
	}
}
