package app

import (
	"context"
	"slices"
	"strconv"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/detect"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
)

// ruleDisabled is the rule of the alert that another rule broke down so often that it was switched off.
const ruleDisabled = alert.OwnPrefix + "rule-disabled"

// aboutRule is whom an alert about a rule is about.
func aboutRule(r *rule.Rule) alert.Entity {
	e := alert.Entity{{Field: detect.DisabledField, Value: r.Name}}
	if r.Owner != "" {
		e = append(e, alert.Pair{Field: "tocsin.owner", Value: r.Owner})
	}
	return e
}

// disables reports whether a finding says that its rule was switched off. That is told of tocsin itself, as an alert that ends
// when the rule is changed.
func disables(f alert.Finding) bool {
	return len(f.Entity) > 0 && f.Entity[0].Field == detect.DisabledField
}

// tellDisabled raises an alert for each rule that is switched off, and ends those of the others, among them before.
func (j *judge) tellDisabled(ctx context.Context, before []detect.Status) {
	now := j.engine.Rules()
	for i := range before {
		if !slices.ContainsFunc(now, func(s detect.Status) bool { return s.Rule.ID == before[i].Rule.ID }) {
			j.tellOwn(j.app.own().Clear(ctx, ruleDisabled, aboutRule(&before[i].Rule)))
		}
	}
	for i := range now {
		s := &now[i]
		if s.Disabled == "" {
			j.tellOwn(j.app.own().Clear(ctx, ruleDisabled, aboutRule(&s.Rule)))
			continue
		}
		j.tellOwn(j.app.own().Raise(ctx, alerting.Own{
			Name: ruleDisabled, Title: "Rule switched off", Owner: s.Rule.Owner, Entity: aboutRule(&s.Rule), Severity: max(s.Rule.Severity, alert.High),
			Reason: "rule " + s.Rule.Name + " was switched off after it broke down " + strconv.Itoa(s.Panics) + " times" + ": " + s.Disabled +
				" (it judges no more until it is changed)",
			Value: float64(s.Panics), Limit: float64(s.Panics),
		}))
	}
}

func (j *judge) tellOwn(err error) {
	if err != nil {
		j.app.log.Error("an alert of tocsin's own is not told", "err", err)
	}
}

// own is the alerting that tells of tocsin itself.
func (a *App) own() *alerting.Service { return a.judges[0].alerting }

// ownRules are the numbers of the rules of tocsin's own alerts.
func (a *App) ownRules(ctx context.Context) (map[int64]bool, error) {
	rules, err := a.ledger.Rules(ctx, ledger.RuleQuery{Origin: ledger.InTocsin})
	if err != nil {
		return nil, err
	}
	numbers := map[int64]bool{}
	for _, r := range rules {
		numbers[r.ID] = r.Name != selftestRule // what a self-test left behind that was cut off is ended
	}
	return numbers, nil
}
