package history

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tocsin/internal/event"
)

// What was applied is found from memory, from segments, and after the store was opened again: all of it, once, the same.
func TestEventsAreKeptAsTheyWere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	rng := rand.New(rand.NewPCG(1, 2))
	var batches []*event.Batch
	for seq := uint64(1); seq <= 12; seq++ {
		kind := event.Kinds()[seq%4]
		batches = append(batches, someBatch(rng, kind, seq, 1+rng.IntN(3000), int64(seq)*1e9))
	}
	want := model(batches...)
	check := func(what string) {
		t.Helper()
		mustSame(t, what+": scan", sorted(texts(scanAll(t, s, Query{}))), sorted(texts(want)))
		mustSame(t, what+": ordered", texts(orderedAll(t, s, Query{})), texts(inOrder(want)))
		newest := texts(inOrder(want))
		slices.Reverse(newest)
		mustSame(t, what+": newest", texts(newestAll(t, s, Query{}, 100, false)), newest[:100])
	}
	apply(t, s, batches[:4]...)
	flush(t, s)
	apply(t, s, batches[4:8]...)
	apply(t, s, batches[2:8]...) // replay
	flush(t, s)
	apply(t, s, batches[8:]...)
	check("segments and memory")
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	s = open(t, Options{Dir: dir})
	check("after opening again")
	if got := s.Applied().Seq(0); got != 12 {
		t.Errorf("Applied = %d, want 12", got)
	}
	apply(t, s, batches...)
	check("after replay of everything")
	if got := s.Sources()["file0"]; got != 130 {
		t.Errorf(`Sources()["file0"] = %d, want 130`, got)
	}
}
