package detect

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// numbers are those of n rules.
func numbers(n int) map[int64]bool {
	all := map[int64]bool{}
	for i := range n {
		all[int64(i+1)] = true
	}
	return all
}

// Asking between batches, from several goroutines at once, changes neither what is found nor the state that is left.
func TestExplainDisturbsNothing(t *testing.T) {
	for seed := range uint64(4) {
		facts := draw(rand.New(rand.NewPCG(seed, 1)), 400)
		run := func(ask bool) ([]alert.Finding, []byte) {
			r := rand.New(rand.NewPCG(seed, 2))
			e, err := New(Options{}, rules(t, every))
			if err != nil {
				t.Fatal(err)
			}
			var askers sync.WaitGroup
			done := make(chan struct{})
			if ask {
				for i := range 2 {
					askers.Go(func() {
						probe := build(event.Log, facts[10*i:10*i+10])
						for row := int32(0); ; row = (row + 1) % 10 {
							select {
							case <-done:
								return
							default:
								e.Explain(probe, row, numbers(7))
							}
						}
					})
				}
			}
			var found []alert.Finding
			for _, b := range journal(r, facts, 200*second) {
				found = append(found, e.Apply(b).Findings...)
			}
			close(done)
			askers.Wait()
			state, _ := taken(t, e)
			return found, state
		}
		found, state := run(false)
		again, left := run(true)
		if got, want := marshal(t, again), marshal(t, found); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: asked in between it finds other things:\n%s\nwant\n%s", seed, got, want)
		}
		if !bytes.Equal(state, left) {
			t.Fatalf("seed %d: asking left another state", seed)
		}
	}
}

// The engine says of the next event what applying it then shows.
func TestExplainForetells(t *testing.T) {
	all := rules(t, `{name: burst, from: log, where: http.response.status_code == 401, detect: {threshold: {by: [source.ip], over: 1m, at_least: 4}}}`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	base := 1_700_000_000 * second
	for i := range int64(6) {
		at := base + i*second
		b := build(event.Log, []fact{{t: at, received: at, ip: 7, status: 401}})
		b.Sequence = uint64(i + 1)
		accounts := e.Explain(b, 0, numbers(1))
		if len(accounts) != 1 {
			t.Fatalf("event %d: got %d accounts, want 1", i, len(accounts))
		}
		x := accounts[0].Explanation
		if x.Value != float64(i) || x.With != float64(i+1) || x.Fires != (i == 3) || x.Open != (i > 3) || x.Late {
			t.Errorf("event %d: got %+v", i, x)
		}
		if fired := len(e.Apply(b).Findings) > 0; fired != x.Fires {
			t.Errorf("event %d: fired %v, Explain said %v", i, fired, x.Fires)
		}
	}
	b := build(event.Log, []fact{{t: base - 3600*second, received: base, ip: 7, status: 401}})
	if x := e.Explain(b, 0, numbers(1))[0].Explanation; !x.Late || x.At != base+5*second || x.Value != 6 {
		t.Errorf("an event of an hour ago: got %+v, want it late and taken as one of now", x)
	}
	if got := e.Explain(b, 0, nil); got != nil {
		t.Errorf("no rules: got %+v", got)
	}
}

// A rule that panics over the question is only said to; it goes on as before.
func TestExplainOfABrokenRule(t *testing.T) {
	e, err := New(Options{}, rules(t, `{name: bad, from: log, detect: broken}`))
	if err != nil {
		t.Fatal(err)
	}
	got := e.Explain(build(event.Log, []fact{{t: 1e18}}), 0, numbers(1))
	if len(got) != 1 || !strings.Contains(got[0].Disabled, "it cannot say either") {
		t.Errorf("got %+v", got)
	}
	if s := e.Rules(); s[0].Panics != 0 || s[0].Disabled != "" {
		t.Errorf("Rules: got %+v, want the rule untouched", s)
	}
}

// What history makes known is what the engine would know had it been there.
func TestRecall(t *testing.T) {
	facts := draw(rand.New(rand.NewPCG(5, 1)), 500)
	all := rules(t, every)
	if said := recalled(t, all, facts, 400); len(said) < 500 {
		t.Errorf("only %d explanations were compared", len(said))
	}
	none, _, err := Recall(context.Background(), HistoryOptions{}, all, func(func(*event.Batch, []int32) error) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if x := none.Explain(build(event.Log, facts[:1]), 0, numbers(7)); len(x) != 7 || x[0].Watermark != math.MinInt64 || x[0].Explanation.Late {
		t.Errorf("of an empty history: got %+v", x)
	}
}

// recalled shows history facts up to cut, holds what rules then say of those behind it against what an engine says that saw them
// come, and returns what that said.
func recalled(t *testing.T, all []rule.Rule, facts []fact, cut int) (said []detector.Explanation) {
	t.Helper()
	past, _, err := Recall(context.Background(), HistoryOptions{}, all, stored(rand.New(rand.NewPCG(5, 2)), facts[:cut]))
	if err != nil {
		t.Fatal(err)
	}
	live, err := New(Options{Lateness: time.Nanosecond}, all)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range facts[:cut] {
		f.received = f.t
		b := build(f.kind, []fact{f})
		b.Sequence = uint64(i + 1)
		live.Apply(b)
	}
	for _, f := range facts[cut:] {
		f.received = f.t
		b := build(f.kind, []fact{f})
		was, is := past.Explain(b, 0, numbers(len(all))), live.Explain(b, 0, numbers(len(all)))
		for i := range was {
			x, y := was[i].Explanation, is[i].Explanation
			if x.Text != y.Text || x.Entity.Key() != y.Entity.Key() || x.Fires != y.Fires || x.Value != y.Value || x.With != y.With {
				t.Errorf("rule %s: history says %+v, live %+v", was[i].Rule.Name, x, y)
			}
			said = append(said, y)
		}
	}
	return said
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
