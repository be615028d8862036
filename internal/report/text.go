package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/api"
	"tocsin/internal/notifier"
)

// Bounds of a mail.
const (
	mailRows = 50
	mailCell = 60 // characters
)

const clock = "2006-01-02 15:04"

// Mail writes a result as a mail. Times are in a zone; link is the address of its page, "" for none.
func Mail(r *api.ReportResult, zone *time.Location, link string) notifier.Report {
	m := notifier.Report{Name: r.Report, Subject: "Report " + r.Report + ": " + what(r)}
	when := span(r, zone)
	if when != "" {
		m.Subject += ", " + when
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s", what(r))
	if when != "" {
		fmt.Fprintf(&b, ", %s", when)
	}
	b.WriteString("\n\n")
	switch {
	case r.Error != "":
		fmt.Fprintf(&b, "There is no answer: %s\n", r.Error)
	case len(r.Rows) == 0:
		b.WriteString("Nothing was found.\n")
	default:
		shown := r.Rows[:min(len(r.Rows), mailRows)]
		table(&b, r.Columns, shown, zone)
		if more := r.Others + int64(len(r.Rows)-len(shown)); more > 0 {
			fmt.Fprintf(&b, "and %d more\n", more)
		}
	}
	if r.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Note)
	}
	if late := r.Made.Sub(r.Due); late >= time.Minute && !r.Asked {
		fmt.Fprintf(&b, "\nIt was due at %s and made at %s.\n", r.Due.In(zone).Format(clock+" MST"), r.Made.In(zone).Format(clock+" MST"))
	}
	if link != "" {
		fmt.Fprintf(&b, "\n%s\n", link)
	}
	m.Text = b.String()
	return m
}

// what says what a result shows.
func what(r *api.ReportResult) string {
	if r.Title == "" {
		return "no answer"
	}
	return strings.ToLower(r.Title[:1]) + r.Title[1:]
}

// span writes the range of time that a result is about; "" when it has none.
func span(r *api.ReportResult, zone *time.Location) string {
	switch {
	case r.To.IsZero():
		return ""
	case r.From.IsZero():
		return "until " + r.To.In(zone).Format(clock+" MST")
	default:
		return r.From.In(zone).Format(clock) + " to " + r.To.In(zone).Format(clock+" MST")
	}
}

// cellText writes a cell for people: times in their zone.
func cellText(kind, text string, zone *time.Location) string {
	if kind != api.TimeColumn {
		return text
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return at.In(zone).Format(time.DateTime)
}

// table writes rows below each other, numbers to the right.
func table(b *strings.Builder, columns []api.ReportColumn, rows [][]string, zone *time.Location) {
	lines := make([][]string, 0, len(rows)+1)
	head := make([]string, len(columns))
	for c := range columns {
		head[c] = columns[c].Name
	}
	lines = append(lines, head)
	for _, row := range rows {
		line := make([]string, len(columns))
		for c := range line {
			if c < len(row) {
				line[c] = visible(cellText(columns[c].Kind, row[c], zone))
			}
		}
		lines = append(lines, line)
	}
	wide := make([]int, len(columns))
	for _, line := range lines {
		for c := range line {
			wide[c] = max(wide[c], utf8.RuneCountInString(line[c]))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for c := range columns {
			pad := strings.Repeat(" ", wide[c]-utf8.RuneCountInString(line[c]))
			if columns[c].Kind == api.NumberColumn || columns[c].Kind == api.BytesColumn {
				text.WriteString(pad + line[c] + "  ")
			} else {
				text.WriteString(line[c] + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

// visible is a cell of bounded width in which nothing moves what stands beside it.
func visible(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if r := []rune(s); len(r) > mailCell {
		return string(slices.Concat(r[:mailCell-1], []rune("…")))
	}
	return s
}
