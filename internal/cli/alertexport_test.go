package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// mischief makes texts of pieces that mean something to a terminal, a spreadsheet, a shell, or whoever reads lines.
func mischief(seed uint64) func() string {
	pieces := []string{"=", "+", "-", "@", "\t", "\r", "\n", "=cmd|' /C calc'!A0", "\"", "'", ",", ";", "|", "\x1b[2J", "\x1b]0;owned\x07", "\u202e", "\u2028",
		"\x00", "\xff", "\xc3", "\ufeff", " ", `\`, "$(reboot)", "`id`", "1", "1e5", "a", "ü", "日本", "%s", "last=1 id=2", "\x9b31m", "０", "＝1"}
	random := rand.New(rand.NewPCG(seed, 7))
	return func() string {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
}

// strange is an alert whose every text is foreign.
func strange(text func() string) alert.Alert {
	sample, err := json.Marshal(map[string]string{"message": text()})
	if err != nil {
		panic(err)
	}
	return alert.Alert{ID: 7, RuleName: text(), Owner: text(), Title: text(), Severity: alert.High, State: alert.Open, Reason: text(),
		Entity: alert.Entity{{Field: "user.name", Value: text()}, {Field: "host.name", Value: text()}}, Samples: []json.RawMessage{sample},
		Handling: alert.Handling{AckedBy: text(), AckNote: text(), Assignee: text(), ClosedBy: text(), CloseNote: text()}}
}

// Whatever stands in an alert, no form of an export does anything, and each says one alert in its own shape.
func TestExportIsHarmless(t *testing.T) {
	text := mischief(1)
	for range 800 {
		a := strange(text)
		for _, form := range []string{"csv", "json", "line"} {
			var out strings.Builder
			if n, err := export(t.Context(), &recorder{alerts: []alert.Alert{a}}, api.AlertRequest{}, form, &out); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			got := strings.TrimSuffix(out.String(), "\n")
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Fatalf("export of %+q in %s = %q, which is not printable", a.Title, form, got)
			}
			switch form {
			case "csv":
				rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
				if err != nil || len(rows) != 2 {
					t.Fatalf("export of %q = %s: %v", a.Title, got, err)
				}
				for _, cell := range rows[1] {
					if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && strings.Trim(cell, "0123456789.e+-") != "" {
						t.Fatalf("cell %q is a formula to a spreadsheet", cell)
					}
				}
			case "json":
				var back alert.Alert
				if strings.Contains(got, "\n") || json.Unmarshal([]byte(got), &back) != nil || utf8.ValidString(a.Title) && back.Title != a.Title {
					t.Fatalf("export of %q = %s, which comes back as %q", a.Title, got, back.Title)
				}
			case "line":
				if strings.Contains(got, "\n") || !strings.HasPrefix(got, "last=") || !inPairs(got) {
					t.Fatalf("export of %q = %s, which is not one line of key=value", a.Title, got)
				}
			}
		}
	}
}

// inPairs reports whether a line comes apart into key=value, and knows the keys.
func inPairs(line string) bool {
	known := " last id severity state rule owner entity triggers value peak limit first origin title reason acknowledged_by assignee disposition flapping reopened "
	for line != "" {
		key, rest, ok := strings.Cut(line, "=")
		if !ok || !strings.Contains(known, " "+key+" ") {
			return false
		}
		if !strings.HasPrefix(rest, `"`) {
			_, line, _ = strings.Cut(rest, " ")
			continue
		}
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(rest) {
			return false
		}
		line = strings.TrimPrefix(rest[end+1:], " ")
	}
	return true
}

// pages answers as tocsin does: in the order of numbers behind SinceID, at most Limit.
type pages struct {
	*recorder
	all  int64
	more int64 // that are added with each page
}

func (p *pages) Alerts(_ context.Context, q api.AlertRequest) (list []alert.Alert, err error) {
	if !q.Oldest || q.Limit <= 0 {
		return nil, errors.New("pages are asked for in the order of numbers")
	}
	p.all += p.more
	for id := q.SinceID + 1; id <= p.all && len(list) < q.Limit; id++ {
		list = append(list, alert.Alert{ID: id})
	}
	return list, nil
}

func TestEachAlertMissesNone(t *testing.T) {
	for _, all := range []int64{0, 1, alertPage - 1, alertPage, alertPage + 1, 3*alertPage + 5} {
		for _, more := range []int64{0, 3} {
			last := int64(0)
			err := eachAlert(t.Context(), &pages{&recorder{}, all, more}, api.AlertRequest{}, func(a *alert.Alert) error {
				if a.ID != last+1 {
					return fmt.Errorf("alert %d behind %d", a.ID, last)
				}
				last = a.ID
				return nil
			})
			if err != nil || last < all {
				t.Errorf("eachAlert of %d alerts, %d more with each page: got %d, %v", all, more, last, err)
			}
		}
	}
}

// A file that could not be written whole leaves what was there.
func TestReplaceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := (&run{svc: &recorder{err: map[string]error{"Alerts": fault.New(fault.Unavailable, "it is away")}}}).do(t, "alerts", "export", path)
	r.want(t, 1, "", "it is away")
	left, err := os.ReadDir(filepath.Dir(path))
	if text, _ := os.ReadFile(path); string(text) != "before" || err != nil || len(left) != 1 {
		t.Errorf("after a failed export the file holds %q, and %d files are there (%v)", text, len(left), err)
	}
}

func TestCursorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen")
	c, err := openCursor(path)
	if err != nil || c.known {
		t.Fatalf("openCursor of no file = %+v, %v", c, err)
	}
	if err := errors.Join(c.save(), c.move(5, 0), c.move(4, 0)); err != nil {
		t.Fatal(err)
	}
	if again, err := openCursor(path); err != nil || !again.known || again.at != 5 {
		t.Fatalf("openCursor = %+v, %v, want 5", again, err)
	}
	if err := errors.Join(c.move(6, time.Hour), c.move(7, time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := openCursor(path); again.at != 5 {
		t.Errorf("%d was written at once, want it to wait", again.at)
	}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	if again, _ := openCursor(path); again.at != 7 {
		t.Errorf("save wrote %d, want 7", again.at)
	}
	for _, foul := range []string{"", "7", "{}{}", `{"since_change":-1}`, `{"since_change":1,"x":2}`, `{"since_change":"1"}`, "{\"since_change\":1}\nx", strings.Repeat(" ", 5000)} {
		if err := os.WriteFile(path, []byte(foul), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openCursor(path); !errors.Is(err, fault.Invalid) {
			t.Errorf("openCursor of %.40q = %v, want a fault.Invalid", foul, err)
		}
	}
	var none *cursorFile
	if err := errors.Join(none.move(1, 0), none.save()); err != nil {
		t.Error(err)
	}
}

// counted counts its alerts as well.
type counted struct{ *recorder }

func (c counted) CountAlerts(_ context.Context, q api.AlertRequest) (counts []api.AlertCount, err error) {
	for _, a := range c.alerts {
		counts = append(counts, api.AlertCount{Severity: a.Severity, State: a.State, Alerts: 1})
	}
	return counts, c.note("CountAlerts", q)
}

// checked runs alerts --check.
func checked(t *testing.T, svc *recorder) *run {
	t.Helper()
	return (&run{svc: svc, change: func(o *Options) {
		o.Open = func(context.Context, Common) (api.Service, func() error, error) {
			return counted{svc}, func() error { return nil }, nil
		}
	}}).do(t, "alerts", "--check")
}

// The line of a check is one line with one bar, whatever an alert is called.
func TestCheckIsOneLine(t *testing.T) {
	text := mischief(2)
	for range 800 {
		r := checked(t, &recorder{alerts: []alert.Alert{strange(text)}})
		if r.code != 2 || strings.Count(r.out, "\n") != 1 || strings.Count(r.out, "|") != 1 || !strings.HasPrefix(r.out, "TOCSIN CRITICAL - 1 alert, worst HIGH: ") || r.err != "" {
			t.Fatalf("exit code %d, output %q, errors %q", r.code, r.out, r.err)
		}
		harmless(t, r.out)
		r = checked(t, &recorder{err: map[string]error{"CountAlerts": errors.New("x" + text())}})
		if r.code != 3 || strings.Count(r.out, "\n") != 1 || strings.Contains(r.out, "|") || !strings.HasPrefix(r.out, "TOCSIN UNKNOWN - x") || r.err != "" {
			t.Fatalf("exit code %d, output %q, errors %q", r.code, r.out, r.err)
		}
		harmless(t, r.out)
	}
}

// What a program is told has no byte that exec refuses, and is as much as it takes.
func TestChangeEnvironment(t *testing.T) {
	text := mischief(3)
	for range 500 {
		a := strange(text)
		a.Reason = strings.Repeat(a.Reason, 9000)
		for _, entry := range changeEnvironment(&api.AlertChange{Change: 3, Alert: a}) {
			if strings.Contains(entry, "\x00") || !utf8.ValidString(entry) || len(entry) > maxVariable+40 || !strings.HasPrefix(entry, "TOCSIN_") {
				t.Fatalf("environment has %.100q", entry)
			}
		}
	}
	for _, c := range []struct {
		a    alert.Alert
		want string
	}{
		{alert.Alert{Change: 4, Born: 4, State: alert.Open}, "CREATE"}, {alert.Alert{Change: 5, Born: 4, State: alert.Open}, "UPDATE"},
		{alert.Alert{Change: 6, Born: 4, State: alert.Ended}, "END"}, {alert.Alert{Change: 6, Born: 4, State: alert.Acknowledged}, "UPDATE"},
	} {
		if env := strings.Join(changeEnvironment(&api.AlertChange{Change: c.a.Change, Alert: c.a}), "\n"); !strings.HasPrefix(env, "TOCSIN_CHANGE="+c.want+"\n") {
			t.Errorf("%+v is told as %.30q, want %s", c.a, env, c.want)
		}
	}
	if got := openly([]string{"HOME=/", "TOCSIN_TOKEN=t", "TOCSIN_PASSWORD=p", "TOCSIN_DATA=d"}); strings.Join(got, " ") != "HOME=/ TOCSIN_DATA=d" {
		t.Errorf("openly = %v", got)
	}
}

// At 80 columns alerts fit on their line, and what matters of them is there.
func TestAlertsFit(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	long := []alert.Alert{{ID: 4711, Severity: alert.Critical, State: alert.Acknowledged, Last: at, RuleName: "ssh-guessing-from-outside", Entity: alert.Entity{{Field: "source.ip", Value: "2001:db8:1234:5678::1"}},
		Triggers: 123456, Reason: "count was 123456 over 10m (limit: above 100)", Handling: alert.Handling{AckedBy: "alertuser"}}}
	for width, want := range map[int]string{
		80:  "CRITICAL",
		120: "2026-01-02 03:04:05",
		250: "count was 123456 over 10m (limit: above 100)",
	} {
		var out strings.Builder
		s := &shell{format: "table", Options: Options{Out: &out, Zone: time.UTC, Env: func(string) string { return "" }}}
		table := s.alertSheet()
		table.width = width
		if err := errors.Join(s.addAlerts(table, long), table.end()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns on a terminal of %d: %s", n, width, line)
			}
		}
		for _, part := range []string{"4711", "01-02 03:04", "ssh-gue", "2001:db", want} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("at %d columns %q is missing:\n%s", width, part, out.String())
			}
		}
	}
}
