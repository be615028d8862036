package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/define"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

const (
	definePath = "/flows/alert"
	// previewLimit bounds how long somebody waits for what a definition would have found.
	previewLimit = time.Minute
	previewHits  = 50
	// suggestFor is how many entities may fire with the limit that is suggested.
	suggestFor = 5
)

// A definePage makes an alert about flows, as one sentence with blanks.
type definePage struct {
	frame
	tried

	Rule       *ruleRow // that is changed; nil for a new one
	Form       form
	Metrics    []string
	Entities   []string
	Spans      []string // intervals that are offered
	Severities []string
	Backs      []choice
}

// defineForm returns the form of a question about flows, for what the page of flows ranks.
func defineForm(q url.Values) form {
	ask := bookmark.ReadFlows(q)
	metric := ask.Rank
	switch {
	case ask.Rank == "hosts" || ask.Rank == "ports":
		metric = "unique " + ask.Rank
	case ask.Rank == "sessions":
		metric = strings.TrimSpace("sessions " + map[string]string{"sent": "initiated", "received": "accepted"}[ask.Side])
	case ask.Side != "":
		metric += " " + ask.Side
	}
	entity, err := define.Entity(ask.By)
	if err != nil { // of which there are no alerts, such as a system
		entity = define.Entities()[0]
	}
	v := url.Values{"metric": {metric}, "entity": {entity}, "over": {"1h"}, "severity": {alert.Medium.String()}, "way": {"above"}, "where": {ask.Where}, "back": {"1d"}}
	if ask.Once {
		v.Set("once", "yes")
	}
	return form{Values: v}
}

func (s *site) define(w http.ResponseWriter, r *http.Request) {
	number := r.URL.Query().Get("rule")
	if number == "" {
		s.defineWith(w, r, http.StatusOK, definePage{Form: defineForm(r.URL.Query())})
		return
	}
	row, err := s.ruleNumbered(r, number)
	if err != nil {
		s.refuse(w, r, rulesPath, err)
		return
	}
	d, ok := define.Read(row.Text)
	if !ok { // it says more than the sentence
		http.Redirect(w, r, row.Address(), http.StatusSeeOther)
		return
	}
	s.defineWith(w, r, http.StatusOK, definePage{Rule: &row, Form: formOf(&d)})
}

// formOf returns the form of a definition that is to be changed.
func formOf(d *define.Definition) form {
	v := url.Values{"title": {d.Title}, "description": {d.Description}, "metric": {d.Metric}, "entity": {d.Entity}, "over": {define.Span(d.Over)},
		"severity": {d.Severity.String()}, "way": {"above"}, "number": {strconv.FormatFloat(d.Limit, 'f', -1, 64)}, "where": {d.Where}, "back": {"1d"}}
	if d.Below {
		v.Set("way", "below")
	}
	if d.Once {
		v.Set("once", "yes")
	}
	return form{Values: v}
}

func (s *site) defineWith(w http.ResponseWriter, r *http.Request, code int, p definePage) {
	p.frame = s.frame(r, "New flow alert", "/flows")
	if p.Rule != nil {
		p.frame = s.frame(r, "Change "+p.Rule.Name, rulesPath)
	}
	p.Metrics, p.Entities = define.Metrics(), define.Entities()
	p.Backs = backs()
	for _, d := range define.Intervals() {
		p.Spans = append(p.Spans, define.Span(d))
	}
	if over := p.Form.Typed("over"); over != "" && !slices.Contains(p.Spans, over) {
		p.Spans = append(p.Spans, over)
	}
	for _, one := range []alert.Severity{alert.Info, alert.Low, alert.Medium, alert.High, alert.Critical} {
		p.Severities = append(p.Severities, one.String())
	}
	s.show(w, code, "define.html", p)
}

// changeDefine shows what a definition would have found, or keeps it.
func (s *site) changeDefine(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	p := definePage{Form: f}
	if number := f.Typed("rule"); err == nil && number != "" {
		var row ruleRow
		if row, err = s.ruleNumbered(r, number); err != nil {
			s.refuse(w, r, rulesPath, err)
			return
		}
		p.Rule = &row
	}
	if err == nil {
		switch f.Act {
		case preview:
			err = s.tryDefinition(r, &p)
		case save:
			var to string
			if to, err = s.keepDefinition(r, p.Rule, f); err == nil {
				http.Redirect(w, r, to, http.StatusSeeOther)
				return
			}
		default:
			err = fault.New(fault.Invalid, "act %q: want preview or save", f.Act)
		}
	}
	code := http.StatusOK
	if err != nil {
		p.Form.Problem, code = s.explain(r, err), status(err)
	}
	s.defineWith(w, r, code, p)
}

// definition reads the form. Without a number its limit is 0, and told is false.
func definition(f form) (d define.Definition, told bool, err error) {
	get := func(name string) string { return strings.TrimSpace(f.Values.Get(name)) }
	d = define.Definition{Name: get("name"), Title: get("title"), Description: get("description"), Where: get("where"), Once: get("once") != "", Below: get("way") == "below"}
	if d.Metric, err = define.Metric(get("metric")); err != nil {
		return d, false, err
	}
	if d.Entity, err = define.Entity(get("entity")); err != nil {
		return d, false, err
	}
	if d.Over, err = api.ParseDuration(get("over")); err != nil {
		return d, false, fault.New(fault.Invalid, "interval: %w", err)
	}
	if d.Severity, err = alert.ParseSeverity(get("severity")); err != nil {
		return d, false, fault.New(fault.Invalid, "%w", err)
	}
	if get("number") == "" {
		return d, false, nil
	}
	d.Limit, err = define.ParseNumber(get("number"))
	return d, err == nil, err
}

// tryDefinition fills in what a definition would have found, and without a number what one would be.
func (s *site) tryDefinition(r *http.Request, p *definePage) error {
	d, told, err := definition(p.Form)
	if err != nil {
		return err
	}
	if !told && d.Below {
		return fault.New(fault.Invalid, "number: want one; it is suggested for above alone, as most of the time is far below any")
	}
	d.Title = cmp.Or(d.Title, "Preview") // none is needed yet
	if p.Since, err = lookBack(p.Form); err != nil {
		return err
	}
	owner := strings.TrimSpace(p.Form.Typed("owner"))
	if p.Rule != nil {
		d.Name, owner = p.Rule.Name, p.Rule.Owner
	}
	ask := func(suggest int) (api.BackTestAnswer, error) {
		made, err := d.Rule()
		if err != nil {
			return api.BackTestAnswer{}, err
		}
		return s.backTest(r, api.BackTestRequest{Owner: owner, Text: made.Text, Since: p.Since, Limit: previewHits, Suggest: suggest})
	}
	suggest := 0
	if !d.Below {
		suggest = suggestFor
	}
	a, err := ask(suggest)
	if err != nil {
		return err
	}
	if g := a.Suggestion; g != nil && g.Measured > 0 {
		p.Number = define.Number(g.Limit)
		if !told {
			d.Limit = g.Limit
			p.Form.Values.Set("number", p.Number)
			found, err := ask(0)
			if err != nil {
				return err
			}
			found.Suggestion = g
			a = found
		}
	}
	p.Sentence, p.Preview = d.Sentence(), &a
	return nil
}

// keepDefinition keeps the rule of a definition, in the place of one that is changed, and returns where to go on.
func (s *site) keepDefinition(r *http.Request, changed *ruleRow, f form) (to string, err error) {
	d, told, err := definition(f)
	if err != nil {
		return "", err
	}
	if !told {
		return "", fault.New(fault.Invalid, "number: got none, want how much is too much, as in 100 or 5G")
	}
	edit := api.RuleEdit{Owner: strings.TrimSpace(f.Typed("owner"))}
	if changed != nil {
		d.Name, edit.Owner, edit.Replace = changed.Name, changed.Owner, true
	}
	made, err := d.Rule()
	if err != nil {
		return "", err
	}
	edit.Text = made.Text
	kept, err := s.Service.PutRule(r.Context(), edit)
	if err != nil {
		return "", err
	}
	word := keptWord(kept, "defined")
	if changed != nil {
		return changed.Address() + "?done=" + word, nil
	}
	return "/alerts?" + url.Values{"rule": {kept.Name}, "done": {word}}.Encode(), nil
}

// defineAddress is where an alert is made of a question about flows.
func defineAddress(a bookmark.Flows) string {
	a.Since, a.Until, a.Rows = bookmark.UsualSpan, "", bookmark.FlowRows
	return a.Address(definePath)
}

// mayDefine returns the address of a form that makes an alert; "" for who may make none.
func mayDefine(ctx context.Context, address string) string {
	if api.Caller(ctx).May(permission.ChangeRule) != nil {
		return ""
	}
	return address
}

// flowsOf returns the address of the flows about whom an alert is, around its time; "" when they have none.
func flowsOf(a *alert.Alert) string {
	values := map[event.FieldID]string{}
	for _, pair := range a.Entity {
		if f, ok := event.FieldByName(pair.Field); ok && pair.Value != "" {
			values[f.ID] = pair.Value
		}
	}
	first := func(ids ...event.FieldID) string {
		for _, id := range ids {
			if v := values[id]; v != "" {
				return v
			}
		}
		return ""
	}
	ask := bookmark.Flows{Rank: "bytes", Rows: bookmark.FlowRows, Since: a.First.Add(-max(a.Window, time.Minute)).UTC().Format(time.RFC3339), Until: a.Last.Add(time.Minute).UTC().Format(time.RFC3339)}
	lower, higher := first(event.FlowLower, event.FlowClient, event.SourceIP), first(event.FlowHigher, event.FlowServer, event.DestinationIP)
	for _, c := range []struct {
		by     string
		values []string
	}{
		{"pair", []string{lower, higher}},
		{"host", []string{first(event.FlowHost, event.FlowClient, event.FlowServer, event.SourceIP, event.DestinationIP)}},
		{"port", []string{first(event.FlowPort, event.DestinationPort, event.SourcePort)}},
		{"country", []string{first(event.FlowCountry, event.SourceCountry, event.DestinationCountry)}},
	} {
		if !slices.Contains(c.values, "") {
			ask.By = c.by
			return ask.Into(c.values)
		}
	}
	return ""
}
