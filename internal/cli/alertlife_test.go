package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func TestTimeAhead(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2h": now.Add(2 * time.Hour), "1w2d": now.Add(9 * 24 * time.Hour), "2026-03-05": time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC),
		"2026-03-04 12:01": now.Add(time.Minute), "@1800000000": time.Unix(1_800_000_000, 0),
	} {
		if got, err := timeAhead(text, now); err != nil || !got.Equal(want) {
			t.Errorf("timeAhead(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0s", "-2h", "now", "today", "yesterday", "2026-03-04", "2026-03-04 12:00", "300y", "2600-01-01", "100000w", "x"} {
		if got, err := timeAhead(text, now); err == nil {
			t.Errorf("timeAhead(%q) = %v, want it refused", text, got)
		}
	}
}

// Each command asks for its act, once for each alert, and says what is done.
func TestActsOnAlerts(t *testing.T) {
	for _, test := range []struct {
		args string
		want []api.AlertAct
		out  string
	}{
		{"ack 17 18 17 --note mine", []api.AlertAct{{ID: 17, Act: "acknowledge", Note: "mine"}, {ID: 18, Act: "acknowledge", Note: "mine"}}, "alert 17: acknowledged\nalert 18: acknowledged\n"},
		{"unack 17", []api.AlertAct{{ID: 17, Act: "unacknowledge"}}, "alert 17: open again\n"},
		{"comment 17 --note x", []api.AlertAct{{ID: 17, Act: "comment", Note: "x"}}, "alert 17: commented\n"},
		{"assign 17 --to bob", []api.AlertAct{{ID: 17, Act: "assign", Assignee: "bob"}}, "alert 17: assigned\n"},
		{"assign 17 --nobody", []api.AlertAct{{ID: 17, Act: "assign"}}, "alert 17: assigned\n"},
		{"close 17 --as duplicate --of 16 --note x", []api.AlertAct{{ID: 17, Act: "close", Disposition: "duplicate", DuplicateOf: 16, Note: "x"}}, "alert 17: closed\n"},
	} {
		r := (&run{}).do(t, append([]string{"alerts"}, strings.Fields(test.args)...)...)
		var want []any
		for _, q := range test.want {
			want = append(want, []any{"ActOnAlert", q})
		}
		if diff := cmp.Diff(want, r.svc.calls); r.code != 0 || r.out != test.out || diff != "" {
			t.Errorf("alerts %s: exit code %d, output %q, errors %q; asked (-want +got):\n%s", test.args, r.code, r.out, r.err, diff)
		}
	}
}

// One alert that is refused keeps nothing from the others, and shows in the exit code.
func TestActIsRefused(t *testing.T) {
	away := map[string]error{"ActOnAlert": fault.New(fault.Conflict, "alert has ended\x1b[31m"), "AlertStory": fault.New(fault.NotFound, "no alert")}
	for _, args := range [][]string{{"alerts", "ack", "1"}, {"alerts", "ack", "1", "2"}, {"alerts", "show", "1"}, {"alerts", "show", "1", "2"}} {
		r := (&run{svc: &recorder{err: away}}).do(t, args...)
		if lines := strings.Count(r.err, "\n"); r.code != 1 || r.out != "" || lines != len(args)-2 || strings.Contains(r.err, "\x1b") || len(r.svc.calls) != lines {
			t.Errorf("%q: exit code %d, output %q, errors %q, %d calls; want 1 and a line for each", args, r.code, r.out, r.err, len(r.svc.calls))
		}
	}
	r := (&run{svc: &recorder{err: map[string]error{"ActOnAlert": fault.New(fault.Invalid, "assign: no user")}}}).do(t, "alerts", "assign", "1", "--to", "carol")
	r.want(t, 2, "", "no user")
}

// What people and receivers wrote does nothing to a terminal, a spreadsheet or the layout.
func TestStoryIsHarmless(t *testing.T) {
	const evil = "=cmd()\x1b]0;owned\a\r\n\u202egpj.exe"
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	story := api.AlertStory{
		Alert: alert.Alert{ID: 17, Title: evil, Severity: alert.High, State: alert.Ended, RuleName: evil, First: at, Last: at, EndedAt: at, Handling: alert.Handling{
			AckedBy: evil, AckedAt: at, AckedUntil: at, AckNote: evil, Assignee: evil, Disposition: alert.Duplicate, DuplicateOf: 16, ClosedBy: evil, ClosedAt: at, CloseNote: evil}},
		Log: []alert.Entry{
			{ID: 1, At: at, Who: evil, What: alert.DidComment, Note: evil}, {ID: 2, At: at, Who: evil, What: alert.DidAssign, From: evil, To: evil},
			{ID: 3, At: at, What: alert.DidChange, From: "LOW", To: "HIGH"}, {ID: 4, At: at, What: alert.DidBreak}, {ID: 5, At: at, Who: evil, What: alert.DidClose, To: evil, Note: evil},
		},
		Notices: []api.AlertNotice{
			{Change: "CREATE", Channel: evil, State: "sent", Created: at, Attempts: []api.NoticeAttempt{{Number: 1, Began: at, Outcome: "failed", Answer: evil}, {Number: 2, Began: at, Outcome: "sent", Answer: "250 ok"}}},
			{Change: "END", Channel: "mail", State: "pending", Created: at},
		},
	}
	for _, form := range []string{"table", "json", "csv"} {
		r := (&run{svc: &recorder{story: story}}).do(t, "alerts", "show", "17", "-o", form)
		if r.code != 0 || strings.ContainsAny(r.out, "\x1b\a\r\u202e") || !strings.Contains(r.out, "owned") {
			t.Errorf("-o %s: exit code %d, errors %q, output\n%q", form, r.code, r.err, r.out)
		}
		switch lines := strings.Count(r.out, "\n"); {
		case form == "json" && lines != 1, form == "csv" && lines != 7:
			t.Errorf("-o %s: %d lines\n%s", form, lines, r.out)
		case form == "csv" && strings.Contains(r.out, "\n="), form == "csv" && strings.Contains(r.out, ",="):
			t.Errorf("a cell begins a formula:\n%s", r.out)
		case form == "table" && (!strings.Contains(r.out, "severity LOW → HIGH") || !strings.Contains(r.out, "250 ok") || !strings.Contains(r.out, "CREATE")):
			t.Errorf("the table lacks what happened:\n%s", r.out)
		}
	}
}
