package pack_test

import (
	"strings"
	"testing"

	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/pack"
)

func detectors() detector.Set {
	return detector.Set{"absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default, "threshold": threshold.Default}
}

// Every rule of every pack says what it is, and shows at least one log that it rings for and one that it does not.
func TestRulesAreExplainedAndShown(t *testing.T) {
	names := map[string]string{}
	for _, p := range pack.All() {
		if p.Title == "" || strings.HasPrefix(p.Title, "rules") {
			t.Errorf("pack %s: no title in the first line", p.Name)
		}
		rules, err := p.Rules(detectors())
		if err != nil {
			t.Errorf("pack %s: %v", p.Name, err)
		}
		for _, r := range rules {
			if other, twice := names[r.Name]; twice {
				t.Errorf("rule %s is in the packs %s and %s", r.Name, other, p.Name)
			}
			names[r.Name] = p.Name
			if r.Title == r.Name || len(r.Description) < 150 {
				t.Errorf("rule %s: title %q and a description of %d bytes, want both, and 150 at least", r.Name, r.Title, len(r.Description))
			}
			for _, word := range []string{"False alarm"} {
				if !strings.Contains(r.Description, word) && !strings.Contains(r.Description, "`idle`") && !strings.Contains(r.Description, "Tune") {
					t.Errorf("rule %s: the description names neither false alarms nor what to tune", r.Name)
				}
			}
			rings, silent := 0, 0
			for _, s := range r.Samples {
				if len(s.Expect) > 0 {
					rings++
				} else {
					silent++
				}
			}
			if rings == 0 || silent == 0 {
				t.Errorf("rule %s: %d samples that ring and %d that do not, want one of each at least", r.Name, rings, silent)
			}
		}
	}
}
