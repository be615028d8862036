package web

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
)

// newestResult stands in an address for the newest result of a report.
const newestResult = "newest"

// A resultPage shows what a report was answered once.
type resultPage struct {
	frame

	Result api.ReportResult
	Table  resultTable
	Live   string // the page that asks the same now, of the same time
	CSV    string
}

// A resultTable is the answer to a report as its page and its widget show it.
type resultTable struct {
	Heads []resultHead
	Rows  []resultRow
	Chart *chart // nil when there is nothing to draw
	Keyed bool   // the first head is of what the rows are about
}

// A resultHead is the head of a column, a resultRow a row and a resultCell what stands in it.
type (
	resultHead struct {
		Name   string
		Number bool
	}
	resultRow struct {
		Name  string // whom it is about
		Place int    // in the chart
		Cells []resultCell
	}
	resultCell struct {
		Of     string // the column
		Text   string
		Time   time.Time
		Number bool
		To     string // the page of what it names; "" for none
	}
)

// briefCell is how many characters a cell has at most that is not broken into lines: as many as the longest address.
const briefCell = 40

// Brief reports whether a cell is not broken into lines.
func (c resultCell) Brief() bool { return utf8.RuneCountInString(c.Text) <= briefCell }

func (s *site) result(w http.ResponseWriter, r *http.Request) {
	one, err := s.resultOf(r.Context(), r.PathValue("report"), r.PathValue("result"))
	if err != nil {
		s.refuse(w, r, "/me", err)
		return
	}
	p := resultPage{frame: s.frame(r, one.Report, "/me"), Result: one, Table: newResultTable(&one, len(one.Rows)), CSV: one.Page() + "/csv", Live: liveAddress(&one)}
	s.show(w, http.StatusOK, "result.html", &p)
}

// resultOf returns a result by what stands in an address.
func (s *site) resultOf(ctx context.Context, report, id string) (api.ReportResult, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	switch {
	case id == newestResult:
		n = 0
	case err != nil || n < 1:
		return api.ReportResult{}, fault.New(fault.NotFound, "report %q has no result %q", report, id)
	}
	return s.Service.ReportResult(ctx, api.ResultRef{Report: report, ID: n})
}

// liveAddress is that of the page that a result was the answer of, asking for the same time; "" where there is none any more.
func liveAddress(r *api.ReportResult) string {
	v, err := bookmark.Parse(r.Address, r.Due)
	if err != nil {
		return ""
	}
	instant := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if !r.From.IsZero() {
		v.Flows.Since, v.Alerts.Since = instant(r.From), instant(r.From)
	}
	if !r.To.IsZero() {
		v.Flows.Until = instant(r.To)
	}
	return v.Address()
}

// newResultTable makes the table and the picture of a result, with so many rows at most.
func newResultTable(r *api.ReportResult, rows int) resultTable {
	keys := min(max(r.Keys, 0), len(r.Columns))
	t := resultTable{Keyed: keys > 0}
	if t.Keyed {
		t.Heads = append(t.Heads, resultHead{Name: entityHead(r, keys)})
	}
	for _, c := range r.Columns[keys:] {
		t.Heads = append(t.Heads, resultHead{c.Name, numeric(c.Kind)})
	}
	var drawn []trafficRow
	for i, cells := range r.Rows {
		row := resultRow{Place: i}
		cells = append(slices.Clone(cells), make([]string, len(r.Columns))...)[:len(r.Columns)] // one for each column, whatever was kept
		row.Name = entityName(cells[:keys], nil)
		for n, c := range r.Columns[keys:] {
			row.Cells = append(row.Cells, newResultCell(c, cells[keys+n]))
		}
		if i < rows {
			t.Rows = append(t.Rows, row)
		}
		if i < len(r.Lines) {
			drawn = append(drawn, trafficRow{Name: row.Name, Place: i, TrafficRow: api.TrafficRow{Line: r.Lines[i]}})
		}
	}
	if len(drawn) > 0 {
		until := r.To
		if until.IsZero() {
			until = r.Due
		}
		t.Chart = newChart(&api.TrafficAnswer{Start: r.Start, Bucket: r.Bucket}, drawn, r.Rank, until)
	}
	return t
}

// entityHead is the head of the column of what a result ranks: that of the page where its address tells, else the fields.
func entityHead(r *api.ReportResult, keys int) string {
	if v, err := bookmark.Parse(r.Address, r.Due); err == nil && v.Page == bookmark.RankingPage {
		return name(bookmark.Bys(), v.Flows.By)
	}
	var names []string
	for _, c := range r.Columns[:keys] {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ↔ ")
}

func numeric(kind string) bool { return kind == api.NumberColumn || kind == api.BytesColumn }

// newResultCell reads a cell as its column says. What is not of that kind is shown as it is.
func newResultCell(c api.ReportColumn, text string) resultCell {
	cell := resultCell{Of: c.Name, Text: text, Number: numeric(c.Kind)}
	switch c.Kind {
	case api.NumberColumn:
		id, noID := strconv.ParseUint(text, 10, 63)
		v, err := strconv.ParseFloat(text, 64)
		switch {
		case strings.HasSuffix(c.Name, " port") || strings.HasSuffix(c.Name, " as"): // which names something
		case c.Name == "alert" && noID == nil:
			cell.To = fmt.Sprintf("/alerts/%d", id)
		case err == nil:
			cell.Text = count(v)
		}
	case api.BytesColumn:
		if v, err := strconv.ParseUint(text, 10, 64); err == nil {
			cell.Text = octets(v)
		}
	case api.TimeColumn:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			cell.Time = at
		}
	}
	return cell
}

// Late reports whether a result was made so long after it was due that this should be told.
func (p *resultPage) Late() bool { return p.Result.Made.Sub(p.Result.Due) >= time.Minute }

// Zone is that of the owner of the result.
func (p *resultPage) Zone() string { return cmp.Or(p.Result.Zone, "UTC") }

// resultCSV answers the rows of a result as a table for spreadsheets.
func (s *site) resultCSV(w http.ResponseWriter, r *http.Request) {
	one, err := s.resultOf(r.Context(), r.PathValue("report"), r.PathValue("result"))
	if err == nil && one.Error != "" {
		err = fault.New(fault.NotFound, "this result has no rows: %s", one.Error)
	}
	if err != nil {
		s.refuse(w, r, "/me", err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="report-%d.csv"`, one.ID))
	out := csv.NewWriter(w)
	line := make([]string, 0, len(one.Columns))
	for _, c := range one.Columns {
		line = append(line, cell(c.Name))
	}
	_ = out.Write(line) // the asker may be gone
	for _, row := range one.Rows {
		line = line[:0]
		for _, text := range row {
			line = append(line, cell(text))
		}
		_ = out.Write(line)
	}
	out.Flush()
}
