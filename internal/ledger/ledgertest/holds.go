package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// routed commits up to seq, with a route of its own.
func routed(t *testing.T, l *ledger.Ledger, seq uint64, route ledger.Route, writes ...ledger.Write) {
	t.Helper()
	_, err := l.Commit(t.Context(), ledger.Commit{Name: "alerting", Position: pos(seq), Front: pos(seq), Now: at(int(seq)), Writes: writes, Route: route, Cap: 1000}) //nolint:gosec // small
	if err != nil {
		t.Fatalf("Commit(%d) = %v", seq, err)
	}
}

// to is a route to one target, whatever happens.
func to(target ledger.Target) ledger.Route {
	return func(ledger.Change) []ledger.Target { return []ledger.Target{target} }
}

func bundled(t *testing.T, l *ledger.Ledger, now int, want int) {
	t.Helper()
	if n, err := l.Bundle(t.Context(), at(now)); err != nil || n != want {
		t.Fatalf("Bundle at %d = %d, %v, want %d", now, n, err, want)
	}
}

// standing counts the notices by state.
func standing(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	counts, err := l.OutboxCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for state, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// testHolds: what is held alike leaves as one summary, once; what is held alone, or for somebody else, leaves as it is.
func testHolds(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	if _, ok, err := l.NextHeld(t.Context()); ok || err != nil {
		t.Errorf("NextHeld of an empty outbox: %v, %v", ok, err)
	}
	quiet := func(user string) ledger.Target {
		return ledger.Target{User: user, Channel: "page", To: user + "@example.org", Hold: ledger.Quiet, Due: at(100), Why: "quiet hours until 07:00"}
	}
	route := func(c ledger.Change) []ledger.Target {
		if c.Alert.Severity == alert.Critical {
			return []ledger.Target{{User: "anna", Channel: "page", To: "anna@example.org"}}
		}
		if c.Kind == notifier.Create && c.Alert.ID == 1 {
			return []ledger.Target{quiet("anna"), quiet("bob")}
		}
		return []ledger.Target{quiet("anna")}
	}
	routed(t, l, 1, route, write(1, host("a"), trigger(1, 1, 11)), write(1, host("b"), trigger(1, 1, 11)))
	routed(t, l, 2, route, write(1, host("a"), end(2)))
	if got := standing(t, l); got != "4 held" {
		t.Fatalf("held: %s", got)
	}
	if got := claim(t, l, 99, 10); len(got) != 0 {
		t.Fatalf("claimed %d held notices", len(got))
	}
	if due, ok, err := l.NextHeld(t.Context()); !ok || err != nil || due != at(100) {
		t.Errorf("NextHeld = %v, %v, %v, want the time of the summary", due, ok, err)
	}
	bundled(t, l, 99, 0)
	bundled(t, l, 100, 2)
	bundled(t, l, 101, 0)
	got := claim(t, l, 101, 10)
	if len(got) != 2 {
		t.Fatalf("claimed %+v, want a summary for anna and one notice for bob", got)
	}
	for _, n := range got {
		switch n.Notice.User {
		case "anna":
			d := n.Notice.Digest
			if n.Notice.Change != notifier.Summary || d == nil || d.Notices != 3 || d.Alerts() != 2 || d.Reason != "quiet hours until 07:00" || d.Since != at(1) || d.Until != at(2) {
				t.Fatalf("summary = %+v, %+v", n.Notice, d)
			}
			if d.Lines[0].Alert.ID != 2 || d.Lines[1].Change != notifier.End || d.Severities["HIGH"] != 2 || n.Notice.Alert.Severity != alert.High || n.Notice.To != "anna@example.org" {
				t.Errorf("digest = %+v, alert %+v", d, n.Notice.Alert)
			}
		case "bob":
			if n.Notice.Change != notifier.Create || n.Notice.Alert.ID != 1 || n.Notice.Digest != nil {
				t.Errorf("notice = %+v, want that of the alert", n.Notice)
			}
		}
		finish(t, l, n, ledger.Outcome{State: ledger.Sent, Ended: at(102)})
	}
	if got := standing(t, l); got != "2 sent, 3 bundled" {
		t.Errorf("in the end: %s", got)
	}
	for _, d := range deliveries(t, l) {
		if d.State == ledger.Bundled && (d.Bundle == 0 || d.Hold != ledger.Quiet || d.Why == "" || d.Due != at(100)) {
			t.Errorf("bundled: %+v", d)
		}
	}
}

// testEndings: an end goes to whoever heard of the beginning and to nobody else, also when he is to be told no more; it stays
// with a beginning that is held still.
func testEndings(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	routed(t, l, 1, func(ledger.Change) []ledger.Target {
		return []ledger.Target{{Channel: "told"}, {Channel: "silenced", Mute: "silence 7"}, {Channel: "sleeps", Hold: ledger.Quiet, Due: at(50), Why: "night"}, {Channel: "gone"}}
	}, write(1, host("a"), trigger(1, 1, 11)))
	routed(t, l, 2, func(ledger.Change) []ledger.Target {
		return []ledger.Target{{Channel: "told", Mute: "silence 8"}, {Channel: "silenced"}, {Channel: "sleeps"}, {Channel: "new"}}
	}, write(1, host("a"), end(2)))
	got := map[string]string{}
	for _, d := range deliveries(t, l) {
		if d.Change == notifier.End {
			got[d.Channel] = strings.TrimSpace(string(d.State) + " " + d.Why)
		}
	}
	want := map[string]string{"told": "pending", "silenced": "muted was not told of its beginning", "sleeps": "held night", "new": "muted was not told of its beginning"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ends = %v, want %v", got, want)
	}
}

// testUntold: that somebody is not told stands there once a reason, and is bounded.
func testUntold(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	route := func(c ledger.Change) []ledger.Target {
		all := []ledger.Target{{Channel: "page", Mute: "LOW is below HIGH"}, {Channel: "page", User: "anna", Mute: "LOW is below HIGH"}}
		if c.Kind == notifier.Update {
			for i := range 500 {
				all = append(all, ledger.Target{Channel: fmt.Sprint("mail:", i), Mute: "filter"})
			}
		}
		return all
	}
	routed(t, l, 1, route, write(1, host("a"), trigger(1, 1, 11)))
	if got := standing(t, l); got != "2 muted" {
		t.Errorf("after the beginning: %s", got)
	}
	higher := write(1, host("a"), trigger(2, 1, 11))
	higher.Rule.Severity = alert.Critical
	routed(t, l, 2, route, higher)
	if got := standing(t, l); got != "100 muted" {
		t.Errorf("after the update: %s, want no more than a bound allows", got)
	}
	if got := claim(t, l, 9, 10); len(got) != 0 {
		t.Errorf("claimed %d that are not told", len(got))
	}
	bundled(t, l, 1000, 0)
}

// testStorm: beyond the limit one summary a minute leaves, each knows of those before it, and the last says that it is over.
func testStorm(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	route := to(ledger.Target{Channel: "page", Limit: 3})
	for i := range 10 {
		routed(t, l, uint64(i+1), route, write(int64(i+1), host("a"), trigger(i+1, 1, 11)))
	}
	if got := standing(t, l); got != "3 pending, 7 held" {
		t.Fatalf("after the first ten: %s", got)
	}
	first := claim(t, l, 11, 10)
	for _, n := range first {
		finish(t, l, n, ledger.Outcome{State: ledger.Sent, Ended: at(12)})
	}
	if due, ok, err := l.NextHeld(t.Context()); !ok || err != nil || due != at(60) {
		t.Errorf("NextHeld = %v, %v, %v, want the full minute", due, ok, err)
	}
	bundled(t, l, 60, 1)
	for i := range 4 { // those held before count as well
		routed(t, l, uint64(61+i), route, write(int64(61+i), host("a"), trigger(61+i, 1, 11)))
	}
	bundled(t, l, 120, 1)
	if all, err := l.Storms(t.Context()); err != nil || len(all) != 1 || all[0] != (ledger.Raging{Channel: "page", Notices: 4, Total: 11, Since: at(4)}) {
		t.Errorf("Storms = %+v, %v", all, err)
	}
	if due, ok, err := l.NextHeld(t.Context()); !ok || err != nil || due != at(180) {
		t.Errorf("NextHeld in a storm = %v, %v, %v, want a minute later", due, ok, err)
	}
	bundled(t, l, 179, 0)
	bundled(t, l, 180, 1)
	bundled(t, l, 300, 0)
	if all, err := l.Storms(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("Storms after the storm = %+v, %v", all, err)
	}
	var said []string
	thread := map[string]bool{}
	for range 3 {
		got := claim(t, l, 400, 10)
		if len(got) != 1 || got[0].Notice.Digest == nil {
			t.Fatalf("claimed %+v, want the summaries one after another", got)
		}
		d := got[0].Notice.Digest
		thread[d.Thread] = true
		said = append(said, fmt.Sprintf("%d %d %v", d.Notices, d.Total, d.Final))
		finish(t, l, got[0], ledger.Outcome{State: ledger.Sent, Ended: at(401)})
	}
	if got := strings.Join(said, ", "); got != "7 7 false, 4 11 false, 0 11 true" || len(thread) != 1 {
		t.Errorf("summaries: %s, of %d threads", got, len(thread))
	}
	if got := standing(t, l); got != "11 bundled, 6 sent" {
		t.Errorf("in the end: %s", got)
	}
	routed(t, l, 500, route, write(500, host("a"), trigger(500, 1, 11)))
	if got := claim(t, l, 501, 10); len(got) != 1 || got[0].Notice.Digest != nil {
		t.Errorf("after the storm: %+v, want the notice itself", got)
	}
}

// testGroups: notices of one rule leave together, and those of another apart from them.
func testGroups(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	route := to(ledger.Target{Channel: "page", Wait: 10 * time.Second, Every: time.Minute})
	routed(t, l, 1, route, write(1, host("a"), trigger(1, 1, 11)), write(2, host("a"), trigger(1, 1, 11)))
	routed(t, l, 5, route, write(1, host("b"), trigger(5, 1, 11)))
	bundled(t, l, 10, 0)
	bundled(t, l, 11, 2)
	routed(t, l, 12, route, write(1, host("c"), trigger(12, 1, 11)), write(3, host("c"), trigger(12, 1, 11)))
	bundled(t, l, 22, 1) // of rule 3
	bundled(t, l, 70, 0)
	bundled(t, l, 71, 1)
	got := map[string]int{}
	for _, d := range deliveries(t, l) {
		got[string(d.Change)+" "+string(d.State)+" "+string(d.Hold)]++
	}
	want := map[string]int{"CREATE bundled group": 2, "SUMMARY pending group": 1, "CREATE pending group": 3}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("notices = %v, want %v", got, want)
	}
}

// testSpares: what a channel gives up, or cannot send for long, goes through another one once, and not back.
func testSpares(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)), write(1, host("b"), trigger(1, 1, 11)), write(1, host("c"), trigger(1, 1, 11)))
	got := claim(t, l, 2, 3)
	finish(t, l, got[0], ledger.Outcome{State: ledger.Dead, Answer: "no such number", Ended: at(3), Spare: "mail"})
	finish(t, l, got[1], ledger.Outcome{State: ledger.Pending, Due: at(9), Ended: at(3), Spare: "mail"})
	finish(t, l, got[2], ledger.Outcome{State: ledger.Sent, Ended: at(3), Spare: "mail"})
	for i, want := range []int64{1, 0, 0} {
		if n, err := l.SpareWaiting(t.Context(), "page", "mail", at(5), at(6), "page rests"); err != nil || n != want {
			t.Errorf("SpareWaiting %d = %d, %v, want %d", i, n, err, want)
		}
	}
	if n, err := l.SpareWaiting(t.Context(), "mail", "page", at(10), at(10), "mail rests"); err != nil || n != 0 {
		t.Errorf("SpareWaiting back = %d, %v, want none", n, err)
	}
	bundled(t, l, 12, 0)
	bundled(t, l, 16, 1)
	spares, err := l.Claim(t.Context(), ledger.Claim{Channel: "mail", Holder: "node", Lease: time.Minute, Limit: 10, Now: at(17)})
	if err != nil || len(spares) != 1 || spares[0].Notice.Digest == nil || spares[0].Notice.Digest.Notices != 2 || spares[0].Notice.Digest.Reason != "page gave it up" {
		t.Fatalf("Claim = %+v, %v, want a summary of the two", spares, err)
	}
	finish(t, l, spares[0], ledger.Outcome{State: ledger.Dead, Ended: at(18), Spare: "page"})

	// What was given up is sent again, under its key, when somebody says so, and only for whom he may.
	if sent, err := l.SendAgain(t.Context(), ledger.Again{IDs: []int64{got[0].ID, got[2].ID, 999}, User: "bob", Now: at(20)}); err != nil || len(sent) != 0 {
		t.Errorf("SendAgain of another's = %v, %v", sent, err)
	}
	sent, err := l.SendAgain(t.Context(), ledger.Again{IDs: []int64{got[0].ID, got[2].ID, 999}, Now: at(20)})
	if err != nil || len(sent) != 1 || sent[0] != got[0].ID {
		t.Fatalf("SendAgain = %v, %v, want the one that was given up", sent, err)
	}
	again := claim(t, l, 20, 10)
	if len(again) != 2 || again[1].Notice.Key != got[0].Notice.Key || again[1].Notice.Attempt != 2 || again[1].Notice.Created != at(20) {
		t.Errorf("Claim = %+v, want it again with its key", again)
	}
	if sent, err := l.SendAgain(t.Context(), ledger.Again{Channel: "mail", Now: at(30)}); err != nil || len(sent) != 1 {
		t.Errorf("SendAgain of a channel = %v, %v, want 1", sent, err)
	}
}

// testBundleRace: however many make summaries at once, each notice is told by one.
func testBundleRace(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	l := Open(t, dsn, dir)
	route := func(c ledger.Change) []ledger.Target {
		return []ledger.Target{{Channel: "page", User: fmt.Sprint("u", c.Alert.Rule%5), Hold: ledger.Late, Due: at(2)}}
	}
	var writes []ledger.Write
	for i := range 50 {
		writes = append(writes, write(int64(i), host("a"), trigger(1, 1, 11)))
	}
	routed(t, l, 1, route, writes...)
	others := []*ledger.Ledger{l, Open(t, dsn, dir)}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if err := insist(func() error { _, err := others[i%2].Bundle(t.Context(), at(2)); return err }); err != nil {
				t.Errorf("Bundle = %v", err)
			}
		})
	}
	all.Wait()
	if got := standing(t, l); got != "5 pending, 50 bundled" {
		t.Errorf("in the end: %s", got)
	}
	for _, n := range claim(t, l, 3, 10) {
		if n.Notice.Digest.Notices != 10 {
			t.Errorf("summary = %+v, want ten notices", n.Notice.Digest)
		}
	}
}
