package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/api"
)

// Bounds of what is kept of one result.
const (
	maxBody  = 256 << 10 // bytes of its rows and all else that lists do not tell, as JSON
	maxCell  = 300       // characters of a cell
	maxError = 1000      // bytes of an error
)

// Bound makes a result one that can be kept: rows that do not fit are cut off at the end, which it says.
func Bound(r *api.ReportResult) error {
	r.Error = cutText(r.Error, maxError)
	if len(r.Rows) > MostRows {
		r.Rows, r.Others, r.Truncated = r.Rows[:MostRows], r.Others+int64(len(r.Rows)-MostRows), true
	}
	for _, row := range r.Rows {
		for c := range row {
			row[c] = cutText(row[c], maxCell)
		}
	}
	rows := r.Rows
	r.Rows = nil
	text, err := json.Marshal(bodyOf(r))
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	room, fit := maxBody-len(text)-len(`,"rows":[]`), 0
	for ; fit < len(rows); fit++ {
		text, err := json.Marshal(rows[fit])
		if err != nil {
			return fmt.Errorf("encode result: %w", err)
		}
		if room -= len(text) + 1; room < 0 {
			break
		}
	}
	if fit < len(rows) {
		r.Others, r.Truncated = r.Others+int64(len(rows)-fit), true
	}
	r.Rows, r.Count = rows[:fit], fit
	r.Lines = r.Lines[:min(len(r.Lines), fit)]
	return nil
}

// cutText cuts a text to so many characters and makes it one line.
func cutText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most-1]) + "…"
	}
	return s
}

// bodyOf is what lists of results leave out.
func bodyOf(r *api.ReportResult) *api.ReportResult {
	return &api.ReportResult{Note: r.Note, Columns: r.Columns, Rows: r.Rows, Start: r.Start, Bucket: r.Bucket, Lines: r.Lines, Rank: r.Rank, Keys: r.Keys}
}

// A keptHead is what lists tell of a result, and for whom it was made.
type keptHead struct {
	api.ReportResult

	Sight string `json:"sight,omitempty"`
}

// EncodeResult writes what is kept of a result: what lists tell, and the rest. Its number and name are not in it. Sight says in any
// words, which DecodeResult gives back, what its owner might see when it was made.
func EncodeResult(r *api.ReportResult, sight string) (head, body string, err error) {
	short := *r
	short.ID, short.Report = 0, ""
	short.Note, short.Columns, short.Rows, short.Start, short.Bucket, short.Lines, short.Rank, short.Keys = "", nil, nil, time.Time{}, 0, nil, "", 0
	h, errHead := json.Marshal(keptHead{short, sight})
	b, errBody := json.Marshal(bodyOf(r))
	return string(h), string(b), errors.Join(errHead, errBody)
}

// DecodeResult reads what EncodeResult wrote; body may be left out.
func DecodeResult(head, body string) (r api.ReportResult, sight string, err error) {
	var kept keptHead
	if body != "" {
		if err := json.Unmarshal([]byte(body), &kept.ReportResult); err != nil {
			return r, "", fmt.Errorf("decode result: %w", err)
		}
	}
	if err := json.Unmarshal([]byte(head), &kept); err != nil { // it says nothing of what the body has
		return r, "", fmt.Errorf("decode result: %w", err)
	}
	return kept.ReportResult, kept.Sight, nil
}
