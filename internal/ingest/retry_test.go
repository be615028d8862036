package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/quarantine"
	"tocsin/internal/source"
)

// keeping is a service with a quarantine and one more format, by which everything can be read.
func keeping(t *testing.T, journal Journal, store *quarantine.Store) *Service {
	t.Helper()
	set := formats()
	set["any"] = parser.Format{Name: "any", Kind: event.Log, Default: func() parser.Config { return &anyConfig{} }}
	return New(Options{Journal: journal, Log: quiet(), Formats: set, Quarantine: store})
}

type anyConfig struct{ parser.Options }

func (*anyConfig) New() (parser.Parser, error) { return anything{}, nil }

// anything makes a message of every record, and refuses what holds "worse".
type anything struct{}

func (anything) Parse(b *event.Builder, record []byte, _ int64) error {
	b.Str(event.Message, record)
	if bytes.Contains(record, []byte("worse")) {
		return &parser.Malformed{Reason: "worse"}
	}
	b.Next()
	return nil
}

func storeIn(t *testing.T, dir string) *quarantine.Store {
	t.Helper()
	return quarantine.Open(quarantine.Options{Dir: dir, Log: quiet()})
}

// What is rejected on each way in is kept, read again by the right format, accepted once, and no longer there.
func TestRetry(t *testing.T) {
	journal := &memory{}
	store := storeIn(t, t.TempDir())
	s := keeping(t, journal, store)
	ctx := t.Context()
	if _, err := s.File(ctx, api.IngestRequest{Source: "file:x", Path: "x.log", Format: "words", Lines: 100, Service: "shop"}, strings.NewReader("good\nbad 1\n\nbad worse\n")); err != nil {
		t.Fatal(err)
	}
	a, err := s.Append(ctx, api.AppendRequest{Source: "app"}, strings.NewReader("{\"kind\":\"login\",\"user.name\":\"a\"}\n\n{\"kind\":\"nonsense\"}\nno JSON\n"))
	if err != nil || a.Accepted != 1 || a.Rejected != 2 {
		t.Fatalf("Append = %+v, %v", a, err)
	}
	from := &source.Stream{Source: "web", ID: "file:y", Path: "y.log", Parser: words{}, Format: "words", Kind: event.Log, Settings: parser.Options{Zone: "UTC"}}
	if err := s.emit(ctx, from, source.Record{Data: []byte("bad 2\n more"), From: 10, To: 20, Lines: 2}, source.Record{Data: []byte(" "), From: 20, To: 22}, source.Record{Data: []byte("fine"), From: 22, To: 27}); err != nil {
		t.Fatal(err)
	}
	var places []string
	if err := store.Scan(quarantine.Filter{}, func(e *quarantine.Entry) error {
		places = append(places, fmt.Sprintf("%s %s %s:%d %d %s %q", e.Source, e.Format, e.Path, e.Line, e.From, e.Service, e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{`ingest words x.log:102 5 shop "bad 1"`, `ingest words x.log:104 12 shop "bad worse"`, `app jsonlines :3 34  "{\"kind\":\"nonsense\"}"`,
		`app jsonlines :4 54  "no JSON"`, `web words y.log:0 10  "bad 2\n more"`}
	if !slices.Equal(places, want) {
		t.Fatalf("kept are %q, want %q", places, want)
	}
	// Lines are accounted for in the same way on each way in.
	for _, h := range s.Sources() {
		rejected := int64(0)
		for _, n := range h.Rejected {
			rejected += n
		}
		if h.Name == "web" && (h.Lines != 4 || h.Empty != 1 || h.Events != 1 || rejected != 2) || h.Name == "app" && (h.Lines != 4 || h.Empty != 1 || h.Events != 1 || rejected != 2) {
			t.Errorf("%s: %+v, want lines = events + rejected + empty", h.Name, h)
		}
	}
	journal.batches = nil
	got, err := s.Retry(ctx, api.QuarantineRetry{Source: "ingest"})
	if err != nil || got.Retried != 2 || got.Accepted != 0 || got.Refused != 2 || got.Reasons["begins with bad"] != 2 {
		t.Fatalf("Retry as before = %+v, %v", got, err)
	}
	got, err = s.Retry(ctx, api.QuarantineRetry{With: "any"})
	if err != nil || got.Retried != 5 || got.Accepted != 4 || got.Events != 4 || got.Refused != 1 || got.Reasons["worse"] != 1 {
		t.Fatalf("Retry = %+v, %v", got, err)
	}
	messages := journal.messages()
	if !slices.Equal(messages, []string{"bad 1", `{"kind":"nonsense"}`, "no JSON", "bad 2\n more"}) {
		t.Errorf("accepted are %q", messages)
	}
	b := journal.batches[0]
	if !b.Backfill || len(b.Sources) != 1 || b.Sources[0] != (event.SourceRange{ID: store.ID(), From: 0, To: 1}) || !strings.Contains(string(b.AppendJSON(nil, 0)), `"log.file.path":"x.log","log.offset":5`) {
		t.Errorf("the batch is of %+v, its first event %s", b.Sources, b.AppendJSON(nil, 0))
	}
	for range 2 {
		if got, err = s.Retry(ctx, api.QuarantineRetry{With: "any"}); err != nil || got.Retried != 1 || got.Accepted != 0 || len(journal.batches) != 1 {
			t.Fatalf("Retry again = %+v, %v", got, err)
		}
	}
	groups, err := store.Groups(quarantine.Filter{})
	if err != nil || len(groups) != 1 || groups[0].Reason != "worse" || groups[0].Format != "any" || groups[0].Count != 1 {
		t.Errorf("left are %+v, %v", groups, err)
	}
	if _, err := s.Retry(ctx, api.QuarantineRetry{With: "nonsense"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("Retry by an unknown format = %v", err)
	}
	if _, err := s.Retry(ctx, api.QuarantineRetry{Zone: "Mars/Base"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("Retry in an unknown zone = %v", err)
	}
}

// A source that is configured in another way by now is read in that way.
func TestRetryAsConfigured(t *testing.T) {
	journal := &memory{}
	s := keeping(t, journal, storeIn(t, t.TempDir()))
	from := &source.Stream{Source: "web", Parser: words{}, Format: "words", Kind: event.Log}
	if err := s.emit(t.Context(), from, source.Record{Data: []byte("bad 1")}); err != nil {
		t.Fatal(err)
	}
	s.SetConfigured(map[string]Configured{"web": {Format: s.Formats()["any"], Settings: &anyConfig{}}})
	if got, err := s.Retry(t.Context(), api.QuarantineRetry{}); err != nil || got.Accepted != 1 {
		t.Errorf("Retry = %+v, %v", got, err)
	}
	// A format that is gone says so.
	if err := s.emit(t.Context(), &source.Stream{Source: "old", Parser: words{}, Format: "gone", Kind: event.Log}, source.Record{Data: []byte("bad 2")}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Retry(t.Context(), api.QuarantineRetry{}); err != nil || got.Refused != 1 || got.Reasons["its format is no longer known"] != 1 {
		t.Errorf("Retry by a format that is gone = %+v, %v", got, err)
	}
}

// A journal that refuses leaves everything where it is; a process that ends at any point doubles and loses nothing.
func TestRetryBreaksOff(t *testing.T) {
	const lines = 20_000 // of several batches
	for _, point := range []string{"refused", "before", "behind"} {
		dir := t.TempDir()
		store := storeIn(t, dir)
		journal := &memory{}
		s := keeping(t, journal, store)
		for n := 0; n < lines; n += 1000 { // as a file would, without outrunning the writer
			if _, err := s.File(t.Context(), api.IngestRequest{Path: "x", Format: "words"}, strings.NewReader(strings.Repeat(fmt.Sprintf("bad %d\n", n), 1000))); err != nil {
				t.Fatal(err)
			}
			if err := store.Scan(quarantine.Filter{IDs: []int64{-1}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		known := int64(0)
		for range 100 {
			broken := &breaking{memory: journal, point: point, left: 1}
			s = keeping(t, broken, store)
			s.positions.Add(store.ID(), known)
			accepted, _ := s.Resume(store.ID())
			if err := store.Resolve(accepted); err != nil {
				t.Fatal(err)
			}
			got, err := s.tryRetry(t)
			for _, b := range journal.batches {
				for _, r := range b.Sources {
					known = max(known, r.To)
				}
			}
			if err == nil && got.Retried == 0 {
				break
			}
			if point != "refused" { // the process is gone: another one opens what it left
				store = storeIn(t, dir)
			}
		}
		messages := journal.messages()
		if len(messages) != lines {
			t.Errorf("%s: %d events of %d lines", point, len(messages), lines)
		}
	}
}

// tryRetry retries; a panic stands for the end of the process.
func (s *Service) tryRetry(t *testing.T) (a api.QuarantineRetried, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return s.Retry(t.Context(), api.QuarantineRetry{With: "any"})
}

// breaking is a journal at which something happens once a few batches are in.
type breaking struct {
	*memory

	point string
	left  int
}

func (b *breaking) Append(ctx context.Context, batch *event.Batch) error {
	b.left--
	switch {
	case b.left >= 0:
	case b.point == "refused":
		return errors.New("no more of that")
	case b.point == "before":
		panic("killed before it is in")
	default:
		if err := b.memory.Append(ctx, batch); err != nil {
			return err
		}
		panic("killed when it is in")
	}
	return b.memory.Append(ctx, batch)
}
