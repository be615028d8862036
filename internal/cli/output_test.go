package cli

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// nasty is text that would do something in a terminal, a spreadsheet or a parser of lines.
const nasty = "=cmd|' /C calc'!A0\x1b]0;owned\x07\r\n\u202egpj\x9b2J\xff end"

func full() *recorder {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	text, err := json.Marshal(nasty)
	if err != nil {
		panic(err)
	}
	return &recorder{
		events: []string{
			`{"@timestamp":"2026-01-02T03:04:05.678Z","event.dataset":"combined","source.ip":"192.0.2.7","http.response.status_code":500,"message":"GET /login HTTP/1.1","labels.team":"a"}`,
			`{"@timestamp":"2026-01-02T03:04:04Z","event.dataset":"combined","source.ip":"2001:db8::1","http.response.status_code":9007199254740993,"message":` + string(text) + `}`,
			`{"@timestamp":"2026-01-02T03:04:03Z","event.dataset":"syslog","event.original":"line as it came","http.response.status_code":-5}`,
		},
		top: api.TopAnswer{By: []string{"source.ip", "user.name"}, Metric: "sum(http.response.bytes)", Others: 7, Events: 1234, Estimate: true, Rows: []api.TopRow{
			{Time: at, Values: []string{"192.0.2.7", nasty}, Value: 1e6}, {Time: at.Add(time.Hour), Values: []string{"::1", ""}, Value: -0.125}, {Time: at, Values: []string{"::2", "x"}, Value: 1e300}}},
		alerts: []alert.Alert{
			{ID: 17, Rule: 3, RuleName: "ssh-scan", RuleVersion: 2, Owner: "admin", Title: "Scan of many hosts", Severity: alert.High, State: alert.Open, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}},
				Origin: "live", First: at, Last: at.Add(time.Minute), Updated: at, Triggers: 3, Value: 154, Peak: 200.5, Limit: 100, Reason: "154 different destination.ip in 1h, more than 100",
				Samples: []json.RawMessage{[]byte(`{"source.ip":"192.0.2.7"}`)}},
			{ID: 16, RuleName: "r=1", Owner: "bob", Title: nasty, Severity: alert.Critical, State: alert.Ended, Entity: alert.Entity{{Field: "user.name", Value: nasty}, {Field: "source.ip", Value: "::1"}},
				Origin: "history", First: at, Last: at, EndedAt: at, Triggers: 1, Reason: nasty, Samples: []json.RawMessage{[]byte(`{"message":` + string(text) + `}`)}},
			{ID: 15, RuleName: "all", Severity: alert.Info, State: alert.Acknowledged, Last: at, First: at},
		},
		rules: []api.Rule{
			{ID: 1, Name: "ssh-scan", Owner: "admin", Enabled: true, Version: 2, Severity: "HIGH", From: "flow", Where: "x", Detect: "threshold count above 5", Text: "name: ssh-scan", Changed: at},
			{ID: 2, Name: nasty, Owner: "bob", Enabled: true, ReadOnly: true, File: "/etc/rules.yaml", Severity: "LOW", From: "log", Detect: nasty, Problem: "field x is unknown", Text: nasty},
		},
		users: []api.User{{Name: "alice", Admin: true, Created: at}, {Name: "bob", Disabled: true, Created: at}},
	}
}

// What is printed stands in testdata, one file a command and form; go test -update writes it.
// Large numbers are written out: a limit of 8.72546e+06 bytes is nothing that anybody compares with what was measured.
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 3: "3", -3: "-3", 1.5: "1.5", 0.1234567: "0.123457", 99999.25: "99999.2", 123456.7: "123457", 8725462.81: "8725463", -8725462.81: "-8725463",
		3014616740: "3014616740", 999999999999999.5: "1000000000000000", 1e15: "1e+15", 1e-9: "1e-09",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestGoldenOutput(t *testing.T) {
	lines := map[string]string{"search": "search", "search-fields": "search|--fields|http.response.status_code,labels.team,message", "top": "top|source.ip|user.name",
		"top-series": "top|source.ip|--series", "alerts": "alerts", "detect": "detect", "rules-list": "rules|list", "users-list": "users|list"}
	for name, line := range lines {
		for _, form := range []string{"table", "json", "csv", "line"} {
			if form == "line" && name != "alerts" && name != "detect" {
				continue
			}
			t.Run(name+"."+form, func(t *testing.T) {
				r := (&run{svc: full()}).do(t, append(strings.Split(line, "|"), "-o", form)...)
				if r.code != 0 {
					t.Fatalf("exit code %d, %s", r.code, r.err)
				}
				harmless(t, r.out+r.err)
				wellFormed(t, form, r.out)
				golden(t, name+"."+form, r.out)
			})
		}
	}
	for name, line := range map[string]string{"alert": "alerts|17", "rule": "rules|show|ssh-scan"} {
		r := (&run{svc: full()}).do(t, strings.Split(line, "|")...)
		harmless(t, r.out)
		golden(t, name+".text", r.out)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// harmless fails when text could do anything in a terminal.
func harmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("output is no UTF-8: %q", text)
	}
	for _, r := range text {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e) {
			t.Fatalf("output holds %U: %q", r, text)
		}
	}
}

// wellFormed reads the output as its readers do.
func wellFormed(t *testing.T, form, text string) {
	t.Helper()
	switch form {
	case "json":
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Errorf("%v: %q", err, line)
			}
		}
	case "csv":
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Error(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") && cell != "@timestamp" || strings.HasPrefix(cell, "-") && cell != "-5" && cell != "-0.125" {
					t.Errorf("a spreadsheet would take %q for a formula", cell)
				}
			}
		}
	case "line":
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if !strings.HasPrefix(line, "last=") {
				t.Errorf("line %q is torn", line)
			}
		}
	}
}

// What is in JSON comes out of it as it was.
func TestJSONKeepsText(t *testing.T) {
	r := (&run{svc: full()}).do(t, "alerts", "-o", "json")
	second := strings.Split(r.out, "\n")[1]
	var a alert.Alert
	if err := json.Unmarshal([]byte(second), &a); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(nasty, "\ufffd"); a.Title != want {
		t.Errorf("title = %q, want %q", a.Title, want)
	}
}

func TestBlocksOfTables(t *testing.T) {
	svc := &recorder{}
	for i := range 3*block + 7 {
		svc.events = append(svc.events, fmt.Sprintf(`{"@timestamp":"%d","message":"m%d"}`, i, i))
	}
	r := (&run{svc: svc}).do(t, "search", "--limit", "-1")
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	if len(lines) != 3*block+8 || !strings.HasPrefix(lines[0], "@TIMESTAMP  MESSAGE") || strings.Count(r.out, "MESSAGE") != 1 {
		t.Errorf("%d lines, first %q; want %d and one head", len(lines), lines[0], 3*block+8)
	}
}

// What is in colours is cut by what is seen of it.
func TestColoursAreNotCounted(t *testing.T) {
	var out strings.Builder
	s := &sheet{out: &out, form: "table", width: 40, widths: make([]int, 2), colours: true, columns: []column{{name: "severity", paint: severityColours}, {name: "reason"}}}
	if err := s.add(nil, "CRITICAL", strings.Repeat("x", 100)); err != nil {
		t.Fatal(err)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "mCRITICAL\x1b[0m") {
		t.Errorf("table = %q, want the whole word in colours", out.String())
	}
}

// On a terminal a table fits its width, whatever is in it.
func TestTableFitsTerminal(t *testing.T) {
	for _, width := range []int{40, 80, 200} {
		var out strings.Builder
		s := &sheet{out: &out, form: "table", width: width, widths: make([]int, 3), columns: []column{{name: "one"}, {name: "two", right: true}, {name: "three"}}}
		for range 3 {
			if err := s.add(nil, strings.Repeat("wide ", 50), "12", strings.Repeat("日本", 40)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			n := 0
			for _, r := range line {
				n++
				if r > 0x2e80 && r < 0xa000 {
					n++
				}
			}
			if n > width {
				t.Errorf("line of %d columns on a terminal of %d: %s", n, width, line)
			}
		}
		if !strings.Contains(out.String(), "…") {
			t.Errorf("table of %d columns is not marked as cut", width)
		}
	}
}

// Spaces before a sign do not keep every spreadsheet from reading it.
func TestCSVCell(t *testing.T) {
	for text, want := range map[string]string{"=1+1": "'=1+1", "  =1+1": "'  =1+1", " @x": "' @x", "-5": "-5", " -5.5": " -5.5", "-5m": "'-5m", "+x": "'+x", " ": " ", "": "", "a=b": "a=b"} {
		if got := csvCell(text); got != want {
			t.Errorf("csvCell(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add(nasty)
	f.Add("plain")
	f.Add("\ufffd\xf0\x9f\x98\x80")
	f.Add(`<34>1 & \u003c \\u003e \`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, safe := range []string{clean(text), csvCell(text), quoteWord(text), printable(strings.ReplaceAll(text, "\t", ""))} {
			harmless(t, safe)
		}
		if strings.ContainsAny(clean(text), "\n\t") || strings.ContainsAny(quoteWord(text), "\n\t") {
			t.Errorf("%q is not kept on one line", text)
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		safe, err := safeJSON(quoted)
		if err != nil {
			t.Fatal(err)
		}
		harmless(t, string(safe))
		if n := strings.Count(string(safe), "<"); n != strings.Count(text, "<") {
			t.Errorf("%q is shown as %s, with %d <", text, safe, n)
		}
		var back string
		if err := json.Unmarshal(safe, &back); err != nil || back != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Errorf("%q came back as %q, %v", text, back, err)
		}
	})
}
