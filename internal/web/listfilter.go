package web

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A listFilter is what the address of the list asks for.
type listFilter struct {
	State, Severity, Rule, Owner, Text, Since string

	Silenced string // "hide": without those that are silenced

	Group  string // "rule": grouped by rule
	Behind string // where the page before ended
}

// active are the states of alerts that are not over, which is what the list shows unless asked for others.
const active = "active"

// hide leaves silenced alerts out of what a page lists; they are counted all the same.
const hide = "hide"

// states are the choices of the filter.
func states() []choice {
	return []choice{{active, "not ended"}, {"open", "open"}, {"acknowledged", "acknowledged"}, {"ended", "ended"}, {"all", "all"}}
}

// sinces are the usual choices of how far back.
func sinces() []choice {
	return []choice{{"", "any time"}, {"15m", "15 minutes"}, {"1h", "1 hour"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}
}

// severities are the choices of the least severity, most severe first.
func severities() []choice {
	list := []choice{{"", "any severity"}}
	for s := alert.Critical; s > alert.Info; s-- {
		text := s.String()
		if s < alert.Critical {
			text += " and above"
		}
		list = append(list, choice{s.String(), text})
	}
	return list
}

// readFilter reads the filter from an address; what is too long is none.
func readFilter(q url.Values) listFilter {
	get := func(name string) string {
		text := strings.TrimSpace(q.Get(name))
		if len(text) > maxFilter {
			return ""
		}
		return text
	}
	f := listFilter{State: cmp.Or(get("state"), active), Severity: strings.ToUpper(get("severity")), Rule: get("rule"), Owner: get("owner"),
		Text: get("text"), Since: get("since"), Behind: get("behind")}
	if get("silenced") == hide {
		f.Silenced = hide
	}
	if get("group") == "rule" {
		f.Group = "rule"
	}
	return f
}

// address returns that of the list with this filter; Behind is left out.
func (f listFilter) address(path string) string {
	q := url.Values{}
	for name, value := range map[string]string{"severity": f.Severity, "rule": f.Rule, "owner": f.Owner, "text": f.Text, "since": f.Since, "group": f.Group, "silenced": f.Silenced} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.State != active {
		q.Set("state", f.State)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Any reports whether the filter leaves anything out besides what has ended.
func (f listFilter) Any() bool {
	return f.State != active || f.Severity != "" || f.Rule != "" || f.Owner != "" || f.Text != "" || f.Since != "" || f.Silenced != ""
}

// request is the question to the service.
func (f listFilter) request(now time.Time) (api.AlertRequest, error) {
	q := api.AlertRequest{Rule: f.Rule, User: cmp.Or(f.Owner, "*"), MinSeverity: f.Severity, Text: f.Text, Behind: f.Behind, Limit: pageRows}
	switch f.State {
	case active:
		q.States = []string{string(alert.Open), string(alert.Acknowledged)}
	case "all":
	default:
		q.States = []string{f.State}
	}
	if f.Since == "" {
		return q, nil
	}
	var err error
	if q.Since, err = api.ParseTime(f.Since, now); err != nil {
		return q, fault.New(fault.Invalid, "%w", err)
	}
	return q, nil
}
