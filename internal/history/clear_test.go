package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/internal/event"
)

// younger leaves out what is before a time.
func younger(list []seen, before int64) []seen {
	return slices.DeleteFunc(slices.Clone(list), func(s seen) bool { return s.time < before })
}

// Whatever lies in memory and segments, merged or not, exactly what is older goes, and the rest stays as it was, in order,
// over a restart too.
func TestDeleteBefore(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 3))
		dir := t.TempDir()
		s := open(t, Options{Dir: dir})
		var want []seen
		seq := uint64(0)
		for range 3 {
			for range 1 + rng.IntN(12) {
				seq++
				b := someBatch(rng, event.Kinds()[rng.IntN(3)], seq, 1+rng.IntN(200), 1e12)
				apply(t, s, b)
				want = append(want, model(b)...)
				if rng.IntN(3) == 0 {
					flush(t, s)
				}
			}
			if rng.IntN(2) == 0 {
				if err := s.Merge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			before := day + rng.Int64N(1e12) - 5e11
			sources := s.Sources()
			rows, err := s.DeleteBefore(t.Context(), before)
			kept := younger(want, before)
			if err != nil || rows != int64(len(want)-len(kept)) {
				t.Fatalf("seed %d: DeleteBefore = %d, %v, want %d of %d", seed, rows, err, len(want)-len(kept), len(want))
			}
			want = kept
			mustSame(t, fmt.Sprintf("seed %d: kept", seed), texts(orderedAll(t, s, Query{})), texts(inOrder(want)))
			if again, err := s.DeleteBefore(t.Context(), before); again != 0 || err != nil {
				t.Errorf("seed %d: DeleteBefore again = %d, %v", seed, again, err)
			}
			if got := s.Sources(); len(got) != len(sources) {
				t.Errorf("seed %d: knows %d sources, want %d", seed, len(got), len(sources))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir})
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		mustSame(t, fmt.Sprintf("seed %d: opened again", seed), texts(orderedAll(t, s, Query{})), texts(inOrder(want)))
		if got := s.Applied().Seq(0); got != seq {
			t.Errorf("seed %d: applied up to %d, want %d", seed, got, seq)
		}
	}
}

// After Clear nothing is found and no source is known; the position stays, so that a replay brings nothing back, and what
// comes later is found.
func TestClear(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	total := 0
	for seq := uint64(1); seq <= 20; seq++ {
		b := crashBatch(seq)
		total += b.Rows
		apply(t, s, b)
		if seq%6 == 0 {
			flush(t, s)
		}
	}
	if rows, err := s.Clear(t.Context()); err != nil || rows != int64(total) {
		t.Errorf("Clear = %d, %v, want %d", rows, err, total)
	}
	empty := func(what string) {
		t.Helper()
		if st := s.Stats(); st.Rows != 0 || st.MemoryRows != 0 || len(orderedAll(t, s, Query{})) != 0 || len(s.Sources()) != 0 {
			t.Errorf("%s: %+v and sources %v are left", what, st, s.Sources())
		}
		if got := s.Applied().Seq(0); got != 20 {
			t.Errorf("%s: applied up to %d, want 20", what, got)
		}
	}
	empty("cleared")
	for seq := uint64(1); seq <= 20; seq++ {
		apply(t, s, crashBatch(seq))
	}
	empty("replayed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	empty("opened again")
	apply(t, s, crashBatch(21))
	mustSame(t, "later", texts(orderedAll(t, s, Query{})), texts(inOrder(model(crashBatch(21)))))
	if rows, err := s.Clear(t.Context()); err != nil || rows != int64(crashBatch(21).Rows) {
		t.Errorf("Clear of memory = %d, %v", rows, err)
	}
}

// Queries beside deletions, flushes and merges count what there was before one deletion or after it, never a mix.
func TestCountsBesideDeletions(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), MergeRows: 20_000})
	const segments, rows, step = 40, 200, int64(time.Second)
	for seq := uint64(1); seq <= segments; seq++ { // each segment holds every time
		apply(t, s, plainBatch(seq, rows, func(row int) int64 { return day + int64(row)*step }))
		flush(t, s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			last := segments * rows
			for ctx.Err() == nil {
				n := len(scanAll(t, s, Query{Fields: []event.FieldID{event.TocsinSequence}}))
				if n%segments != 0 || n > last {
					t.Errorf("a query counted %d rows after %d, want a multiple of %d", n, last, segments)
					return
				}
				last = n
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := s.Merge(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for cut := int64(10); cut < rows; cut += 10 {
		if n, err := s.DeleteBefore(t.Context(), day+cut*step); err != nil || n != 10*segments {
			t.Errorf("DeleteBefore = %d, %v, want %d", n, err, 10*segments)
		}
	}
	if n, err := s.Clear(t.Context()); err != nil || n != 10*segments {
		t.Errorf("Clear = %d, %v, want %d", n, err, 10*segments)
	}
	cancel()
	wg.Wait()
}

// Killed at each point of a deletion, the store comes back with all of it done or nothing of it.
func TestKilledWhileDeleting(t *testing.T) {
	for _, what := range []string{"clear", "delete"} {
		for _, point := range []string{"during-segment", "after-delete-before-manifest", "after-manifest-before-copy", "after-merge-before-unlink"} {
			for count := 1; count <= 3; count++ {
				if what == "clear" && (count > 1 || point == "during-segment" || point == "after-delete-before-manifest") {
					continue // it passes the others once
				}
				if what == "delete" && count > 1 && point != "during-segment" {
					continue
				}
				t.Run(fmt.Sprintf("%s-%s-%d", what, point, count), func(t *testing.T) {
					dir := t.TempDir()
					s := open(t, Options{Dir: dir})
					var all []seen
					for seq := uint64(1); seq <= 12; seq++ {
						apply(t, s, crashBatch(seq))
						all = append(all, model(crashBatch(seq))...)
						if seq%3 == 0 {
							flush(t, s)
						}
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					runChild(t, what+":"+point, count, dir, -1)
					s = open(t, Options{Dir: dir})
					if err := s.Verify(t.Context()); err != nil {
						t.Error(err)
					}
					done := inOrder(younger(all, day))
					if what == "clear" {
						done = nil
					}
					got := texts(orderedAll(t, s, Query{}))
					if len(got) == len(all) {
						mustSame(t, "nothing deleted", got, texts(inOrder(all)))
					} else {
						mustSame(t, "deleted", got, texts(done))
					}
					if known := len(s.Sources()); (known == 0) != (len(got) == 0 && what == "clear") {
						t.Errorf("%d events are left and %d sources known", len(got), known)
					}
					if at := s.Applied().Seq(0); at != 12 {
						t.Errorf("applied up to %d, want 12", at)
					}
				})
			}
		}
	}
}

// BenchmarkDelete deletes from 5 M rows in 20 segments of which each holds every time: all are written anew, then all go.
func BenchmarkDelete(b *testing.B) {
	const segments, rows = 20, 250_000
	for b.Loop() {
		b.StopTimer()
		s := open(b, Options{FlushRows: 1 << 20, FlushBytes: 1 << 40, MergeRows: 1})
		for seq := uint64(1); seq <= segments; seq++ {
			apply(b, s, plainBatch(seq, rows, func(row int) int64 { return day + int64(row)*int64(time.Second) }))
			flush(b, s)
		}
		b.StartTimer()
		began := time.Now()
		if n, err := s.DeleteBefore(b.Context(), day+rows/2*int64(time.Second)); err != nil || n != segments*rows/2 {
			b.Fatalf("DeleteBefore = %d, %v", n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/half")
		began = time.Now()
		if n, err := s.Clear(b.Context()); err != nil || n != segments*rows/2 {
			b.Fatalf("Clear = %d, %v", n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/all")
	}
}
