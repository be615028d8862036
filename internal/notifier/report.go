package notifier

import (
	"time"

	"tocsin/internal/alert"
)

// A Report is what a report was answered once, in words.
type Report struct {
	Name    string `json:"name"`
	Subject string `json:"subject"` // one line
	Text    string `json:"text"`    // plain, with lines
}

// Standing returns an alert that stands for the report, for channels and templates that know alerts alone: it has no number, and
// nothing is wrong.
func (r *Report) Standing(at time.Time) alert.Alert {
	return alert.Alert{RuleName: "tocsin-report", State: alert.Open, Severity: alert.Info, First: at, Last: at, Updated: at, Triggers: 1, Title: r.Subject, Reason: r.Text}
}
