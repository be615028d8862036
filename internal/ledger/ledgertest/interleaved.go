package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// follow goes through the log of an alert and returns the state that it leads to, and how often each note was told. A line
// that does not follow from those before it is an error.
func follow(log []alert.Entry) (state alert.State, notes map[string]int, err error) {
	state, notes = alert.Open, map[string]int{}
	for _, e := range log {
		notes[e.Note]++
		var next alert.State
		switch e.What {
		case alert.DidAcknowledge:
			next = alert.Acknowledged
		case alert.DidUnacknowledge, alert.DidLapse, alert.DidBreak, alert.DidReopen:
			next = alert.Open
		case alert.DidClose, alert.DidEnd:
			next = alert.Ended
		default:
			continue // says nothing of the state
		}
		if e.What == alert.DidReopen && e.From != string(alert.Ended) || e.What == alert.DidEnd && state == alert.Ended {
			return state, notes, fmt.Errorf("%+v follows on %s", e, state)
		}
		if e.What != alert.DidClose && e.From != string(state) || e.What == alert.DidClose && state != alert.Ended && e.From != string(state) {
			return state, notes, fmt.Errorf("%+v follows on %s", e, state)
		}
		state = next
	}
	return state, notes, nil
}

// A fataler is a test, of this package or of rapid.
type fataler interface {
	Fatalf(format string, args ...any)
}

// consistent holds the alerts of a rule to their logs: each is in the state that its log leads to, at most one stands for
// each entity, and every act that was done was written exactly once, every other never.
func consistent(ctx context.Context, t fataler, l *ledger.Ledger, rule int64, done, refused []string) (triggers int64) {
	all, err := l.Alerts(ctx, ledger.AlertQuery{RuleID: rule})
	if err != nil {
		t.Fatalf("%v", err)
	}
	told, standing := map[string]int{}, map[string]int{}
	for _, a := range all {
		triggers += a.Triggers
		log, err := l.AlertLog(ctx, a.ID)
		if err != nil {
			t.Fatalf("%v", err)
		}
		state, notes, err := follow(log)
		if len(log) == 0 {
			state = a.State // ended together with its beginning
		}
		if err != nil || state != a.State {
			t.Fatalf("alert %d is %s, its log leads to %s (%v):\n%+v", a.ID, a.State, state, err, log)
		}
		for note, n := range notes {
			told[note] += n
		}
		if a.State != alert.Ended {
			standing[a.Entity.Key()]++
		}
		if (a.State == alert.Acknowledged) == (a.AckedBy == "") && a.State != alert.Ended {
			t.Fatalf("alert %+v: acknowledged by nobody, or not and by somebody", a)
		}
	}
	for entity, n := range standing {
		if n > 1 {
			t.Fatalf("%d alerts about %s stand", n, entity)
		}
	}
	for _, note := range done {
		if told[note] != 1 {
			t.Fatalf("act %s was done and is told %d times", note, told[note])
		}
	}
	for _, note := range refused {
		if told[note] != 0 {
			t.Fatalf("act %s was refused and is told", note)
		}
	}
	return triggers
}

// testReplayedActs: whatever people do between commits, and however often the journal is judged again from an earlier
// place, nothing is lost, doubled or undone.
func testReplayedActs(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	rule := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		rule++
		name := fmt.Sprintf("judge %d", rule)
		var judged []ledger.Commit
		var done, refused []string
		second, want, severity := 0, int64(0), alert.Medium
		commit := func(c ledger.Commit) {
			c.Now = at(second)
			if _, err := l.Commit(t.Context(), c); err != nil {
				r.Fatal(err)
			}
		}
		for n := range rapid.IntRange(1, 12).Draw(r, "steps") {
			second += rapid.IntRange(1, 50).Draw(r, "gap")
			switch rapid.SampledFrom([]string{"trigger", "end", "act", "act", "again", "lapse"}).Draw(r, "step") {
			case "trigger":
				severity = rapid.SampledFrom([]alert.Severity{severity, severity, alert.Low, alert.High}).Draw(r, "severity")
				judged = append(judged, judgedStep(name, rule, len(judged)+1, severity, trigger(second, 1, 11)))
				want++
				commit(judged[len(judged)-1])
			case "end":
				judged = append(judged, judgedStep(name, rule, len(judged)+1, severity, end(second)))
				commit(judged[len(judged)-1])
			case "again":
				for i := rapid.IntRange(0, len(judged)).Draw(r, "from"); i < len(judged); i++ {
					commit(judged[i])
				}
			case "lapse":
				if _, err := l.EndAcknowledgements(t.Context(), at(second)); err != nil {
					r.Fatal(err)
				}
			case "act":
				all := alertsOf(t, l, rule)
				if len(all) == 0 {
					continue
				}
				a := ledger.Act{Who: "anna", Now: at(second), Note: fmt.Sprintf("note %d", n), Disposition: alert.True}
				a.Alert = rapid.SampledFrom(all).Draw(r, "alert")
				a.Deed = rapid.SampledFrom([]ledger.Deed{ledger.Acknowledge, ledger.Acknowledge, ledger.Unacknowledge, ledger.Comment, ledger.Close}).Draw(r, "deed")
				if a.Deed == ledger.Acknowledge && rapid.Bool().Draw(r, "until") {
					a.Until = at(second + rapid.IntRange(1, 60).Draw(r, "for"))
				}
				if _, _, err := l.Act(t.Context(), a); err == nil {
					done = append(done, a.Note)
				} else if refused = append(refused, a.Note); fault.Kind(err) != fault.Conflict {
					r.Fatal(err)
				}
			}
			if got := consistent(t.Context(), r, l, rule, done, refused); got != want {
				r.Fatalf("%d triggers, want %d", got, want)
			}
		}
	})
}

func alertsOf(t *testing.T, l *ledger.Ledger, rule int64) (ids []int64) {
	t.Helper()
	for _, a := range alerts(t, l, ledger.AlertQuery{RuleID: rule}) {
		ids = append(ids, a.ID)
	}
	return ids
}

// judgedStep is what a judge commits at one position.
func judgedStep(name string, rule int64, seq int, severity alert.Severity, f alert.Finding) ledger.Commit {
	return ledger.Commit{
		Name: name, Position: pos(uint64(seq)), Front: pos(uint64(seq)), Route: page, Reopen: time.Minute, //nolint:gosec // small
		Writes: []ledger.Write{severe(write(rule, host("a"), f), severity)},
	}
}

// testRacingActs: people and the judge of one alert, which now and then dies and judges again, at the same time over
// connections of their own. Neither gets far ahead of the other, so that acts meet an alert that opens again and again also where
// SQLite's lock comes to one of them all the time.
func testRacingActs(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	judge, people := Open(t, dsn, dir), Open(t, dsn, dir)
	const steps, each, persons, lead = 120, 40, 3, 10
	var judged, acted atomic.Int64 // of all steps, and of as many acts
	keepTo := func(mine int, others *atomic.Int64) {
		for int64(mine) > others.Load()+lead {
			time.Sleep(time.Millisecond)
		}
	}
	var all sync.WaitGroup
	all.Go(func() {
		defer judged.Store(steps)
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // to repeat, not to keep a secret
		for seq := 1; seq <= steps; seq++ {
			severity := alert.Low + alert.Severity(seq/30) //nolint:gosec // small
			c := judgedStep("judge", 1, seq, severity, trigger(seq, 1, 11))
			c.Now = at(seq)
			keepTo(seq, &acted)
			if err := insist(func() error { _, err := judge.Commit(t.Context(), c); return err }); err != nil {
				t.Errorf("Commit(%d) = %v", seq, err)
				return
			}
			judged.Store(max(judged.Load(), int64(seq)))
			if random.IntN(10) == 0 {
				seq = max(0, seq-1-random.IntN(5)) // after the loop's step it judges what it judged before
			}
		}
	})
	done, refused := make([][]string, persons), make([][]string, persons)
	for p := range persons {
		all.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(p))) //nolint:gosec // likewise
			deeds := []ledger.Deed{ledger.Acknowledge, ledger.Unacknowledge, ledger.Comment, ledger.Close}
			n := 0
			defer func() { acted.Add(int64(each - n)) }()
			for ; n < each; n++ {
				keepTo(max(lead+1, n*persons), &judged) // the first when there is an alert
				var found []alert.Alert
				err := insist(func() (err error) {
					found, err = people.Alerts(t.Context(), ledger.AlertQuery{RuleID: 1, Limit: 2})
					return err
				})
				if err != nil || len(found) == 0 {
					t.Errorf("Alerts = %v, %v", found, err)
					return
				}
				a := ledger.Act{Alert: found[random.IntN(len(found))].ID, Deed: deeds[random.IntN(len(deeds))], Who: fmt.Sprintf("person %d", p),
					Now: at(n), Note: fmt.Sprintf("note %d of %d", n, p), Disposition: alert.Expected}
				switch err := insist(func() error { _, _, err := people.Act(t.Context(), a); return err }); {
				case err == nil:
					done[p] = append(done[p], a.Note)
				case fault.Kind(err) == fault.Conflict:
					refused[p] = append(refused[p], a.Note)
				default:
					t.Errorf("%s = %v", a.Deed, err)
				}
				acted.Add(1)
			}
		})
	}
	all.Wait()
	var did, not []string
	for p := range persons {
		did, not = append(did, done[p]...), append(not, refused[p]...)
	}
	if len(did) < each {
		t.Errorf("only %d acts were done: %s", len(did), strings.Join(did, ", "))
	}
	if got := consistent(t.Context(), t, people, 1, did, not); got != steps {
		t.Errorf("%d triggers, want %d", got, steps)
	}
}
