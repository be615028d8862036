package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// counting answers like a parser of lines: a line that holds "bad" is rejected.
func counting(q api.IngestRequest, text string) (api.IngestAnswer, error) {
	a := api.IngestAnswer{Format: "combined", Confidence: 97, Bytes: int64(len(text)), Rejected: int64(strings.Count(text, "bad"))}
	a.Lines = int64(strings.Count(text, "\n"))
	a.Events = a.Lines - a.Rejected
	for i := range a.Rejected {
		a.Errors = append(a.Errors, api.LineError{Line: i + 1, Reason: "no time", Sample: "bad\x1b[2J"})
	}
	if a.Events > 0 {
		a.First, a.Last = time.Date(2026, 1, 2, 3, len(q.Path), 0, 0, time.UTC), time.Date(2026, 1, 2, 4, len(q.Path), 0, 0, time.UTC)
	}
	if strings.Contains(text, "explode") {
		return a, fault.New(fault.Invalid, "format cannot be recognised")
	}
	return a, nil
}

func TestIngest(t *testing.T) {
	r := (&run{svc: &recorder{ingest: counting}, files: map[string]string{"a.log": "1\n2\nbad\n", "longer.log": "1\n"}}).do(t,
		"ingest", "--format", "combined", "--tz", "Europe/Berlin", "--service", "web", "--detect", "a.log", "longer.log")
	request := api.IngestRequest{Source: "id of a.log", Path: "a.log", Format: "combined", Zone: "Europe/Berlin", Service: "web"}
	other := request
	other.Source, other.Path = "id of longer.log", "longer.log"
	want := []any{
		[]any{"Resume", "id of a.log"}, []any{"Ingest", request, "1\n2\nbad\n"}, []any{"Resume", "id of longer.log"}, []any{"Ingest", other, "1\n"}, []any{"Flush"},
		[]any{"Detect", api.DetectRequest{Since: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC), Until: time.Date(2026, 1, 2, 4, 10, 0, 1, time.UTC)}},
	}
	if diff := cmp.Diff(want, r.svc.calls); diff != "" {
		t.Errorf("ingest asks (-want +got):\n%s", diff)
	}
	r.want(t, 0, "a.log       combined (97 %)      3       2         1  2026-01-02 03:05:00  2026-01-02 04:05:00\n", `a.log:1: no time: bad\x1b[2J`)
	if r.closedIn != 2 {
		t.Errorf("%d files were closed, want 2", r.closedIn)
	}
}

func TestIngestGoesOn(t *testing.T) {
	svc := &recorder{ingest: counting, resume: 2}
	r := (&run{svc: svc, files: map[string]string{"grown": "1\n2\n3\n", "same": "1\n", "foul": "x\nexplode\n"}}).do(t, "ingest", "grown", "none", "foul", "same")
	if call := []any{"Ingest", api.IngestRequest{Source: "id of grown", Path: "grown", Offset: 2}, "2\n3\n"}; cmp.Diff(call, svc.calls[1]) != "" {
		t.Errorf("a grown file is asked as %v, want %v", svc.calls[1], call)
	}
	r.want(t, 1, "nothing new", "tocsin: none: open none: no such file")
	r.want(t, 1, "grown", "tocsin: foul: format cannot be recognised")
	r.want(t, 1, "foul   combined (97 %)      1       1         0", "") // what was read before the fault is kept, and told
	if last := svc.calls[len(svc.calls)-1]; cmp.Diff([]any{"Flush"}, last) != "" {
		t.Errorf("the last call is %v, want Flush", last)
	}
	if r.closedIn != 3 {
		t.Errorf("%d files were closed, want 3", r.closedIn)
	}
}

func TestIngestStandardInput(t *testing.T) {
	r := (&run{svc: &recorder{ingest: counting}, in: "1\n"}).do(t, "ingest", "-", "-o", "json")
	r.want(t, 0, `{"file":"-","format":"combined"`, "")
	if diff := cmp.Diff([]any{[]any{"Ingest", api.IngestRequest{Path: "-"}, "1\n"}, []any{"Flush"}}, r.svc.calls); diff != "" {
		t.Errorf("ingest of standard input asks (-want +got):\n%s", diff)
	}
}

func TestIngestOfNothingUsable(t *testing.T) {
	r := (&run{svc: &recorder{ingest: counting}, files: map[string]string{"f": strings.Repeat("bad\n", 9)}}).do(t, "ingest", "f")
	r.want(t, 1, "f     combined (97 %)      9       0         9", "f: 4 more lines rejected")
}

func TestIngestThatCannotBeKept(t *testing.T) {
	svc := &recorder{ingest: counting, err: map[string]error{"Flush": fault.New(fault.Full, "disk is full")}}
	(&run{svc: svc, files: map[string]string{"f": "1\n"}}).do(t, "ingest", "f").want(t, 1, "", "disk is full")
}

func TestRulesAdd(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "rule.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := (&run{}).do(t, "rules", "add", "--owner", "bob", write("name: x\n"))
	r.want(t, 0, "rule kept: kept, version 3", "")
	if diff := cmp.Diff([]any{[]any{"PutRule", api.RuleEdit{Owner: "bob", Text: "name: x\n"}}}, r.svc.calls); diff != "" {
		t.Errorf("rules add asks (-want +got):\n%s", diff)
	}
	(&run{in: "bad\n"}).do(t, "rules", "add", "-").want(t, 1, "", "1:1: bad word\n  bad\n  ^\n")
	r = (&run{in: "new\n"}).do(t, "rules", "add", "--replace", "-")
	if r.code != 0 || len(r.svc.calls) != 2 {
		t.Errorf("rules add --replace of a new rule: exit code %d, asked %v; want it added", r.code, r.svc.calls)
	}
	(&run{}).do(t, "rules", "add", dir+"/none").want(t, 1, "", "no such file")
	(&run{}).do(t, "rules", "show", "none").want(t, 1, "", "there is none of this name")
	(&run{svc: &recorder{err: map[string]error{"DeleteRule": fault.New(fault.NotFound, "no rule")}}}).do(t, "rules", "delete", "a", "b").want(t, 1, "", "no rule\nno rule")
}

func TestRulesImport(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
		code int
		says string
	}{
		"under rules": {"rules:\n  - name: a # why\n    x: 1\n  - name: b\n", []string{"name: a # why\nx: 1\n", "name: b\n"}, 0, "2 of 2"},
		"list":        {"- {name: a}\n- name: b\n", []string{"{name: a}\n", "name: b\n"}, 0, "2 of 2"},
		"documents":   {"name: a\n---\nname: b\n", []string{"name: a\n", "name: b\n"}, 0, "2 of 2"},
		"one is bad":  {"- name: a\n- name: bad\n- name: c\n", []string{"name: a\n", "name: bad\n", "name: c\n"}, 1, "-:2: rule: 1:1: bad word"},
		"none":        {"", nil, 1, "0 of 0"},
		"not yaml":    {"a: [", nil, 1, "read -"},
		"a word":      {"word", nil, 1, "want rules"},
		"more":        {"rules: []\nother: 1\n", nil, 1, "nothing beside rules"},
		"bomb":        {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nrules: [*b,*b,*b]\n", nil, 1, "nothing beside rules"},
	} {
		r := (&run{in: c.text}).do(t, "rules", "import", "-")
		var got []string
		for _, call := range r.svc.calls {
			if list, ok := call.([]any); ok && list[0] == "PutRule" {
				if e, ok := list[1].(api.RuleEdit); ok {
					got = append(got, e.Text)
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: exit code %d, %q, want %d, %q (-want +got):\n%s", name, r.code, r.err, c.code, c.says, diff)
		}
	}
}

// editor writes a script that changes a file as an editor does.
func editor(t *testing.T, script string) map[string]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "editor")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	return map[string]string{"EDITOR": path + " --flag"}
}

func TestRulesEdit(t *testing.T) {
	rules := []api.Rule{{Name: "r", Owner: "bob", Text: "name: r"}, {Name: "fixed", ReadOnly: true, File: "/etc/r.yaml"}}
	t.Setenv("TMPDIR", t.TempDir())
	r := (&run{svc: &recorder{rules: rules}, env: editor(t, `test "$1" = --flag && echo "x: 1" >> "$2"`)}).do(t, "rules", "edit", "r")
	r.want(t, 0, "rule kept: changed, version 3", "")
	if diff := cmp.Diff([]any{"PutRule", api.RuleEdit{Owner: "bob", Text: "name: r\nx: 1\n", Replace: true}}, r.svc.calls[1]); diff != "" {
		t.Errorf("rules edit asks (-want +got):\n%s", diff)
	}
	(&run{svc: &recorder{rules: rules}, env: editor(t, "true")}).do(t, "rules", "edit", "r").want(t, 0, "unchanged", "")
	if left, err := filepath.Glob(os.Getenv("TMPDIR") + "/*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	r = (&run{svc: &recorder{rules: rules}, env: editor(t, `echo bad > "$2"`)}).do(t, "rules", "edit", "r")
	r.want(t, 1, "", "bad word")
	left, err := filepath.Glob(os.Getenv("TMPDIR") + "/*")
	if err != nil || len(left) != 1 || !strings.Contains(r.err, left[0]) {
		t.Errorf("what was written is in %v, %v; errors say %q", left, err, r.err)
	}
	(&run{svc: &recorder{rules: rules}, env: editor(t, "exit 3")}).do(t, "rules", "edit", "r").want(t, 1, "", "exit status 3")
	(&run{svc: &recorder{rules: rules}}).do(t, "rules", "edit", "fixed").want(t, 1, "", "stands in /etc/r.yaml")
	(&run{svc: &recorder{rules: rules}}).do(t, "rules", "edit", "none").want(t, 1, "", "there is none")
}

func TestRulesTest(t *testing.T) {
	rule := filepath.Join(t.TempDir(), "r.yaml")
	if err := os.WriteFile(rule, []byte("name: r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"f.log": "line\n"}
	r := (&run{svc: full(), files: files}).do(t, "rules", "test", rule, "f.log", "--format", "combined", "-o", "line")
	r.want(t, 0, "rule=ssh-scan", "5 events, 1 rule, 3 alerts")
	if diff := cmp.Diff([]any{[]any{"TestRule", "name: r\n", api.IngestRequest{Path: "f.log", Format: "combined"}, "line\n"}}, r.svc.calls); diff != "" {
		t.Errorf("rules test asks (-want +got):\n%s", diff)
	}
	if r.closed != 0 {
		t.Error("rules test of a file opens the data")
	}
	r = (&run{svc: &recorder{rules: full().rules}, files: files}).do(t, "rules", "test", "ssh-scan", "f.log")
	r.want(t, 1, "", "0 alerts")
	if r.closed != 1 || len(r.svc.calls) != 3 { // for the rule, for what is expected of it, and to judge
		t.Errorf("rules test of a name: let go %d times, asked %v", r.closed, r.svc.calls)
	}
	(&run{files: files, svc: &recorder{err: map[string]error{"TestRule": errors.New("no rule")}}}).do(t, "rules", "test", rule, "f.log").want(t, 1, "", "no rule")
	(&run{}).do(t, "rules", "test", rule, "none").want(t, 1, "", "no such file")
}
