package ledgertest

import (
	"fmt"
	"sync"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// A follower asks for what changed since he last asked, a few alerts at a time.
type follower struct {
	since int64
	seen  []string // change, alert and state
}

// ask reads one page and returns how many alerts it had.
func (f *follower) ask(t *testing.T, l *ledger.Ledger, limit int) int {
	t.Helper()
	page := alerts(t, l, ledger.AlertQuery{SinceChange: f.since, Limit: limit})
	for _, a := range page {
		if a.Change <= f.since {
			t.Errorf("change %d of alert %d came behind change %d", a.Change, a.ID, f.since)
		}
		f.since = a.Change
		f.seen = append(f.seen, fmt.Sprintf("%d:%d %s", a.Change, a.ID, a.State))
	}
	return len(page)
}

// wantSeen takes what the follower saw and compares it.
func (f *follower) wantSeen(t *testing.T, want ...string) {
	t.Helper()
	if got := fmt.Sprint(f.seen); got != fmt.Sprint(want) {
		t.Errorf("the follower saw %v, want %v", got, want)
	}
	f.seen = nil
}

// testChanges: every stored change of an alert, by its rule or by people, has a number above all before it, and what is told
// again has none.
func testChanges(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	if _, err := l.CreateUser(t.Context(), "anna", "correct horse battery", true, at(0)); err != nil {
		t.Fatal(err)
	}
	if n, err := l.NewestChange(t.Context()); n != 0 || err != nil {
		t.Errorf("NewestChange of nothing = %d, %v", n, err)
	}
	f := follower{since: -1}
	if f.ask(t, l, 10) != 0 {
		t.Error("there are changes of no alert")
	}
	result := step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)), write(1, host("b"), trigger(1, 1, 11)))
	for i, c := range result.Changes {
		if c.Alert.Change != int64(i+1) || c.Alert.Born != int64(i+1) {
			t.Errorf("change told: %d, born %d, want %d", c.Alert.Change, c.Alert.Born, i+1)
		}
	}
	for f.ask(t, l, 1) > 0 {
	}
	f.wantSeen(t, "1:1 open", "2:2 open")
	step(t, l, 2, write(1, host("a"), end(2)))
	act(t, l, 3, ledger.Act{Alert: 2, Deed: ledger.Acknowledge})
	act(t, l, 4, ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "seen before"})
	for f.ask(t, l, 1) > 0 {
	}
	f.wantSeen(t, "4:2 acknowledged", "5:1 ended")
	step(t, l, 2, write(1, host("a"), end(2)))                            // told again
	act(t, l, 5, ledger.Act{Alert: 2, Deed: ledger.Acknowledge})          // the same once more
	step(t, l, 3)                                                         // nothing but a position
	act(t, l, 6, ledger.Act{Alert: 2, Deed: ledger.Assign, Assignee: ""}) // nobody's already
	if f.ask(t, l, 10) != 0 {
		t.Errorf("what changed nothing has a number: %v", f.seen)
	}
	if _, err := l.EndRule(t.Context(), 1, at(9), at(9), page); err != nil {
		t.Fatal(err)
	}
	past := ledger.Past{Now: at(9), Writes: []ledger.Write{write(2, host("c"), trigger(1, 1, 11), end(2))}}
	for range 2 {
		if _, err := l.Record(t.Context(), past); err != nil {
			t.Fatal(err)
		}
	}
	f.ask(t, l, 10)
	f.wantSeen(t, "6:2 ended", "7:3 ended")
	if got := alerts(t, l, ledger.AlertQuery{ID: 2})[0]; got.Born != 2 || got.Change != 6 {
		t.Errorf("alert 2 was born with change %d and changed last with %d, want 2 and 6", got.Born, got.Change)
	}
	if _, err := l.ClearAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := l.NewestChange(t.Context()); n != 7 || err != nil {
		t.Errorf("NewestChange behind a clearing = %d, %v, want 7", n, err)
	}
	step(t, l, 4, write(1, host("d"), trigger(4, 1, 11)))
	f.ask(t, l, 10)
	f.wantSeen(t, "8:4 open")
}

// testFollow: whoever follows while several write sees the last of every alert, and no change twice.
func testFollow(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	const writers, rounds = 3, 12
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := range rounds {
				findings := []alert.Finding{trigger(n, 1, 11)}
				if n%4 == 3 {
					findings = append(findings, end(n))
				}
				_, err := l.Commit(t.Context(), ledger.Commit{
					Name: fmt.Sprint("writer", w), Position: pos(uint64(n + 1)), Front: pos(uint64(n + 1)), Now: at(n), //nolint:gosec // small
					Writes: []ledger.Write{write(int64(w+1), host("a"), findings...)},
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	f, twice := follower{since: -1}, map[string]bool{}
	newest := map[int64]int64{}
	for last := false; ; {
		select {
		case <-done:
			last = true
		default:
		}
		for _, a := range alerts(t, l, ledger.AlertQuery{SinceChange: f.since, Limit: 2}) {
			key := fmt.Sprintf("%d:%d", a.Change, a.ID)
			if twice[key] || a.Change <= f.since {
				t.Errorf("change %d of alert %d came again", a.Change, a.ID)
			}
			twice[key], f.since, newest[a.ID] = true, a.Change, a.Change
		}
		if n, err := l.NewestChange(t.Context()); err != nil {
			t.Fatal(err)
		} else if last && n == f.since {
			break
		}
	}
	all := alerts(t, l, ledger.AlertQuery{})
	if len(all) == 0 {
		t.Fatal("nothing was written")
	}
	for _, a := range all {
		if newest[a.ID] != a.Change {
			t.Errorf("alert %d changed last with %d, the follower saw %d", a.ID, a.Change, newest[a.ID])
		}
	}
}
