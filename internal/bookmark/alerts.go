package bookmark

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// An Alerts is what an address of the list of alerts asks for.
type Alerts struct {
	State, Severity, Rule, Owner, Text, Since string

	Silenced string // Hide: without those that are silenced

	Group  string // ByRule: grouped by rule
	Behind string // where the page before ended; no address that is kept has it
}

// Words of the list of alerts.
const (
	Active = "active" // states of alerts that are not over, which is what the list shows unless asked for others
	Hide   = "hide"   // leaves silenced alerts out of what the page lists; they are counted all the same
	ByRule = "rule"
)

// States are the choices of the state.
func States() []Choice {
	return []Choice{{Active, "not ended"}, {"open", "open"}, {"acknowledged", "acknowledged"}, {"ended", "ended"}, {"all", "all"}}
}

// Sinces are the usual choices of how far back.
func Sinces() []Choice {
	return []Choice{{"", "any time"}, {"15m", "15 minutes"}, {"1h", "1 hour"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}
}

// Severities are the choices of the least severity, most severe first.
func Severities() []Choice {
	list := []Choice{{"", "any severity"}}
	for s := alert.Critical; s > alert.Info; s-- {
		text := s.String()
		if s < alert.Critical {
			text += " and above"
		}
		list = append(list, Choice{s.String(), text})
	}
	return list
}

// ReadAlerts reads what an address asks for; what is too long is not asked for.
func ReadAlerts(q url.Values) Alerts {
	get := func(name string) string {
		text := strings.TrimSpace(q.Get(name))
		if len(text) > maxValue {
			return ""
		}
		return text
	}
	a := Alerts{State: cmp.Or(get("state"), Active), Severity: strings.ToUpper(get("severity")), Rule: get("rule"), Owner: get("owner"),
		Text: get("text"), Since: get("since"), Behind: get("behind")}
	if get("silenced") == Hide {
		a.Silenced = Hide
	}
	if get("group") == ByRule {
		a.Group = ByRule
	}
	return a
}

// Address returns that of a page that asks for this; Behind is left out.
func (a Alerts) Address(path string) string {
	q := url.Values{}
	for name, value := range map[string]string{"severity": a.Severity, "rule": a.Rule, "owner": a.Owner, "text": a.Text, "since": a.Since, "group": a.Group, "silenced": a.Silenced} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if a.State != Active {
		q.Set("state", a.State)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Any reports whether anything is left out besides what has ended.
func (a Alerts) Any() bool {
	return a.State != Active || a.Severity != "" || a.Rule != "" || a.Owner != "" || a.Text != "" || a.Since != "" || a.Silenced != ""
}

// Request is the question to the service, for so many alerts.
func (a Alerts) Request(now time.Time, limit int) (api.AlertRequest, error) {
	q := api.AlertRequest{Rule: a.Rule, User: cmp.Or(a.Owner, "*"), MinSeverity: a.Severity, Text: a.Text, Behind: a.Behind, Limit: limit}
	switch a.State {
	case Active:
		q.States = []string{string(alert.Open), string(alert.Acknowledged)}
	case "all":
	default:
		q.States = []string{a.State}
	}
	if a.Since == "" {
		return q, nil
	}
	var err error
	if q.Since, err = api.ParseTime(a.Since, now); err != nil {
		return q, fault.New(fault.Invalid, "%w", err)
	}
	return q, nil
}
