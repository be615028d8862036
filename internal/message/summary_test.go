package message_test

import (
	"strings"
	"testing"

	"tocsin/internal/message"
	"tocsin/internal/notifier"
	"tocsin/internal/notifier/notifiertest"
)

// A summary names its alerts, in the shipped words and in an operator's own that know of summaries; others give way to the shipped
// ones, so that nothing is left out.
func TestSummary(t *testing.T) {
	for name, test := range map[string]struct {
		own     message.Templates
		subject string
		text    string
	}{
		"shipped":   {message.Templates{}, "[HIGH] 3 notices about 3 alerts: quiet hours until 07:00 CET", "▲ HIGH     2026-03-04 05:06:07 UTC  Scan of many hosts: 192.0.2.7, 3 in all, alert 17\n"},
		"own":       {message.Templates{Subject: "{{.Notices}} things", Text: "{{range .Lines}}* {{.Title}}{{end}} +{{.More}}"}, "3 things", "* Scan of many hosts: 192.0.2.7* Scan of many hosts: 192.0.2.7 +1"},
		"for alone": {message.Templates{Subject: "one: {{.Title}}", Text: "{{.Reason}}"}, "[HIGH] 3 notices about 3 alerts: quiet hours until 07:00 CET", "and 1 more"},
	} {
		w, err := message.New(test.own, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := w.Write(notifiertest.Summary())
		if m.Subject != test.subject || !strings.Contains(m.Text, test.text) || m.Problem != "" {
			t.Errorf("%s: %q\n%s\n%s", name, m.Subject, m.Text, m.Problem)
		}
		if test.own.Text == "" && strings.Count(m.HTML, "Scan of many hosts: 192.0.2.7") != 2 {
			t.Errorf("%s: %s", name, m.HTML)
		}
	}
}

// What a digest tells of is bounded, the most severe first, and the alert that stands for it has ended when all of them have.
func TestDigest(t *testing.T) {
	n := notifiertest.Summary()
	if n.Alert.State != "open" || n.Alert.Severity.String() != "HIGH" || n.Alert.ID != 0 {
		t.Errorf("standing = %+v", n.Alert)
	}
	d := *n.Digest
	for range 100 {
		d.Lines = append(d.Lines, d.Lines[0])
	}
	d.Lines[90].Alert.Severity++
	if d.Order(); len(d.Lines) != notifier.MaxLines || d.Lines[0].Alert.Severity.String() != "CRITICAL" || d.Alerts() != 103 {
		t.Errorf("%d lines, first %s, %d alerts", len(d.Lines), d.Lines[0].Alert.Severity, d.Alerts())
	}
	d.Lines, d.More = d.Lines[:1], 0
	d.Lines[0].Change = notifier.End
	if a := d.Standing(); a.State != "ended" || a.EndedAt.IsZero() {
		t.Errorf("standing of what has ended = %+v", a)
	}
}
