package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
)

// Bounds of what is exported at once.
const (
	exportPage = 1000
	exportMost = 100_000
)

// exportJSON returns where the API lists what a question asks for.
func exportJSON(q api.AlertRequest) string {
	v := url.Values{"limit": {strconv.Itoa(exportMost)}, "states": q.States, "user": {q.User}}
	for name, value := range map[string]string{"rule": q.Rule, "min_severity": q.MinSeverity, "text": q.Text} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	return "/api/v1/alerts?" + v.Encode()
}

// alertsCSV answers the list as a table for spreadsheets, page by page, so that it costs no memory.
func (s *site) alertsCSV(w http.ResponseWriter, r *http.Request) {
	q, err := bookmark.ReadAlerts(r.URL.Query()).Request(time.Now().UTC(), pageRows)
	if err != nil {
		s.refuse(w, r, "/alerts", err)
		return
	}
	q.Behind, q.Limit = "", exportPage
	page, err := s.Service.Alerts(r.Context(), q)
	if err != nil {
		s.refuse(w, r, "/alerts", err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="alerts.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "severity", "state", "title", "entity", "rule", "owner", "first", "last", "ended", "triggers", "value", "peak", "limit",
		"reason", "assignee", "acknowledged_by", "disposition", "closed_by", "name"}) // what fails is told by Error
	for n := 0; ; {
		for i := range page {
			_ = out.Write(csvRow(&page[i]))
		}
		out.Flush()
		if n += len(page); out.Error() != nil || len(page) < exportPage || n >= exportMost {
			return
		}
		q.Behind = api.AlertCursor(&page[len(page)-1])
		if page, err = s.Service.Alerts(r.Context(), q); err != nil {
			s.Log.Warn("export cut short", "rows", n, "err", err)
			panic(http.ErrAbortHandler) // so that nobody takes it for whole
		}
	}
}

func csvRow(a *alert.Alert) []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	names := ""
	if len(a.Names) > 0 {
		names = a.About()
	}
	row := []string{strconv.FormatInt(a.ID, 10), a.Severity.String(), string(a.State), a.Title, a.Entity.Key(), a.RuleName, a.Owner, when(a.First), when(a.Last),
		when(a.EndedAt), strconv.FormatInt(a.Triggers, 10), number(a.Value), number(a.Peak), number(a.Limit), a.Reason, a.Assignee, a.AckedBy, string(a.Disposition), a.ClosedBy, names}
	for i := range row {
		row[i] = cell(row[i])
	}
	return row
}

// cell keeps spreadsheets from taking foreign text for a formula, and takes out what does something to a terminal. Numbers
// stay.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	// What stands before the sign does not keep a spreadsheet from reading it.
	first := strings.TrimLeft(text, " ")
	if first == "" || !strings.ContainsRune("=+-@", rune(first[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(first, 64); err == nil {
		return text
	}
	return "'" + text
}
