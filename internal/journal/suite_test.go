package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

func TestInside(t *testing.T) { suiteWith(t, func(*testing.T) string { return "" }) }

// suiteWith is what holds for every engine; url begins a new one.
func suiteWith(t *testing.T, url func(t *testing.T) string) {
	for name, test := range map[string]func(*testing.T, Options){
		"concurrent appenders": concurrentAppenders,
		"slow reader":          slowReader,
		"two readers":          twoReaders,
		"byte limit":           byteLimit,
		"purged by upkeep":     purgedByUpkeep,
		"purge":                purgeBehindSlowest,
		"positions":            positions,
		"refusals":             refusals,
		"no rows":              noRows,
		"tail":                 tail,
		"submit":               submit,
		"withdrawn":            withdrawn,
		"no cache":             noCache,
		"stream deleted":       streamDeleted,
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, t.TempDir())
			o.URL = url(t)
			test(t, o)
		})
	}
}

// byWriter sorts labels into one list a writer, keeping the order.
func byWriter(labels []string) map[string][]string {
	m := map[string][]string{}
	for _, l := range labels {
		who, _, _ := strings.Cut(l, " ")
		m[who] = append(m[who], l)
	}
	return m
}

func concurrentAppenders(t *testing.T, o Options) {
	reg := prometheus.NewRegistry()
	o.Registry = reg
	j := opened(t, o)
	const writers, each = 8, 60
	live := reader(t, j, event.Position{}, 0)
	defer live.Close()
	var all sync.WaitGroup
	var mu sync.Mutex
	places := map[Place]string{}
	for w := range writers {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for n := range each {
				name := fmt.Sprintf("w%d", w)
				p, err := j.Append(context.Background(), batchOf(event.Log, 1+rnd.IntN(50), name, n))
				mu.Lock()
				if before, twice := places[p]; err != nil || twice {
					t.Errorf("Append: %+v, %v, given to %q before", p, err, before)
				}
				places[p] = fmt.Sprintf("%s %d", name, n)
				mu.Unlock()
			}
		})
	}
	got := readN(t, live, writers*each)
	all.Wait()
	late := reader(t, j, event.Position{}, 0)
	j.Seal()
	equal(t, "reading from the stream", readAll(t, late), got)
	for w, list := range byWriter(got) {
		equal(t, w, list, want(w, 0, each))
	}
	for i := range got {
		if p := (Place{Partition: 0, Sequence: uint64(i + 1)}); places[p] != got[i] {
			t.Fatalf("batch %d is %q, was acknowledged as %q", i+1, got[i], places[p])
		}
	}
	if n := counted(t, reg, "tocsin_journal_messages_total"); n >= writers*each {
		t.Errorf("%v messages for %d small batches: nothing was grouped", n, writers*each)
	}
}

// counted returns the sum of a counter over its labels.
func counted(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func slowReader(t *testing.T, o Options) {
	o.CacheBytes = 200 << 10
	j := opened(t, o)
	r := reader(t, j, event.Position{}, 0)
	defer r.Close()
	for n := range 10 {
		appendOne(t, j, batchOf(event.Log, 400, "s", n))
	}
	first := readN(t, r, 3)
	for n := range 100 { // far more than the cache holds
		appendOne(t, j, batchOf(event.Log, 400, "s", 10+n))
	}
	l := j.lanes[Events]
	l.mu.Lock()
	bytes, items := l.fresh.bytes, len(l.fresh.items)
	l.mu.Unlock()
	if bytes > o.CacheBytes || items == 0 || items > 50 {
		t.Fatalf("cache holds %d batches in %d bytes, limit %d", items, bytes, o.CacheBytes)
	}
	got := append(first, readN(t, r, 107)...)
	// Caught up: what comes now comes from memory, and is the very batch.
	b := batchOf(event.Log, 2, "s", 110)
	appendOne(t, j, b)
	again, err := r.Next(t.Context())
	if err != nil || again != b {
		t.Errorf("reader that keeps up got another batch than the one appended: %v", err)
	}
	equal(t, "slow reader", got, want("s", 0, 110))
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fresh.items) != 0 {
		t.Errorf("%d batches are kept that every reader has", len(l.fresh.items))
	}
}

func noCache(t *testing.T, o Options) {
	o.CacheBytes = -1
	j := opened(t, o)
	r := reader(t, j, event.Position{}, 1)
	defer r.Close()
	for n := range 20 {
		appendOne(t, j, batchOf(event.Flow, 10, "f", n))
		equal(t, "reader without a cache", readN(t, r, 1), want("f", n, n+1))
	}
}

func twoReaders(t *testing.T, o Options) {
	o.CacheBytes = 300 << 10
	j := opened(t, o)
	var all sync.WaitGroup
	var got [2][]string
	ahead := make(chan struct{}) // closed when the first reader has all
	for i := range got {
		r := reader(t, j, event.Position{}, 0)
		all.Go(func() {
			defer r.Close()
			if i == 0 {
				defer close(ahead)
			}
			for range 200 {
				b, err := r.Next(context.Background())
				if err != nil {
					t.Errorf("Next: %v", err)
					return
				}
				got[i] = append(got[i], label(t, b))
				if i == 1 && len(got[1]) == 50 {
					<-ahead
				}
			}
		})
	}
	for n := range 200 {
		appendOne(t, j, batchOf(event.Log, 100, "d", n))
	}
	all.Wait()
	equal(t, "first reader", got[0], want("d", 0, 200))
	equal(t, "second reader", got[1], want("d", 0, 200))
}

func byteLimit(t *testing.T, o Options) {
	o.MaxBytes = map[Class]int64{Events: 6 << 20}
	o.every = time.Hour // only what Append itself asks for
	j := opened(t, o)
	r := reader(t, j, event.Position{}, 0)
	defer r.Close()
	n := 0
	var err error
	for ; n < 100; n++ {
		if _, err = j.Append(t.Context(), fat(n)); err != nil {
			break
		}
	}
	if !errors.Is(err, fault.Full) || errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "history") {
		t.Fatalf("Append to a full journal: %v", err)
	}
	if n < 20 {
		t.Fatalf("full after %d batches of 100 kB, limit 6 MB", n)
	}
	if p := appendOne(t, j, batchOf(event.Flow, 5, "flow", 0)); p.Partition != 1 {
		t.Errorf("flow went to partition %d", p.Partition)
	}
	got := readN(t, r, n)
	equal(t, "full journal", got, want("fat", 0, n))
	// The cursor moves on: the same batch is taken at once, and gets the number that was refused.
	if err := j.Commit("history", r.Position()); err != nil {
		t.Fatal(err)
	}
	if p := appendOne(t, j, fat(n)); p.Sequence != uint64(n+1) {
		t.Errorf("batch after refusals is %d, want %d", p.Sequence, n+1)
	}
	equal(t, "after making room", readN(t, r, 1), want("fat", n, n+1))
	if l := j.Losses(); len(l) != 0 {
		t.Errorf("losses: %+v", l)
	}
}

// purgedByUpkeep has upkeep make the room that a refused message needs, while that waits to make it itself.
func purgedByUpkeep(t *testing.T, o Options) {
	o.MaxBytes = map[Class]int64{Events: 6 << 20}
	o.every = time.Hour
	purging, refused := make(chan struct{}), make(chan struct{})
	var once sync.Once
	o.Crash = func(point string) {
		if point == "after-guard-before-purge" {
			once.Do(func() {
				close(purging)
				<-refused
			})
		}
	}
	j := opened(t, o)
	n, err := until(t, j, 0)
	if !errors.Is(err, fault.Full) {
		t.Fatalf("Append to a full journal: %v", err)
	}
	if err := j.Commit("history", j.Head()); err != nil {
		t.Fatal(err)
	}
	j.nudge()
	<-purging
	var all sync.WaitGroup
	all.Go(func() {
		if p, err := j.Append(t.Context(), fat(n)); err != nil || p.Sequence != uint64(n+1) {
			t.Errorf("Append while upkeep purges: %+v, %v", p, err)
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for stacks := make([]byte, 1<<20); !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*Journal).resolve("); {
		<-tick.C
	}
	close(refused)
	all.Wait()
}

func purgeBehindSlowest(t *testing.T, o Options) {
	o.Cursors = []string{"history", "detect"}
	j := opened(t, o)
	for n := range 100 {
		appendOne(t, j, batchOf(event.Log, 2000, "p", n)) // alone in its message
	}
	at := func(seq uint64) event.Position {
		return event.Position{Epoch: j.Epoch(), Seqs: map[uint16]uint64{0: seq}}
	}
	first := func() uint64 {
		l := j.lanes[Events]
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.current().Purged + 1
	}
	commit := func(name string, seq uint64) {
		t.Helper()
		if err := j.Commit(name, at(seq)); err != nil {
			t.Fatal(err)
		}
		j.round(t.Context(), true)
	}
	commit("history", 90)
	if got := first(); got != 1 {
		t.Fatalf("purged to %d before detect committed anything", got)
	}
	commit("detect", 40)
	commit("detect", 30) // never back
	if got := first(); got != 41 {
		t.Fatalf("first batch is %d, want 41", got)
	}
	if j.Cursor("detect").Seq(0) != 40 || j.Cursor("history").Seq(0) != 90 {
		t.Errorf("cursors: %v %v", j.Cursor("detect"), j.Cursor("history"))
	}
	if lag := j.Health().Lag; lag["detect"] != 60 || lag["history"] != 10 {
		t.Errorf("lag: %v", lag)
	}
	r := reader(t, j, j.Cursor("detect"), 0)
	defer r.Close()
	equal(t, "behind the purge", readN(t, r, 60), want("p", 40, 100))
	fromStart := reader(t, j, event.Position{}, 0) // what was purged is not lost
	defer fromStart.Close()
	equal(t, "from the start", readN(t, fromStart, 60), want("p", 40, 100))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	o.Cursors = []string{"history", "detect", "script"}
	j = opened(t, o)
	if got := j.Cursor("detect").Seq(0); got != 40 {
		t.Errorf("cursor is %d after reopening, want 40", got)
	}
	commit("detect", 100)
	commit("history", 100)
	if got := first(); got != 41 {
		t.Errorf("purged to %d before script committed anything", got)
	}
	commit("script", 100)
	if got := first(); got != 101 {
		t.Errorf("first batch is %d after all committed, want 101", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = opened(t, o)
	if p := appendOne(t, j, batchOf(event.Log, 1, "p", 100)); p.Sequence != 101 {
		t.Errorf("batch in an emptied journal is %d, want 101", p.Sequence)
	}
	if l := j.Losses(); len(l) != 0 {
		t.Errorf("losses: %+v", l)
	}
}

func positions(t *testing.T, o Options) {
	j := opened(t, o)
	for n := range 5 {
		appendOne(t, j, batchOf(event.Login, 2, "p", n))
	}
	strange := event.Position{Epoch: "0123456789abcdef", Seqs: map[uint16]uint64{0: 3}}
	r := reader(t, j, strange, 0)
	defer r.Close()
	equal(t, "unknown epoch", readN(t, r, 5), want("p", 0, 5))
	if err := j.Commit("history", strange); !errors.Is(err, fault.Conflict) {
		t.Errorf("Commit of an unknown epoch: %v", err)
	}
	if err := j.Commit("history", event.Position{}); err != nil || j.Cursor("history").Seq(0) != 0 {
		t.Errorf("Commit of the zero position: %v", err)
	}
	if err := j.Commit("nobody", j.Head()); !errors.Is(err, fault.NotFound) {
		t.Errorf("Commit of an unknown cursor: %v", err)
	}
	if _, err := j.Reader(event.Position{}, 7); !errors.Is(err, fault.NotFound) {
		t.Errorf("Reader of an unknown partition: %v", err)
	}
	// A cursor that has seen more than the journal: its numbers are not given out again, and the loss is told.
	ahead := event.Position{Epoch: j.Epoch(), Seqs: map[uint16]uint64{0: 9}}
	up := reader(t, j, ahead, 0)
	defer up.Close()
	if p := appendOne(t, j, batchOf(event.Log, 1, "q", 0)); p.Sequence != 10 {
		t.Errorf("batch behind a cursor at 9 is %d, want 10", p.Sequence)
	}
	equal(t, "reader that was ahead", readN(t, up, 1), want("q", 0, 1))
	if l := j.Losses(); len(l) != 1 || l[0].From != 6 || l[0].To != 9 {
		t.Errorf("losses: %+v", l)
	}
	equal(t, "reader that was not", readN(t, r, 1), want("q", 0, 1))
	if lag := j.Health().Lag["history"]; lag != 6 {
		t.Errorf("lag is %d, want the 6 batches there are", lag)
	}
}

// A batch without rows brings how far its sources were read, to readers that get it from memory and from the stream alike.
func noRows(t *testing.T, o Options) {
	j := opened(t, o)
	live := reader(t, j, event.Position{}, 0)
	defer live.Close()
	told := []event.SourceRange{{ID: "prose", From: 0, To: 17}}
	b := event.NewBatch(event.Log, 0, nil, event.Labels{})
	b.Sources, b.Backfill = told, true
	appendOne(t, j, b)
	appendOne(t, j, batchOf(event.Log, 1, "after", 0))
	stored := reader(t, j, event.Position{}, 0)
	defer stored.Close()
	for name, r := range map[string]*Reader{"memory": live, "stream": stored} {
		got, err := r.Next(t.Context())
		if err != nil || got.Rows != 0 || !got.Backfill || !slices.Equal(got.Sources, told) {
			t.Fatalf("from %s: got %+v and %v, want no rows and %v", name, got, err, told)
		}
		equal(t, "from "+name, readN(t, r, 1), want("after", 0, 1))
	}
	var tail []event.SourceRange
	if err := j.Tail(t.Context(), event.Position{}, func(e Entry) bool {
		tail = append(tail, e.Sources...)
		return true
	}); err != nil || !slices.Contains(tail, told[0]) {
		t.Errorf("Tail: got %v and %v, want %v among it", tail, err, told)
	}
}

func refusals(t *testing.T, o Options) {
	j := opened(t, o)
	for name, b := range map[string]*event.Batch{
		"empty": event.NewBuilder(event.Log).Batch(), "no kind": event.NewBatch(0, 1, nil, event.Labels{}),
		"too large": huge(t),
	} {
		if _, err := j.Append(t.Context(), b); !errors.Is(err, fault.Invalid) {
			t.Errorf("Append of a batch that is %s: %v", name, err)
		}
	}
	appendOne(t, j, batchOf(event.Log, 1, "after", 0))
	if j.space == nil {
		return
	}
	floor := func(bytes int64) { // upkeep looks at it too
		j.space.mu.Lock()
		j.space.floor = bytes
		j.space.mu.Unlock()
		j.space.forget()
	}
	floor(1 << 60)
	_, err := j.Append(t.Context(), batchOf(event.Log, 1, "x", 0))
	if !errors.Is(err, fault.Full) || !strings.Contains(err.Error(), "floor") {
		t.Errorf("Append below the floor: %v", err)
	}
	if h := j.Health(); h.Refusing == "" || h.Free == 0 {
		t.Errorf("health below the floor: %+v", h)
	}
	floor(0)
	if free, floor, err := j.space.look(0); err != nil || floor < defaultFloorBytes || free == 0 {
		t.Errorf("default floor: %d free, floor %d, %v", free, floor, err)
	}
}

// huge returns a batch that does not fit into a message.
func huge(t *testing.T) *event.Batch {
	rnd := rand.New(rand.NewPCG(3, 3))
	b := event.NewBuilder(event.Log)
	blob := make([]byte, 1<<20)
	for range 9 {
		for i := range blob {
			blob[i] = byte(rnd.Uint32())
		}
		b.Str(event.EventOriginal, blob)
		b.Next()
	}
	return b.Batch()
}

func tail(t *testing.T, o Options) {
	j := opened(t, o)
	for n := range 30 {
		appendOne(t, j, batchOf([]event.Kind{event.Log, event.Flow, event.Login}[n%3], 1+n, "t", n))
	}
	var got []Entry
	if err := j.Tail(t.Context(), event.Position{}, func(e Entry) bool { got = append(got, e); return true }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 30 {
		t.Fatalf("Tail gave %d entries, want 30", len(got))
	}
	next := map[uint16]uint64{0: 1, 1: 1}
	seen := map[int64]bool{}
	for _, e := range got {
		if e.Sequence != next[e.Partition] || len(e.Sources) != 1 || e.Sources[0].ID != "t" || e.Rows != int(e.Sources[0].From/100)+1 || ClassOf(e.Kind) != Class(e.Partition) {
			t.Fatalf("entry %+v, want sequence %d", e, next[e.Partition])
		}
		next[e.Partition]++
		seen[e.Sources[0].From] = true
	}
	if len(seen) != 30 {
		t.Errorf("%d different ranges, want 30", len(seen))
	}
	after := event.Position{Epoch: j.Epoch(), Seqs: map[uint16]uint64{0: 18, 1: 10}}
	n := 0
	if err := j.Tail(t.Context(), after, func(Entry) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("Tail behind %v that is ended at once: %d calls, %v", after, n, err)
	}
}

func submit(t *testing.T, o Options) {
	j := opened(t, o)
	var receipts []*Receipt
	for n := range 100 {
		r, err := j.Submit(t.Context(), batchOf(event.Log, 30, "s", n))
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	for n, r := range receipts {
		p, err := r.Wait(t.Context())
		if err != nil || p.Sequence != uint64(n+1) {
			t.Fatalf("batch %d: %+v, %v", n, p, err)
		}
	}
	r := reader(t, j, event.Position{}, 0)
	j.Seal()
	equal(t, "submitted", readAll(t, r), want("s", 0, 100))
}

func withdrawn(t *testing.T, o Options) {
	j := opened(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	accepted, unknown := []string{}, []string{}
	for n := range 50 {
		_, err := j.Append(ctx, batchOf(event.Log, 1, "w", n))
		name := fmt.Sprintf("w %d", n)
		switch {
		case err == nil:
			accepted = append(accepted, name)
		case errors.Is(err, ErrUnknown):
			unknown = append(unknown, name)
		case !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled):
			t.Fatalf("Append with a context that is over: %v", err)
		}
	}
	r := reader(t, j, event.Position{}, 0)
	j.Seal()
	got := readAll(t, r)
	for _, name := range got {
		if !slices.Contains(accepted, name) && !slices.Contains(unknown, name) {
			t.Errorf("%s was withdrawn and is there", name)
		}
	}
	for _, name := range accepted {
		if !slices.Contains(got, name) {
			t.Errorf("%s was accepted and is not there", name)
		}
	}
}

// streamDeleted takes the stream away under a running journal, half read.
func streamDeleted(t *testing.T, o Options) {
	o.CacheBytes = -1
	j := opened(t, o)
	r := reader(t, j, event.Position{}, 0)
	defer r.Close()
	for n := range 20 {
		appendOne(t, j, batchOf(event.Log, 5, "d", n))
	}
	equal(t, "before", readN(t, r, 5), want("d", 0, 5))
	if err := j.eng.js.DeleteStream(t.Context(), j.streamName(j.lanes[Events], 1)); err != nil {
		t.Fatal(err)
	}
	for n := 20; n < 25; n++ {
		soon(t, j, batchOf(event.Log, 5, "d", n))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	for len(got) == 0 || got[len(got)-1] != "d 24" {
		b, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("Next after %q: %v", got, err)
		}
		got = append(got, label(t, b))
		var n int
		if _, err := fmt.Sscanf(got[len(got)-1], "d %d", &n); err != nil || (n < 20) != (b.Sequence <= 20) {
			t.Fatalf("batch %d is %q: a number was used twice", b.Sequence, got[len(got)-1])
		}
	}
	lost := j.Losses()
	if len(lost) != 1 || lost[0].From != 1 || lost[0].To != 20 {
		t.Errorf("losses: %+v", lost)
	}
	equal(t, "after", got[len(got)-5:], want("d", 20, 25))
}
