package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
)

// flapping commits up to seq: an alert is opened again within 60 s and flaps by a third change within 30 s.
func flapping(t *testing.T, l *ledger.Ledger, seq, now, proven int, writes ...ledger.Write) ledger.Result {
	t.Helper()
	result, err := l.Commit(t.Context(), ledger.Commit{
		Name: "alerting", Position: pos(uint64(seq)), Front: pos(uint64(seq)), Now: at(now), Writes: writes, Route: page, //nolint:gosec // small
		Reopen: time.Minute, Flapping: ledger.Flapping{Changes: 2, Within: 30 * time.Second}, Proven: event.Watermark(at(proven).UnixNano()),
	})
	if err != nil {
		t.Fatalf("Commit(%d) = %v", seq, err)
	}
	return result
}

// testReopenEnded: an alert that ended by itself goes on when its rule triggers soon after, with its comments and whose it is.
func testReopenEnded(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	if _, err := l.CreateUser(t.Context(), "anna", "correct horse battery", true, at(0)); err != nil {
		t.Fatal(err)
	}
	a := host("a")
	reopening(t, l, 1, 1, write(1, a, trigger(1, 2, 11)))
	act(t, l, 2, ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "anna", Note: "yours"})
	act(t, l, 3, ledger.Act{Alert: 1, Deed: ledger.Acknowledge})
	reopening(t, l, 2, 4, write(1, a, end(4)))
	soon := write(1, a, trigger(64, 1, 12))
	for range 2 { // the journal is judged again
		reopening(t, l, 3, 65, soon)
	}
	now := alerts(t, l, ledger.AlertQuery{})
	if len(now) != 1 || now[0].State != alert.Open || now[0].Reopened != 1 || now[0].Triggers != 3 || now[0].Assignee != "anna" || now[0].AckedBy != "" ||
		now[0].First != at(1) || now[0].Last != at(64) || !now[0].EndedAt.IsZero() {
		t.Errorf("alerts = %+v, want one that goes on", now)
	}
	wantStory(t, l, 1, "2 anna assigned >anna yours", "3 anna acknowledged open>acknowledged ", "4  ended acknowledged>ended ", "65  reopened ended>open ")
	// Away and back within one write.
	if got := kinds(reopening(t, l, 4, 70, write(1, a, end(66), trigger(70, 1, 12), end(71)))); got != "END a;UPDATE a;END a;" {
		t.Errorf("changes %q, want its end, its coming back and its end", got)
	}
	// Quiet for longer, it is another one, and what history finds opens none again.
	past := ledger.Past{Now: at(80), Writes: []ledger.Write{write(1, a, trigger(75, 1, 12), end(76))}}
	if _, err := l.Record(t.Context(), past); err != nil {
		t.Fatal(err)
	}
	if got := kinds(reopening(t, l, 5, 140, write(1, a, trigger(132, 1, 12)))); got != "CREATE a;" {
		t.Errorf("61 s after its end: changes %q, want another one", got)
	}
	var got []string
	for _, a := range alerts(t, l, ledger.AlertQuery{SinceChange: -1}) {
		got = append(got, fmt.Sprintf("%d %s %s %d", a.ID, a.Origin, a.State, a.Reopened))
	}
	if want := "[1 live ended 2 2 history ended 0 3 live open 0]"; fmt.Sprint(got) != want {
		t.Errorf("alerts = %v, want %s", got, want)
	}
}

// testFlapping: what comes and goes too often stays open and is told once, over whatever the process is killed, until it has
// been steady.
func testFlapping(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	a, told := host("a"), ""
	take := func(seq, now, proven int, findings ...alert.Finding) alert.Alert {
		t.Helper()
		var writes []ledger.Write
		if len(findings) > 0 {
			writes = []ledger.Write{write(1, a, findings...)}
		}
		for range 2 { // told again, it changes nothing
			told += kinds(flapping(t, l, seq, now, proven, writes...))
		}
		return alerts(t, l, ledger.AlertQuery{SinceChange: -1})[0]
	}
	wantTold := func(want string) {
		t.Helper()
		if told != want {
			t.Errorf("told %q, want %q", told, want)
		}
		told = ""
	}
	take(1, 1, 0, trigger(1, 1, 11))
	take(2, 5, 0, end(5))
	take(3, 8, 0, trigger(8, 1, 11))
	wantTold("CREATE a;END a;UPDATE a;")
	got := take(4, 10, 0, end(10))
	wantTold("UPDATE a;")
	if got.State != alert.Open || got.Flapping != at(10) || got.Calm != at(10) || got.Turns != 3 || !got.EndedAt.IsZero() || got.Reopened != 1 {
		t.Errorf("flapping: %+v", got)
	}
	got = take(5, 20, 0, trigger(15, 4, 30))
	if got.State != alert.Open || !got.Calm.IsZero() || got.Turns != 4 || got.Triggers != 6 || got.Peak != 30 || got.Last != at(15) || got.Flapping != at(10) {
		t.Errorf("it came back: %+v", got)
	}
	got = take(6, 25, 0, end(20), trigger(21, 1, 11), end(22))
	if got.Calm != at(22) || got.Turns != 7 || got.Triggers != 7 {
		t.Errorf("it went, came and went: %+v", got)
	}
	take(7, 50, 51) // not steady yet
	wantTold("")
	got = take(8, 60, 52)
	wantTold("END a;")
	if got.State != alert.Ended || got.EndedAt != at(22) || !got.Flapping.IsZero() || !got.Calm.IsZero() || got.Turns != 7 {
		t.Errorf("it has been quiet: %+v", got)
	}
	// It begins to flap anew, and settles by what comes next: at first it went on, then it had ended.
	take(9, 61, 60, trigger(60, 1, 11))
	take(10, 62, 62, end(61), trigger(62, 1, 11))
	wantTold("UPDATE a;END a;UPDATE a;")
	got = take(11, 100, 63, trigger(95, 1, 11))
	wantTold("UPDATE a;")
	if got.State != alert.Open || !got.Flapping.IsZero() || got.Turns != 3 {
		t.Errorf("it went on: %+v", got)
	}
	take(12, 101, 63, end(96))
	take(13, 102, 63, trigger(97, 1, 11), end(98))
	wantTold("END a;UPDATE a;UPDATE a;") // it was opened again, and that made it flap
	got = take(14, 140, 63, trigger(129, 1, 11))
	wantTold("END a;UPDATE a;")
	if got.State != alert.Open || got.Turns != 0 || got.Reopened != 5 {
		t.Errorf("it came back: %+v", got)
	}
	wantStory(t, l, 1, "5  ended open>ended ", "8  reopened ended>open ", "10  flapping > 3 changes within 30s", "60  steady > after 7 changes", "60  ended open>ended ",
		"61  reopened ended>open ", "62  ended open>ended ", "62  reopened ended>open ", "62  flapping > 3 changes within 30s", "100  steady > after 3 changes",
		"101  ended open>ended ", "102  reopened ended>open ", "102  flapping > 3 changes within 30s", "140  steady > after 3 changes", "140  ended open>ended ",
		"140  reopened ended>open ")
	if n := len(deliveries(t, l)); n != 14 {
		t.Errorf("%d notices, want 14", n)
	}
}

// testFlappingActs: people can take on and close what flaps, the clock settles it where nothing is proven any more, and it
// stays within its cap.
func testFlappingActs(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	comeAndGo := func(seq, second int) {
		t.Helper()
		for _, name := range []string{"a", "b", "c"} {
			flapping(t, l, seq, second+5, 0, write(1, host(name), trigger(second, 1, 11), end(second+1), trigger(second+2, 1, 11), end(second+3)))
			seq++
		}
	}
	comeAndGo(1, 1)
	act(t, l, 10, ledger.Act{Alert: 1, Deed: ledger.Acknowledge})
	got := act(t, l, 10, ledger.Act{Alert: 2, Deed: ledger.Close, Disposition: alert.Expected})
	if got.State != alert.Ended || !got.Flapping.IsZero() || !got.Calm.IsZero() || got.EndedAt != at(10) {
		t.Errorf("closed: %+v", got)
	}
	flapping(t, l, 4, 12, 0, write(1, host("a"), trigger(11, 1, 11)), write(1, host("b"), trigger(11, 1, 11), end(12)))
	var states []string
	show := func() string {
		states = nil
		for _, a := range alerts(t, l, ledger.AlertQuery{}) {
			states = append(states, fmt.Sprintf("%d %s %v", a.ID, a.State, !a.Flapping.IsZero()))
		}
		slices.Sort(states)
		return fmt.Sprint(states)
	}
	if got, want := show(), "[1 acknowledged true 2 ended false 3 open true]"; got != want {
		t.Errorf("alerts %s, want %s", got, want)
	}
	flapping(t, l, 5, 41, 0) // by the clock 30 s have passed, but the row was written 29 s ago
	if got, want := show(), "[1 acknowledged true 2 ended false 3 ended false]"; got != want {
		t.Errorf("alerts %s, want %s", got, want)
	}
	if got := kinds(flapping(t, l, 6, 42, 0)); got != "UPDATE a;" {
		t.Errorf("changes %q, want that it goes on", got)
	}
	if got, want := show(), "[1 acknowledged false 2 ended false 3 ended false]"; got != want {
		t.Errorf("alerts %s, want %s", got, want)
	}
	// The rule goes away: so does what flaps.
	flapping(t, l, 7, 46, 0, write(1, host("c"), trigger(43, 1, 11), end(44), trigger(45, 1, 11), end(46)))
	if _, err := l.EndRule(t.Context(), 1, at(50), at(50), page); err != nil {
		t.Fatal(err)
	}
	if got, want := show(), "[1 ended false 2 ended false 3 ended false]"; got != want {
		t.Errorf("alerts %s, want %s", got, want)
	}
}

// testFlappingCuts: the same findings give the same alerts and tell the same ends, however they are cut into writes and
// however often some are told again.
func testFlappingCuts(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	rule := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		var findings []alert.Finding
		second, up := 0, false
		for range rapid.IntRange(1, 24).Draw(r, "findings") {
			second += rapid.SampledFrom([]int{1, 3, 3, 8, 31, 70}).Draw(r, "gap")
			if up && rapid.Bool().Draw(r, "end") {
				findings, up = append(findings, end(second)), false
			} else {
				findings, up = append(findings, trigger(second, 1, 11)), true
			}
		}
		run := func(cut func() int) []alert.Alert {
			rule++
			name := fmt.Sprint("judge ", rule)
			for from := 0; from < len(findings); {
				to := min(len(findings), from+cut())
				proven := at(0).UnixNano()
				if to > 0 {
					proven = findings[to-1].Time
				}
				c := ledger.Commit{
					Name: name, Position: pos(uint64(to)), Front: pos(uint64(to)), Now: at(0), Route: page, Proven: event.Watermark(proven), //nolint:gosec // small
					Reopen: time.Minute, Flapping: ledger.Flapping{Changes: 2, Within: 30 * time.Second},
					Writes: []ledger.Write{write(rule, host("a"), findings[from:to]...)},
				}
				for range 2 {
					if _, err := l.Commit(t.Context(), c); err != nil {
						r.Fatal(err)
					}
				}
				from = to
			}
			last := ledger.Commit{Name: name, Position: pos(1000), Front: pos(1000), Now: at(0), Route: page, Proven: event.Watermark(at(second + 40).UnixNano())}
			if _, err := l.Commit(t.Context(), last); err != nil {
				r.Fatal(err)
			}
			return alerts(t, l, ledger.AlertQuery{RuleID: rule, SinceChange: -1})
		}
		one := run(func() int { return 1 })
		all := run(func() int { return len(findings) })
		some := run(func() int { return rapid.IntRange(1, 5).Draw(r, "cut") })
		ignore := cmpopts.IgnoreFields(alert.Alert{}, "ID", "Rule", "RuleName", "Title", "Change", "Born")
		if diff := gocmp.Diff(one, all, ignore); diff != "" {
			r.Fatalf("all at once (-one by one +all):\n%s", diff)
		}
		if diff := gocmp.Diff(one, some, ignore); diff != "" {
			r.Fatalf("in pieces (-one by one +pieces):\n%s", diff)
		}
	})
}
