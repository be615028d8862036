package history

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"tocsin/internal/event"
)

// A numbered is one row of a batch whose rows are numbered.
type numbered struct {
	time int64
	id   uint64 // sequence of the batch and number of the row
}

func numberedBatch(rng *rand.Rand, seq uint64, rows int, from, spread int64) (*event.Batch, []numbered) {
	b := event.NewBuilder(event.Flow)
	var list []numbered
	for row := range rows {
		one := numbered{from + rng.Int64N(spread), seq<<32 | uint64(row)}
		b.Time(event.Timestamp, one.time)
		b.Uint(event.FlowID, one.id)
		if seq%3 > 0 { // a field that some segments lack
			b.Int(event.DestinationPort, int64(row%5))
		}
		b.Next()
		list = append(list, one)
	}
	batch := b.Batch()
	batch.Sequence = seq
	return batch, list
}

// TestLargeGroupsOverlap flushes what is told in no order, so that large row groups of the same time stand in one segment after a
// merge, with many rows of one time at their ends. Whatever is merged and deleted, rows come in the order of time, batch and row.
func TestLargeGroupsOverlap(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 1 << 20, FlushBytes: 1 << 40, MergeRows: 1 << 22})
	rng := rand.New(rand.NewPCG(71, 72))
	var all []numbered
	seq, least := uint64(0), int64(0)
	ctx := context.Background()
	write := func(flushes int) {
		for range flushes {
			for range 1 + rng.IntN(2) {
				seq++
				b, list := numberedBatch(rng, seq, 20_000+rng.IntN(30_000), day+int64(seq)*20, 60)
				all = append(all, list...)
				apply(t, s, b)
			}
			flush(t, s)
		}
	}
	check := func(what string) {
		t.Helper()
		want := slices.DeleteFunc(slices.Clone(all), func(n numbered) bool { return n.time < least })
		slices.SortFunc(want, func(a, b numbered) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.id, b.id)) })
		into := func(list *[]numbered) Func {
			return func(b *event.Batch, rows []int32) error {
				times, ids := b.Times(), b.Column(event.FlowID)
				for _, row := range rows {
					v, _ := ids.Value(int(row))
					*list = append(*list, numbered{times[row], ids.Uint(v)})
				}
				return nil
			}
		}
		hold := func(how string, got, want []numbered) {
			t.Helper()
			if slices.Equal(got, want) {
				return
			}
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			t.Fatalf("%s, %s: %d rows, want %d; the first that differs is %d", what, how, len(got), len(want), at)
		}
		var got []numbered
		if err := s.Ordered(ctx, Query{Fields: []event.FieldID{event.FlowID}}, into(&got)); err != nil {
			t.Fatal(err)
		}
		hold("ordered", got, want)
		middle := want[len(want)/2].time
		part := Query{Fields: []event.FieldID{event.FlowID}, Since: middle, Until: middle + 30}
		got = nil
		if err := s.Ordered(ctx, part, into(&got)); err != nil {
			t.Fatal(err)
		}
		low, _ := slices.BinarySearchFunc(want, middle, func(n numbered, at int64) int { return cmp.Compare(n.time, at) })
		high, _ := slices.BinarySearchFunc(want, middle+30, func(n numbered, at int64) int { return cmp.Compare(n.time, at) })
		hold("ordered, in part", got, want[low:high])
		got = nil
		if err := s.Newest(ctx, Query{}, 3000, true, into(&got)); err != nil {
			t.Fatal(err)
		}
		hold("oldest", got, want[:3000])
		got = nil
		if err := s.Newest(ctx, Query{}, 3000, false, into(&got)); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(got)
		hold("newest", got, want[len(want)-3000:])
	}
	merge := func() {
		t.Helper()
		if err := s.Merge(ctx); err != nil {
			t.Fatal(err)
		}
	}
	write(fanIn)
	check("flushed")
	merge()
	if n := len(s.layout.segments); n != 1 || s.layout.segments[0].Lanes < 2 {
		t.Fatalf("%d segments, the first with %d lanes; want one with several", n, s.layout.segments[0].Lanes)
	}
	check("merged")
	least = all[0].time + 70
	if _, err := s.DeleteBefore(ctx, least); err != nil {
		t.Fatal(err)
	}
	check("with the beginning deleted")
	write(fanIn)
	merge()
	check("with more")
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestPassingScan wants the same rows of a scan whose memory is used again, of groups with values missing and without, whole and
// in part.
func TestPassingScan(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	rng := rand.New(rand.NewPCG(73, 74))
	for seq := range uint64(6) {
		b := someBatch(rng, event.Log, seq+1, 1+rng.IntN(30_000), 1e12)
		apply(t, s, b)
		if seq != 4 {
			flush(t, s)
		}
	}
	for _, where := range []string{"", `source.port < 700`, `user.name == "user3"`, `message contains "request 77"`} {
		q := Query{}
		if where != "" {
			q.Where = parse(t, where)
		}
		want := sorted(texts(scanAll(t, s, q)))
		q.Passing = true
		got := sorted(texts(scanAll(t, s, q)))
		if len(want) == 0 {
			t.Errorf("%q selects nothing", where)
		}
		mustSame(t, where, got, want)
	}
}
