package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/define"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

const (
	rulesPath = "/rules"
	ruleRows  = 200 // that are listed at once
)

// What the forms about rules say, beside preview and save.
const (
	letRule    = "letrule"
	restRule   = "restrule"
	removeRule = "removerule"
)

// A rulesPage lists rules.
type rulesPage struct {
	frame

	Rules   []ruleRow // that are listed, those that stand in no file first
	Found   int       // that the text selects
	Text    string    // that name, title, owner, filter or detector contain
	May     bool      // who looks may make rules
	Problem string
	Form    form
}

// A ruleRow is a rule as a page shows it.
type ruleRow struct {
	api.Rule

	Level    alert.Severity // 0 of a rule that cannot be read
	May      bool           // who looks may change it
	Standing int64          // alerts of it that have not ended
}

// Address is where the page of the rule is.
func (r ruleRow) Address() string { return rulesPath + "/" + strconv.FormatInt(r.ID, 10) }

// Alerts is the address of the list of its alerts.
func (r ruleRow) Alerts() string {
	q := url.Values{"rule": {r.Name}}
	if r.Owner != "" {
		q.Set("owner", r.Owner)
	}
	return "/alerts?" + q.Encode()
}

// Sentence is the address of the form that changes it as one sentence; "" where it is none, or not for who looks to change.
func (r ruleRow) Sentence() string {
	if !r.May {
		return ""
	}
	if _, ok := define.Read(r.Text); !ok {
		return ""
	}
	return definePath + "?rule=" + strconv.FormatInt(r.ID, 10)
}

// ruleRows returns all rules that who asks may see, those that stand in no file first, then by name.
func (s *site) ruleRows(r *http.Request) ([]ruleRow, error) {
	found, err := s.Service.Rules(r.Context(), api.RuleRequest{Owner: "*"})
	if err != nil {
		return nil, err
	}
	who := api.Caller(r.Context())
	may := who.May(permission.ChangeRule) == nil
	rows := make([]ruleRow, len(found))
	for i, one := range found {
		level, _ := alert.ParseSeverity(one.Severity) // one that cannot be read has none
		rows[i] = ruleRow{Rule: one, Level: level, May: may && !one.ReadOnly && (who.Admin || one.Owner != "" && one.Owner == who.User)}
	}
	slices.SortStableFunc(rows, func(a, b ruleRow) int {
		if a.ReadOnly != b.ReadOnly {
			return cmp.Compare(a.File, b.File) // of those in no file it is empty
		}
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Owner, b.Owner))
	})
	return rows, nil
}

// ruleNumbered returns the rule of a number as it stands in an address or a form.
func (s *site) ruleNumbered(r *http.Request, number string) (ruleRow, error) {
	rows, err := s.ruleRows(r)
	if err != nil {
		return ruleRow{}, err
	}
	for _, row := range rows {
		if strconv.FormatInt(row.ID, 10) == number {
			return row, nil
		}
	}
	return ruleRow{}, fault.New(fault.NotFound, "no rule %q: it was deleted, or is not for you to see", number)
}

func (s *site) rules(w http.ResponseWriter, r *http.Request) {
	s.rulesWith(w, r, http.StatusOK, form{})
}

func (s *site) rulesWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	p := rulesPage{frame: s.frame(r, "Rules", rulesPath), Form: f, Text: strings.TrimSpace(r.URL.Query().Get("text"))}
	p.May = p.User.May(permission.ChangeRule) == nil
	rows, err := s.ruleRows(r)
	if err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	for _, row := range rows {
		if text := strings.ToLower(strings.Join([]string{row.Name, row.Title, row.Owner, row.Where, row.Detect, row.Severity, row.From}, "\n")); strings.Contains(text, strings.ToLower(p.Text)) {
			p.Rules = append(p.Rules, row)
		}
	}
	p.Found = len(p.Rules)
	p.Rules = p.Rules[:min(p.Found, ruleRows)]
	if err == nil {
		if err = s.countStanding(r, p.Rules); err != nil {
			p.Problem, code = s.explain(r, err), max(code, status(err))
		}
	}
	s.show(w, code, "rules.html", p)
}

// countStanding fills in how many alerts of each rule have not ended.
func (s *site) countStanding(r *http.Request, rows []ruleRow) error {
	counts, err := s.Service.CountAlerts(r.Context(), api.AlertRequest{States: []string{string(alert.Open), string(alert.Acknowledged)}})
	if err != nil {
		return err
	}
	type key struct{ name, owner string }
	standing := map[key]int64{}
	for _, c := range counts {
		standing[key{c.Rule, c.Owner}] += c.Alerts
	}
	for i := range rows {
		rows[i].Standing = standing[key{rows[i].Name, rows[i].Owner}]
	}
	return nil
}

// changeRules does what a form of the list says.
func (s *site) changeRules(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err == nil {
		var row ruleRow
		if row, err = s.ruleNumbered(r, f.Typed("rule")); err == nil {
			err = s.handleRule(r, row, f.Act)
		}
	}
	if err == nil {
		again(w, r, rulesPath, f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	s.rulesWith(w, r, status(err), f)
}

// handleRule lets a rule judge or rest, or deletes it.
func (s *site) handleRule(r *http.Request, row ruleRow, act string) error {
	switch act {
	case letRule, restRule:
		return s.Service.EnableRule(r.Context(), row.Owner, row.Name, act == letRule)
	case removeRule:
		return s.Service.DeleteRule(r.Context(), row.Owner, row.Name)
	default:
		return fault.New(fault.Invalid, "act %q: want %s, %s or %s", act, letRule, restRule, removeRule)
	}
}
