package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/parser/jsonlines"
)

// wordsConfig makes the parser words.
type wordsConfig struct{ parser.Options }

func (*wordsConfig) New() (parser.Parser, error) { return words{}, nil }

func formats() parser.Set {
	return parser.Set{
		"words":     {Name: "words", Kind: event.Log, Default: func() parser.Config { return &wordsConfig{} }},
		"jsonlines": jsonlines.Format(),
	}
}

// numbered are n lines, each bad-th of which is malformed; 0 is none.
func numbered(n, bad int) string {
	var b strings.Builder
	for i := range n {
		if bad > 0 && i%bad == bad-1 {
			b.WriteString("bad ")
		}
		fmt.Fprintf(&b, "line-%d\n", i)
	}
	return b.String()
}

// A reader that breaks costs nothing of what came before: the next call goes on behind it, and in the end every line is
// there once and accounted for.
func TestFileGoesOnWhereItBroke(t *testing.T) {
	text := numbered(30_000, 11)
	for _, broken := range []int{0, 1, 100_000, len(text) / 2, len(text) - 1} {
		journal := &memory{}
		s := New(Options{Journal: journal, Log: quiet(), Formats: formats()})
		q := api.IngestRequest{Source: "file:x", Path: "x", Format: "words"}
		failed := errors.New("the disk is gone")
		first, err := s.File(t.Context(), q, io.MultiReader(strings.NewReader(text[:broken]), failing{failed}))
		if !errors.Is(err, failed) {
			t.Fatalf("broken at %d: File = %v, want %v", broken, err, failed)
		}
		at, known := s.Resume("file:x")
		if at != first.Bytes || known != (at > 0) || at > int64(broken) || at < int64(broken)-20 {
			t.Fatalf("broken at %d: resumes at %d, %v; the answer says %d bytes", broken, at, known, first.Bytes)
		}
		q.Offset = at
		second, err := s.File(t.Context(), q, strings.NewReader(text[at:]))
		if err != nil {
			t.Fatal(err)
		}
		if lines, events, bad := first.Lines+second.Lines, first.Events+second.Events, first.Rejected+second.Rejected; lines != 30_000 || events != 27_273 || bad != 2727 {
			t.Errorf("broken at %d: %d lines, %d events, %d rejected, want 30000, 27273, 2727", broken, lines, events, bad)
		}
		if got := journal.messages(); len(got) != 27_273 || got[0] != "line-0" || got[len(got)-1] != "line-29999" {
			t.Errorf("broken at %d: %d messages in the journal, want 27273 in order", broken, len(got))
		}
		for _, b := range journal.batches {
			if !b.Backfill {
				t.Error("a batch of an old file is not marked as such, and would be judged live")
			}
		}
	}
}

// failing is a reader that only fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestFileRefuses(t *testing.T) {
	s := New(Options{Journal: &memory{}, Log: quiet(), Formats: formats(), Known: map[string]int64{"file:a": 100}})
	for name, c := range map[string]struct {
		q    api.IngestRequest
		body string
		kind error
		says string
	}{
		"wrong offset":   {api.IngestRequest{Source: "file:a", Path: "a", Format: "words", Offset: 7}, "x", fault.Conflict, "want 100"},
		"unknown format": {api.IngestRequest{Path: "a", Format: "word"}, "x", fault.Invalid, "want one of jsonlines, words"},
		"no format":      {api.IngestRequest{Path: "a"}, "\x00\x01\x02\xff", fault.Invalid, "--format"},
		"unknown zone":   {api.IngestRequest{Path: "a", Format: "words", Zone: "Mars/Base"}, "x", fault.Invalid, "Mars/Base"},
	} {
		_, err := s.File(t.Context(), c.q, strings.NewReader(c.body))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: File = %v, want %v with %q", name, err, c.kind, c.says)
		}
	}
}

// Two runs over the same file at once would double it: the second is refused while the first is at it.
func TestFileIsTakenByOneAtATime(t *testing.T) {
	s := New(Options{Journal: &memory{}, Log: quiet(), Formats: formats()})
	r, w := io.Pipe()
	done := make(chan error, 1)
	q := api.IngestRequest{Source: "file:a", Path: "a", Format: "words"}
	go func() { _, err := s.File(t.Context(), q, r); done <- err }()
	if _, err := w.Write([]byte("one\n")); err != nil { // returns when the first run reads
		t.Fatal(err)
	}
	if _, err := s.File(t.Context(), q, strings.NewReader("one\n")); !errors.Is(err, fault.Conflict) {
		t.Errorf("second File at the same time = %v, want a conflict", err)
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Records of an array count like lines, and the position behind the array is that of the file's end.
func TestFileReadsArrays(t *testing.T) {
	journal := &memory{}
	s := New(Options{Journal: journal, Log: quiet(), Formats: formats()})
	text := `{"Records":[{"message":"a"},` + "\n" + `{"message":"b"}, 7 ,{"message":"c"}]}` + "\n"
	a, err := s.File(t.Context(), api.IngestRequest{Source: "file:r", Path: "r", Format: "jsonlines"}, strings.NewReader(text))
	if err != nil || a.Events != 3 || a.Rejected != 1 || strings.Join(journal.messages(), "") != "abc" {
		t.Errorf("File = %+v, %v with messages %q, want three events and one rejected", a, err, journal.messages())
	}
	if at, _ := s.Resume("file:r"); at < int64(strings.LastIndexByte(text, '}')) {
		t.Errorf("resumes at %d of %d, want the end", at, len(text))
	}
}

// The same body under the same key counts once, also when the first call was cut off half way, and with several kinds.
func TestAppendCountsAKeyOnce(t *testing.T) {
	var body bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&body, `{"kind":%q,"message":"%d"}`+"\n", []string{"log", "login", "flow"}[i%3], i)
	}
	journal := &memory{}
	s := New(Options{Journal: &limited{journal: journal, left: 2}, Log: quiet(), Formats: formats()})
	ctx := api.As(t.Context(), api.Identity{User: "anna"})
	q := api.AppendRequest{IdempotencyKey: "k"}
	if _, err := s.Append(ctx, q, bytes.NewReader(body.Bytes())); !errors.Is(err, fault.Full) {
		t.Fatalf("Append to a journal that fills up = %v, want full", err)
	}
	s.options.Journal = journal
	for range 2 {
		if _, err := s.Append(ctx, q, bytes.NewReader(body.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
	count := map[string]int{}
	for _, m := range journal.messages() {
		count[m]++
	}
	if len(count) != 20_000 || len(journal.messages()) != 20_000 {
		t.Errorf("%d messages, %d different, want 20000 of both", len(journal.messages()), len(count))
	}
	again, err := s.Append(ctx, q, bytes.NewReader(body.Bytes()))
	if err != nil || !again.Repeated || again.Accepted != 0 {
		t.Errorf("Append once more = %+v, %v, want a repeat", again, err)
	}
	other := api.As(t.Context(), api.Identity{User: "bob"})
	if a, err := s.Append(other, q, strings.NewReader(`{"message":"x"}`)); err != nil || a.Accepted != 1 {
		t.Errorf("the same key of another user: %+v, %v, want one event", a, err)
	}
}

// limited is a journal with room for a few more batches.
type limited struct {
	journal *memory
	left    int
}

func (l *limited) Append(ctx context.Context, b *event.Batch) error {
	if l.left == 0 {
		return fault.New(fault.Full, "no room")
	}
	l.left--
	return l.journal.Append(ctx, b)
}

func TestAppendTellsOfEachBadLine(t *testing.T) {
	s := New(Options{Journal: &memory{}, Log: quiet(), Formats: formats()})
	a, err := s.Append(t.Context(), api.AppendRequest{}, strings.NewReader("{\"message\":\"a\"}\n\nnonsense\n{\"kind\":\"Pod\"}\n{\"message\":\"b\"}"))
	if err != nil || a.Accepted != 2 || a.Rejected != 2 || len(a.Errors) != 2 || a.Errors[0].Line != 3 || a.Errors[1].Line != 4 {
		t.Errorf("Append = %+v, %v, want two accepted, and lines 3 and 4 rejected", a, err)
	}
}

// An old file that finds no room is given up after a while with the reason, and read from there when there is room again.
func TestAnOldFileDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{refuse: fault.New(fault.Full, "no room")}
		s := New(Options{Journal: journal, Log: quiet(), Formats: formats()})
		q := api.IngestRequest{Source: "file:a", Path: "a", Format: "words"}
		if _, err := s.File(t.Context(), q, strings.NewReader("one\ntwo\n")); !errors.Is(err, fault.Full) {
			t.Fatalf("File without room: %v, want the reason", err)
		}
		if _, known := s.Resume("file:a"); known {
			t.Error("lines that are not durable count as taken")
		}
		journal.mu.Lock()
		journal.refuse = nil
		journal.mu.Unlock()
		if a, err := s.File(t.Context(), q, strings.NewReader("one\ntwo\n")); err != nil || a.Events != 2 {
			t.Errorf("File with room again: %+v, %v", a, err)
		}
	})
}
