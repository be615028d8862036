package alerting_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/ledger"
)

// excluding is an exclusion of rule 1 about a few entities, and one of rule 2 about others.
func excluding(a *alert.Alert, _ time.Time) (int64, bool) {
	name := a.Entity[0].Value
	switch {
	case a.Rule == 1 && name < "d":
		return 1, true
	case a.Rule == 2 && name > "h":
		return 2, true
	}
	return 0, false
}

func addExclusions(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	for range 2 {
		if _, err := l.AddMute(context.Background(), ledger.Mute{Kind: ledger.Excluding, Body: "{}", Note: "test", Created: time.Now(), Starts: time.Now()}, 10); err != nil {
			t.Fatal(err)
		}
	}
}

func hits(t *testing.T, l *ledger.Ledger) map[int64]int64 {
	t.Helper()
	mutes, err := l.Mutes(context.Background(), ledger.MuteQuery{})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[int64]int64{}
	for _, m := range mutes {
		if counts[m.ID] = m.Hits; m.Hits > 0 && m.LastHit.IsZero() {
			t.Errorf("exclusion %d has hits and no last one", m.ID)
		}
	}
	return counts
}

// However the process dies and whatever the ledger says, an exclusion leaves out what it means and nothing else, and each
// finding that it leaves out is counted once.
func TestExclusionsCountOnce(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			outputs := makeOutputs(rand.New(rand.NewPCG(seed, 1)), 60)
			var others []alerting.Judged
			want := map[int64]int64{1: 0, 2: 0}
			for _, j := range outputs {
				kept := j
				kept.Findings = nil
				for _, f := range j.Findings {
					id, excluded := excluding(&alert.Alert{Rule: f.Rule, Entity: f.Entity}, time.Time{})
					if excluded && !f.Ended {
						want[id]++
					} else {
						kept.Findings = append(kept.Findings, f)
					}
				}
				others = append(others, kept)
			}
			l := open(t, t.TempDir())
			defer l.Close()
			addExclusions(t, l)
			disturb(t, l, outputs, rand.New(rand.NewPCG(seed, 2)), lively(alerting.Options{Excluded: excluding}))
			if diff := gocmp.Diff(undisturbed(t, others), comparableRows(alerts(t, l))); diff != "" {
				t.Errorf("seed %d: rows differ from those of a run without what is excluded (-want +got):\n%s", seed, diff)
			}
			if diff := gocmp.Diff(want, hits(t, l)); diff != "" {
				t.Errorf("seed %d: hits (-want +got):\n%s", seed, diff)
			}
		})
	}
}

// An alert that stood before its exclusion ends when its condition does, and with the exclusion gone it begins anew.
func TestExclusionOfWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := false
		l := open(t, t.TempDir())
		defer l.Close()
		addExclusions(t, l)
		p := start(t, l, alerting.Options{Excluded: func(*alert.Alert, time.Time) (int64, bool) { return 1, on }})
		defer p.end()
		given := []alert.Finding{trigger(1, "a", 1), trigger(1, "b", 1)}
		take(t, p, judged(1, given...))
		time.Sleep(2 * time.Second)
		on = true
		take(t, p, judged(2, trigger(1, "a", 2), trigger(1, "c", 2)))
		time.Sleep(2 * time.Second)
		if got := alerts(t, l); len(got) != 2 || got[0].Triggers != 1 || got[0].State != alert.Open {
			t.Errorf("with the exclusion: %+v, want two alerts as before", got)
		}
		take(t, p, judged(3, ended(1, "a", 3)))
		time.Sleep(2 * time.Second)
		if got := alerts(t, l); got[0].State != alert.Ended {
			t.Errorf("behind the end of the condition the alert is %s", got[0].State)
		}
		on = false
		take(t, p, judged(4, trigger(1, "a", 4)))
		time.Sleep(2 * time.Second)
		if got := alerts(t, l); len(got) != 3 || got[2].State != alert.Open {
			t.Errorf("without the exclusion: %+v, want another alert", got)
		}
		if got := hits(t, l); got[1] != 2 {
			t.Errorf("hits: %v, want 2", got)
		}
	})
}

// Judging history obeys exclusions, and does not count for them.
func TestHistoryObeysExclusions(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	addExclusions(t, l)
	p := start(t, l, lively(alerting.Options{Excluded: excluding}))
	defer p.end()
	for range 2 {
		got, excluded, err := p.History(t.Context(), []alert.Finding{trigger(1, "a", 1), trigger(1, "z", 1), trigger(2, "z", 2)}, alerting.HistoryOptions{})
		if err != nil || excluded != 2 || len(got) > 1 {
			t.Fatalf("History = %+v, %d excluded, %v, want 2 excluded", got, excluded, err)
		}
	}
	if got := alerts(t, l); len(got) != 1 || got[0].Entity[0].Value != "z" {
		t.Errorf("alerts: %+v, want that about z alone", got)
	}
	if got := hits(t, l); got[1]+got[2] != 0 {
		t.Errorf("hits: %v, want none", got)
	}
}
