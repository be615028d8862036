package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/leaktest"
)

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	os.Exit(leaktest.Run(m))
}

// logTo hands log messages to the test.
type logTo struct {
	t  testing.TB
	mu sync.Mutex
	sb strings.Builder
}

func (w *logTo) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sb.Write(p)
}

func (w *logTo) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sb.String()
}

func testLog(t testing.TB) *logTo {
	w := &logTo{t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.String())
		}
	})
	return w
}

func testOptions(t testing.TB, dir string) Options {
	return Options{
		Dir: dir, FreeFloor: -1, Cursors: []string{"history"}, every: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(testLog(t), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
}

// opened returns a journal that is closed when the test ends.
func opened(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return j
}

// batchOf returns a batch whose rows say who made it and which one it is.
func batchOf(kind event.Kind, rows int, name string, n int) *event.Batch {
	b := event.NewBuilder(kind)
	for i := range rows {
		b.Time(event.Timestamp, int64(n)*1e9+int64(i))
		b.Text(event.Message, fmt.Sprintf("%s %d row %d", name, n, i))
		b.Text(event.HostName, name)
		b.Next()
	}
	batch := b.Batch()
	batch.Sources = []event.SourceRange{{ID: name, From: int64(n) * 100, To: int64(n+1) * 100}}
	return batch
}

// label returns what a batch of batchOf is called, after checking that all rows are there.
func label(t testing.TB, b *event.Batch) string {
	t.Helper()
	name, n := "", 0
	for i := range b.Rows {
		var who string
		var num, row int
		text := string(b.Column(event.Message).Str(i))
		if _, err := fmt.Sscanf(text, "%s %d row %d", &who, &num, &row); err != nil || row != i {
			t.Fatalf("row %d of batch %d reads %q", i, b.Sequence, text)
		}
		if i > 0 && (who != name || num != n) {
			t.Fatalf("batch %d mixes %q with %s %d", b.Sequence, text, name, n)
		}
		name, n = who, num
	}
	return fmt.Sprintf("%s %d", name, n)
}

func appendOne(t testing.TB, j *Journal, b *event.Batch) Place {
	t.Helper()
	p, err := j.Append(t.Context(), b)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if p.Sequence == 0 || b.Sequence != p.Sequence || b.Partition != p.Partition {
		t.Fatalf("Append gave %+v, batch has partition %d, sequence %d", p, b.Partition, b.Sequence)
	}
	return p
}

// readN reads n batches and returns their labels, checking that sequences grow.
func readN(t testing.TB, r *Reader, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	last := uint64(0)
	for len(got) < n {
		b, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("Next after %d of %d batches: %v", len(got), n, err)
		}
		if b.Sequence <= last {
			t.Fatalf("batch %d behind batch %d", b.Sequence, last)
		}
		last = b.Sequence
		got = append(got, label(t, b))
	}
	return got
}

// readAll reads until the journal is drained; it must be sealed.
func readAll(t testing.TB, r *Reader) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var got []string
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatalf("Next after %d batches: %v", len(got), err)
		}
		got = append(got, label(t, b))
	}
}

func reader(t testing.TB, j *Journal, after event.Position, partition uint16) *Reader {
	t.Helper()
	r, err := j.Reader(after, partition)
	if err != nil {
		t.Fatalf("Reader: %v", err)
	}
	return r
}

func want(name string, from, to int) []string {
	var list []string
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprintf("%s %d", name, n))
	}
	return list
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d batches, want %d\ngot  %.300q\nwant %.300q", what, len(got), len(want), got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: batch %d is %q, want %q", what, i, got[i], want[i])
		}
	}
}

func TestAppendAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	o := testOptions(t, dir)
	j := opened(t, o)
	live := reader(t, j, event.Position{}, 0)
	defer live.Close()
	for n := range 50 {
		appendOne(t, j, batchOf(event.Log, 1+n%7, "a", n))
	}
	equal(t, "live reader", readN(t, live, 50), want("a", 0, 50))
	late := reader(t, j, event.Position{}, 0)
	defer late.Close()
	equal(t, "late reader", readN(t, late, 50), want("a", 0, 50))
	middle := reader(t, j, event.Position{Epoch: j.Epoch(), Seqs: map[uint16]uint64{0: 20}}, 0)
	defer middle.Close()
	equal(t, "reader from 20", readN(t, middle, 30), want("a", 20, 50))
	if got := late.Position().String(); got != j.Epoch()+":0=50" {
		t.Errorf("Position is %s", got)
	}
	head := j.Head()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	j = opened(t, o)
	if j.Epoch() != head.Epoch || !j.Head().Covers(head) || len(j.Losses()) != 0 {
		t.Fatalf("after a clean close: head %v, want %v; losses %v", j.Head(), head, j.Losses())
	}
	appendOne(t, j, batchOf(event.Log, 3, "a", 50))
	if got := j.Head().Seq(0); got != 51 {
		t.Errorf("after a clean close the next batch is %d, want 51", got)
	}
	again := reader(t, j, event.Position{}, 0)
	j.Seal()
	equal(t, "reader after reopening", readAll(t, again), want("a", 0, 51))
	if _, err := j.Append(t.Context(), batchOf(event.Log, 1, "a", 99)); !errors.Is(err, fault.Unavailable) {
		t.Errorf("Append after Seal: %v", err)
	}
}

// Of flows, which come the fastest, more is kept for readers; no cache is none of either.
func TestCacheOfClasses(t *testing.T) {
	for cacheBytes, want := range map[int64][classes]int64{1 << 20: {1 << 20, 4 << 20}, -1: {0, 0}, 0: {DefaultCacheBytes, 4 * DefaultCacheBytes}} {
		o, err := Options{Dir: t.TempDir(), CacheBytes: cacheBytes}.normal()
		if err != nil {
			t.Fatal(err)
		}
		if got := [classes]int64{o.cacheOf(Events), o.cacheOf(Flows)}; got != want {
			t.Errorf("CacheBytes %d gives %d, want %d", cacheBytes, got, want)
		}
	}
}
