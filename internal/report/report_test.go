package report_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/report"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ranking is the answer of so many hosts, each with a name.
func ranking(rows int, name string) *api.TrafficAnswer {
	a := &api.TrafficAnswer{By: []string{"host"}, Rank: "bytes", Sessions: math.MaxUint64, Others: 3, Start: noon, Bucket: time.Minute}
	for i := range rows {
		a.Rows = append(a.Rows, api.TrafficRow{Values: []string{fmt.Sprintf("192.0.2.%d", i)}, Names: []string{name}, SentBytes: math.MaxUint64, Value: float64(rows - i), Line: []float64{1.5, 2}})
	}
	return a
}

// However much is answered and whatever stands in it, what is kept is bounded, says what it lacks, and is read as it was written.
func TestBound(t *testing.T) {
	for what, c := range map[string]struct {
		rows   int
		name   string
		others int64
		cut    bool
	}{
		"nothing": {0, "", 3, false}, "a few": {10, "web-1", 3, false}, "as many as may be": {1000, "", 3, false}, "10,000": {10_000, "", 9003, true},
		"hostile": {5, "\x00\xff\u202e\"<script>\n", 3, false}, "long": {1000, strings.Repeat("x", 4000), -1, true}, "long and escaped": {1000, strings.Repeat("\x7f<", 4000), -1, true},
	} {
		r := api.ReportResult{Report: "r", Address: "/flows", Due: noon, Made: noon, To: noon, Zone: "UTC"}
		ask := bookmark.ReadFlows(nil)
		report.Ranking(&r, &ask, ranking(c.rows, c.name))
		if err := report.Bound(&r); err != nil {
			t.Fatal(err)
		}
		head, body, err := report.EncodeResult(&r, "within x")
		if err != nil {
			t.Fatal(err)
		}
		if len(head) > 4<<10 || len(body) > 256<<10 || r.Truncated != c.cut || c.others >= 0 && r.Others != c.others || r.Count != len(r.Rows) || int64(r.Count)+r.Others != int64(c.rows)+3 || len(r.Lines) != min(8, r.Count) {
			t.Errorf("%s: %d and %d bytes, %d rows, %d others, truncated %v, %d lines", what, len(head), len(body), r.Count, r.Others, r.Truncated, len(r.Lines))
		}
		again, sight, err := report.DecodeResult(head, body)
		if again.Report = "r"; err != nil || sight != "within x" {
			t.Fatal(sight, err)
		}
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: kept is not what is read (-kept +read):\n%.2000s", what, diff)
		}
		brief, _, err := report.DecodeResult(head, "")
		if err != nil || brief.Rows != nil || brief.Note != "" || brief.Count != r.Count || !brief.To.Equal(noon) {
			t.Errorf("%s: what lists tell = %+v, %v", what, brief, err)
		}
	}
}

// A mail is a plain table of a few rows; nothing in it moves what stands beside it, or begins another line.
func TestMail(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := api.ReportResult{ID: 7, Report: "Nacht\r\nBcc: x", From: noon.Add(-24 * time.Hour), To: noon, Due: noon, Made: noon.Add(30 * time.Minute)}
	report.Sessions(&r, &api.SessionAnswer{Sessions: 70, Bytes: 9, Rows: []api.TrafficSession{
		{Start: noon, End: noon.Add(time.Second), Client: api.SessionEnd{IP: netip.MustParseAddr("192.0.2.7"), Port: -1, Name: "a\u202e\x1b[31mb\n" + strings.Repeat("x", 99)}, Server: api.SessionEnd{Port: 22}, Protocol: -1, App: ""},
	}})
	m := report.Mail(&r, berlin, "https://t.example/reports/x/7")
	if want := "sessions, 2026-03-03 13:00 to 2026-03-04 13:00 CET"; !strings.HasSuffix(m.Subject, want) || !strings.HasPrefix(m.Text, want) {
		t.Errorf("the subject is %q", m.Subject)
	}
	lines := strings.Split(m.Text, "\n")
	if len(lines) != 12 || !strings.HasPrefix(lines[2], "start                end                  client  ") || !strings.HasPrefix(lines[3], "2026-03-04 13:00:00  2026-03-04 13:00:01  a\ufffd\ufffd[31mb") || strings.ContainsAny(m.Text, "\x1b\u202e\r") ||
		lines[4] != "and 69 more" || lines[6] != "70 sessions, 0 packets, 9 bytes" || lines[8] != "It was due at 2026-03-04 13:00 CET and made at 2026-03-04 13:30 CET." || lines[10] != "https://t.example/reports/x/7" {
		t.Errorf("the mail is %d lines:\n%s", len(lines), m.Text)
	}
	if strings.Contains(m.Text, "client country") {
		t.Errorf("the mail has columns of which nothing is known:\n%s", m.Text)
	}
	many := api.ReportResult{Report: "r", To: noon, Due: noon, Made: noon}
	ask := bookmark.ReadFlows(nil)
	report.Ranking(&many, &ask, ranking(200, ""))
	if text := report.Mail(&many, berlin, "").Text; strings.Count(text, "192.0.2.") != 50 || !strings.Contains(text, "and 153 more\n") {
		t.Errorf("the mail of 203 rows is\n%s", text)
	}
	failed := api.ReportResult{Report: "r", Error: "no list \"x\"", Due: noon, Made: noon}
	if m := report.Mail(&failed, berlin, ""); m.Subject != "Report r: no answer" || !strings.Contains(m.Text, "There is no answer: no list \"x\"") {
		t.Errorf("the mail of no answer is %+v", m)
	}
}

// Alerts and rankings of what is counted once have the columns that their pages show.
func TestAnswers(t *testing.T) {
	var r api.ReportResult
	report.Alerts(&r, []alert.Alert{{ID: 3, Title: "t", RuleName: "n", Severity: alert.High, State: alert.Open, Last: noon, Triggers: 9}}, 5)
	want := api.ReportResult{Title: "Alerts", Others: 4, Note: "5 alerts", Rows: [][]string{{"3", "HIGH", "open", "2026-03-04T12:00:00Z", "9", "t", "n"}}, Columns: []api.ReportColumn{
		{Name: "alert", Kind: "number"}, {Name: "severity"}, {Name: "state"}, {Name: "last", Kind: "time"}, {Name: "triggers", Kind: "number"}, {Name: "title"}, {Name: "rule"}}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("Alerts (-want +got):\n%s", diff)
	}
	ask := bookmark.ReadFlows(map[string][]string{"by": {"pair"}, "rank": {"ports"}})
	var pairs api.ReportResult
	report.Ranking(&pairs, &ask, &api.TrafficAnswer{By: []string{"lower", "higher"}, Rows: []api.TrafficRow{{Values: []string{"10.0.0.1", ""}, Value: 7}}, RolledHours: 5, Bound: 2})
	if diff := cmp.Diff([][]string{{"10.0.0.1", "unknown", "7", "0", "0", "0", "0", "0", "0"}}, pairs.Rows); diff != "" || pairs.Keys != 2 || pairs.Columns[2].Name != "unique ports" || !strings.Contains(pairs.Note, "5 hours of it from rollups") {
		t.Errorf("Ranking = %+v\n%s", pairs, diff)
	}
}

// Whatever is set up is refused or kept as it is read back; what a page would not take is refused.
func FuzzRead(f *testing.F) {
	f.Add("nightly", "/flows?since=24h", "day", "08:00", "", 0, 0)
	f.Add("a", "/alerts?group=rule", "month", "", "31", 1000, 100)
	f.Fuzz(func(t *testing.T, name, address, every, at, day string, rows, keep int) {
		s, v, err := report.Read(api.ReportEdit{Name: name, Address: address, Every: every, At: at, Day: day, Rows: rows, Keep: keep}, noon)
		if err != nil {
			return
		}
		text, err := s.Encode()
		if err != nil || len(text) > 16<<10 {
			t.Fatalf("%q is %d bytes, %v", address, len(text), err)
		}
		if again, err := report.Decode(text); err != nil || again != s {
			t.Errorf("kept %+v, read %+v, %v", s, again, err)
		}
		if n := s.Limit(v); n < 1 || n > report.MostRows || s.Schedule().Next(noon, time.UTC).IsZero() || !json.Valid([]byte(text)) {
			t.Errorf("%+v: %d rows, next %v", s, n, s.Schedule().Next(noon, time.UTC))
		}
	})
}
