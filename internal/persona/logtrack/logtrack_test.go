package logtrack

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/hdfs"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/syslog"
)

// newFace returns a face in a directory of its own, with what it says on standard error.
func newFace(t *testing.T, env map[string]string) (*face, *bytes.Buffer) {
	t.Helper()
	t.Chdir(t.TempDir())
	var said bytes.Buffer
	return &face{Options{
		In: strings.NewReader(""), Out: &said, Err: &said, Env: func(name string) string { return env[name] },
		Formats: parser.Set{"cloudtrail": cloudtrail.Format(), "combined": combined.Format(), "hdfs": hdfs.Format(),
			"jsonlines": jsonlines.Format(), "syslog": syslog.Format()},
		Detectors: detector.Set{"absence": absence.Default, "deviation": deviation.Default, "threshold": threshold.Default},
	}}, &said
}

func TestWrongUsage(t *testing.T) {
	f, _ := newFace(t, nil)
	for _, args := range [][]string{{}, {"fly"}, {"print", "x"}, {"ingest"}, {"ingest", ""}, {"ingest-detect"}, {"ingest", "a", "b"},
		{"user"}, {"user", "anna", "king"}, {"user", "anna", "user", "x"}} {
		if err := Run(t.Context(), f.Options, args); !errors.Is(err, fault.Invalid) {
			t.Errorf("Run(%q): got %v, want wrong usage", args, err)
		}
	}
}

// Without a file there are six rules, of the ids that LogTrack comes with.
func TestBuiltInRules(t *testing.T) {
	f, _ := newFace(t, nil)
	list, from, problems, err := f.entries()
	if err != nil || len(problems) != 0 || from != "built-in rules" {
		t.Fatalf("entries: from %q, problems %q, %v", from, problems, err)
	}
	want := []string{"apache_error_spike", "apache_login_failures_exact", "apache_inactivity_60min", "apache_login_failures_keyword",
		"apache_rate_spike", "apache_zscore_spike"}
	for i, e := range list {
		if i >= len(want) || e.ID != want[i] {
			t.Errorf("rule %d: got %s, want of %q", i, e.ID, want)
		}
	}
	if len(list) != len(want) {
		t.Errorf("got %d rules, want %d", len(list), len(want))
	}
}

func TestRuleFile(t *testing.T) {
	f, _ := newFace(t, nil)
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(rulesFile, `[{"id": "a", "rule_type": "rate_spike", "service": "s", "threshold": 1, "window_seconds": 9, "colour": "red"},
		{"id": "odd", "rule_type": "astrology"}, 7,
		{"id": "a", "rule_type": "rate_spike", "service": "s", "threshold": 2, "window_seconds": 9}]`)
	list, from, problems, err := f.entries()
	if err != nil || from != rulesFile || len(list) != 1 || *list[0].Threshold != 2 {
		t.Errorf("entries: got %+v from %s, %v, want the last of the two", list, from, err)
	}
	told := strings.Join(problems, "\n")
	for _, want := range []string{"colour", "astrology", "rule 3", "another rule"} {
		if !strings.Contains(told, want) {
			t.Errorf("the problems do not tell of %q:\n%s", want, told)
		}
	}
	for _, foul := range []string{"", "{}", "[", `{"rules": []}`} {
		write(rulesFile, foul)
		if list, _, _, err := f.entries(); err == nil {
			t.Errorf("entries of %q: got %+v and no error", foul, list)
		}
	}
	named, _ := newFace(t, map[string]string{"RULES_CONFIG": "gone.json"})
	if _, _, _, err := named.entries(); err == nil {
		t.Error("a file that was named and is not there: got no error")
	}
}

// The name of a file is a hint, no more.
func TestReading(t *testing.T) {
	const (
		access = `192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1` + "\n"
		trail  = `{"Records":[{"eventVersion":"1.08","eventTime":"2024-03-10T11:59:58Z","eventSource":"a.amazonaws.com","eventName":"X","awsRegion":"x","eventID":"e"}]}`
		block  = "1,081109,203518,143,INFO,dfs.X,Receiving block,E5,Receiving <*>\n"
		header = "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate\n"
		broken = "4,xx,203518,35,INFO,dfs.X,\"a \"\"q\"\" b\",E22,t\n"
		prose  = "Dear diary, nothing happened today.\n"
	)
	for _, c := range []struct{ path, text, service, format, called string }{
		{"a.clf", access, "", "combined", "apache"},
		{"a.CLF.gz", access, "", "combined", "apache"},
		{"a.log", access, "", "", "apache"},
		{"a.clf", trail, "", "", ""},
		{"a.aws", trail, "", "cloudtrail", ""},
		{"a.aws", access, "", "", "apache"},
		{"a.hdfs", header + block + broken, "", "hdfs", "HDFS"},
		{"a.txt", block + block, "", "", "HDFS"},
		{"a.clf", prose, "", "combined", "apache"}, // nothing else can be told: every line is refused, and counted
		{"a.clf", prose + access, "", "combined", "apache"},
		{"a.txt", prose, "", "", ""},
		{"a.clf", "", "", "combined", "apache"},
		{"a.log", strings.TrimSpace(access), "shop", "", "shop"},
		{".clf/a", prose, "", "", ""},
	} {
		f, _ := newFace(t, map[string]string{"SERVICE": c.service})
		format, service, err := f.reading(c.path, 0, bufio.NewReaderSize(strings.NewReader(c.text), headBytes))
		if err != nil || format != c.format || service != c.called {
			t.Errorf("reading(%s, %.30q): got format %q, service %q, %v, want %q, %q", c.path, c.text, format, service, err, c.format, c.called)
		}
	}
}

func TestZone(t *testing.T) {
	for text, want := range map[string]int{"-0700": -25200, "+05:30": 19800, "+02": 7200, "Z": 0, "UTC": 0, "": 0, "nowhere": 0, "Local": 0, "../x": 0} {
		l := zone(text)
		if _, offset := now(t).In(l).Zone(); offset != want {
			t.Errorf("zone(%q): got %d seconds, want %d", text, offset, want)
		}
	}
}

func TestZScore(t *testing.T) {
	for _, c := range []struct {
		current  float64
		baseline []float64
		limit    float64
		text     string
		fires    bool
	}{
		{6, []float64{0, 1, 0, 1, 0, 1}, 3, "s log volume spike detected (z=11.00)", true},
		{2, []float64{0, 1, 0, 1, 0, 1}, 3, "s log volume spike detected (z=3.00)", true}, // at the limit
		{1.9, []float64{0, 1, 0, 1, 0, 1}, 3, "s log volume spike detected (z=2.80)", false},
		{0, []float64{9, 1, 9, 1, 9, 1}, 1, "s log volume spike detected (z=-1.25)", false}, // upwards only
		{1, []float64{0, 0, 0, 0, 0, 0}, 3, "s log volume spike detected (std=0, count=1, mean=0.0)", true},
		{6, []float64{2, 2, 2, 2, 2, 2}, 3, "s log volume spike detected (std=0, count=6, mean=2.0)", false}, // strictly more
		{7, []float64{2, 2, 2, 2, 2, 2}, 3, "s log volume spike detected (std=0, count=7, mean=2.0)", true},
	} {
		if text, fires := zscore("s", c.current, c.baseline, c.limit); text != c.text || fires != c.fires {
			t.Errorf("zscore(%v, %v, %v): got %q, %v, want %q, %v", c.current, c.baseline, c.limit, text, fires, c.text, c.fires)
		}
	}
}

func TestAssertLooksAtInkAlone(t *testing.T) {
	f, said := newFace(t, nil)
	if err := os.MkdirAll(filepath.Dir(parsedPath), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("want.json", "[\n  {\n    \"a\":   1\n\n  }\n]\n\n")
	for text, same := range map[string]bool{
		"[\n  {\n    \"a\": 1\n  }\n]": true, "[\n  {\n    \"a\": 2\n  }\n]": false, "[\n  {\n    \"a\": 1\n  }\n": false,
		"[\n  {\n    \"a\": 1\n  }\n]\nx": false, "": false,
	} {
		write(parsedPath, text)
		if err := f.assertParsed(t.Context(), []string{"want.json"}); (err == nil) != same {
			t.Errorf("assert-golden of %q: got %v, want same %v", text, err, same)
		}
	}
	if !strings.Contains(said.String(), "Golden path verified: parsed output matches expected.") {
		t.Errorf("assert-golden said %q", said)
	}
	if err := f.assertAlerts(t.Context(), nil); err == nil {
		t.Error("assert-alerts without artifacts: got no error")
	}
}

// Without a terminal the password and the role are lines of standard input.
func TestCredentials(t *testing.T) {
	for _, c := range []struct{ in, role, password, chosen string }{
		{"pw\n", "", "pw", "user"}, {"pw", "", "pw", "user"}, {"pw\r\nadmin\r\n", "", "pw", "admin"}, {" p w \n user \n", "", " p w ", "user"},
		{"pw\nadmin\n", "user", "pw", "user"}, {"pw\n", "admin", "pw", "admin"},
		{"", "", "", ""}, {"\nadmin\n", "", "", ""}, {"pw\nking\n", "", "", ""}, {strings.Repeat("x", maxLine+1), "user", "", ""},
	} {
		f, _ := newFace(t, nil)
		f.In = strings.NewReader(c.in)
		password, role, err := f.credentials("anna", c.role)
		if password != c.password || role != c.chosen || (err == nil) != (c.password != "") {
			t.Errorf("credentials of %.20q, role %q: got %.20q, %q, %v, want %q, %q", c.in, c.role, password, role, err, c.password, c.chosen)
		}
	}
}

func now(t *testing.T) time.Time {
	t.Helper()
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
}
