package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// words reads a record as one event whose message it is; a record that begins with "bad" is malformed after a field was set.
type words struct{}

func (words) Parse(b *event.Builder, record []byte, _ int64) error {
	b.Str(event.UserName, record)
	if strings.HasPrefix(string(record), "bad") {
		return &parser.Malformed{Reason: "begins with bad"}
	}
	b.Str(event.Message, record)
	b.Next()
	return nil
}

// memory is a journal that keeps batches, and refuses as long as it is told to.
type memory struct {
	mu      sync.Mutex
	batches []*event.Batch
	refuse  error
}

func (m *memory) Append(_ context.Context, b *event.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	m.batches = append(m.batches, b)
	return nil
}

func (m *memory) messages() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.batches {
		for row := range b.Rows {
			list = append(list, string(b.Column(event.Message).Str(row)))
		}
	}
	return list
}

// feed is a source that brings n lines of a stream, each with its offsets, and then waits for its end.
type feed struct {
	stream source.Stream
	n      int
	bad    int // every bad-th is malformed
	sent   int
}

func (l *feed) Run(ctx context.Context, emit source.Emit) error {
	for ; l.sent < l.n; l.sent++ {
		text := fmt.Sprintf("%s-%d", l.stream.Source, l.sent)
		if l.bad > 0 && l.sent%l.bad == l.bad-1 {
			text = "bad"
		}
		at := int64(10 * l.sent)
		if err := emit(ctx, &l.stream, source.Record{Data: []byte(text), From: at, To: at + 10}); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// once feeds one set of sources.
func once(sources map[string]source.Source) <-chan map[string]source.Source {
	feed := make(chan map[string]source.Source, 1)
	feed <- sources
	return feed
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Every line of several sources is in the journal once and in order, bad ones are counted, positions stand behind the last
// line, and Done was told in rising order and never beyond what the journal had.
func TestRunBringsEveryLineOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		s := New(Options{Journal: journal, Log: quiet(), Rows: 64})
		ctx, stop := context.WithCancel(t.Context())
		sources := map[string]source.Source{}
		done := map[string]int64{}
		for _, name := range []string{"a", "b", "c"} {
			sources[name] = &feed{n: 1000, bad: 7, stream: source.Stream{
				Source: name, ID: "file:" + name, Parser: words{}, Kind: event.Log,
				Done: func(to int64) {
					if to <= done[name] {
						t.Errorf("source %s: done to %d after %d", name, to, done[name])
					}
					done[name] = to
				},
			}}
		}
		go func() {
			time.Sleep(time.Second)
			stop()
		}()
		if err := s.Run(ctx, once(sources)); err != nil {
			t.Fatalf("Run: %v", err)
		}
		next := map[string]int{}
		for _, m := range journal.messages() {
			name, number, _ := strings.Cut(m, "-")
			if next[name]%7 == 6 {
				next[name]++ // the malformed one
			}
			if number != fmt.Sprint(next[name]) {
				t.Fatalf("source %s: got line %s, want %d", name, number, next[name])
			}
			next[name]++
		}
		for _, h := range s.Sources() {
			if h.Lines != 1000 || h.Events != 858 || h.Rejected["begins with bad"] != 142 {
				t.Errorf("source %s: %+v, want 858 events and 142 rejected of 1000 lines", h.Name, h)
			}
			if at, ok := s.Resume("file:" + h.Name); at != 10_000 || !ok || done[h.Name] != 10_000 {
				t.Errorf("source %s resumes at %d and was told %d, want 10000", h.Name, at, done[h.Name])
			}
		}
		for _, b := range journal.batches {
			if b.Rows > 64 {
				t.Errorf("a batch has %d rows, want 64 at most", b.Rows)
			}
		}
	})
}

// resuming is a source that begins behind what is durable of it, as a file does.
type resuming struct {
	service *Service
	n       int
}

func (r *resuming) Run(ctx context.Context, emit source.Emit) error {
	at, _ := r.service.Resume("file:a")
	lines := feed{n: r.n, sent: int(at / 10), stream: source.Stream{Source: "a", ID: "file:a", Parser: words{}, Kind: event.Log}}
	return lines.Run(ctx, emit)
}

// A set of sources that takes the place of another brings nothing again that is on its way to the journal.
func TestNextSetGoesOnWhereTheOneBeforeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{refuse: fault.New(fault.Full, "full")}
		s := New(Options{Journal: journal, Log: quiet()})
		ctx, stop := context.WithCancel(t.Context())
		sets, ended := make(chan map[string]source.Source, 1), make(chan error, 1)
		go func() { ended <- s.Run(ctx, sets) }()
		var want []string
		for set := range 3 {
			sets <- map[string]source.Source{"a": &resuming{s, 10 * (set + 1)}}
			time.Sleep(time.Second)
			for n := range 10 {
				want = append(want, fmt.Sprintf("a-%d", 10*set+n))
			}
		}
		journal.mu.Lock()
		journal.refuse = nil
		journal.mu.Unlock()
		time.Sleep(time.Minute)
		stop()
		if err := <-ended; err != nil {
			t.Fatalf("Run: %v", err)
		}
		if got := journal.messages(); !slices.Equal(got, want) {
			t.Errorf("lines are %q, want each once", got)
		}
	})
}

// While the journal is full nothing is lost and nothing is said to be safe; when it takes again all of it arrives.
func TestFullJournalHoldsTheSourcesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{refuse: fault.New(fault.Full, "no room")}
		s := New(Options{Journal: journal, Log: quiet(), Rows: 16})
		ctx, stop := context.WithCancel(t.Context())
		src := &feed{n: 500, stream: source.Stream{Source: "a", ID: "file:a", Parser: words{}, Kind: event.Log, Done: func(int64) {
			if journal.refuse != nil {
				t.Error("Done was called while nothing was durable")
			}
		}}}
		finished := make(chan error)
		go func() { finished <- s.Run(ctx, once(map[string]source.Source{"a": src})) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if src.sent > 32 {
			t.Errorf("%d lines were taken by a full journal, want the 32 of two batches at most", src.sent)
		}
		journal.mu.Lock()
		journal.refuse = nil
		journal.mu.Unlock()
		time.Sleep(time.Minute)
		stop()
		if err := <-finished; err != nil {
			t.Fatalf("Run: %v", err)
		}
		if got := journal.messages(); len(got) != 500 || got[0] != "a-0" || got[499] != "a-499" {
			t.Errorf("%d lines arrived, want all 500 in order", len(got))
		}
	})
}

// A stop with a journal that takes nothing ends after the drain time, with an error, and calls nothing durable.
func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Journal: &memory{refuse: fault.New(fault.Unavailable, "away")}, Log: quiet(), Drain: 5 * time.Second})
		ctx, stop := context.WithCancel(t.Context())
		src := &feed{n: 5, stream: source.Stream{Source: "a", ID: "file:a", Parser: words{}, Kind: event.Log}}
		finished := make(chan error)
		go func() { finished <- s.Run(ctx, once(map[string]source.Source{"a": src})) }()
		time.Sleep(time.Second)
		stop()
		began := time.Now()
		if err := <-finished; err == nil {
			t.Error("Run ends without an error though five lines are not durable")
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("the stop took %v, want about the drain time of 5s", took)
		}
		if _, ok := s.Resume("file:a"); ok {
			t.Error("lines that are not durable count as taken")
		}
	})
}

// broken is a source that fails at once, every time.
type broken struct{ runs int }

func (b *broken) Run(context.Context, source.Emit) error {
	b.runs++
	return fault.New(fault.Unavailable, "no socket")
}

func TestFailingSourceIsStartedAgainWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Journal: &memory{}, Log: quiet()})
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		src := &broken{}
		if err := s.Run(ctx, once(map[string]source.Source{"x": src})); err != nil {
			t.Fatal(err)
		}
		// At 0, 1, 3, 7, 15, 31, 63 seconds; the next pause is a minute.
		if src.runs != 7 {
			t.Errorf("%d runs in two minutes, want 7", src.runs)
		}
		if got := s.Sources()[0].Problem; got != "no socket" {
			t.Errorf("its problem is %q, want what it said", got)
		}
	})
}

func TestStampMendsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var st stamp
		b := event.NewBuilder(event.Log)
		b.Stamp = st.row
		from := &source.Stream{Source: "web", Path: "/var/log/x", Format: "combined"}
		for i, at := range []time.Time{{}, now, now.Add(time.Minute), now.Add(2 * time.Minute)} {
			st.of(from, &source.Record{From: int64(i), To: int64(i + 1), Cut: i == 1}, now.UnixNano())
			if !at.IsZero() {
				b.Time(event.Timestamp, at.UnixNano())
			}
			b.Next()
		}
		batch := b.Batch()
		for row, want := range []string{"no-time", "cut", "", "future"} {
			got := ""
			if v, ok := batch.Column(event.TocsinFlags).Value(row); ok {
				got = string(batch.Column(event.TocsinFlags).Str(v))
			}
			if got != want {
				t.Errorf("row %d is flagged %q, want %q", row, got, want)
			}
		}
		if batch.Times()[0] != now.UnixNano() || batch.Column(event.LogOffset).Int(3) != 3 {
			t.Error("a row without time does not have that of its receipt, or an offset is wrong")
		}
	})
}
