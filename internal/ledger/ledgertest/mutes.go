package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

func addMute(t *testing.T, l *ledger.Ledger, m ledger.Mute) ledger.Mute {
	t.Helper()
	m, err := l.AddMute(t.Context(), m, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mutes(t *testing.T, l *ledger.Ledger, q ledger.MuteQuery) []ledger.Mute {
	t.Helper()
	list, err := l.Mutes(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// testMutes: mutes are found as they were stored, in force or not, and are taken back once, by who may.
func testMutes(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	hostile := "\x1b[31m' OR 1=1; DROP TABLE mutes; -- \u202e <b>"
	silence := addMute(t, l, ledger.Mute{Kind: "silence", Body: `{"rule":"' --"}`, Author: "anna", Note: hostile, Created: at(0), Starts: at(0), Ends: at(10)})
	window := addMute(t, l, ledger.Mute{Kind: "window", Body: `{}`, Author: "anna", Note: "x\x00\xff", Created: at(1), Starts: at(20)})
	exclusion := addMute(t, l, ledger.Mute{Kind: ledger.Excluding, Body: `{}`, Author: "bob", Note: "x", Created: at(2), Starts: at(2)})
	all := mutes(t, l, ledger.MuteQuery{})
	window.Note = "x\uFFFD\uFFFD"
	if diff := cmp.Diff([]ledger.Mute{exclusion, window, silence}, all); diff != "" {
		t.Errorf("all mutes (-want +got):\n%s", diff)
	}
	ids := func(q ledger.MuteQuery) (list []int64) {
		for _, m := range mutes(t, l, q) {
			list = append(list, m.ID)
		}
		return list
	}
	for name, test := range map[string]struct {
		q    ledger.MuteQuery
		want []int64
	}{
		"one":                 {ledger.MuteQuery{ID: window.ID}, []int64{window.ID}},
		"a kind":              {ledger.MuteQuery{Kind: "silence"}, []int64{silence.ID}},
		"the newest":          {ledger.MuteQuery{Limit: 1}, []int64{exclusion.ID}},
		"in force":            {ledger.MuteQuery{InForce: at(9)}, []int64{exclusion.ID, window.ID, silence.ID}},
		"at an end":           {ledger.MuteQuery{InForce: at(10)}, []int64{exclusion.ID, window.ID}},
		"whose end is untold": {ledger.MuteQuery{InForce: at(10), Untold: true}, []int64{exclusion.ID, window.ID, silence.ID}},
	} {
		if got := ids(test.q); !cmp.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	no := errors.New("no")
	revoke := func(id int64, second int, may func(ledger.Mute) error, want error) ledger.Mute {
		t.Helper()
		m, err := l.RevokeMute(t.Context(), ledger.Revocation{ID: id, Who: "anna", Now: at(second), May: may})
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("RevokeMute(%d) = %v, want %v", id, err, want)
		}
		return m
	}
	revoke(99, 5, nil, fault.NotFound)
	revoke(exclusion.ID, 5, func(m ledger.Mute) error {
		if m.Author != "bob" || m.Kind != ledger.Excluding {
			t.Errorf("asked whether %+v may be taken back", m)
		}
		return no
	}, no)
	if m := revoke(exclusion.ID, 5, nil, nil); !m.Revoked.Equal(at(5)) || m.RevokedBy != "anna" {
		t.Errorf("taken back: %+v", m)
	}
	revoke(exclusion.ID, 6, nil, fault.Conflict)
	revoke(silence.ID, 10, nil, fault.Conflict) // it has ended
	if got := ids(ledger.MuteQuery{InForce: at(10), Untold: true}); !cmp.Equal(got, []int64{window.ID, silence.ID}) {
		t.Errorf("behind it: %v", got)
	}
	if _, err := l.AddMute(t.Context(), ledger.Mute{Kind: "silence", Body: "{}", Note: "x", Created: at(11), Starts: at(11), Ends: at(12)}, 1); !errors.Is(err, fault.Conflict) {
		t.Errorf("one more than there may be: %v, want a conflict", err)
	}
	if _, err := l.AddMute(t.Context(), ledger.Mute{Kind: "silence", Body: "{}", Note: "x", Created: at(11), Starts: at(11), Ends: at(12)}, 2); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
}

// testMuteHits: what a mute did is counted once for each change, also when the commit is repeated.
func testMuteHits(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	silence := addMute(t, l, ledger.Mute{Kind: "silence", Body: "{}", Author: "anna", Note: "x", Created: at(0), Starts: at(0), Ends: at(100)})
	exclusion := addMute(t, l, ledger.Mute{Kind: ledger.Excluding, Body: "{}", Author: "anna", Note: "x", Created: at(0), Starts: at(0)})
	muted := func(ledger.Change) []ledger.Target {
		return []ledger.Target{{Channel: "page", Mute: "silence", MutedBy: silence.ID}, {Channel: "mail", User: "bob", Mute: "silence", MutedBy: silence.ID}, {Channel: "other", Mute: "below"}}
	}
	for range 3 {
		if _, err := l.Commit(t.Context(), ledger.Commit{
			Name: "n", Position: pos(0), Front: pos(1), Now: at(5), Writes: []ledger.Write{write(1, host("a"), trigger(1, 2, 12)), write(1, host("b"), trigger(1, 2, 12))},
			Route: muted, Hits: []ledger.Hit{{Mute: exclusion.ID, N: 3, Last: at(4)}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[int64]struct {
		hits int64
		last time.Time
	}{silence.ID: {2, at(5)}, exclusion.ID: {3, at(4)}} {
		if m := mutes(t, l, ledger.MuteQuery{ID: id})[0]; m.Hits != want.hits || !m.LastHit.Equal(want.last) {
			t.Errorf("%s: %d hits, the last at %s, want %d at %s", m.Kind, m.Hits, m.LastHit, want.hits, want.last)
		}
	}
	if _, err := l.Commit(t.Context(), ledger.Commit{Name: "n", Position: pos(2), Front: pos(2), Now: at(3), Hits: []ledger.Hit{{Mute: exclusion.ID, N: 1, Last: at(2)}}}); err != nil {
		t.Fatal(err)
	}
	if m := mutes(t, l, ledger.MuteQuery{ID: exclusion.ID})[0]; m.Hits != 4 || !m.LastHit.Equal(at(4)) {
		t.Errorf("behind a clock that was set back: %d hits, the last at %s, want 4 at %s", m.Hits, m.LastHit, at(4))
	}
}

// testUnmute: when a mute ends, those alerts are told of that it hid and that still stand, each way once and in one summary: who
// has heard of one that it goes on, others that it began.
func testUnmute(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	silence := addMute(t, l, ledger.Mute{Kind: "silence", Body: "{}", Author: "anna", Note: "x", Created: at(0), Starts: at(0), Ends: at(100)})
	on := false
	route := func(c ledger.Change) []ledger.Target {
		t := ledger.Target{Channel: "page"}
		if on {
			t.Mute, t.MutedBy = "silence 1", silence.ID
		}
		quiet := ledger.Target{Channel: "mail:bob", User: "bob", Hold: ledger.Quiet, Due: at(1000), Why: "quiet hours"}
		if c.Alert.Severity < alert.High {
			t.Mute, quiet.Mute = "below", "below"
		}
		return []ledger.Target{t, quiet}
	}
	commit := func(seq uint64, writes ...ledger.Write) {
		t.Helper()
		if _, err := l.Commit(t.Context(), ledger.Commit{Name: "n", Position: pos(seq), Front: pos(seq), Now: at(int(seq)), Writes: writes, Route: route}); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
	}
	commit(1, write(1, host("told"), trigger(1, 1, 12)))
	on = true
	commit(2, write(1, host("hidden"), trigger(2, 1, 12)), write(1, host("over"), trigger(2, 1, 12), end(3)), write(1, host("other"), trigger(2, 1, 12)), write(1, host("taken"), trigger(2, 1, 12)))
	for _, a := range alerts(t, l, ledger.AlertQuery{}) {
		if a.Entity[0].Value == "taken" {
			act(t, l, 3, ledger.Act{Alert: a.ID, Deed: ledger.Acknowledge})
		}
	}
	on = false
	if got := pending(t, l, "page"); len(got) != 1 || got[0].Change != notifier.Create {
		t.Errorf("before the end: %+v, want the beginning of one alert", got)
	}
	unmute := func(until int) int {
		t.Helper()
		n, err := l.Unmute(t.Context(), ledger.Unmuting{Mute: silence.ID, Until: at(until), Now: at(100), Why: "still firing", Route: route,
			Hid: func(a *alert.Alert) bool { return a.Entity[0].Value != "other" }})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := unmute(100); n != 2 {
		t.Errorf("Unmute tells of %d alerts, want 2", n)
	}
	if n := unmute(100) + unmute(50); n != 0 {
		t.Errorf("Unmute again tells of %d alerts, want none", n)
	}
	if n, err := l.Bundle(t.Context(), at(100)); n != 1 || err != nil {
		t.Errorf("Bundle = %d, %v, want one summary", n, err)
	}
	got := pending(t, l, "page")
	if len(got) != 1 || got[0].Change != notifier.Summary {
		t.Fatalf("behind the end: %+v, want a summary", got)
	}
	changes := map[string]notifier.Change{}
	for _, line := range got[0].Digest.Lines {
		changes[line.Alert.Entity[0].Value] = line.Change
	}
	if got[0].Digest.Reason != "still firing" || !cmp.Equal(changes, map[string]notifier.Change{"told": notifier.Update, "hidden": notifier.Create}) {
		t.Errorf("summary: %+v, want one that goes on and one that began", got[0].Digest)
	}
	if _, err := l.Unmute(t.Context(), ledger.Unmuting{Mute: 99, Until: at(1), Now: at(1), Hid: func(*alert.Alert) bool { return true }}); !errors.Is(err, fault.NotFound) {
		t.Errorf("Unmute of no mute = %v", err)
	}
}

// pending claims and returns what waits for a channel.
func pending(t *testing.T, l *ledger.Ledger, channel string) (list []notifier.Notice) {
	t.Helper()
	leased, err := l.Claim(t.Context(), ledger.Claim{Channel: channel, Holder: "node", Lease: time.Minute, Limit: 100, Now: at(200)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range leased {
		list = append(list, n.Notice)
	}
	return list
}
