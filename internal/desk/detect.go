package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/history"
	"tocsin/internal/rule"
	"tocsin/internal/view"
)

// Detect implements api.Service: it judges history by fresh detectors.
func (d *Desk) Detect(ctx context.Context, r api.DetectRequest) (api.DetectAnswer, error) {
	q, err := query(nil, "", r.Since, r.Until)
	if err != nil {
		return api.DetectAnswer{}, err
	}
	rules, err := d.judges(ctx, r.Rules)
	if err != nil {
		return api.DetectAnswer{}, err
	}
	answer := api.DetectAnswer{Rules: len(rules), Alerts: []alert.Alert{}}
	if len(rules) == 0 {
		return answer, fault.New(fault.NotFound, "no rules (add one with `tocsin rules add`, or name files of them as rule_files)")
	}
	if err := d.parts.CaughtUp(ctx); err != nil {
		return answer, err
	}
	if err := d.parts.Mutes.Load(ctx); err != nil { // exclusions
		return answer, err
	}
	narrow(&q, rules)
	q.Where = d.found(q.Where)
	judge := func() ([]alert.Finding, detect.HistoryStats, error) {
		return detect.History(ctx, detect.HistoryOptions{Until: q.Until, Files: d.parts.Lists, Lists: d.parts.Listed}, rules, func(yield func(*event.Batch, []int32) error) error {
			return d.parts.History.Ordered(ctx, q, yield)
		})
	}
	findings, stats, err := judge()
	if damaged(ctx, err) {
		findings, stats, err = judge()
	}
	if err != nil {
		return answer, err
	}
	answer.Events = stats.Events
	if err := d.completeSamples(ctx, q, findings); err != nil {
		return answer, err
	}
	alerts, excluded, err := d.parts.Alerting.History(ctx, findings, alerting.HistoryOptions{Notify: r.Notify, DryRun: r.DryRun})
	if err != nil {
		return answer, err
	}
	if r.Notify && d.parts.Channels != nil {
		d.parts.Channels.Wake()
	}
	slices.SortStableFunc(alerts, func(a, b alert.Alert) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.ID, b.ID))
	})
	answer.Alerts, answer.Excluded = append(answer.Alerts, alerts...), int64(excluded)
	return answer, nil
}

// judges returns the rules that are asked for by name, or all that run.
func (d *Desk) judges(ctx context.Context, names []string) ([]rule.Rule, error) {
	if err := d.parts.Rules.Load(ctx); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return d.parts.Rules.Running(), nil
	}
	var rules []rule.Rule
	for _, name := range names {
		e, err := d.parts.Rules.find("", name)
		if err != nil {
			if e, err = d.parts.Rules.find(api.Caller(ctx).User, name); err != nil {
				return nil, err
			}
		}
		if e.problem != "" {
			return nil, fault.New(fault.Invalid, "rule %s does not run: %s", name, e.problem)
		}
		if _, err := d.asked(e.rule.Where); err != nil {
			return nil, fmt.Errorf("rule %s: %w", name, err)
		}
		rules = append(rules, e.rule)
	}
	return rules, nil
}

// narrow restricts a query to the kinds of the rules, to the fields that they look at and, when there is one rule alone that
// learns nothing from other events, to those that it selects.
func narrow(q *history.Query, rules []rule.Rule) {
	var kinds event.KindSet
	q.Fields = append([]event.FieldID{event.Ingested, event.TocsinSource}, samplePlace...)
	for i := range rules {
		r := &rules[i]
		kinds |= r.From
		fields, labels := r.Config.Reads()
		q.Fields, q.Labels = append(q.Fields, fields...), q.Labels || labels
		if r.Where != nil {
			q.Fields, q.Labels = append(q.Fields, r.Where.Fields()...), q.Labels || len(r.Where.Labels()) > 0
		}
	}
	q.Fields = view.Stored(q.Fields)
	for _, k := range event.Kinds() {
		if kinds.Has(k) {
			q.Kinds = append(q.Kinds, k)
		}
	}
	if len(rules) == 1 && detect.SelectedOnly(&rules[0]) {
		q.Where = rules[0].Where
	}
}
