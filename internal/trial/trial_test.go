package trial_test

import (
	"testing"

	"tocsin/internal/catalog"
	"tocsin/internal/pack"
	"tocsin/internal/trial"
)

// The samples of all shipped rules come out as they say.
func TestPacks(t *testing.T) {
	for _, p := range pack.All() {
		rules, err := p.Rules(catalog.Detectors())
		if err != nil {
			t.Errorf("pack %s: %v", p.Name, err)
			continue
		}
		results, err := trial.Run(t.Context(), rules, catalog.Formats())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if !r.Passed || r.Events == 0 {
				t.Errorf("%s, sample %q with %d events: %q", r.Rule, r.Sample, r.Events, r.Faults)
			}
		}
	}
}
