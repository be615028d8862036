package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// example is a request that a route takes.
func example(r route) (path, body string) {
	path = strings.NewReplacer("{name}", "bob", "{id}", "17", "{view}", "night", "{file}", "page.css", "{$}", "").Replace(r.path)
	switch {
	case r.body == ndjson:
		body = "{}\n"
	case r.body == form:
		body = "user=alice&password=right"
	case r.method == "POST" && r.path == "/api/v1/setup":
		body = `{"token":"first","user":"carol","password":"right"}`
	case r.method == "POST" && r.path == "/api/v1/session":
		body = `{"user":"alice","password":"right"}`
	case strings.HasSuffix(r.path, "/v1/auth"):
		body = `{"username":"alice","password":"right"}`
	case r.method != "GET" && r.in != nil:
		body = "{}"
	}
	return path, body
}

// A visitor is somebody who asks, and what he may do at most.
type visitor struct {
	name, authorization string
	peer                peer
	least               permission.Role  // that he has
	scope               permission.Scope // of his token; "": it bounds nothing
}

func visitors() []visitor {
	list := []visitor{
		{"somebody", "", peer{addr: addr("203.0.113.5")}, permission.Anyone, ""},
		{"somebody on this machine", "", peer{addr: addr("127.0.0.1")}, permission.Nearby, ""},
		{"a wrong password", "Basic Ym9iOndyb25n", peer{addr: addr("203.0.113.8")}, permission.Anyone, ""},
		{"a token that is revoked, expired or of a disabled account", "Bearer revoked", peer{addr: addr("203.0.113.9")}, permission.Anyone, ""},
		{"a session that ended", "Bearer session-AAAA", peer{addr: addr("203.0.113.10")}, permission.Anyone, ""},
		{"bob", asBob, peer{addr: addr("203.0.113.6")}, permission.User, ""},
		{"alice", asAlice, peer{addr: addr("203.0.113.7")}, permission.Admin, ""},
		{"owner", "", peer{owner: true}, permission.Admin, ""},
	}
	for _, scope := range permission.Scopes() {
		list = append(list,
			visitor{"bob's token for " + string(scope), "Bearer token of bob for " + string(scope), peer{addr: addr("203.0.113.6")}, permission.User, scope},
			visitor{"alice's token for " + string(scope), "Bearer token of alice for " + string(scope), peer{addr: addr("203.0.113.7")}, permission.Admin, scope})
	}
	return list
}

// may says by the words of package permission whether a line lets a visitor in.
func (v visitor) may(l permission.Line) bool {
	if l.Least == permission.Nearby && v.authorization == "" {
		return v.peer.owner || v.least >= permission.Nearby
	}
	if l.Least == permission.Nearby {
		l.Least = permission.User
	}
	scoped := l.Least == permission.Anyone || v.scope == "" || v.scope == permission.Whole || l.Scope == "" || l.Scope == v.scope || l.Scope == permission.Read && v.scope == permission.Act
	return v.least >= l.Least && scoped
}

// Every route names a line of the table, and lets in whom that line lets in and nobody else.
func TestEveryRouteForEveryRole(t *testing.T) {
	s := open(t, nil)
	for _, r := range s.routes {
		name := r.method + " " + r.path
		line, known := permission.Of(r.op)
		if !known {
			t.Errorf("%s: package permission has no line %q", name, r.op)
			continue
		}
		if changes := r.method != "GET" && r.method != "HEAD"; !changes && line.Changes {
			t.Errorf("%s reads, and %s changes something", name, r.op)
		}
		for _, v := range visitors() {
			s.Server.throttle = newThrottle()
			path, body := example(r)
			q, err := http.NewRequestWithContext(t.Context(), r.method, path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if r.body == form {
				q.Header.Set("Content-Type", form)
			}
			if v.authorization != "" {
				q.Header.Set("Authorization", v.authorization)
			}
			w := s.handle(q, v.peer)
			got := w.Code != 401 && w.Code != 403 && (w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/login") || path == "/logout")
			if want := v.may(line); got != want {
				t.Errorf("%s by %s: let in %v (%d), want %v", name, v.name, got, w.Code, want)
			}
			if got && w.Code >= 400 {
				t.Errorf("%s by %s: %d %s, want it done", name, v.name, w.Code, w.Body)
			}
			s.Server.sessions.forget("bob") // as the route that disables does
		}
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestWhoAsks(t *testing.T) {
	s := open(t, nil)
	for _, c := range []struct {
		name, header, value string
		want                api.Identity
		status              int
	}{
		{"basic", "Authorization", asBob, api.Identity{User: "bob"}, 200},
		{"basic of an administrator", "Authorization", asAlice, api.Identity{User: "alice", Admin: true}, 200},
		{"token", "Authorization", "bearer  token of bob", api.Identity{User: "bob"}, 200},
		{"wrong password", "Authorization", "Basic Ym9iOndyb25n", api.Identity{}, 401},
		{"wrong token", "Authorization", "Bearer x", api.Identity{}, 401},
		{"made up session", "Authorization", "Bearer session-AAAA", api.Identity{}, 401},
		{"made up cookie", "Cookie", cookieName + "=session-AAAA", api.Identity{}, 401},
		{"unknown scheme", "Authorization", "Negotiate x", api.Identity{}, 401},
		{"claimed user", "X-User", "alice", api.Identity{}, 401},
		{"password of 1 MB", "Authorization", "Basic " + strings.Repeat("QUFB", 12_000), api.Identity{}, 401},
	} {
		s.svc.caller = api.Identity{}
		res, text := s.try(t, "GET", "/api/v1/alerts", "", c.header, c.value)
		if res.StatusCode != c.status || s.svc.caller != c.want {
			t.Errorf("%s: %d as %+v, want %d as %+v (%s)", c.name, res.StatusCode, s.svc.caller, c.status, c.want, text)
		}
		if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without WWW-Authenticate", c.name)
		}
	}
	s.auth.down = true
	if res, _ := s.try(t, "GET", "/api/v1/alerts", "", "Authorization", "Bearer x"); res.StatusCode != 503 {
		t.Errorf("token while the ledger is away: %d, want 503", res.StatusCode)
	}
}

func TestBobAndOthers(t *testing.T) {
	s := open(t, nil)
	for _, c := range []struct {
		method, path, body, as string
		status                 int
	}{
		{"PUT", "/api/v1/users/bob/password", `{"password":"new"}`, asBob, 204},
		{"PUT", "/api/v1/users/alice/password", `{"password":"new"}`, asBob, 403},
		{"PUT", "/api/v1/users/bob/password", `{"password":"new"}`, asAlice, 204},
		{"POST", "/api/v1/tokens", `{}`, asBob, 200},
		{"POST", "/api/v1/tokens", `{"user":"bob"}`, asBob, 200},
		{"POST", "/api/v1/tokens", `{"user":"alice"}`, asBob, 403},
		{"POST", "/api/v1/tokens", `{"user":"bob"}`, asAlice, 200},
	} {
		s.svc.method = ""
		res, text := s.try(t, c.method, c.path, c.body, "Authorization", c.as)
		if res.StatusCode != c.status || (s.svc.method != "") != (c.status < 300) {
			t.Errorf("%s %s %s: %d %s, called %q, want %d", c.method, c.path, c.body, res.StatusCode, text, s.svc.method, c.status)
		}
	}
}

// A password is checked once a minute, and at once again when the account changes.
func TestKnownPasswords(t *testing.T) {
	s := open(t, nil)
	for range 5 {
		s.try(t, "GET", "/api/v1/alerts", "", "Authorization", asBob)
	}
	if n := s.auth.count(); n != 1 {
		t.Errorf("password was checked %d times, want once", n)
	}
	s.try(t, "POST", "/api/v1/users/bob/disable", "", "Authorization", asAlice)
	s.try(t, "GET", "/api/v1/alerts", "", "Authorization", asBob)
	if n := s.auth.count(); n != 3 {
		t.Errorf("passwords were checked %d times after the account changed, want 3", n)
	}
}

func TestSessions(t *testing.T) {
	s := open(t, nil)
	res, _ := s.try(t, "POST", "/login", "user=bob&password=right", "Content-Type", form)
	if res.StatusCode != 303 || res.Header.Get("Location") != "/" || len(res.Cookies()) != 1 {
		t.Fatalf("login = %d to %q with %d cookies", res.StatusCode, res.Header.Get("Location"), len(res.Cookies()))
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure {
		t.Errorf("cookie = %v, want HttpOnly, SameSite=Lax, for all paths", c)
	}
	cookie := c.Name + "=" + c.Value
	if _, text := s.try(t, "GET", "/", "", "Cookie", cookie); text != "page of bob" {
		t.Errorf("page = %q, want that of bob", text)
	}
	if res, _ = s.try(t, "POST", "/logout", "", "Cookie", cookie); res.StatusCode != 303 {
		t.Errorf("logout = %d", res.StatusCode)
	}
	if res, _ = s.try(t, "GET", "/", "", "Cookie", cookie); res.StatusCode != 303 || res.Header.Get("Location") != "/login" {
		t.Errorf("page after logout = %d to %q, want the login", res.StatusCode, res.Header.Get("Location"))
	}

	res, text := s.try(t, "POST", "/api/v1/session", `{"user":"bob","password":"right"}`)
	_, token, _ := strings.Cut(text, `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	if res.StatusCode != 200 || token == "" {
		t.Fatalf("session = %d %s", res.StatusCode, text)
	}
	bearer := "Bearer " + token
	if res, _ = s.try(t, "GET", "/api/v1/alerts", "", "Authorization", bearer); res.StatusCode != 200 {
		t.Errorf("alerts by session = %d", res.StatusCode)
	}
	s.try(t, "POST", "/api/v1/users/bob/disable", "", "Authorization", asAlice)
	if res, _ = s.try(t, "GET", "/api/v1/alerts", "", "Authorization", bearer); res.StatusCode != 401 {
		t.Errorf("alerts by the session of a disabled account = %d, want 401", res.StatusCode)
	}
}

func TestLoginProblems(t *testing.T) {
	s := open(t, nil)
	for body, want := range map[string]string{
		"user=bob&password=wrong":                   "/login?problem=denied",
		"user=&password=":                           "/login?problem=denied",
		"user=eve&password=right&token=second":      "/login?problem=denied",
		"user=eve&password=right&token=first":       "/",
		"user=bob&password=right&token=":            "/",
		"user=bob&password=" + url.QueryEscape("ü"): "/login?problem=denied",
	} {
		if res, _ := s.try(t, "POST", "/login", body, "Content-Type", form); res.Header.Get("Location") != want {
			t.Errorf("login by %q leads to %q, want %q", body, res.Header.Get("Location"), want)
		}
	}
	if res, _ := s.try(t, "POST", "/login", strings.Repeat("x", 100_000), "Content-Type", form); res.StatusCode != 400 {
		t.Errorf("login by 100 kB = %d, want 400", res.StatusCode)
	}
	s.auth.down = true
	if res, _ := s.try(t, "POST", "/login", "user=bob&password=other", "Content-Type", form); res.Header.Get("Location") != "/login?problem=unavailable" {
		t.Errorf("login while the ledger is away leads to %q", res.Header.Get("Location"))
	}
}

// Who guesses is slowed down by name and by address, before the slow check of the password; others are not. The first waits are a
// second long, which a busy machine may let pass between two requests: here time stands still unless the test sleeps.
func TestGuessing(t *testing.T) { synctest.Test(t, guessing) }

func guessing(t *testing.T) {
	s := built(t, nil)
	ask := func(address string, as func(*http.Request)) *httptest.ResponseRecorder {
		q := mustRequest(t, "GET", "/api/v1/alerts")
		as(q)
		return s.handle(q, peer{addr: addr(address)})
	}
	from := func(address, user, password string) int {
		return ask(address, func(q *http.Request) { q.SetBasicAuth(user, password) }).Code
	}
	show := func(token string) *httptest.ResponseRecorder {
		return ask("127.0.0.1", func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+token) })
	}
	for i := range 200 {
		from(fmt.Sprintf("198.51.100.%d", i), "bob", fmt.Sprint("guess ", i))
	}
	if n := s.auth.count(); n != freeByName+1 {
		t.Errorf("200 guesses of one name at once led to %d checks, want %d", n, freeByName+1)
	}
	if code := from("203.0.113.1", "bob", "right"); code != 429 {
		t.Errorf("bob, whose name is guessed, gets %d, want 429", code)
	}
	if code := from("203.0.113.1", "alice", "right"); code != 200 {
		t.Errorf("alice gets %d, want 200", code)
	}
	for i := range 200 { // who was there before is not kept out by it, nor who has a token
		from(fmt.Sprintf("198.51.100.%d", i), "alice", fmt.Sprint("guess ", i))
	}
	s.Server.sessions.forget("alice")
	if code, other := from("203.0.113.1", "alice", "right"), from("203.0.113.2", "alice", "wrong"); code != 200 || other != 401 {
		t.Errorf("alice, whose name is guessed, gets %d where she was before, want 200; then from elsewhere %d", code, other)
	}
	time.Sleep(time.Second)
	if code := from("203.0.113.1", "bob", "right"); code != 200 {
		t.Errorf("bob, when he has waited, gets %d, want 200", code)
	}
	for range 100 {
		show("wrong")
	}
	if w := show("wrong"); w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "wait ") {
		t.Errorf("a wrong token after many = %d %s, want 429 and how long to wait", w.Code, w.Body)
	}
	if w := show("token of bob"); w.Code != 200 {
		t.Errorf("a right token beside many wrong ones = %d, want 200", w.Code)
	}
	before := s.auth.count()
	for i := range 200 {
		from("2001:db8:1:2::"+fmt.Sprintf("%x", i), fmt.Sprint("user ", i), "guess")
	}
	if n := s.auth.count() - before; n != freeByAddress+1 {
		t.Errorf("200 guesses from one network at once led to %d checks, want %d", n, freeByAddress+1)
	}
	if code := from("2001:db8:1:3::1", "alice", "right"); code != 200 {
		t.Errorf("alice from the next network gets %d, want 200", code)
	}
}

func TestMetricsBehindProxy(t *testing.T) {
	s := open(t, nil)
	for _, header := range []string{"X-Forwarded-For", "Forwarded"} {
		if res, _ := s.try(t, "GET", "/metrics", "", header, "203.0.113.9"); res.StatusCode != 401 {
			t.Errorf("metrics with %s = %d, want 401", header, res.StatusCode)
		}
	}
	if res, _ := s.try(t, "GET", "/metrics", ""); res.StatusCode != 200 {
		t.Errorf("metrics from this machine = %d, want 200", res.StatusCode)
	}
}

func TestOtherSites(t *testing.T) {
	s := open(t, nil)
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		res, _ := s.try(t, "POST", "/api/v1/rules", `{"text":"x"}`, append(headers, "Authorization", asAlice)...)
		if res.StatusCode != 403 || s.svc.method != "" {
			t.Errorf("POST with %v = %d, called %q, want 403 and no call", headers, res.StatusCode, s.svc.method)
		}
	}
	if res, _ := s.try(t, "POST", "/login", "user=bob&password=right", "Content-Type", form, "Origin", s.url); res.StatusCode != 303 {
		t.Errorf("login from the page itself = %d, want 303", res.StatusCode)
	}
}

func TestThrottleForgetsAndIsBounded(t *testing.T) {
	th, now := newThrottle(), testTime
	for i := range 3 * maxThrottled {
		th.failed(fmt.Sprint(i), fmt.Sprint(i), now)
	}
	if n := len(th.newer) + len(th.older); n > maxThrottled {
		t.Errorf("throttle holds %d, want at most %d", n, maxThrottled)
	}
	th = newThrottle()
	for range 100 {
		th.failed("bob", "a", now)
	}
	if w := th.wait("bob", "b", false, now); w != longByName {
		t.Errorf("a name waits %s, want at most %s", w, longByName)
	}
	if w := th.wait("", "a", false, now); w != longByAddress {
		t.Errorf("an address waits %s, want at most %s", w, longByAddress)
	}
	if w := th.wait("bob", "b", true, now); w != 0 {
		t.Errorf("a name waits %s on this machine, want not at all", w)
	}
	th.passed("bob", "c", now)
	for range 100 {
		th.failed("bob", "a", now)
	}
	if w, other := th.wait("bob", "c", false, now), th.wait("bob", "d", false, now); w != 0 || other != longByName {
		t.Errorf("where bob logged in before he waits %s, elsewhere %s, want 0 and %s", w, other, longByName)
	}
	if w := th.wait("bob", "c", false, now.Add(knownFor)); w != 0 {
		t.Errorf("long after the failures he waits %s", w)
	}
	for i := range 2 * maxThrottled {
		th.passed(fmt.Sprint(i), "a", now.Add(time.Duration(i)))
	}
	if len(th.known) > maxThrottled {
		t.Errorf("throttle knows %d addresses, want at most %d", len(th.known), maxThrottled)
	}
	later := now.Add(2 * forgetAfter)
	th.failed("bob", "a", later)
	if w := th.wait("bob", "a", false, later); w != 0 {
		t.Errorf("one failure after two hours waits %s, want none", w)
	}
}

func TestSessionsEndAndAreBounded(t *testing.T) {
	ss, now := newSessions(), testTime
	token, _ := ss.start(api.Identity{User: "bob"}, now)
	if _, ok := ss.find(token, now.Add(sessionIdle+1)); ok {
		t.Error("a session that was idle for long still counts")
	}
	token, _ = ss.start(api.Identity{User: "bob"}, now)
	at := now
	for at.Sub(now) < sessionLife {
		at = at.Add(sessionIdle / 2)
		if _, ok := ss.find(token, at); ok != (at.Sub(now) <= sessionLife) {
			t.Fatalf("session after %s counts: %v", at.Sub(now), ok)
		}
	}
	for range maxSessions + 10 {
		ss.start(api.Identity{User: "bob"}, now)
	}
	if len(ss.open) > maxSessions {
		t.Errorf("%d sessions, want at most %d", len(ss.open), maxSessions)
	}
	_, changes, _ := ss.recall("bob", "old", now)
	ss.forget("bob")
	ss.remember("bob", "old", api.Identity{User: "bob"}, changes, now)
	if _, _, ok := ss.recall("bob", "old", now); ok {
		t.Error("a password that was checked while the account changed is remembered")
	}
}
