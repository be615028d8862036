package alerting

import (
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// withoutExcluded leaves out the findings that an exclusion which is in force now expects, and tells what each did. The end
// of a condition is never left out: an alert that stood before its exclusion ends by it. The list that was given stays as it is.
func (s *Service) withoutExcluded(findings []alert.Finding, now time.Time) (kept []alert.Finding, hits []ledger.Hit) {
	if s.options.Excluded == nil {
		return findings, nil
	}
	kept = findings
	for i := range findings {
		f := &findings[i]
		mute, excluded := s.excluded(f, now)
		switch {
		case excluded:
			if len(hits) == 0 {
				kept = append([]alert.Finding(nil), findings[:i]...)
			}
			hits = append(hits, ledger.Hit{Mute: mute, N: 1, Last: now})
		case len(hits) > 0:
			kept = append(kept, *f)
		}
	}
	return kept, hits
}

func (s *Service) excluded(f *alert.Finding, now time.Time) (mute int64, ok bool) {
	if f.Ended {
		return 0, false
	}
	ref, ok := s.rules.Rule(f.Rule)
	if !ok {
		return 0, false
	}
	return s.options.Excluded(&alert.Alert{
		Rule: f.Rule, RuleName: ref.Name, Owner: ref.Owner, Severity: ref.Severity, Entity: f.Entity, Samples: f.Samples,
	}, now)
}

// count adds what exclusions did to what the next load tells.
func (b *book) count(hits []ledger.Hit) {
	for _, h := range hits {
		sum := b.hits[h.Mute]
		sum.Mute, sum.N, sum.Last = h.Mute, sum.N+h.N, h.Last
		b.hits[h.Mute] = sum
	}
}
