package desk

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/history"
	"tocsin/internal/rule"
)

const (
	backTestHits = 100 // when nothing else is asked for
	highestShown = 10
	// quantileShown is which part of the entities lies at or below the quantile that is told.
	quantileShown = 0.999
)

// BackTest implements api.Service. A rule keeps as much in memory as a running one, so one is tried at a time.
func (d *Desk) BackTest(ctx context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	if q.Limit < 0 || q.Limit > api.MaxBackTestHits || q.Suggest < 0 || q.Suggest > api.MaxBackTestHits {
		return api.BackTestAnswer{}, fault.New(fault.Invalid, "limit and suggest: want 0 to %d", api.MaxBackTestHits)
	}
	r, err := d.tried(ctx, q)
	if err != nil {
		return api.BackTestAnswer{}, err
	}
	leave, err := d.backTests.enter(ctx, "try rule "+r.Name)
	if err != nil {
		return api.BackTestAnswer{}, err
	}
	defer leave()
	if err := d.parts.CaughtUp(ctx); err != nil {
		return api.BackTestAnswer{}, err
	}
	asked, err := query(nil, "", q.Since, q.Until)
	if err != nil {
		return api.BackTestAnswer{}, err
	}
	told := r
	if c, ok := r.Config.(*threshold.Config); ok {
		told.Config = c.Exact()
	}
	findings, stats, err := d.over(ctx, asked, told, 0)
	if err != nil {
		return api.BackTestAnswer{}, err
	}
	answer := hits(findings, cmp.Or(q.Limit, backTestHits))
	answer.Name, answer.Events, answer.Evicted = r.Name, stats.Events, stats.Evicted
	if q.Suggest > 0 {
		answer.Suggestion, err = d.suggest(ctx, asked, r, q.Suggest)
	}
	return answer, err
}

// tried reads the rule that is to be tried, within what its owner may see.
func (d *Desk) tried(ctx context.Context, q api.BackTestRequest) (rule.Rule, error) {
	who, err := owner(ctx, q.Owner)
	if err != nil {
		return rule.Rule{}, err
	}
	v, err := d.viewer(ctx)
	if err != nil {
		return rule.Rule{}, err
	}
	if who != "" && who != v.User {
		u, err := d.parts.Ledger.User(ctx, who)
		if err != nil {
			return rule.Rule{}, err
		}
		if v, err = viewerOf(u, api.Identity{User: u.Name, Admin: u.Admin}); err != nil {
			return rule.Rule{}, err
		}
	}
	read, err := rule.Decode("rule", []byte(q.Text), d.parts.Detectors)
	if err != nil {
		return rule.Rule{}, invalid(err)
	}
	if len(read) != 1 {
		return rule.Rule{}, fault.New(fault.Invalid, "got %d rules, want one", len(read))
	}
	r := read[0]
	if err := checkKinds(&r); err != nil {
		return rule.Rule{}, err
	}
	if _, err := d.asked(r.Where); err != nil {
		return rule.Rule{}, err
	}
	r.Where, r.Owner, r.Enabled = v.bounds.Bound(r.Where), who, true
	return r, nil
}

// over judges history by one rule. Time goes on for so long after the last event.
func (d *Desk) over(ctx context.Context, q history.Query, r rule.Rule, after time.Duration) ([]alert.Finding, detect.HistoryStats, error) {
	rules := []rule.Rule{r}
	narrow(&q, rules)
	q.Where = d.found(q.Where)
	until := q.Until
	if after > 0 {
		until = cmp.Or(q.Until, time.Now().UnixNano()) + int64(after)
	}
	judge := func() ([]alert.Finding, detect.HistoryStats, error) {
		return detect.History(ctx, detect.HistoryOptions{Until: until, Files: d.parts.Lists, Lists: d.parts.Listed}, rules, func(yield func(*event.Batch, []int32) error) error {
			return d.parts.History.Ordered(ctx, q, yield)
		})
	}
	findings, stats, err := judge()
	if damaged(ctx, err) {
		findings, stats, err = judge()
	}
	return findings, stats, err
}

// hits makes alerts of findings.
func hits(findings []alert.Finding, most int) api.BackTestAnswer {
	var all []*api.BackTestHit
	open, entities := map[string]*api.BackTestHit{}, map[string]bool{}
	for i := range findings {
		f := &findings[i]
		key, at := f.Entity.Key(), time.Unix(0, f.Time).UTC()
		h := open[key]
		if h == nil && f.Triggers > 0 && !f.Ended {
			h = &api.BackTestHit{Entity: f.Entity, First: at, Peak: f.Value}
			open[key], entities[key] = h, true
			all = append(all, h)
		}
		if h == nil {
			continue
		}
		if f.Below {
			h.Peak = min(h.Peak, f.Value)
		} else {
			h.Peak = max(h.Peak, f.Value)
		}
		h.Estimate = h.Estimate || f.Estimate
		h.Triggers += int64(f.Triggers)
		if f.Ended {
			h.Ended = at
			delete(open, key)
			continue
		}
		h.Limit, h.Reason = f.Limit, f.Reason
		if f.Triggers > 0 {
			h.Last = at
		}
	}
	answer := api.BackTestAnswer{Entities: len(entities), Alerts: len(all), Hits: []api.BackTestHit{}}
	slices.SortStableFunc(all, func(a, b *api.BackTestHit) int { return a.First.Compare(b.First) })
	for i, h := range all {
		answer.Triggers += h.Triggers
		if i < most {
			answer.Hits = append(answer.Hits, *h)
		}
	}
	return answer
}

// suggest measures every entity and finds a limit.
func (d *Desk) suggest(ctx context.Context, q history.Query, r rule.Rule, atMost int) (*api.LimitSuggestion, error) {
	c, ok := r.Config.(*threshold.Config)
	if !ok {
		return nil, fault.New(fault.Invalid, "suggest a limit: rule %s is of the detector %s, want threshold", r.Name, r.Detector)
	}
	settings, err := c.Peaks()
	if err != nil {
		return nil, fault.New(fault.Invalid, "suggest a limit: %w", err)
	}
	r.Config = settings
	_, stats, err := d.over(ctx, q, r, 3*c.Over+time.Second)
	if err != nil {
		return nil, err
	}
	s := suggestion(settings.List(), atMost)
	s.Estimate = s.Estimate || stats.Evicted > 0 || settings.Left > 0
	return s, nil
}

// suggestion finds the limit among the peaks, which are in order, highest first.
func suggestion(peaks []threshold.Peak, atMost int) *api.LimitSuggestion {
	s := &api.LimitSuggestion{AtMost: atMost, Measured: len(peaks), Highest: []api.EntityPeak{}}
	switch {
	case len(peaks) == 0:
	case atMost < len(peaks):
		s.Limit = math.Ceil(peaks[atMost].Value) // whoever stands behind those that may fire does not exceed it
	default:
		s.Limit = math.Ceil(peaks[0].Value) // all may: with 0 they would, always
	}
	for i, p := range peaks {
		if p.Value > s.Limit {
			s.Entities++
		}
		s.Estimate = s.Estimate || p.Estimate
		if i < highestShown {
			s.Highest = append(s.Highest, api.EntityPeak{Entity: p.Entity, Value: p.Value, Time: time.Unix(0, p.Time).UTC()})
		}
	}
	if n := len(peaks); n > 0 {
		rank := int(math.Ceil(quantileShown * float64(n))) // from the lowest, counted from 1
		s.Quantile = peaks[n-rank].Value
	}
	return s
}
