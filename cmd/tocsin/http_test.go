package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// openConfig lets a daemon answer over TCP, on any port.
const openConfig = `http: {listen: "127.0.0.1:0", max_body: 4KiB, max_intake: 1}
journal: {free_floor: "off"}
sources: {syslog: [], flows: []}
`

// A visitor asks a daemon over TCP.
type visitor struct {
	t    *testing.T
	base string
	http *http.Client
}

// told waits until the daemon has said what a pattern finds, and returns its last group.
func (d *daemon) told(pattern string) string {
	d.t.Helper()
	group, ok := d.said.await(pattern)
	if !ok {
		d.t.Fatalf("tocsin does not say %s:\n%s", pattern, d.said)
	}
	return group
}

// visit returns a visitor of a daemon with openConfig, and the token that makes the first administrator.
func visit(t *testing.T) (v *visitor, d *daemon, token string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "tocsin.yaml")
	write(t, config, openConfig, 0o600)
	d = start(t, t.TempDir(), config, "")
	v = &visitor{t: t, base: d.told(`"page":"(http://127\.0\.0\.1:\d+)"`), http: &http.Client{
		Timeout: 2 * time.Minute, Transport: &http.Transport{ExpectContinueTimeout: time.Minute}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(v.http.CloseIdleConnections)
	return v, d, d.told(`"token":"([A-Z0-9]+)"`)
}

// An identity shows who asks.
type identity func(*http.Request)

func nobody(*http.Request) {}

func basic(user, password string) identity {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func bearer(token string) identity {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// do asks, wants a status and returns answer and header.
func (v *visitor) do(as identity, method, path, body string, status int) (string, http.Header) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	as(r)
	res, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode != status {
		v.t.Fatalf("%s %s: got %s, want %d: %s", method, path, res.Status, status, text)
	}
	return string(text), res.Header
}

// Who is not known gets no further than the door; the token of the first start makes the first administrator, once.
func TestStrangersOverTCP(t *testing.T) {
	t.Parallel()
	v, d, token := visit(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/login"} {
		v.do(nobody, "GET", path, "", http.StatusOK)
	}
	behindProxy := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }
	v.do(behindProxy, "GET", "/metrics", "", http.StatusUnauthorized)
	if _, h := v.do(nobody, "GET", "/", "", http.StatusSeeOther); h.Get("Location") != "/login" {
		t.Errorf("page for a stranger: sent to %q, want /login", h.Get("Location"))
	}
	doc, _ := d.mustGet("/api/v1/openapi.json")
	var openapi struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(doc), &openapi); err != nil || !strings.HasPrefix(openapi.OpenAPI, "3.1") {
		t.Fatalf("openapi: version %q, %v", openapi.OpenAPI, err)
	}
	asked := 0
	for path, methods := range openapi.Paths {
		switch path { // the doors: what is wrong with a stranger's key, they tell him
		case "/api/v1/setup", "/api/v1/session", "/api/v1/auth":
			continue
		}
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for method := range methods {
			text, h := v.do(nobody, strings.ToUpper(method), strings.ReplaceAll(path, "{name}", "x"), "", http.StatusUnauthorized)
			if h.Get("WWW-Authenticate") == "" || !strings.Contains(text, `"kind":"denied"`) {
				t.Errorf("%s %s for a stranger: %v %s", method, path, h, text)
			}
			asked++
		}
	}
	if asked < 15 {
		t.Errorf("the description names %d calls, want those of events, search, top, alerts, rules, users and health at least", asked)
	}
	setup := `{"token":%q,"user":"alice","password":"correct horse battery"}`
	v.do(nobody, "POST", "/api/v1/setup", fmt.Sprintf(setup, "WRONG"), http.StatusUnauthorized)
	v.do(nobody, "POST", "/api/v1/setup", fmt.Sprintf(setup, token), http.StatusOK)
	v.do(nobody, "POST", "/api/v1/setup", fmt.Sprintf(setup, token), http.StatusUnauthorized)
	v.do(basic("alice", "correct horse battery"), "GET", "/api/v1/users", "", http.StatusOK)
	d.stop()
}

// A stranger who never ends his body is answered, and holds no connection.
func TestEndlessBodyOfAStranger(t *testing.T) {
	t.Parallel()
	v, d, _ := visit(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(v.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /api/v1/events HTTP/1.1\r\nHost: tocsin\r\nContent-Length: 100000\r\n\r\n{")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		t.Errorf("got %q and %v, want status 401 and the end of the connection", answer, err)
	}
	d.stop()
}

// mustGet asks over the socket.
func (d *daemon) mustGet(path string) (string, http.Header) {
	d.t.Helper()
	res, err := d.http.Get("http://tocsin" + path)
	if err != nil {
		d.t.Fatalf("GET %s: %v\n%s", path, err, d.said)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("GET %s: %s, %v: %s", path, res.Status, err, text)
	}
	return string(text), res.Header
}

// Accounts get in by password, session and token, as far as they may, until they are locked out.
func TestAccountsOverTCP(t *testing.T) {
	t.Parallel()
	v, d, token := visit(t)
	var session struct{ Token string }
	text, _ := v.do(nobody, "POST", "/api/v1/setup", fmt.Sprintf(`{"token":%q,"user":"alice","password":"correct horse battery"}`, token), http.StatusOK)
	if err := json.Unmarshal([]byte(text), &session); err != nil || session.Token == "" {
		t.Fatalf("setup: %v: %s", err, text)
	}
	alice := bearer(session.Token)
	v.do(alice, "POST", "/api/v1/users", `{"name":"bob","password":"bob's password","create":true}`, http.StatusNoContent)
	bob := basic("bob", "bob's password")
	v.do(bob, "GET", "/api/v1/health", "", http.StatusOK)
	v.do(bob, "GET", "/api/v1/users", "", http.StatusForbidden)
	v.do(bob, "POST", "/api/v1/backup", `{"dir":"/nowhere"}`, http.StatusForbidden)
	v.do(bob, "POST", "/api/v1/tokens", `{"user":"alice"}`, http.StatusForbidden)
	v.do(basic("bob", "wrong"), "GET", "/api/v1/health", "", http.StatusUnauthorized)
	text, _ = v.do(bob, "POST", "/api/v1/tokens", `{"scopes":"send,read"}`, http.StatusOK)
	var made api.Token
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.User != "bob" {
		t.Fatalf("token: %v: %s", err, text)
	}
	v.do(bearer(made.Token), "GET", "/api/v1/health", "", http.StatusOK)
	v.do(bearer(made.Token), "POST", "/api/v1/events", `{"@timestamp":"2020-11-01T10:00:00Z","message":"by token"}`, http.StatusOK)
	v.do(bearer(made.Token), "POST", "/api/v1/rules", `{"text":"x"}`, http.StatusForbidden) // that is acting

	d.ask("POST", "/api/v1/flush", nil) // so that the history has it

	// The command line with the token sees the same.
	cmd := command(t, t.TempDir(), "", "search", "--server", v.base, "-o", "csv", "--fields", "message")
	cmd.Env = append(cmd.Env, "TOCSIN_TOKEN="+made.Token)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "message\nby token\n" {
		t.Errorf("search by the command line: %v: %s", err, out)
	}
	v.do(alice, "POST", "/api/v1/users/bob/disable", "", http.StatusNoContent)
	v.do(bearer(made.Token), "GET", "/api/v1/health", "", http.StatusUnauthorized)
	v.do(bob, "GET", "/api/v1/health", "", http.StatusUnauthorized)
	v.do(alice, "DELETE", "/api/v1/session", "", http.StatusNoContent)
	v.do(alice, "GET", "/api/v1/health", "", http.StatusUnauthorized)

	// Guessing is slowed down: the address waits, whatever the password; a name does not on its own machine.
	for range 40 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", v.base+"/api/v1/health", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("alice", "guess")
		res, err := v.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			d.stop()
			return
		}
	}
	t.Error("40 wrong passwords are not slowed down")
}

// Events over HTTP: synced and found; once for a key; errors by line; too much at once is refused with a time to come back.
func TestEventsOverTCP(t *testing.T) {
	t.Parallel()
	v, d, token := visit(t)
	v.do(nobody, "POST", "/api/v1/setup", fmt.Sprintf(`{"token":%q,"user":"alice","password":"correct horse battery"}`, token), http.StatusOK)
	alice := basic("alice", "correct horse battery")
	post := func(as identity, body string, status int) (a api.AppendAnswer) {
		t.Helper()
		text, _ := v.do(as, "POST", "/api/v1/events", body, status)
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return a
	}
	once := func(r *http.Request) { alice(r); r.Header.Set("Idempotency-Key", "body-1") }
	event := `{"@timestamp":"2020-11-01T10:00:00Z","message":"once"}` + "\n"
	if a := post(once, event, http.StatusOK); a.Accepted != 1 || a.Repeated {
		t.Errorf("first: %+v", a)
	}
	if a := post(once, event, http.StatusOK); !a.Repeated || a.Accepted != 0 && a.Accepted != 1 {
		t.Errorf("the same key again: %+v", a)
	}
	// After a restart the key still counts.
	dir, config := d.dir, d.cmd.Args[len(d.cmd.Args)-1]
	d.stop()
	d = start(t, dir, config, "")
	v.base = d.told(`"page":"(http://127\.0\.0\.1:\d+)"`)
	if a := post(once, event, http.StatusOK); !a.Repeated {
		t.Errorf("the same key after a restart: %+v", a)
	}
	mixed := event + "{\"@timestamp\":\n" + `{"@timestamp":"2020-11-01T10:00:01Z","message":"mixed"}` + "\n"
	if a := post(alice, mixed, http.StatusOK); a.Accepted != 2 || a.Rejected != 1 || len(a.Errors) != 1 || a.Errors[0].Line != 2 {
		t.Errorf("a foul line among good ones: %+v", a)
	}
	v.do(alice, "POST", "/api/v1/events", "prose\n", http.StatusBadRequest)
	v.do(alice, "POST", "/api/v1/events", "", http.StatusBadRequest)
	v.do(alice, "POST", "/api/v1/events", strings.Repeat(event, 100), http.StatusRequestEntityTooLarge)

	// One body at a time is taken in, by the configuration; while it hangs others are sent away.
	slow, hand := io.Pipe()
	answer := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), "POST", v.base+"/api/v1/events", slow)
		if err != nil {
			answer <- err
			return
		}
		alice(r)
		r.Header.Set("Expect", "100-continue") // the body begins when it is wanted
		res, err := v.http.Do(r)
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = fmt.Errorf("slow body: %s", res.Status)
			}
		}
		answer <- err
	}()
	if _, err := io.WriteString(hand, event); err != nil {
		t.Fatal(err)
	}
	refused := false
	for deadline := time.Now().Add(time.Minute); !refused && time.Now().Before(deadline); {
		r, err := http.NewRequestWithContext(t.Context(), "POST", v.base+"/api/v1/events", bytes.NewReader([]byte("prose")))
		if err != nil {
			t.Fatal(err)
		}
		alice(r)
		res, err := v.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		refused = res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != ""
	}
	if !refused {
		t.Error("a second body while one is taken in is not refused")
	}
	if err := hand.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Error(err)
	}
	var top api.TopAnswer
	events := func() int64 { // the history has them a moment after the journal
		text, _ := v.do(alice, "GET", "/api/v1/top", "", http.StatusOK)
		if err := json.Unmarshal([]byte(text), &top); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return top.Events
	}
	d.eventually("four events after all", func() bool { return events() >= 4 })
	if n := events(); n != 4 {
		t.Errorf("events after all: %d, want 4", n)
	}
	d.stop()
	if _, err := os.Stat(filepath.Join(dir, "tocsin.sock")); err == nil {
		t.Error("the socket is left behind")
	}
}
