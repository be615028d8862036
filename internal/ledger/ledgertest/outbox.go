package ledgertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

func ledgerZero() time.Time { return time.Time{} }

func claim(t *testing.T, l *ledger.Ledger, now int, limit int) []ledger.LeasedNotice {
	t.Helper()
	got, err := l.Claim(t.Context(), ledger.Claim{Channel: "page", Holder: "node", Lease: time.Minute, Limit: limit, Now: at(now)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func finish(t *testing.T, l *ledger.Ledger, n ledger.LeasedNotice, o ledger.Outcome) {
	t.Helper()
	if err := l.Finish(t.Context(), n, o); err != nil {
		t.Fatalf("Finish(%s) = %v", n.Notice.Key, err)
	}
}

func testOutbox(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	if _, ok, err := l.NextDue(t.Context(), "page"); ok || err != nil {
		t.Errorf("NextDue of an empty outbox: %v, %v", ok, err)
	}
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)))
	if due, ok, err := l.NextDue(t.Context(), "page"); !ok || err != nil || due != at(1) {
		t.Errorf("NextDue = %v, %v, %v, want the time of the alert", due, ok, err)
	}
	if got := claim(t, l, 0, 10); len(got) != 0 {
		t.Errorf("claimed %d notices before their time", len(got))
	}
	got := claim(t, l, 2, 10)
	if len(got) != 1 || got[0].Notice.Attempt != 1 || got[0].Notice.Change != notifier.Create || got[0].Notice.Alert.Title != "rule-1: a" || got[0].Until != at(62) {
		t.Fatalf("Claim = %+v, want the notice of the alert", got)
	}
	if again := claim(t, l, 3, 10); len(again) != 0 {
		t.Errorf("claimed %d notices twice", len(again))
	}
	finish(t, l, got[0], ledger.Outcome{State: ledger.Pending, Due: at(30), Answer: "busy\x00\xff", Ended: at(4)})
	if due, _, err := l.NextDue(t.Context(), "page"); err != nil || due != at(30) {
		t.Errorf("NextDue = %v, %v, want that of the next attempt", due, err)
	}
	if early := claim(t, l, 29, 10); len(early) != 0 {
		t.Errorf("claimed %d notices too early", len(early))
	}
	second := claim(t, l, 30, 10)
	if len(second) != 1 || second[0].Notice.Attempt != 2 || second[0].Notice.Key != got[0].Notice.Key {
		t.Fatalf("Claim = %+v, want attempt 2 with the same key", second)
	}
	finish(t, l, second[0], ledger.Outcome{State: ledger.Sent, Answer: "ok", Ended: at(31)})
	if again := claim(t, l, 1000, 10); len(again) != 0 {
		t.Errorf("claimed %d notices that were sent", len(again))
	}
	d := deliveries(t, l)[0]
	if d.State != ledger.Sent || len(d.Attempts) != 2 || d.Attempts[0].Outcome != "failed" || d.Attempts[0].Answer != "busy\uFFFD\uFFFD" ||
		d.Attempts[1].Answer != "ok" || d.Attempts[1].Began != at(30) || d.Attempts[1].Ended != at(31) {
		t.Errorf("Deliveries = %+v, want both attempts with their answers", d)
	}
	counts, err := l.OutboxCounts(t.Context())
	if err != nil || counts[ledger.Sent] != 1 {
		t.Errorf("OutboxCounts = %v, %v", counts, err)
	}
}

// testOutboxOrder: the end of an alert is not told before its beginning.
func testOutboxOrder(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11), end(2)), write(1, host("b"), trigger(1, 1, 11)))
	first := claim(t, l, 2, 10)
	if len(first) != 2 || first[0].Notice.Change != notifier.Create || first[1].Notice.Change != notifier.Create {
		t.Fatalf("Claim = %+v, want both beginnings", first)
	}
	finish(t, l, first[0], ledger.Outcome{State: ledger.Pending, Due: at(50), Ended: at(3)})
	if got := claim(t, l, 40, 10); len(got) != 0 {
		t.Errorf("claimed %s while the beginning waits", got[0].Notice.Key)
	}
	retry := claim(t, l, 50, 10)
	if len(retry) != 1 || retry[0].Notice.Change != notifier.Create {
		t.Fatalf("Claim = %+v, want the beginning again", retry)
	}
	finish(t, l, retry[0], ledger.Outcome{State: ledger.Dead, Answer: "no such number", Ended: at(51)})
	if got := claim(t, l, 51, 10); len(got) != 1 || got[0].Notice.Change != notifier.End {
		t.Errorf("Claim = %+v, want the end after the beginning was given up", got)
	}
}

func testLeases(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)))
	lost := claim(t, l, 2, 10)[0]
	if got := claim(t, l, 61, 10); len(got) != 0 {
		t.Errorf("claimed %d notices whose lease holds", len(got))
	}
	if due, _, err := l.NextDue(t.Context(), "page"); err != nil || due != at(62) {
		t.Errorf("NextDue = %v, %v, want the end of the lease", due, err)
	}
	found := claim(t, l, 62, 10)
	if len(found) != 1 || found[0].Notice.Key != lost.Notice.Key || found[0].Notice.Attempt != 2 {
		t.Fatalf("Claim behind the lease = %+v, want the same key as attempt 2", found)
	}
	err := l.Finish(t.Context(), lost, ledger.Outcome{State: ledger.Sent, Answer: "late", Ended: at(63)})
	wantKind(t, "Finish with a lease that was lost", err, fault.Conflict)
	d := deliveries(t, l)[0]
	if d.State != ledger.Leased || d.Attempts[0].Answer != "late" {
		t.Errorf("delivery = %+v, want it leased still, and the late answer kept", d)
	}
	// A process that starts again knows that its own leases are void, and leaves those of others alone.
	if err := l.Release(t.Context(), "nod"); err != nil {
		t.Fatal(err)
	}
	if got := claim(t, l, 64, 10); len(got) != 0 {
		t.Error("Release of another's leases")
	}
	if err := l.Release(t.Context(), "node"); err != nil {
		t.Fatal(err)
	}
	if got := claim(t, l, 64, 10); len(got) != 1 || got[0].Notice.Attempt != 3 {
		t.Errorf("Claim after Release = %+v, want attempt 3", got)
	}
}

// testClaims: no notice goes to two workers, whoever asks at once.
func testClaims(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	l := Open(t, dsn, dir)
	const notices = 60
	var writes []ledger.Write
	for i := range notices {
		writes = append(writes, write(int64(i), host("a"), trigger(1, 1, 11)))
	}
	step(t, l, 1, writes...)
	others := []*ledger.Ledger{l, Open(t, dsn, dir), Open(t, dsn, dir)}
	var mu sync.Mutex
	claimed := map[string]int{}
	var all sync.WaitGroup
	for worker := range 9 {
		all.Go(func() {
			for {
				var got []ledger.LeasedNotice
				err := insist(func() (err error) {
					got, err = others[worker%3].Claim(t.Context(), ledger.Claim{
						Channel: "page", Holder: fmt.Sprint(worker), Lease: time.Minute, Limit: 1 + worker%4, Now: at(2),
					})
					return err
				})
				if err != nil {
					t.Errorf("Claim = %v", err)
				}
				if err != nil || len(got) == 0 {
					return
				}
				mu.Lock()
				for _, n := range got {
					claimed[n.Notice.Key]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(claimed) != notices {
		t.Errorf("%d notices claimed, want %d", len(claimed), notices)
	}
	for key, n := range claimed {
		if n != 1 {
			t.Errorf("notice %s claimed %d times", key, n)
		}
	}
}

func testGiveUp(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)))
	step(t, l, 50, write(1, host("b"), trigger(1, 1, 11)))
	step(t, l, 60, write(1, host("c"), trigger(1, 1, 11)))
	leased := claim(t, l, 61, 1)
	if n, err := l.GiveUp(t.Context(), at(55), at(62), "too old"); err != nil || n != 1 {
		t.Errorf("GiveUp = %d, %v, want 1: one is leased, one is young", n, err)
	}
	finish(t, l, leased[0], ledger.Outcome{State: ledger.Sent, Ended: at(63)})
	states := map[ledger.NoticeState]int{}
	for _, d := range deliveries(t, l) {
		states[d.State]++
		if d.State == ledger.Dead && (len(d.Attempts) != 1 || d.Attempts[0].Answer != "too old") {
			t.Errorf("dead notice = %+v, want the reason", d)
		}
	}
	if states[ledger.Dead] != 1 || states[ledger.Sent] != 1 || states[ledger.Pending] != 1 {
		t.Errorf("states = %v, want one of each", states)
	}
	if n, err := l.Prune(t.Context(), at(55)); err != nil || n != 2 {
		t.Errorf("Prune = %d, %v, want 2", n, err)
	}
	if n := len(deliveries(t, l)); n != 1 {
		t.Errorf("%d notices left, want 1", n)
	}
}
