// Package report makes what users have asked on a schedule: it says what may be asked, turns answers into results that are kept
// and mailed, and has them made when they are due. Who asks the questions and where results are kept is handed in.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/document"
	"tocsin/internal/fault"
	"tocsin/internal/schedule"
)

// Bounds of a report, and what is usual.
const (
	MostRows  = 1000
	UsualKeep = 12
	MostKeep  = 100
	PageRows  = 100 // of sessions and alerts, where nobody says
)

// A Spec is what a user set up, as it is kept.
type Spec struct {
	Address string `json:"address"`
	Every   string `json:"every"`
	At      string `json:"at,omitempty"`
	Day     string `json:"day,omitempty"`
	Rows    int    `json:"rows,omitempty"`
	Keep    int    `json:"keep"`
	Mail    bool   `json:"mail,omitempty"`
	Paused  bool   `json:"paused,omitempty"`
}

// Read reads what somebody sets up, with what is usual filled in, and the view that its address is. Whether the filter of the view is
// one is not looked at. now, in the zone of the owner, is what the address counts back from. Errors are fault.Invalid.
func Read(q api.ReportEdit, now time.Time) (Spec, *bookmark.View, error) {
	s := Spec{Every: q.Every, At: q.At, Day: q.Day, Rows: q.Rows, Keep: q.Keep, Mail: q.Mail, Paused: q.Paused}
	if s.Keep == 0 {
		s.Keep = UsualKeep
	}
	mistakes := []error{bookmark.CheckName("name", q.Name), s.Schedule().Validate()}
	if s.Rows < 0 || s.Rows > MostRows {
		mistakes = append(mistakes, document.At("rows", s.Rows, "1 to "+strconv.Itoa(MostRows)+", or 0 for as many as the page shows"))
	}
	if s.Keep < 1 || s.Keep > MostKeep {
		mistakes = append(mistakes, document.At("keep", s.Keep, "1 to "+strconv.Itoa(MostKeep)+" results"))
	}
	v, err := bookmark.Parse(q.Address, now)
	switch {
	case err != nil:
		mistakes = append(mistakes, err)
	case v.Page == bookmark.AlertsPage && (v.Alerts.Silenced != "" || v.Alerts.Group != ""):
		mistakes = append(mistakes, errors.New("address: silenced and group say how the page shows alerts, and a report has none of it (leave them out)"))
	default:
		s.Address = v.Address()
	}
	if err := errors.Join(mistakes...); err != nil {
		return s, nil, fault.New(fault.Invalid, "%w", err)
	}
	return s, v, nil
}

// Schedule says when the report is made.
func (s Spec) Schedule() schedule.Plan {
	return schedule.Plan{Every: s.Every, At: s.At, Day: s.Day}
}

// Encode writes a spec as JSON.
func (s Spec) Encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// Decode reads what Encode wrote. It does not validate.
func Decode(text string) (s Spec, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Spec{}, fmt.Errorf("decode report: %w", err)
	}
	return s, nil
}

// Limit is how many rows the answer to a view has at most.
func (s Spec) Limit(v *bookmark.View) int {
	switch {
	case s.Rows > 0:
		return s.Rows
	case v.Page == bookmark.RankingPage || v.Page == bookmark.SessionsPage && v.Flows.Rows != bookmark.FlowRows:
		return v.Flows.Rows
	default:
		return PageRows
	}
}
