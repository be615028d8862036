package logtrack

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
)

func (f *face) detect(ctx context.Context, _ []string) error {
	return f.ask(ctx, f.judge)
}

// judge reports what LogTrack would, the first burst of each rule, and has all bursts judged and kept as alerts. Twice over
// the same logs keeps nothing twice.
func (f *face) judge(ctx context.Context, svc api.Service) error {
	list, from, _, err := f.entries()
	if err != nil {
		return err
	}
	loaded, err := svc.Rules(ctx, api.RuleRequest{})
	if err != nil {
		return err
	}
	if err := svc.Flush(ctx); err != nil { // what came in a moment ago counts
		return err
	}
	zscore := f.Env("ZSCORE_ENABLED") == "1"
	now := time.Now()
	bursts, err := f.report(ctx, svc, f.inForce(list, from, loaded), zscore, now)
	if err != nil {
		return err
	}
	if f.artifacts() {
		if err := f.alertArtifact(bursts); err != nil {
			return err
		}
	}
	if err := f.sayBursts(bursts); err != nil {
		return err
	}
	return f.keep(ctx, svc, loaded, zscore, now)
}

// inForce leaves the entries whose rules are loaded and not disabled, and says where file and rules have parted.
func (f *face) inForce(list []entry, from string, loaded []api.Rule) (force []entry) {
	for _, e := range list {
		i := slices.IndexFunc(loaded, func(r api.Rule) bool { return r.Name == e.rule.Name })
		switch {
		case i < 0:
			f.note("rule %s of %s is not loaded and not judged by: make init-db loads it", e.ID, from)
			continue
		case !loaded[i].Enabled:
			f.note("rule %s is disabled: tocsin rules enable %s", e.ID, e.rule.Name)
			continue
		case loaded[i].Where != e.rule.WhereText() || loaded[i].Detect != e.rule.Detect:
			f.note("rule %s was changed: below it is judged as it stands in %s; make init-db loads that", e.ID, from)
		}
		force = append(force, e)
	}
	return force
}

// report evaluates the rules as LogTrack does, in the order of the file.
func (f *face) report(ctx context.Context, svc api.Service, list []entry, zscore bool, now time.Time) ([]burst, error) {
	bursts := []burst{}
	for _, e := range list {
		found, err := evaluate(ctx, svc, e, zscore, now)
		if err != nil {
			return nil, err
		}
		bursts = append(bursts, found...)
	}
	return bursts, nil
}

func (f *face) sayBursts(bursts []burst) error {
	var ids []string
	for _, b := range bursts {
		ids = append(ids, b.rule)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if err := f.say("Number of alerts triggered: %d", len(bursts)); err != nil {
		return err
	}
	if err := f.say("Rules triggered: %s", strings.Join(ids, ", ")); err != nil {
		return err
	}
	if err := f.say("Alerts written to DB:"); err != nil {
		return err
	}
	for _, b := range bursts {
		if err := f.say("  - [%s] %s: %s", b.rule, b.at, b.message); err != nil {
			return err
		}
	}
	return nil
}

// keep has all loaded rules judge all logs up to now, and their alerts kept.
func (f *face) keep(ctx context.Context, svc api.Service, loaded []api.Rule, zscore bool, now time.Time) error {
	var names []string
	for _, r := range loaded {
		if r.Enabled && r.Problem == "" && (zscore || !isZScore(r)) {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		f.note("no rules are loaded: make init-db loads them")
		return nil
	}
	a, err := svc.Detect(ctx, api.DetectRequest{Rules: names, Until: now})
	if err != nil {
		return err
	}
	f.note("%d alerts new or changed, of every burst and not only the first: see the page, or tocsin alerts", len(a.Alerts))
	return nil
}

// isZScore says that a rule is LogTrack's z-score, which is off unless ZSCORE_ENABLED is 1.
func isZScore(r api.Rule) bool {
	return strings.HasPrefix(r.Detect, "deviation ") && strings.Contains(r.Detect, "zero: logtrack")
}
