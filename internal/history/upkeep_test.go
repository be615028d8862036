package history

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Retention drops by kind and whole days of UTC, and keeps what came in late for as long as what came in on time.
func TestRetention(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Retention: map[event.Kind]time.Duration{event.Log: 48 * time.Hour}})
	put := func(seq uint64, kind event.Kind, at, received int64) {
		b := event.NewBuilder(kind)
		b.Time(event.Timestamp, at)
		b.Time(event.Ingested, received)
		b.Next()
		batch := b.Batch()
		batch.Sequence = seq
		apply(t, s, batch)
		flush(t, s)
	}
	hour := int64(time.Hour)
	put(1, event.Log, day, day)
	put(2, event.Flow, day, day)
	put(3, event.Log, day-10000*hour, day+24*hour) // an old file, read a day later
	for _, step := range []struct {
		at   int64
		want int
	}{{day + 48*hour, 3}, {day + 59*hour, 3}, {day + 60*hour, 2}, {day + 83*hour, 2}, {day + 84*hour, 1}, {day + 10000*hour, 1}} {
		if err := s.Expire(time.Unix(0, step.at)); err != nil {
			t.Fatal(err)
		}
		if got := len(scanAll(t, s, Query{})); got != step.want {
			t.Errorf("%d hours after the event: %d events, want %d", (step.at-day)/hour, got, step.want)
		}
		if got := len(segmentFiles(t, s)); got != step.want {
			t.Errorf("%d hours after the event: %d files, want %d", (step.at-day)/hour, got, step.want)
		}
	}
}

// A backup that is made while events go on coming in holds a prefix of them, whole.
func TestBackupWhileRunning(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 500})
	done := make(chan struct{})
	go func() {
		defer close(done)
		rng := rand.New(rand.NewPCG(21, 22))
		for seq := uint64(1); seq <= 100; seq++ {
			if err := s.Apply(epoch, someBatch(rng, event.Log, seq, 50, 1e9)); err != nil {
				t.Errorf("Apply: %v", err)
			}
			if seq%10 == 0 {
				_ = s.Merge(context.Background())
			}
		}
	}()
	for i := range 3 {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := s.Backup(context.Background(), dir); err != nil {
			t.Fatalf("Backup: %v", err)
		}
		if err := s.Backup(context.Background(), dir); fault.Kind(err) != fault.Conflict {
			t.Errorf("Backup over a backup: %v, want a refusal", err)
		}
		c := open(t, Options{Dir: dir})
		if err := c.Verify(context.Background()); err != nil {
			t.Errorf("copy %d: %v", i, err)
		}
		if got, want := int64(len(scanAll(t, c, Query{}))), 50*int64(c.Applied().Seq(0)); got != want {
			t.Errorf("copy %d holds %d events, want the %d up to its position", i, got, want)
		}
	}
	<-done
	c := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(segmentFiles(t, s)[0], []byte("no longer a segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(context.Background(), c); !errors.Is(err, errDamaged) {
		t.Errorf("Backup of a damaged history: %v, want it refused", err)
	}
}

// An epoch that is not known starts at 0 and says so; what was in memory of the old one is kept.
func TestAnotherEpoch(t *testing.T) {
	var said bytes.Buffer
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&said, nil))})
	rng := rand.New(rand.NewPCG(31, 32))
	a, b, c := someBatch(rng, event.Log, 5, 10, 1e9), someBatch(rng, event.Log, 1, 10, 1e9), someBatch(rng, event.Log, 6, 10, 1e9)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Apply("old", a))
	must(s.Apply("new", b))
	must(s.Apply("new", b))
	if !strings.Contains(said.String(), "another epoch") {
		t.Errorf("log = %q, want it to name the epoch", said.String())
	}
	if got := s.Position(); got.Epoch != "new" || got.Seq(0) != 1 {
		t.Errorf("Position = %v, want new:0=1", got)
	}
	if got := s.Applied(); got.Epoch != "new" || got.Seq(0) != 0 {
		t.Errorf("Applied = %v, want new at 0: nothing of it is durable", got)
	}
	must(s.Apply("old", a)) // back again: known, and ignored
	must(s.Apply("old", c))
	if got := len(scanAll(t, s, Query{})); got != 30 {
		t.Errorf("events = %d, want 30", got)
	}
	must(s.Close())
	s = open(t, Options{Dir: dir})
	must(s.Apply("new", b))
	if got := len(scanAll(t, s, Query{})); got != 30 {
		t.Errorf("events after replay = %d, want 30", got)
	}
	if err := s.Apply("new", someBatch(rng, event.Log, 0, 1, 1)); fault.Kind(err) != fault.Invalid {
		t.Errorf("Apply without a sequence: %v, want invalid", err)
	}
}

// Sources are remembered over restarts within a bound, and idempotency keys for a day.
func TestSources(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	seq := uint64(0)
	put := func(at time.Duration, ranges ...event.SourceRange) {
		b := event.NewBuilder(event.Log)
		b.Time(event.Ingested, day+int64(at))
		b.Next()
		batch := b.Batch()
		seq++
		batch.Sequence, batch.Sources = seq, ranges
		apply(t, s, batch)
	}
	put(0, event.SourceRange{ID: "key:a", To: 1}, event.SourceRange{ID: "file", To: 100})
	put(time.Hour, event.SourceRange{ID: "key:b", To: 1}, event.SourceRange{ID: "file", From: 50, To: 70})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if got := s.Sources(); len(got) != 3 || got["file"] != 100 {
		t.Errorf("Sources = %v, want two keys and the file at 100", got)
	}
	put(24*time.Hour+time.Second, event.SourceRange{ID: "other", To: 5})
	if got := s.Sources(); len(got) != 3 || got["key:a"] != 0 || got["key:b"] != 1 {
		t.Errorf("Sources = %v, want key:a forgotten after a day", got)
	}
	for i := range 3 {
		var many []event.SourceRange
		for j := range 9000 {
			many = append(many, event.SourceRange{ID: fmt.Sprintf("f%d", i*9000+j), To: 1})
		}
		put(25*time.Hour+time.Duration(i)*time.Minute, many...)
	}
	got := s.Sources()
	if len(got) > maxSources || got["f26999"] != 1 || got["file"] != 0 {
		t.Errorf("Sources holds %d with file at %d, want the newest %d", len(got), got["file"], maxSources)
	}
}

// Run writes memory out by age, when it is full, and ends when told to.
func TestRunFlushes(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 100, FlushAge: time.Hour, Registry: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	rng := rand.New(rand.NewPCG(41, 42))
	apply(t, s, someBatch(rng, event.Log, 1, 150, 1e9))
	wait(t, "flush of full memory", func() bool { return s.Applied().Seq(0) == 1 })
	apply(t, s, someBatch(rng, event.Log, 2, 10, 1e9))
	if s.due(time.Now()) || !s.due(time.Now().Add(2*time.Hour)) {
		t.Error("10 rows are due at once or never, want them due after the age")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v, want nil when told to end", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(epoch, someBatch(rng, event.Log, 3, 1, 1)); fault.Kind(err) != fault.Unavailable {
		t.Errorf("Apply after Close: %v, want unavailable", err)
	}
	if err := s.Scan(context.Background(), Query{}, nil); fault.Kind(err) != fault.Unavailable {
		t.Errorf("Scan after Close: %v, want unavailable", err)
	}
}

// wait polls until a condition holds.
func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// Without Run, memory is written out by whoever applies, so that it stays bounded.
func TestApplyBoundsMemory(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 100})
	rng := rand.New(rand.NewPCG(51, 52))
	for seq := uint64(1); seq <= 40; seq++ {
		apply(t, s, someBatch(rng, event.Log, seq, 30, 1e9))
		if got := s.Stats().MemoryRows; got > 230 {
			t.Fatalf("memory holds %d rows, want 2 × 100 and a batch at most", got)
		}
	}
}

// A file that a merge may not touch, for it has fields of a newer version, and a clean and an unclean end.
func TestUncleanEnd(t *testing.T) {
	dir, one, two := twoSegments(t)
	s := open(t, Options{Dir: dir})
	if s.unclean {
		t.Error("a closed store counts as unclean")
	}
	other := copyDir(t, dir) // as after a kill: the mark of a clean end is gone while the store is open
	s = open(t, Options{Dir: other})
	if !s.unclean {
		t.Error("a store that was not closed counts as clean")
	}
	data, err := os.ReadFile(firstSegment(t, other))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 1
	if err := os.WriteFile(firstSegment(t, other), data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	wait(t, "damage found after an unclean end", func() bool { return len(s.Stats().Quarantined) == 1 })
	cancel()
	<-ended
	mustSame(t, "the rest", texts(orderedAll(t, s, Query{})), texts(inOrder(model(two))))
	_ = one
}

var update = flag.Bool("update", false, "write the golden history anew")

// goldenBatches is what the golden history holds.
func goldenBatches() []*event.Batch {
	rng := rand.New(rand.NewPCG(2026, 3))
	var list []*event.Batch
	for seq := uint64(1); seq <= 8; seq++ {
		list = append(list, someBatch(rng, event.Kinds()[seq%4], seq, 60, 1e10))
	}
	return list
}

// The history that this version's format was laid down with stays readable, event by event.
func TestGoldenHistory(t *testing.T) {
	golden := filepath.Join("testdata", "golden", "v1")
	want := texts(inOrder(model(goldenBatches()...)))
	text := strings.Join(want, "\n") + "\n"
	if *update {
		if err := os.RemoveAll(golden); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Dir: golden})
		apply(t, s, goldenBatches()...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(golden, "events.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: copyDir(t, golden)})
	kept, err := os.ReadFile(filepath.Join(golden, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(texts(orderedAll(t, s, Query{})), "\n") + "\n"
	if got != string(kept) {
		t.Errorf("the golden history reads differently: got\n%s\nwant\n%s", got, kept)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Error(err)
	}
	if got := s.Sources()["file2"]; got != 90 {
		t.Errorf(`Sources()["file2"] = %d, want 90`, got)
	}
}
