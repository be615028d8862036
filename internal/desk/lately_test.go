package desk

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/history"
)

// What was found is good for a while, for the alert as it was and who sees as much of it, and never more is held than there may be.
func TestLately(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	l := newLately[string](time.Minute, 3)
	key := seenAlert{alert: 1, change: 5, bounds: "source.port == 22"}
	l.put(key, now, "found")
	if got, ok := l.get(key, now.Add(time.Minute-1)); !ok || got != "found" {
		t.Errorf("just before a minute: %q, %v, want what was found", got, ok)
	}
	if _, ok := l.get(key, now.Add(time.Minute)); ok {
		t.Error("after a minute it is still good")
	}
	for _, other := range []seenAlert{{alert: 1, change: 6, bounds: key.bounds}, {alert: 2, change: 5, bounds: key.bounds}, {alert: 1, change: 5}} {
		if _, ok := l.get(other, now); ok {
			t.Errorf("%+v gets what was found for %+v", other, key)
		}
	}
	for i := range int64(10) {
		l.put(seenAlert{alert: i}, now, "")
		if len(l.found) > 3 {
			t.Fatalf("%d alerts are held, want 3 at most", len(l.found))
		}
	}
}

// What several are answered from one look is each one's own: whoever writes it out may fill it in.
func TestAroundIsNotShared(t *testing.T) {
	d := &Desk{arounds: newLately[[]api.Around](aroundFor, aroundKept)}
	a := &alert.Alert{ID: 1, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}}
	d.arounds.put(seenBy(viewer{}, a), time.Now(), []api.Around{{Address: "192.0.2.7"}})
	mine := d.around(t.Context(), viewer{}, a)
	if len(mine) != 1 {
		t.Fatalf("around = %+v, want what was found before", mine)
	}
	mine[0].Logins = []api.AroundLogin{}
	if other := d.around(t.Context(), viewer{}, a); other[0].Logins != nil {
		t.Error("what one answer has another has as well")
	}
}

// aFlow is a history with one flow from 192.0.2.7 at a time.
func aFlow(t *testing.T, at time.Time) *history.Store {
	t.Helper()
	store, err := history.Open(t.Context(), history.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := event.NewBuilder(event.Flow)
	for _, id := range []event.FieldID{event.Timestamp, event.EventStart, event.EventEnd} {
		b.Time(id, at.UnixNano())
	}
	b.Addr(event.SourceIP, netip.MustParseAddr("192.0.2.7"))
	b.Addr(event.DestinationIP, netip.MustParseAddr("192.0.2.8"))
	b.Text(event.SourceMAC, "00:00:5e:00:53:07")
	b.Text(event.FlowRole, "client")
	b.Uint(event.SourceBytes, 100)
	b.Uint(event.FlowID, 1)
	b.Next()
	batch := b.Batch()
	batch.Sequence = 1
	if err := store.Apply("e", batch); err != nil {
		t.Fatal(err)
	}
	if err := store.Flush(t.Context()); err != nil { // what is in memory is found whoever waits
		t.Fatal(err)
	}
	return store
}

// What was cut short because somebody went away is not what others get.
func TestWhoGoesAwayLeavesNothing(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	d := New(Parts{History: aFlow(t, at), Rules: &Rulebook{loaded: true}})
	a := &alert.Alert{ID: 1, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}, First: at, Last: at}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if cut := d.around(gone, viewer{}, a); len(cut) != 1 || !cut[0].Cut {
		t.Fatalf("around, asked by who is gone = %+v, want it cut short", cut)
	}
	if found := d.around(t.Context(), viewer{}, a); len(found) != 1 || found[0].Cut || len(found[0].Devices) != 1 {
		t.Errorf("around, asked after that = %+v, want a device", found)
	}
	if cut := d.involved(gone, viewer{}, a); cut == nil || !cut.Cut {
		t.Fatalf("involved, asked by who is gone = %+v, want it cut short", cut)
	}
	if found := d.involved(t.Context(), viewer{}, a); found == nil || found.Cut || found.Total != 1 {
		t.Errorf("involved, asked after that = %+v, want a session", found)
	}
}
