package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// While batches are applied, flushed, merged and set out to queries at once, each query counts exactly the rows of a
// prefix of the journal: not fewer than were applied before it began, not more than after it ended, and each batch wholly
// and once.
func TestCountsAreExactAtAnyMoment(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 1500, FlushAge: 10 * time.Millisecond, MergeRows: 20_000})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const batches, rows = 300, 100
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := s.Merge(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("Merge: %v", err)
			}
			if err := s.Verify(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("Verify: %v", err)
			}
		}
	})
	query := func(ask func(fn Func) error) {
		for ctx.Err() == nil {
			before := s.Position().Seq(0)
			count := map[uint64]int{}
			err := ask(func(b *event.Batch, rows []int32) error {
				seqs := b.Column(event.TocsinSequence)
				for _, row := range rows {
					v, _ := seqs.Value(int(row))
					count[seqs.Uint(v)]++
				}
				return nil
			})
			after := s.Position().Seq(0)
			if err != nil {
				t.Errorf("query: %v", err)
				return
			}
			last := uint64(len(count))
			if last < before || last > after {
				t.Errorf("query saw %d batches, want from %d to %d", last, before, after)
			}
			for seq := uint64(1); seq <= last; seq++ {
				if count[seq] != rows {
					t.Errorf("query saw %d rows of batch %d of %d, want %d", count[seq], seq, last, rows)
					return
				}
			}
		}
	}
	bg := context.Background()
	fields := Query{Fields: []event.FieldID{event.TocsinSequence, event.SourceIP}}
	wg.Go(func() { query(func(fn Func) error { return s.Scan(bg, fields, fn) }) })
	wg.Go(func() { query(func(fn Func) error { return s.Ordered(bg, fields, fn) }) })
	wg.Go(func() { query(func(fn Func) error { return s.Newest(bg, Query{}, -1, false, fn) }) })
	rng := rand.New(rand.NewPCG(8, 8))
	for seq := uint64(1); seq <= batches; seq++ {
		apply(t, s, someBatch(rng, event.Flow, seq, rows, 1e9))
	}
	cancel()
	wg.Wait()
	flush(t, s)
	if st := s.Stats(); st.Rows != batches*rows || st.MemoryRows != 0 {
		t.Errorf("Stats = %+v, want %d rows in segments", st, batches*rows)
	}
	files, err := filepath.Glob(filepath.Join(s.opts.Dir, "*"+segmentSuffix))
	if err != nil || len(files) != s.Stats().Segments {
		t.Errorf("%d files for %d live segments: what was replaced is still there", len(files), s.Stats().Segments)
	}
}

// plainBatch has few columns, so that tests can afford many rows. Row numbers run through source.bytes.
func plainBatch(seq uint64, rows int, at func(row int) int64) *event.Batch {
	b := event.NewBuilder(event.Flow)
	for row := range rows {
		b.Time(event.Timestamp, at(row))
		b.Uint(event.SourceBytes, seq<<32|uint64(row))
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 14: byte(row >> 8), 15: byte(row)})
		b.Text(event.NetworkTransport, []string{"tcp", "udp"}[row%2])
		if row%1000 == 0 {
			b.Label([]byte("thousand"), []byte("yes"))
		}
		b.Next()
	}
	batch := b.Batch()
	batch.Sequence = seq
	return batch
}

// Segments of several row groups, some of which can be copied as they are and some of which overlap, are merged in order.
func TestLargeSegmentsAreMergedInOrder(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 1 << 20, FlushBytes: 1 << 40})
	var total uint64
	second := int64(10 * time.Millisecond) // so that all lies in one day
	for seg := range 8 {
		for part := range 2 {
			seq := uint64(seg*2 + part + 1)
			rows := 60_000
			base := day + int64(seg)*100_000*second
			if seg >= 5 { // these lie over one another
				base = day + 900_000*second + int64(seg)
			}
			apply(t, s, plainBatch(seq, rows, func(row int) int64 { return base + int64(row+part*20_000)*second }))
			total += uint64(rows)
		}
		flush(t, s)
	}
	type row struct {
		time int64
		seq  uint64
		num  uint64
	}
	read := func() (list []row) {
		err := s.Ordered(context.Background(), Query{Fields: []event.FieldID{event.SourceBytes, event.NetworkTransport, event.SourceIP}, Labels: true}, func(b *event.Batch, rows []int32) error {
			times, seqs, nums, tr, ips := b.Times(), b.Column(event.TocsinSequence), b.Column(event.SourceBytes), b.Column(event.NetworkTransport), b.Column(event.SourceIP)
			for _, r := range rows {
				sv, _ := seqs.Value(int(r))
				nv, _ := nums.Value(int(r))
				tv, _ := tr.Value(int(r))
				iv, _ := ips.Value(int(r))
				num := nums.Uint(nv)
				n := int(num & 0xffffffff)
				if got, want := string(tr.Str(tv)), []string{"tcp", "udp"}[n%2]; got != want {
					return fmt.Errorf("row %x: transport %q, want %q", num, got, want)
				}
				if ip := ips.IP(iv); ip[15] != byte(n) || ip[14] != byte(n>>8) {
					return fmt.Errorf("row %x: address %v", num, ip)
				}
				from, to := b.Labels.Of(int(r))
				if (to-from == 1) != (n%1000 == 0) {
					return fmt.Errorf("row %x has %d labels", num, to-from)
				}
				list = append(list, row{times[r], seqs.Uint(sv), num})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := read()
	if uint64(len(before)) != total {
		t.Fatalf("before the merge: %d rows, want %d", len(before), total)
	}
	if err := s.Merge(context.Background()); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Segments != 1 {
		t.Fatalf("segments after the merge: %d, want 1", st.Segments)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	after := read()
	if !slices.Equal(before, after) {
		t.Fatal("the merge changed rows or their order")
	}
	for i := 1; i < len(after); i++ {
		if a, b := after[i-1], after[i]; a.time > b.time || a.time == b.time && a.num >= b.num {
			t.Fatalf("rows %d and %d are out of order: %+v, %+v", i-1, i, a, b)
		}
	}
	e, err := filter.Parse(`source.ip == "10.0.3.7"`)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Scan(context.Background(), Query{Where: e}, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil }); err != nil || n != 16 {
		t.Errorf("search by bloom filter after the merge: %d rows, %v, want 16", n, err)
	}
}

// A query that is under way keeps the files it reads, however they are replaced meanwhile; afterwards they are gone.
func TestAQueryKeepsItsVersion(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	for seq := uint64(1); seq <= fanIn; seq++ {
		apply(t, s, plainBatch(seq, 100, func(row int) int64 { return day + int64(row) }))
		flush(t, s)
	}
	n := 0
	stop := errors.New("stop")
	err := s.Ordered(context.Background(), Query{}, func(_ *event.Batch, rows []int32) error {
		if n == 0 {
			if err := s.Merge(context.Background()); err != nil {
				t.Error(err)
			}
			if got := len(segmentFiles(t, s)); got != fanIn+1 {
				t.Errorf("files while the query runs: %d, want %d", got, fanIn+1)
			}
			apply(t, s, plainBatch(fanIn+1, 100, func(row int) int64 { return day }))
		}
		n += len(rows)
		return nil
	})
	if err != nil || n != 100*fanIn {
		t.Errorf("Ordered during a merge: %d rows, %v, want %d", n, err, 100*fanIn)
	}
	if got := len(segmentFiles(t, s)); got != 1 {
		t.Errorf("files after the query: %d, want 1", got)
	}
	if err := s.Scan(context.Background(), Query{}, func(*event.Batch, []int32) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Scan with a failing function: %v, want its error", err)
	}
	if err := s.Ordered(context.Background(), Query{}, func(*event.Batch, []int32) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Ordered with a failing function: %v, want its error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Ordered(ctx, Query{}, func(*event.Batch, []int32) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Ordered after cancel: %v, want context.Canceled", err)
	}
}

func segmentFiles(t testing.TB, s *Store) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.opts.Dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
