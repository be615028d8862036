package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/event"
)

const epoch = "e1"

// day is a moment for tests to count from.
var day = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC).UnixNano()

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// someBatch makes a batch with every sort of column, values missing here and there.
func someBatch(rng *rand.Rand, kind event.Kind, seq uint64, rows int, spread int64) *event.Batch {
	b := event.NewBuilder(kind)
	bare := rng.IntN(4) == 0
	for i := range rows {
		if rng.IntN(50) > 0 {
			b.Time(event.Timestamp, day+rng.Int64N(spread+1)-spread/2)
		}
		b.Time(event.Ingested, day+int64(seq))
		b.Text(event.EventAction, []string{"get", "put", "", "delete"}[rng.IntN(4)])
		if rng.IntN(3) > 0 {
			b.Addr(event.SourceIP, netip.AddrFrom4([4]byte{10, 0, byte(rng.IntN(2)), byte(rng.IntN(100))}))
		}
		if rng.IntN(5) == 0 {
			b.Addr(event.DestinationIP, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", rng.IntN(1000))))
		}
		b.Int(event.SourcePort, int64(rng.IntN(65536)))
		if !bare {
			b.Text(event.Message, fmt.Sprintf("request %d of %s took %d", rng.IntN(1e6), strings.Repeat("x", rng.IntN(9)), i))
			if rng.IntN(10) == 0 {
				b.Text(event.UserName, fmt.Sprintf("user%d", rng.IntN(20)))
			}
			b.Text(event.URLPath, fmt.Sprintf("/p/%d", rng.IntN(1<<rng.IntN(20))))
			if rng.IntN(2) == 0 {
				b.Uint(event.FlowID, rng.Uint64())
				b.Bool(event.TLSUsed, rng.IntN(2) == 0)
			}
			for range rng.IntN(3) {
				b.Label([]byte(fmt.Sprintf("k%d", rng.IntN(3))), []byte(strings.Repeat("v", rng.IntN(4))))
			}
		}
		b.Next()
	}
	batch := b.Batch()
	batch.Sequence = seq
	batch.Sources = []event.SourceRange{{ID: fmt.Sprintf("file%d", seq%3), From: int64(seq * 10), To: int64(seq*10 + 10)}}
	return batch
}

// seen is one event as text, with what puts it in order.
type seen struct {
	time int64
	seq  uint64
	text string
}

func rowsOf(b *event.Batch, rows []int32) (list []seen) {
	times, seqs := b.Times(), b.Column(event.TocsinSequence)
	for _, row := range rows {
		v, _ := seqs.Value(int(row))
		list = append(list, seen{times[row], seqs.Uint(v), string(b.AppendJSON(nil, int(row)))})
	}
	return list
}

// model is what the store should hold: every row of batches with its sequence.
func model(batches ...*event.Batch) (list []seen) {
	for _, b := range batches {
		st := stamp(b)
		rows := make([]int32, b.Rows)
		for i := range rows {
			rows[i] = int32(i)
		}
		list = append(list, rowsOf(st, rows)...)
	}
	return list
}

func inOrder(list []seen) []seen {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b seen) int {
		switch {
		case a.time != b.time:
			if a.time < b.time {
				return -1
			}
			return 1
		case a.seq != b.seq:
			if a.seq < b.seq {
				return -1
			}
			return 1
		}
		return 0
	})
	return list
}

func texts(list []seen) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.text
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func scanAll(t testing.TB, s *Store, q Query) (list []seen) {
	t.Helper()
	q.All = true
	if err := s.Scan(context.Background(), q, func(b *event.Batch, rows []int32) error {
		list = append(list, rowsOf(b, rows)...)
		return nil
	}); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	return list
}

func orderedAll(t testing.TB, s *Store, q Query) (list []seen) {
	t.Helper()
	q.All = true
	if err := s.Ordered(context.Background(), q, func(b *event.Batch, rows []int32) error {
		list = append(list, rowsOf(b, rows)...)
		return nil
	}); err != nil {
		t.Fatalf("Ordered: %v", err)
	}
	return list
}

func newestAll(t testing.TB, s *Store, q Query, limit int, oldest bool) (list []seen) {
	t.Helper()
	if err := s.Newest(context.Background(), q, limit, oldest, func(b *event.Batch, rows []int32) error {
		list = append(list, rowsOf(b, rows)...)
		return nil
	}); err != nil {
		t.Fatalf("Newest: %v", err)
	}
	return list
}

func apply(t testing.TB, s *Store, batches ...*event.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := s.Apply(epoch, b); err != nil {
			t.Fatalf("Apply(%d): %v", b.Sequence, err)
		}
	}
}

func flush(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Flush(context.Background()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

func mustSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d events, want %d", what, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s: event %d of %d:\n got %s\nwant %s", what, i, len(want), got[i], want[i])
		}
	}
}
