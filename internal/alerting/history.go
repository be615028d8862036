package alerting

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// recordAtOnce is how many entities go into one transaction: enough to make the sync cheap, few enough not to hold up live
// alerts.
const recordAtOnce = 500

// HistoryOptions say what is to become of findings about the past.
type HistoryOptions struct {
	Notify bool // tell people of new alerts
	DryRun bool // write nothing
}

// History takes findings that a fresh detector made over history, in order of time for each entity. They become alerts that
// have ended. It returns those that are new or changed, and how many findings were left out by exclusions, whose hits these
// are not; the same findings again change nothing. Findings of rules that do not run are refused.
func (s *Service) History(ctx context.Context, findings []alert.Finding, o HistoryOptions) (changed []alert.Alert, excluded int, err error) {
	kept, hits := s.withoutExcluded(findings, time.Now())
	writes, err := s.group(kept)
	if err != nil {
		return nil, 0, err
	}
	var route ledger.Route
	if o.Notify {
		route = s.route
	}
	for len(writes) > 0 {
		n := min(recordAtOnce, len(writes))
		alerts, err := s.ledger.Record(ctx, ledger.Past{Now: time.Now(), Writes: writes[:n], Route: route, DryRun: o.DryRun})
		if err != nil {
			return changed, len(hits), err
		}
		changed = append(changed, alerts...)
		writes = writes[n:]
	}
	return changed, len(hits), nil
}

// group gathers findings by rule and entity, in the order in which they first come.
func (s *Service) group(findings []alert.Finding) ([]ledger.Write, error) {
	entries := map[entryKey]*entry{}
	var order []*entry
	for i := range findings {
		f := &findings[i]
		key := entryKey{rule: f.Rule, entity: f.Entity.Key()}
		e := entries[key]
		if e == nil {
			e = &entry{key: key, entity: f.Entity}
			entries[key] = e
			order = append(order, e)
		}
		e.add(*f)
	}
	writes := make([]ledger.Write, len(order))
	for i, e := range order {
		ref, ok := s.rules.Rule(e.key.rule)
		if !ok {
			return nil, fmt.Errorf("record findings: no rule has number %d", e.key.rule)
		}
		writes[i] = ledger.Write{Rule: ref, Entity: e.entity, Episodes: e.episodes}
	}
	return writes, nil
}

// Retire ends the open alerts of a rule that judges no more, at event time at. Rules must not know it any more. Run must be
// running.
func (s *Service) Retire(ctx context.Context, rule int64, at time.Time) error {
	if err := s.Flush(ctx); err != nil {
		return fmt.Errorf("retire rule %d: %w", rule, err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	changes, err := s.ledger.EndRule(ctx, rule, at, time.Now(), s.route)
	if err != nil {
		return fmt.Errorf("retire rule %d: %w", rule, err)
	}
	s.mu.Lock()
	s.book.rule(rule).open = 0
	s.mu.Unlock()
	s.options.Written(changes)
	return nil
}
