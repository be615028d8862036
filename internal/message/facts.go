package message

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// Facts are what templates speak of. All of it is text or lists of text, so that no template can count beyond what is
// there; times are in the reader's zone.
type Facts struct {
	Change   string // CREATE, UPDATE, END or SUMMARY
	News     string // the same for people: "", "again", "acknowledged by anna", "ended" or "summary"
	Severity string // INFO, LOW, MEDIUM, HIGH or CRITICAL
	Sign     string // a shape for the severity, for those who see no colours
	State    string // open, acknowledged or ended
	Title    string
	Entity   string
	Reason   string // one sentence with the values

	Rule, Version, Owner string
	Number               string // of the alert
	Origin               string // live or history

	First, Last, Ended string // "2026-11-21 10:00:00 CET"; Ended is empty while it lasts
	Triggers           string
	Value, Peak, Limit string
	Below              bool   // falling short of the limit was the fault
	Window             string // "10m", empty when there is none

	By      []alert.Pair // the entity, field by field, with names
	Samples []Sample

	// Of a summary: why there is one, else ""; what it stands for, alert by alert; and how many more there are. What stands above
	// is then that of an alert that stands for all of them, which has no number.
	Summary string
	Lines   []Line
	More    string
	Notices string

	Link string // to the alert's page; empty when it is not known
	Node string // the tocsin that says so
	User string // whom it is for; empty when it is for a whole site
}

// A Line is one alert in a summary.
type Line struct {
	News     string // as in Facts
	Severity string
	Sign     string
	Title    string
	Number   string
	Last     string
	Triggers string
}

// A Sample is one of the events that led to the alert.
type Sample struct {
	Time   string
	Text   string // its message, or its fields
	Fields []alert.Pair
}

const timeLayout = "2006-01-02 15:04:05 MST"

// NewFacts gathers what can be said of a notice.
func NewFacts(n notifier.Notice, zone *time.Location) Facts {
	a := &n.Alert
	f := Facts{
		Change: string(n.Change), News: news(n.Change, a),
		Severity: a.Severity.String(), Sign: sign(a.Severity), State: string(a.State), Title: a.WithNames(a.Title), Entity: a.About(), Reason: a.WithNames(a.Reason),
		Rule: a.RuleName, Version: strconv.Itoa(a.RuleVersion), Owner: a.Owner, Number: strconv.FormatInt(a.ID, 10), Origin: a.Origin,
		First: stamp(a.First, zone), Last: stamp(a.Last, zone), Ended: stamp(a.EndedAt, zone), Triggers: strconv.FormatInt(a.Triggers, 10),
		Value: number(a.Value), Peak: number(a.Peak), Limit: number(a.Limit), Below: a.Below, Window: Duration(a.Window),
		By: called(a), Link: n.Link, Node: n.Node, User: n.User,
	}
	if n.Digest != nil {
		f.digest(n.Digest, zone)
	}
	f.flaps(n.Change, a)
	for _, raw := range a.Samples {
		f.Samples = append(f.Samples, sample(raw, zone))
	}
	return f
}

// called returns the entity with the names that people gave its values.
func called(a *alert.Alert) []alert.Pair {
	by := slices.Clone(a.Entity)
	for i := range by {
		by[i].Value = alert.Called(a.Names[by[i].Value], by[i].Value)
	}
	return by
}

// news says what happened, for people; a beginning needs no word.
func news(c notifier.Change, a *alert.Alert) string {
	switch {
	case c == notifier.End:
		return "ended"
	case c == notifier.Summary:
		return "summary"
	case c == notifier.Update && a.State == alert.Acknowledged:
		return "acknowledged by " + a.AckedBy
	case c == notifier.Update:
		return "again"
	}
	return ""
}

// digest tells what a summary stands for.
func (f *Facts) digest(d *notifier.Digest, zone *time.Location) {
	f.Summary, f.Notices, f.Number = d.Reason, strconv.Itoa(d.Notices), ""
	if d.More > 0 {
		f.More = strconv.Itoa(d.More)
	}
	for i := range d.Lines {
		a := &d.Lines[i].Alert
		f.Lines = append(f.Lines, Line{
			News: news(d.Lines[i].Change, a), Severity: a.Severity.String(), Sign: sign(a.Severity), Title: a.WithNames(a.Title), Number: strconv.FormatInt(a.ID, 10),
			Last: stamp(a.Last, zone), Triggers: strconv.FormatInt(a.Triggers, 10),
		})
	}
}

// flaps says of an alert that comes and goes, or just did, that this is one state.
func (f *Facts) flaps(change notifier.Change, a *alert.Alert) {
	switch {
	case a.Turns == 0:
	case !a.Flapping.IsZero():
		if change == notifier.Update {
			f.News = "flapping"
		}
		f.Reason += fmt.Sprintf(" (it comes and goes, %d times so far; what becomes of it is told when it is steady)", a.Turns)
	case change == notifier.Update:
		f.News = "steady"
		f.Reason += fmt.Sprintf(" (it came and went %d times, and goes on)", a.Turns)
	case change == notifier.End:
		f.Reason += fmt.Sprintf(" (it came and went %d times)", a.Turns)
	}
}

func stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(timeLayout)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Duration writes a length of time as people and rules do: 90m, 1h, 36h, 7d; "" for none.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d <= 0 {
		return ""
	}
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// sign is a shape that grows with the severity.
func sign(s alert.Severity) string {
	return [...]string{"", "○", "●", "■", "▲", "◆"}[min(int(s), int(alert.Critical))]
}

func sample(raw json.RawMessage, zone *time.Location) Sample {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return Sample{Text: string(raw)}
	}
	var s Sample
	for name, v := range fields {
		text, ok := v.(string)
		if !ok {
			packed, err := json.Marshal(v)
			if err != nil {
				continue // cannot be: it came from JSON
			}
			text = string(packed)
		}
		switch name {
		case "@timestamp":
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				s.Time = stamp(at, zone)
			}
		case "message":
			s.Text = text
		}
		s.Fields = append(s.Fields, alert.Pair{Field: name, Value: text})
	}
	slices.SortFunc(s.Fields, func(a, b alert.Pair) int { return strings.Compare(a.Field, b.Field) })
	if s.Text == "" {
		var parts []string
		for _, p := range s.Fields {
			if p.Field != "@timestamp" {
				parts = append(parts, p.Field+"="+p.Value)
			}
		}
		s.Text = strings.Join(parts, " ")
	}
	return s
}
