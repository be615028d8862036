package message_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/message"
	"tocsin/internal/notifier"
)

// A message shows names before what has them, wherever that stands; in HTML a name is text.
func TestNames(t *testing.T) {
	w, err := message.New(message.Templates{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Alert{ID: 7, RuleName: "scan", Title: "Scan: 192.0.2.7", Severity: alert.High, State: alert.Open, Reason: "192.0.2.7 asked 300 ports", First: time.Unix(1, 0), Last: time.Unix(2, 0),
		Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, Names: map[string]string{"192.0.2.7": "web <b>1</b>"}}
	m := w.Write(notifier.Notice{Change: notifier.Create, Alert: a})
	if want := "Scan: web <b>1</b> (192.0.2.7)"; !strings.Contains(m.Subject, want) || strings.Count(m.Text, "web <b>1</b> (192.0.2.7)") != 3 {
		t.Errorf("subject %q and text\n%s\nlack names", m.Subject, m.Text)
	}
	if strings.Contains(m.HTML, "<b>1</b>") || strings.Count(m.HTML, "web &lt;b&gt;1&lt;/b&gt; (192.0.2.7)") != 4 {
		t.Errorf("HTML lacks names, or takes them for more than text:\n%s", m.HTML)
	}
	digest := &notifier.Digest{Reason: "many", Notices: 1, Lines: []notifier.DigestLine{{Change: notifier.Create, Alert: a}}}
	m = w.Write(notifier.Notice{Change: notifier.Summary, Alert: alert.Alert{Title: "1 alert", Severity: alert.High}, Digest: digest})
	if !strings.Contains(m.Text, "Scan: web <b>1</b> (192.0.2.7)") {
		t.Errorf("a summary lacks names:\n%s", m.Text)
	}
	a.Names = nil
	if m = w.Write(notifier.Notice{Change: notifier.Create, Alert: a}); !strings.Contains(m.Subject, "Scan: 192.0.2.7") || strings.Contains(m.Text, "()") {
		t.Errorf("without names: %q", m.Subject)
	}
}
