package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/httpapi"
	"tocsin/internal/permission"
)

// examples are arguments with which each command asks the service for what it is for. What they name is not there, so that
// nothing comes of it that the next could stumble over.
func examples(dir string) map[string]string {
	file, rules := filepath.Join(dir, "password"), filepath.Join(dir, "rule.yaml")
	return map[string]string{
		"alerts show": "999", "alerts explain": "999", "alerts export": filepath.Join(dir, "export"), "alerts follow": "--since-change 0 --once", "alerts ack": "999", "alerts unack": "999",
		"alerts assign": "999 --nobody", "alerts comment": "999 --note x", "alerts close": "999 --as false", "alerts exclude": "999 --note x", "alerts silence": "999 --for 1h --note x",
		"backup": filepath.Join(dir, "audit.log", "backup"), "clear events": "--before 2000-01-01", "reset": "--yes", "explain": "x", "ingest": file,
		"import logtrack": "postgres://nobody@127.0.0.1:1/none", "selftest": "",
		"exclusions add": "--rule nosuch --note x", "exclusions remove": "999", "exclusions show": "999", "silences add": "--rule nosuch --for 1h --note x", "silences end": "999",
		"silences show": "999", "windows add": "--rule nosuch --days mon --from 01:00 --to 02:00 --zone UTC --note x", "windows end": "999", "windows show": "999",
		"board set":  filepath.Join(dir, "board.json"),
		"views save": "night /flows?since=24h", "views remove": "nosuch",
		"reports set": "nightly /flows?since=24h --replace", "reports run": "nightly", "reports results": "nightly", "reports show": "nightly", "reports pause": "nosuch", "reports resume": "nosuch",
		"reports remove": "nosuch", "reports forget": "nightly 1",
		"me digest set": "--every hour", "me everyone": "off", "me filter": "source.port==1", "me mail set": "--to a@example.com --no-test", "me quiet add": "--from 01:00 --to 02:00",
		"me quiet set": "--from 01:00 --to 02:00", "me severity": "HIGH", "me syslog set": "--host 127.0.0.1 --no-test", "me zone": "UTC",
		"settings mail set":  "--server mail.example --from a@example.com",
		"notices send-again": "999", "notify preview": "nosuch", "notify test": "nosuch", "quarantine show": "999", "quarantine retry": "999", "quarantine drop": "999",
		"rules show": "nosuch", "rules add": rules, "rules define": "x --metric bytes --entity host --above 1", "rules edit": "nosuch", "rules import": rules, "rules delete": "nosuch", "rules enable": "nosuch", "rules disable": "nosuch",
		"tokens make": "--expires 1h", "tokens revoke": "--id 999", "users show": "", "users add": "nosuch --password-file " + file, "users password": "nosuch --password-file " + file,
		"users promote": "nosuch", "users demote": "nosuch", "users enable": "nosuch", "users disable": "nosuch", "users filter": "nosuch off", "users delete": "nosuch",
		"groups set": "office 10.0.0.0/8", "groups remove": "nosuch", "groups import": filepath.Join(dir, "groups.csv"), "names set": "as 64500 us", "names remove": "as 1",
		"names import": filepath.Join(dir, "names.csv"), "names of": "192.0.2.7",
		"users logout": "nosuch", "users token": "bob --expires 1h",
	}
}

// A caller is one who runs commands against a server.
type caller struct {
	name, token string
	who         permission.Holder // what he is, in the terms of package permission
}

// callers makes accounts and tokens of every sort.
func callers(t *testing.T, a *App) (list []caller) {
	t.Helper()
	admin, svc := api.As(t.Context(), api.Local()), a.Service()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"alice", "bob", "dave"} {
		must(svc.PutUser(admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true, Admin: name == "alice"}))
	}
	session := func(user string) string {
		status, body := post(t, a.Address()+"/api/v1/session", "", `{"user":"`+user+`","password":"correct horse battery"}`)
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatalf("login of %s = %d %s", user, status, body)
		}
		return answer.Token
	}
	gone := session("dave")
	davesToken, err := svc.MakeToken(admin, api.TokenRequest{User: "dave", Scopes: "admin"})
	must(err)
	must(svc.DisableUser(admin, "dave", true))
	expired, _, err := a.ledger.CreateToken(t.Context(), "alice", "", "admin", time.Now().Add(-time.Second), time.Now())
	must(err)
	revoked, err := svc.MakeToken(admin, api.TokenRequest{User: "alice", Scopes: "admin"})
	must(err)
	_, err = svc.RevokeTokens(admin, api.TokenRevocation{User: "alice", ID: revoked.ID})
	must(err)
	list = []caller{
		{"nobody", "", permission.Holder{}}, {"the session of who was shut out", gone, permission.Holder{}}, {"the token of who was shut out", davesToken.Token, permission.Holder{}},
		{"an expired token", expired, permission.Holder{}}, {"a revoked token", revoked.Token, permission.Holder{}},
		{"bob", session("bob"), permission.Holder{User: "bob"}}, {"alice", session("alice"), permission.Holder{User: "alice", Admin: true}},
	}
	for _, s := range permission.Scopes() {
		for _, user := range []string{"bob", "alice"} {
			made, err := svc.MakeToken(admin, api.TokenRequest{User: user, Scopes: string(s)})
			must(err)
			list = append(list, caller{user + "'s token for " + string(s), made.Token, permission.Holder{User: user, Admin: user == "alice", Scopes: []permission.Scope{s}}})
		}
	}
	return list
}

// Every command is done for whom the table of permissions lets in, and for nobody else, whatever he shows.
func TestEveryCommandForEveryRole(t *testing.T) {
	a := running(t, true)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"password":   "correct horse battery staple\n",
		"board.json": `{"pages":[{"name":"Overview","widgets":[{"kind":"health"}]}]}`,
		"groups.csv": "group,member\noffice,10.0.0.0/8\n", "names.csv": "kind,key,name\nas,64500,us\n",
		"rule.yaml": "rules:\n  - {name: guessing, from: log, detect: {threshold: {over: 1m, at_least: 3}}, severity: LOW}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ops, args := cli.Operations(), examples(dir)
	names := []string{}
	for name, op := range ops {
		if op != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	who := callers(t, a)
	for _, name := range names {
		for _, c := range who {
			if name == "reset" { // that is clear, twice
				continue
			}
			code, errs := command(t, a, c.token, append(strings.Fields(name), strings.Fields(args[name])...))
			want := permission.Check(ops[name], c.who) != nil
			if got := denied(errs); got != want {
				t.Errorf("tocsin %s by %s: refused %v, want %v: exit code %d, %s", name, c.name, got, want, code, errs)
			}
			if code == 2 {
				t.Errorf("tocsin %s %s: %s", name, args[name], errs)
			}
		}
	}
}

// denied reports whether a message refuses who asks rather than what he asks for.
func denied(text string) bool {
	for _, words := range []string{": only administrators may", ": the token is for ", "name and password, or token, are not right", "who asks is not known", "too many wrong passwords or tokens"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// command runs a command line against the server with a token.
func command(t *testing.T, a *App, token string, args []string) (code int, errs string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var out, said bytes.Buffer
	code = cli.Run(ctx, cli.Options{
		Args: args, In: strings.NewReader(""), Out: &out, Err: &said, Version: "test", Zone: time.UTC, Detectors: catalog.Detectors(),
		Env: func(name string) string {
			if name == "EDITOR" || name == "VISUAL" {
				return "true"
			}
			return ""
		},
		Open: func(context.Context, cli.Common) (api.Service, func() error, error) {
			c, err := httpapi.NewClient(a.Address(), token)
			if err != nil {
				return nil, nil, err
			}
			return c, c.Close, nil
		},
		OpenInput: func(path string, _ io.Reader, resume func(string) (int64, bool)) (cli.Input, error) {
			resume("a source")
			return cli.Input{Request: api.IngestRequest{Path: path, Format: "text"}, Body: io.NopCloser(strings.NewReader(""))}, nil
		},
		TakeOver: func(ctx context.Context, svc api.Service, _ cli.TakeOver) ([]cli.Taken, error) {
			_, err := svc.Adopt(ctx, api.AdoptRequest{})
			return nil, err
		},
	})
	return code, said.String()
}
