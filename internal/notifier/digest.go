package notifier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
)

// MaxLines bounds the alerts that one Digest names; the rest is counted.
const MaxLines = 50

// A Digest is what one Summary tells instead of many notices.
type Digest struct {
	Reason string    `json:"reason"` // why they were held, for people: "quiet hours until 07:00", "37 notices in a minute"
	Since  time.Time `json:"since"`  // when the first of them was held, and the last
	Until  time.Time `json:"until"`
	// Notices is how many it stands for. Lines are the alerts that they are about, most severe first and at most MaxLines; More
	// are the alerts left out.
	Notices int          `json:"notices"`
	Lines   []DigestLine `json:"lines"`
	More    int          `json:"more,omitempty"`
	// Severities counts the alerts, those of More too, by word.
	Severities map[string]int `json:"severities"`
	// Thread is the same in all summaries of one storm, of which the last is Final; else it is that of this one alone. Total are
	// the notices of that storm so far.
	Thread string `json:"thread"`
	Total  int    `json:"total,omitempty"`
	Final  bool   `json:"final,omitempty"`
}

// A DigestLine is one alert of a Digest, as its newest notice told it.
type DigestLine struct {
	Change Change      `json:"change"` // newest
	Alert  alert.Alert `json:"alert"`  // without samples
}

// Order puts the lines in the order in which they are told: the most severe first, what still goes on before what has ended, then
// the newest. It keeps MaxLines of them and counts the rest as More.
func (d *Digest) Order() {
	slices.SortStableFunc(d.Lines, func(a, b DigestLine) int {
		return cmp.Or(int(b.Alert.Severity)-int(a.Alert.Severity), ended(&a)-ended(&b), b.Alert.Last.Compare(a.Alert.Last), cmp.Compare(a.Alert.ID, b.Alert.ID))
	})
	if over := len(d.Lines) - MaxLines; over > 0 {
		d.Lines, d.More = slices.Clip(d.Lines[:MaxLines]), d.More+over
	}
}

func ended(l *DigestLine) int {
	if l.Change == End {
		return 1
	}
	return 0
}

// Alerts is how many alerts the digest is about.
func (d *Digest) Alerts() int { return len(d.Lines) + d.More }

// Count writes the alerts by severity, most severe first: "1 CRITICAL, 12 HIGH".
func (d *Digest) Count() string {
	var parts []string
	for s := alert.Critical; s >= alert.Info; s-- {
		if n := d.Severities[s.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// Standing returns an alert that stands for all that the digest tells, for channels and templates that know alerts alone: it has
// no number, the greatest severity, a title that counts and a reason that says why.
func (d *Digest) Standing() alert.Alert {
	a := alert.Alert{RuleName: "tocsin-summary", State: alert.Open, Severity: alert.Info, First: d.Since, Last: d.Until, Updated: d.Until, Triggers: int64(d.Notices)}
	for s := alert.Critical; s > alert.Info; s-- {
		if d.Severities[s.String()] > 0 {
			a.Severity = s
			break
		}
	}
	a.Title = fmt.Sprintf("%s about %s", plural(d.Notices, "notice"), plural(d.Alerts(), "alert"))
	a.Reason = d.Reason
	if count := d.Count(); count != "" {
		a.Reason += ": " + count
	}
	lasts := d.More > 0 || d.Total > 0 || slices.ContainsFunc(d.Lines, func(l DigestLine) bool { return l.Change != End })
	if d.Final || !lasts {
		a.State, a.EndedAt = alert.Ended, d.Until
	}
	return a
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
