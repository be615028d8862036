package message_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

func notice() notifier.Notice {
	first := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) // Berlin changes its clocks half an hour later
	return notifier.Notice{
		Key: "alert-17-CREATE", Change: notifier.Create, Link: "https://tocsin.example/alerts/17", Node: "gate",
		Alert: alert.Alert{
			ID: 17, RuleName: "missing-pages", RuleVersion: 2, Owner: "admin", Title: "One address asks for what is not there: 192.0.2.7",
			Severity: alert.High, State: alert.Open, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, Origin: "live",
			First: first, Last: first.Add(time.Hour), Triggers: 3, Value: 12, Peak: 20, Limit: 8, Window: 10 * time.Minute, Reason: "count was 12 over 10m (limit: at least 8)",
			Samples: []json.RawMessage{[]byte(`{"@timestamp":"2026-03-29T00:30:00Z","message":"GET /x HTTP/1.1","http.response.status_code":404}`), []byte(`{"a":1,"b":"two"}`)},
		},
	}
}

func write(t *testing.T, own message.Templates, n notifier.Notice) message.Message {
	t.Helper()
	place, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w, err := message.New(own, place)
	if err != nil {
		t.Fatal(err)
	}
	return w.Write(n)
}

func TestShipped(t *testing.T) {
	m := write(t, message.Templates{}, notice())
	if want := "[HIGH] One address asks for what is not there: 192.0.2.7 (rule missing-pages)"; m.Subject != want || m.Problem != "" {
		t.Errorf("subject = %q, problem %q, want %q", m.Subject, m.Problem, want)
	}
	want := `▲ HIGH  One address asks for what is not there: 192.0.2.7

count was 12 over 10m (limit: at least 8)

Since     2026-03-29 01:30:00 CET
Last      2026-03-29 03:30:00 CEST, 3 in all
Measured  12, at its peak 20; the limit is 8 over 10m
source.ip 192.0.2.7
Rule      missing-pages, version 2, of admin
Alert     17  https://tocsin.example/alerts/17

Some of its events:
  2026-03-29 01:30:00 CET  GET /x HTTP/1.1
    a=1 b=two

-- 
tocsin on gate
`
	if m.Text != want {
		t.Errorf("text:\n%s\nwant:\n%s", m.Text, want)
	}
	for _, want := range []string{"<b>▲ HIGH</b>", `<a href="https://tocsin.example/alerts/17">17</a>`, "GET /x HTTP/1.1"} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("HTML lacks %s:\n%s", want, m.HTML)
		}
	}
	end := notice()
	end.Change, end.Alert.EndedAt = notifier.End, end.Alert.Last
	if m = write(t, message.Templates{}, end); !strings.HasPrefix(m.Subject, "[HIGH] ended: ") || !strings.Contains(m.Text, "Ended     2026-03-29 03:30:00 CEST") {
		t.Errorf("end is told as %q\n%s", m.Subject, m.Text)
	}
}

// An operator's template is used as far as it goes; parts that it leaves out are the shipped ones.
func TestOwn(t *testing.T) {
	m := write(t, message.Templates{Subject: "{{lower .Severity}} {{defang .Entity}}\n", Text: `{{range .By}}{{.Field}};{{end}}{{truncate 5 .Title}}`}, notice())
	if m.Subject != "high 192[.]0[.]2[.]7" || m.Text != "source.ip;One …" || !strings.Contains(m.HTML, "<h1") || m.Problem != "" {
		t.Errorf("message = %+v", m)
	}
}

// What is wrong with a template is told with its part and line, all at once.
func TestMistakes(t *testing.T) {
	_, err := message.New(message.Templates{Subject: "{{.Severity", Text: "a\nb {{nosuch .Title}}", HTML: strings.Repeat("x", message.MaxTemplate+1)}, nil)
	if err == nil {
		t.Fatal("foul templates are taken")
	}
	for _, want := range []string{"template subject:1: ", "template text:2: function \"nosuch\" not defined", "template html: 65537 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

// A template that fails at work, loops, calls itself or floods costs its wording, never the message.
func TestFallsBack(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field":   "{{.Nosuch}}",
		"counts for ever": "{{range 1000000000000}}{{end}}",
		"nested loops":    "{{range 1000}}{{range 1000}}{{range 1000000}}{{end}}{{end}}{{end}}",
		"counts a number": "{{$n := 100000000000}}{{range $n}}{{if true}}{{end}}{{end}}",
		"calls itself":    `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"calls another":   `{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{template "a" .}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"floods":          `{{range 9000}}{{printf "%100s" "x"}}{{end}}`,
		"index":           `{{index .By 7}}`,
		"call of nothing": `{{call .Title}}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, own := range []message.Templates{{Text: text}, {Subject: text}, {HTML: text}} {
				m := write(t, own, notice())
				if m.Problem == "" || !strings.Contains(m.Subject, "One address asks") || !strings.Contains(m.Text, "count was 12 over 10m") || !strings.Contains(m.Text, "the template was not used: template ") {
					t.Errorf("%+v: message = %+v", own, m)
				}
			}
		})
	}
}

// Nothing that stands in an alert can begin a line of a subject, a tag of HTML, or steer a terminal.
func TestForeignText(t *testing.T) {
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\r\nBcc: evil@example.com\r\n\r\nbody", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "\x1b[2J\x07", "a\u202egnp.exe", "{{.Title}}",
		"javascript:alert(1)", "\x00", "\xff\xfe", "--\n-- \n", "&lt;", "\u2028x",
	}))
	rapid.Check(t, func(t *rapid.T) {
		n := notice()
		evil := hostile.Draw(t, "text")
		field, _ := json.Marshal(evil)
		n.Alert.Title, n.Alert.Reason, n.Alert.RuleName, n.Node = evil, evil, evil, evil
		n.Alert.Entity = alert.Entity{{Field: "user.name", Value: evil}}
		n.Alert.Samples = []json.RawMessage{[]byte(`{"message":` + string(field) + `}`), []byte(evil)}
		w, err := message.New(message.Templates{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := w.Write(n)
		if m.Problem != "" {
			t.Fatal(m.Problem)
		}
		for _, r := range m.Subject {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u202e' {
				t.Fatalf("subject holds %q: %q", r, m.Subject)
			}
		}
		for _, r := range m.Text + m.HTML {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u202e' {
				t.Fatalf("body holds %q", r)
			}
		}
		if tags := strings.Count(m.HTML, "<"); tags != strings.Count(write2(t, w), "<") {
			t.Fatalf("text changes the tags of the HTML:\n%s", m.HTML)
		}
	})
}

// write2 is the same alert with harmless words.
func write2(t *rapid.T, w *message.Writer) string {
	t.Helper()
	n := notice()
	n.Alert.Samples = []json.RawMessage{[]byte(`{"message":"x"}`), []byte("x")}
	n.Alert.Entity = alert.Entity{{Field: "user.name", Value: "x"}}
	return w.Write(n).HTML
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", time.Second: "1s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 24 * time.Hour: "1d", 36 * time.Hour: "36h"} {
		if got := message.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}
