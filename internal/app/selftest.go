package app

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/catalog"
	"tocsin/internal/desk"
	"tocsin/internal/fault"
	"tocsin/internal/journal"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
	"tocsin/internal/rule"
)

// selftestRule is the rule of test events. It runs only while tocsin tries itself.
const selftestRule = alert.OwnPrefix + "selftest"

// selftestText is that rule for the event of one test.
const selftestText = `name: selftest
title: "TEST: tocsin tries itself"
from: log
where: labels.%[1]s == %[2]q
detect: {threshold: {by: [labels.%[1]s], over: 1m, at_least: 1}}
severity: INFO
`

// A trial is a self-test under way.
type trial struct {
	rule     rule.Rule
	channels []string
}

// try begins a self-test: from now on the rules have one that judges the event with token.
func (a *App) try(ctx context.Context, token string, q api.SelfTestRequest) (desk.Trial, error) {
	if !a.options.Live {
		return desk.Trial{}, fault.New(fault.Unavailable, "selftest: tocsin does not run on this data, so nothing is there to be tried (start tocsin serve)")
	}
	t := &trial{}
	a.lines.mu.Lock()
	for _, r := range a.lines.routes {
		if !q.NoNotify && (q.Channel == "" || q.Channel == r.Name) {
			t.channels = append(t.channels, r.Name)
		}
	}
	a.lines.mu.Unlock()
	if q.Channel != "" && len(t.channels) == 0 {
		return desk.Trial{}, fault.New(fault.NotFound, "selftest: no channel %q in the configuration", q.Channel)
	}
	own, err := a.ledger.OwnRule(ctx, selftestRule, time.Now())
	if err != nil {
		return desk.Trial{}, err
	}
	read, err := rule.Decode("selftest", fmt.Appendf(nil, selftestText, desk.SelfTestLabel, token), catalog.Detectors())
	if err != nil {
		return desk.Trial{}, err
	}
	t.rule = read[0]
	t.rule.ID, t.rule.Name, t.rule.Version = own.ID, selftestRule, 1
	a.trial.Store(t)
	a.rules.SetTrial(&t.rule)
	for _, j := range a.judges {
		if j.class != journal.Events {
			continue
		}
		if err := j.setTrial(ctx, q.Wait); err != nil {
			a.rules.SetTrial(nil)
			a.trial.Store(nil)
			return desk.Trial{}, err
		}
	}
	return desk.Trial{Rule: own.ID, Channels: t.channels, End: func(ctx context.Context) error { return a.endTrial(ctx, t) }}, nil
}

// endTrial takes the rule of a self-test away and ends its alert.
func (a *App) endTrial(ctx context.Context, t *trial) error {
	defer a.trial.Store(nil)
	a.rules.SetTrial(nil)
	for _, j := range a.judges {
		if j.class != journal.Events {
			continue
		}
		if err := j.setTrial(ctx, 0); err != nil {
			return err
		}
		if err := j.alerting.Retire(ctx, t.rule.ID, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// setTrial makes the rules that judge those of the rulebook, with the one of a self-test while there is one. It waits so long for
// them to judge at all, as they do not just after the start.
func (j *judge) setTrial(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := j.app.reach.until(ctx, j.ready.Load); err != nil {
		return fault.New(fault.Unavailable, "selftest: the rules do not judge yet: %w", err)
	}
	j.changing.Lock()
	defer j.changing.Unlock()
	return j.engine.SetRules(j.own())
}

// told says who is told of a change: of a self-test the channels that it tries, else whom the policy names.
func (a *App) told(c ledger.Change) []ledger.Target {
	if c.Alert.RuleName != selftestRule {
		return a.policy.Route(c)
	}
	t := a.trial.Load()
	if t == nil || c.Alert.Rule != t.rule.ID || c.Kind == notifier.Update {
		return nil
	}
	targets := make([]ledger.Target, len(t.channels))
	for i, name := range t.channels {
		targets[i].Channel = name
	}
	return targets
}
