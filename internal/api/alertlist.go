package api

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
)

// An AlertCount is how many alerts there are of one rule, severity and state.
type AlertCount struct {
	Rule     string         `json:"rule"`
	Owner    string         `json:"owner"`
	Severity alert.Severity `json:"severity"`
	State    alert.State    `json:"state"`
	Alerts   int64          `json:"alerts"`
	Triggers int64          `json:"triggers"`
	Last     time.Time      `json:"last"` // newest trigger of all of them
}

// AlertCursor says where in a list of alerts, newest trigger first, an alert stands: AlertRequest.Behind takes it. It stays
// right while other alerts come and go.
func AlertCursor(a *alert.Alert) string {
	return strconv.FormatInt(a.Last.UnixNano(), 10) + "." + strconv.FormatInt(a.ID, 10)
}

// ParseAlertCursor is the inverse of AlertCursor.
func ParseAlertCursor(text string) (last time.Time, id int64, err error) {
	nanos, number, _ := strings.Cut(text, ".")
	n, wrong := strconv.ParseInt(nanos, 10, 64)
	id, bad := strconv.ParseInt(number, 10, 64)
	if wrong != nil || bad != nil || id < 1 {
		return time.Time{}, 0, fault.New(fault.Invalid, "behind: got %q, want the place of an alert in the list", text)
	}
	return time.Unix(0, n).UTC(), id, nil
}
