package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// A tried is what a rule that is not kept yet would have found.
type tried struct {
	Preview  *api.BackTestAnswer // nil: it was not tried
	Since    time.Time
	Sentence string // of what was tried; "" where there is none
	Number   string // that is suggested, as it is typed
}

// backs are how far a preview looks back.
func backs() []choice { return []choice{{"1d", "day"}, {"7d", "week"}} }

// backTest asks what a rule would have found, no longer than somebody waits.
func (s *site) backTest(r *http.Request, q api.BackTestRequest) (api.BackTestAnswer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), previewLimit)
	defer cancel()
	a, err := s.Service.BackTest(ctx, q)
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		err = fault.New(fault.Unavailable, "it takes longer than %s: look back for a shorter time, or ask by `tocsin rules define --back-test` or `tocsin detect --rule`", span(previewLimit))
	}
	return a, err
}

// lookBack reads since when a preview is to look.
func lookBack(f form) (time.Time, error) {
	back, err := api.ParseDuration(cmp.Or(f.Typed("back"), backs()[0].Word))
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "look back: %w", err)
	}
	return time.Now().Add(-back), nil
}

// A rulePage shows one rule, or makes one, as its text.
type rulePage struct {
	frame
	tried

	Rule  ruleRow // without a number it is to be made
	Text  string  // in the form
	Backs []choice
	Form  form
}

func (s *site) rule(w http.ResponseWriter, r *http.Request) {
	row, err := s.ruleNumbered(r, r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, rulesPath, err)
		return
	}
	s.ruleWith(w, r, http.StatusOK, rulePage{Rule: row, Text: row.Text})
}

// newRuleText is what the form of a rule that is to be made begins with.
const newRuleText = `name: 
title: 
from: log
where: 
detect: {threshold: {by: [source.ip], over: 10m, at_least: 10}}
severity: MEDIUM
`

func (s *site) newRule(w http.ResponseWriter, r *http.Request) {
	if err := api.Caller(r.Context()).May(permission.ChangeRule); err != nil {
		s.refuse(w, r, rulesPath, err)
		return
	}
	s.ruleWith(w, r, http.StatusOK, rulePage{Rule: ruleRow{May: true}, Text: newRuleText})
}

func (s *site) ruleWith(w http.ResponseWriter, r *http.Request, code int, p rulePage) {
	p.frame = s.frame(r, cmp.Or(p.Rule.Name, "New rule"), rulesPath)
	p.Backs = backs()
	s.show(w, code, "rule.html", p)
}

// changeRule does what the form of a rule, or of one that is to be made, says.
func (s *site) changeRule(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	p := rulePage{Rule: ruleRow{May: true}, Form: f}
	if number := r.PathValue("id"); err == nil && number != "" {
		if p.Rule, err = s.ruleNumbered(r, number); err != nil {
			s.refuse(w, r, rulesPath, err)
			return
		}
	}
	p.Text = p.Rule.Text
	if err == nil {
		to := p.Rule.Address()
		switch f.Act {
		case preview:
			p.Text, err = typedRule(f), s.tryRule(r, &p)
			to = ""
		case save:
			p.Text = typedRule(f)
			to, err = s.keepRule(r, p.Rule, f)
		case removeRule:
			to, err = rulesPath+"?done="+removeRule, s.handleRule(r, p.Rule, f.Act)
		default:
			to, err = to+"?done="+f.Act, s.handleRule(r, p.Rule, f.Act)
		}
		if err == nil && to != "" {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
	}
	code := http.StatusOK
	if err != nil {
		p.Form.Problem, code = s.explain(r, err), status(err)
	}
	s.ruleWith(w, r, code, p)
}

// typedRule is the text of a rule as it was typed; browsers end lines as forms do.
func typedRule(f form) string { return strings.ReplaceAll(f.Typed("text"), "\r\n", "\n") }

// ownerOf is whose a rule is, or is to be.
func ownerOf(row ruleRow, f form) string {
	if row.ID != 0 {
		return row.Owner
	}
	return strings.TrimSpace(f.Typed("owner"))
}

// tryRule fills in what the typed rule would have found.
func (s *site) tryRule(r *http.Request, p *rulePage) (err error) {
	if p.Since, err = lookBack(p.Form); err != nil {
		return err
	}
	a, err := s.backTest(r, api.BackTestRequest{Owner: ownerOf(p.Rule, p.Form), Text: typedRule(p.Form), Since: p.Since, Limit: previewHits})
	if err == nil {
		p.Preview = &a
	}
	return err
}

// keepRule keeps the typed rule and returns where to go on.
func (s *site) keepRule(r *http.Request, row ruleRow, f form) (to string, err error) {
	kept, err := s.Service.PutRule(r.Context(), api.RuleEdit{Owner: ownerOf(row, f), Text: typedRule(f), Replace: row.ID != 0})
	if err != nil {
		return "", err
	}
	return rulesPath + "/" + strconv.FormatInt(kept.ID, 10) + "?done=" + keptWord(kept, "keptrule"), nil
}

// keptWord is what is said of a rule that was kept: word, unless it names a list that is not there.
func keptWord(kept api.Rule, word string) string {
	if len(kept.MissingLists) > 0 {
		return "keptwithout"
	}
	return word
}
