package cli

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// asked runs a command line and returns what the service was asked first.
func asked(t *testing.T, args ...string) []any {
	t.Helper()
	r := (&run{svc: &recorder{events: []string{`{}`}, top: api.TopAnswer{Rows: []api.TopRow{{}}}, alerts: []alert.Alert{{}}}}).do(t, args...)
	if r.code != 0 || len(r.svc.calls) == 0 {
		t.Fatalf("%v: exit code %d, %s", args, r.code, r.err)
	}
	if r.closed != 1 {
		t.Errorf("%v: the service was let go %d times, want once", args, r.closed)
	}
	call, ok := r.svc.calls[0].([]any)
	if !ok {
		t.Fatal("no call")
	}
	return call
}

func TestWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // now is 2000-01-01 00:00 UTC
		now := time.Now().UTC()
		for _, c := range []struct {
			line string
			want []any
		}{
			{"search", []any{"Search", api.SearchRequest{Limit: 100}}},
			{"search|a == 1|--since|1h|--until|now|--limit|-1|--kind|log,flow|--oldest", []any{"Search",
				api.SearchRequest{Where: "a == 1", Since: now.Add(-time.Hour), Until: now, Limit: -1, Kinds: []string{"log", "flow"}, Oldest: true}}},
			{"top|source.ip|url.path|--by|sum(http.response.bytes)|--where|x|--limit|3|--lowest", []any{"Top",
				api.TopRequest{By: []string{"source.ip", "url.path"}, Metric: "sum(http.response.bytes)", Where: "x", Limit: 3, Lowest: true}}},
			{"top|--series", []any{"Top", api.TopRequest{By: []string{}, Metric: "count", Limit: 10, Bucket: time.Hour}}},
			{"top|a|--series=5m|--since|yesterday", []any{"Top", api.TopRequest{By: []string{"a"}, Metric: "count", Limit: 10, Bucket: 5 * time.Minute, Since: now.AddDate(0, 0, -1)}}},
			{"alerts", []any{"Alerts", api.AlertRequest{Limit: 100, Brief: true}}},
			{"alerts|17", []any{"Alerts", api.AlertRequest{ID: 17, Limit: 100}}},
			{"alerts|--state|open,ended|--rule|r|--user|*|--severity|high|--since|-3m|--since-id|4|--limit|5", []any{"Alerts",
				api.AlertRequest{States: []string{"open", "ended"}, Rule: "r", User: "*", MinSeverity: "high", Since: now.Add(-3 * time.Minute), SinceID: 4, Limit: 5, Brief: true}}},
			{"detect", []any{"Detect", api.DetectRequest{}}},
			{"detect|--rule|a|--rule|b|--since|30d|--dry-run", []any{"Detect", api.DetectRequest{Rules: []string{"a", "b"}, Since: now.AddDate(0, 0, -30), DryRun: true}}},
			{"rules|delete|a|--owner|bob", []any{"DeleteRule", "bob", "a"}},
			{"rules|enable|a", []any{"EnableRule", "", "a", true}},
			{"rules|disable|a", []any{"EnableRule", "", "a", false}},
			{"users|disable|bob", []any{"DisableUser", "bob", true}},
			{"users|enable|bob", []any{"DisableUser", "bob", false}},
			{"users|token|bob|--expires|1d", []any{"MakeToken", api.TokenRequest{User: "bob", Scopes: "admin", Expires: time.Now().AddDate(0, 0, 1)}}},
		} {
			if diff := cmp.Diff(c.want, asked(t, strings.Split(c.line, "|")...)); diff != "" {
				t.Errorf("%s asks (-want +got):\n%s", c.line, diff)
			}
		}
	})
}

func TestWrongUsage(t *testing.T) {
	for line, says := range map[string]string{
		"nonsense": "unknown command", "serch": "search", "search|a|b": "accepts at most 1 arg", "search|--nonsense": "unknown flag", "search|-o|xml": "want table, json, csv",
		"search|-o|line": "want table", "search|--since|soon": "--since", "search|--since|1h|--until|2h": "not before", "search|--limit|0": "--limit 0",
		"search|--limit|-2": "--limit -2", "search|--limit|x": "invalid argument", "search|--fields|source.pi": "did you mean source.ip", "top|--series=0s": "--series",
		"alerts|x": "want its number", "alerts|0": "want its number", "alerts|--state|shut": "want open", "alerts|--severity|BAD": "want INFO", "detect|x": "unknown command",
		"detect|--dry-run|--notify": "none of the others", "ingest": "requires at least 1 arg", "ingest|--tz|Mars/Base|x": "--tz", "rules": "want one of", "rules|nonsense": "no such command",
		"rules|show": "accepts 1 arg", "rules|test": "accepts between 1 and 2 arg", "users|add": "accepts 1 arg", "users|add|bob": "--password-file", "users|add|bob|--password|x": "unknown flag",
		"users|token|bob|--expires|0s": "--expires", "serve|x": "unknown command", "serve|--log-level|loud": "--log-level", "demo|--log-format|xml": "--log-format",
		"backup": "accepts 1 arg", "version|x": "unknown command", "healthcheck|--server|:": "--server",
	} {
		r := (&run{svc: &recorder{events: []string{`{}`}}}).do(t, strings.Split(line, "|")...)
		if r.code != 2 || !strings.Contains(r.err, says) || r.out != "" {
			t.Errorf("%s: exit code %d, output %q, errors %q; want 2 and %q", line, r.code, r.out, r.err, says)
		}
		if len(r.svc.calls) > 0 {
			t.Errorf("%s: asked %v all the same", line, r.svc.calls)
		}
	}
}

func TestKindsOfErrors(t *testing.T) {
	caret := "filter: 1:1: field \"source.pi\" is unknown (did you mean source.ip?)\n  source.pi == 1\n  ^"
	for _, c := range []struct {
		err  error
		code int
	}{
		{fault.New(fault.Invalid, "%s", caret), 2}, {fault.New(fault.NotFound, "%s", caret), 1}, {fault.New(fault.Conflict, "%s", caret), 1}, {fault.New(fault.Denied, "%s", caret), 1},
		{fault.New(fault.Unavailable, "%s", caret), 1}, {fault.New(fault.Full, "%s", caret), 1}, {errors.New(caret), 1},
	} {
		r := (&run{svc: &recorder{err: map[string]error{"Search": c.err}}}).do(t, "search", "source.pi == 1")
		if r.code != c.code || r.err != "tocsin: "+caret+"\n" {
			t.Errorf("search that fails by %v: exit code %d, errors %q; want %d and the text as it is", fault.Kind(c.err), r.code, r.err, c.code)
		}
		// A mistake in the configuration is no wrong usage, one in the URL of a server is.
		if r = (&run{open: c.err}).do(t, "search"); r.code != 1 || r.closed != 0 {
			t.Errorf("search of data that cannot be opened: exit code %d, let go %d times", r.code, r.closed)
		}
		if r = (&run{open: c.err}).do(t, "search", "--server", "x"); r.code != c.code || r.closed != 0 {
			t.Errorf("search of a server that cannot be asked: exit code %d, let go %d times; want %d", r.code, r.closed, c.code)
		}
	}
	r := (&run{svc: &recorder{err: map[string]error{"Check": fault.New(fault.Invalid, "tocsin.yaml:1: no")}}}).do(t, "check")
	r.want(t, 1, "", "tocsin: tocsin.yaml:1: no")
	(&run{}).do(t, "check").want(t, 0, "tocsin.yaml: good", "")
	r = (&run{svc: &recorder{err: map[string]error{"Top": errors.New("\x1b[2Jgone\u202e")}}}).do(t, "top")
	r.want(t, 1, "", `\x1b[2Jgone\u202e`)
}

func TestNothingFound(t *testing.T) {
	for _, line := range []string{"search", "top", "alerts", "rules|list", "users|list"} {
		for _, form := range []string{"table", "json", "csv"} {
			r := (&run{}).do(t, append(strings.Split(line, "|"), "-o", form)...)
			if r.code != 1 || r.out != "" || !strings.HasPrefix(r.err, "tocsin: no ") || r.closed != 1 {
				t.Errorf("%s -o %s: exit code %d, output %q, errors %q; want 1 and that there is none", line, form, r.code, r.out, r.err)
			}
		}
	}
	(&run{}).do(t, "detect").want(t, 0, "", "1000 events, 2 rules, 0 alerts")
}

func TestCommonSettings(t *testing.T) {
	env := map[string]string{"TOCSIN_DATA": "/env/data", "TOCSIN_CONFIG": "/env/c.yaml", "TOCSIN_SERVER": "http://env", "TOCSIN_TOKEN": "env-token"}
	r := (&run{env: env}).do(t, "search")
	if want := (Common{"/env/data", true, "/env/c.yaml", "http://env", "env-token"}); r.common != want {
		t.Errorf("settings of the environment = %+v, want %+v", r.common, want)
	}
	r = (&run{env: env}).do(t, "search", "--data", "/d", "--config", "", "--server", "http://s", "--token", "t")
	if want := (Common{"/d", true, "", "http://s", "t"}); r.common != want {
		t.Errorf("settings of the flags = %+v, want %+v", r.common, want)
	}
	r = (&run{env: env}).do(t, "demo")
	if r.common.Data == "/env/data" || !strings.HasSuffix(r.common.Data, "tocsin-demo") {
		t.Errorf("the demo would use %s", r.common.Data)
	}
	r = (&run{env: env}).do(t, "demo", "--data", "/d", "--user", "alice", "--password", "p")
	want := []any{[]any{"Demo", DemoOptions{ServeOptions: ServeOptions{}, User: "alice", Password: "p", DataSet: true}}}
	if diff := cmp.Diff(want, r.svc.calls); diff != "" || r.common.Data != "/d" {
		t.Errorf("demo in %s (-want +got):\n%s", r.common.Data, diff)
	}
}

func TestUsers(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\r\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	add := api.UserEdit{Name: "bob", Password: "s3cret", Create: true}
	admin, change := add, add
	admin.Admin, change.Create = true, false
	typed := func(words ...string) func(*Options) {
		return func(o *Options) {
			o.ReadPassword = func(string) (string, error) {
				w := words[0]
				words = words[1:]
				return w, nil
			}
		}
	}
	for _, c := range []struct {
		name string
		run  run
		args []string
		want any
		code int
		says string
	}{
		{"from a file", run{}, []string{"add", "bob", "--admin", "--password-file", secret}, admin, 0, "user bob: added"},
		{"from standard input", run{in: "s3cret\n"}, []string{"add", "bob", "--password-file", "-"}, add, 0, "added"},
		{"typed", run{change: typed("s3cret", "s3cret")}, []string{"passwd", "bob"}, change, 0, "password changed"},
		{"typed differently", run{change: typed("s3cret", "secret")}, []string{"add", "bob"}, nil, 1, "not the same"},
		{"typed nothing", run{change: typed("", "")}, []string{"add", "bob"}, nil, 1, "got none"},
		{"empty file", run{in: "\n\n"}, []string{"passwd", "bob", "--password-file", "-"}, nil, 1, "first line is empty"},
		{"no file", run{}, []string{"passwd", "bob", "--password-file", secret + "x"}, nil, 1, "no such file"},
	} {
		r := c.run.do(t, append([]string{"users"}, c.args...)...)
		var want []any
		if c.want != nil {
			want = []any{[]any{"PutUser", c.want}}
		}
		if diff := cmp.Diff(want, r.svc.calls); diff != "" || r.code != c.code || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%s: exit code %d, %q %q, want %d, %q (-want +got):\n%s", c.name, r.code, r.out, r.err, c.code, c.says, diff)
		}
		if strings.Contains(r.out+r.err, "s3cret") {
			t.Errorf("%s: the password is printed", c.name)
		}
	}
	(&run{}).do(t, "users", "token", "bob").want(t, 0, "tok-123\n", "")
}

func TestHealthcheck(t *testing.T) {
	ready := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not ready\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}))
	defer server.Close()
	(&run{}).do(t, "healthcheck", "--server", server.URL+"/").want(t, 0, "ok\n", "")
	ready = false
	(&run{}).do(t, "healthcheck", "--server", server.URL).want(t, 1, "", "not ready")
	server.Close()
	(&run{env: map[string]string{"TOCSIN_SERVER": server.URL}}).do(t, "healthcheck").want(t, 1, "", "refused")
}

func TestVersionAndHelp(t *testing.T) {
	(&run{}).do(t, "version").want(t, 0, "tocsin 1.2.3 (go", "")
	(&run{}).do(t, "version", "-o", "json").want(t, 0, `{"version":"1.2.3"`, "")
	r := (&run{}).do(t, "help")
	for _, name := range []string{"serve", "demo", "ingest", "detect", "search", "top", "alerts", "rules", "users", "check", "backup", "version", "completion", "healthcheck"} {
		if !strings.Contains(r.out, "\n  "+name+" ") {
			t.Errorf("help does not name %s", name)
		}
		if name == "completion" {
			continue
		}
		if one := (&run{}).do(t, name, "--help"); one.code != 0 || !strings.Contains(one.out, "tocsin "+name) {
			t.Errorf("%s --help: exit code %d, %s", name, one.code, one.out)
		}
	}
	// every command that does something has an example
	for _, args := range [][]string{{"rules", "list"}, {"rules", "show"}, {"rules", "add"}, {"rules", "edit"}, {"rules", "import"}, {"rules", "test"}, {"rules", "delete"}, {"rules", "enable"},
		{"rules", "disable"}, {"users", "list"}, {"users", "add"}, {"users", "passwd"}, {"users", "token"}, {"users", "disable"}, {"users", "enable"}, {"search"}, {"top"}, {"alerts"},
		{"detect"}, {"ingest"}, {"serve"}, {"demo"}, {"check"}, {"backup"}, {"version"}, {"healthcheck"}} {
		if r := (&run{}).do(t, append(args, "--help")...); r.code != 0 || !strings.Contains(r.out, "Examples:") {
			t.Errorf("%v --help has no example", args)
		}
	}
}

func TestCompletion(t *testing.T) {
	rules := []api.Rule{{Name: "ssh-scan", Detect: "threshold"}, {Name: "evil\x1b[2J"}}
	for line, want := range map[string]string{
		"rules|show|": "ssh-scan\tthreshold", "detect|--rule|": "ssh-scan", "users|passwd|": "bob", "search|source.i": "source.ip\t", "search|source.ip == 1 && dest": "source.ip == 1 && destination.ip",
		"top|http.resp": "http.response.status_code", "top|--by|sum(http.response.b": "sum(http.response.bytes)", "top|--by|": "distinct(", "search|--kind|": "sighting",
		"search|--fields|@timestamp,mess": "@timestamp,message", "ingest|--format|": "jsonlines", "alerts|--state|": "acknowledged", "alerts|--severity|": "CRITICAL", "search|-o|": "json", "rul": "rules",
	} {
		r := (&run{svc: &recorder{rules: rules, users: []api.User{{Name: "bob"}}}}).do(t, append([]string{"__complete"}, strings.Split(line, "|")...)...)
		if r.code != 0 || !strings.Contains(r.out, want) || strings.Contains(r.out, "\x1b") {
			t.Errorf("completion of %q: exit code %d, %q, want %q", line, r.code, r.out, want)
		}
	}
	r := (&run{open: errors.New("locked")}).do(t, "__complete", "rules", "show", "")
	if r.code != 0 || strings.Contains(r.out, "locked") {
		t.Errorf("completion without a service: exit code %d, %q, want none", r.code, r.out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		(&run{}).do(t, "completion", shell).want(t, 0, "tocsin", "")
	}
}
