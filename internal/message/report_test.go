package message_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

// What a report was answered is told in its own words, also by who has templates of his own for alerts; nothing in it is HTML, a
// header or a control of a terminal.
func TestReported(t *testing.T) {
	n := notifier.Notice{Change: notifier.Reported, Node: "vm", Report: &notifier.Report{
		Name: "r", Subject: "Report r\r\nBcc: x: " + strings.Repeat("ä", 500), Text: "host   bytes\n<b>x</b>  1\x1b[31m\u202e\n",
	}}
	n.Alert = n.Report.Standing(time.Unix(0, 0))
	for what, own := range map[string]message.Templates{"shipped": {}, "own": {Text: "alert {{.Number}}", Subject: "mine"}} {
		w, err := message.New(own, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := w.Write(n)
		if m.Problem != "" || !strings.HasPrefix(m.Subject, "Report r Bcc: x: ä") || strings.ContainsAny(m.Subject, "\r\n") || len([]rune(m.Subject)) > 200 {
			t.Errorf("%s: the subject is %q, %s", what, m.Subject, m.Problem)
		}
		if m.Text != "host   bytes\n<b>x</b>  1\ufffd[31m\ufffd\n\n-- \ntocsin on vm\n" {
			t.Errorf("%s: the text is %q", what, m.Text)
		}
		if !strings.Contains(m.HTML, "&lt;b&gt;x&lt;/b&gt;") || strings.Contains(m.HTML, "<b>") {
			t.Errorf("%s: the HTML is %q", what, m.HTML)
		}
	}
}
