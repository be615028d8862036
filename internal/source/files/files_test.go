package files_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/event"
	"tocsin/internal/fingerprint"
	"tocsin/internal/parser"
	"tocsin/internal/source"
	"tocsin/internal/source/files"
)

// raw is a parser that is never asked: the tests take records as they come.
type raw struct{}

func (raw) Parse(*event.Builder, []byte, int64) error { return nil }

func choose([][]byte) (files.Choice, error) {
	return files.Choice{Parser: raw{}, Format: "raw", Kind: event.Log}, nil
}

// A journal takes lines and remembers what it made durable.
type journal struct {
	mu      sync.Mutex
	index   fingerprint.Index
	lines   []string // durable
	pending []source.Record
	streams []*source.Stream
	commit  func() bool // whether to make everything durable after a piece; nil: always
}

func (j *journal) emit(_ context.Context, from *source.Stream, records ...source.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range records {
		r.Data = []byte(string(r.Data))
		j.pending = append(j.pending, r)
		j.streams = append(j.streams, from)
	}
	if j.commit == nil || j.commit() {
		for i, r := range j.pending {
			j.lines = append(j.lines, string(r.Data))
			j.index.Add(j.streams[i].ID, r.To)
		}
		j.pending, j.streams = nil, nil
	}
	return nil
}

// crash forgets what was not durable.
func (j *journal) crash() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending, j.streams = nil, nil
}

// taken reports whether all lines were taken, durable or not.
func (j *journal) taken(want []string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	have := map[string]bool{}
	for _, l := range j.lines {
		have[l] = true
	}
	for _, r := range j.pending {
		have[string(r.Data)] = true
	}
	for _, l := range want {
		if !have[l] {
			return false
		}
	}
	return true
}

func (j *journal) has() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// A rig follows files in a directory of its own.
type rig struct {
	t        *testing.T
	dir      string
	journal  *journal
	registry *prometheus.Registry
	stop     func()
	logged   *strings.Builder
	logMu    sync.Mutex
}

func newRig(t *testing.T) *rig { return &rig{t: t, dir: t.TempDir(), journal: &journal{}} }

func (r *rig) Write(p []byte) (int, error) {
	r.logMu.Lock()
	defer r.logMu.Unlock()
	return r.logged.Write(p)
}

func (r *rig) said(text string) bool {
	r.logMu.Lock()
	defer r.logMu.Unlock()
	return strings.Contains(r.logged.String(), text)
}

func (r *rig) start(o files.Options) {
	r.t.Helper()
	r.registry = prometheus.NewRegistry()
	if r.logged == nil {
		r.logged = &strings.Builder{}
	}
	fmt.Fprintln(r, "start")
	o.Name, o.Resume, o.Registry = "test", r.journal.index.Resume, r.registry
	o.Log = slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Choose == nil {
		o.Choose = choose
	}
	if o.Poll == 0 {
		o.Poll = 10 * time.Millisecond
	}
	if o.Settle == 0 {
		o.Settle = 50 * time.Millisecond
	}
	for i, p := range o.Paths {
		o.Paths[i] = filepath.Join(r.dir, p)
	}
	s, err := files.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, r.journal.emit) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}
	r.t.Cleanup(r.stop)
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	r.must(err)
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// await waits until a condition holds.
func (r *rig) await(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			has := r.journal.has()
			r.t.Fatalf("waited for %s; have %d, the last %.200q; said:\n%s", what, len(has), has[max(0, len(has)-5):], r.logged)
		}
		time.Sleep(time.Millisecond)
	}
}

// lines waits until these lines, in any order of files, have come, and looks that no others do.
func (r *rig) lines(want ...string) {
	r.t.Helper()
	r.await(fmt.Sprintf("%d lines", len(want)), func() bool { return len(r.journal.has()) >= len(want) })
	got := r.journal.has()
	count := map[string]int{}
	for _, l := range got {
		count[l]++
	}
	for _, l := range want {
		count[l]--
	}
	for l, n := range count {
		if n != 0 {
			r.t.Fatalf("line %q: %+d times too often; have %q, want %q; said:\n%s", l, n, got, want, r.logged)
		}
	}
}

func (r *rig) metric(name string) float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	r.must(err)
	for _, f := range families {
		if f.GetName() == name {
			return value(f.GetMetric()[0])
		}
	}
	r.t.Fatalf("no metric %s", name)
	return 0
}

func value(m *dto.Metric) float64 {
	if m.GetGauge() != nil {
		return m.GetGauge().GetValue()
	}
	return m.GetCounter().GetValue()
}

func TestFollow(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\ntwo\npart")
	r.write("b.log", "three\r\n")
	r.start(files.Options{Paths: []string{"*.log"}})
	r.lines("one", "two", "three")
	r.write("a.log", "ial\n")
	r.write("c.log", "new file\n")
	r.lines("one", "two", "three", "partial", "new file")
}

func TestRename(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\n")
	r.start(files.Options{Paths: []string{"a.log"}})
	r.lines("one")
	writer, err := os.OpenFile(r.path("a.log"), os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	defer writer.Close()
	r.must(os.Rename(r.path("a.log"), r.path("a.log.1")))
	r.write("a.log", "new\n")
	_, err = writer.WriteString("late\n") // the writer has not noticed yet
	r.must(err)
	r.lines("one", "new", "late")
}

func TestDeleteWhileUnread(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\n")
	opened, written := make(chan struct{}), make(chan struct{})
	r.start(files.Options{Paths: []string{"a.log"}, Linger: 50 * time.Millisecond, Choose: func(sample [][]byte) (files.Choice, error) {
		close(opened)
		<-written
		return choose(sample)
	}})
	<-opened
	writer, err := os.OpenFile(r.path("a.log"), os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	r.must(os.Remove(r.path("a.log")))
	_, err = writer.WriteString("two\nno end")
	r.must(err)
	r.must(writer.Close())
	close(written)
	r.lines("one", "two", "no end")
	r.await("the file to be closed", func() bool { return r.metric("tocsin_files_open") == 0 })
}

func TestReplacedSymlink(t *testing.T) {
	r := newRig(t)
	r.write("1", "one\n")
	r.write("2", "two\n")
	r.must(os.Symlink("1", r.path("current")))
	r.start(files.Options{Paths: []string{"current"}})
	r.lines("one")
	r.must(os.Symlink("2", r.path("next")))
	r.must(os.Rename(r.path("next"), r.path("current")))
	r.write("1", "still\n")
	r.lines("one", "two", "still")
}

// What copytruncate destroys is counted as far as it was seen.
func TestCopyTruncate(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\n")
	r.start(files.Options{Paths: []string{"a.log", "look*"}})
	r.lines("one")
	r.write("a.log", "no end yet")
	r.looked()
	r.must(os.Truncate(r.path("a.log"), 0))
	r.await("the truncation", func() bool { return r.metric("tocsin_files_truncations_total") == 1 })
	if lost := r.metric("tocsin_files_lost_bytes_total"); lost != 10 {
		t.Errorf("lost bytes: got %v, want 10", lost)
	}
	r.write("a.log", "two\n")
	r.lines("one", "two")
	r.must(os.Truncate(r.path("a.log"), 0))
	r.await("the truncation", func() bool { return r.metric("tocsin_files_truncations_total") == 2 })
	r.write("a.log", "two\n") // the same again is a line of its own
	r.write("a.log", "three\n")
	r.lines("one", "two", "two", "three")
}

// looked waits until a whole look at the files has begun and ended. There is no way to tell how much of an unfinished line
// the reader has seen, but it says of each directory that it finds under a path "look*" that it is no file: of the second
// in a look that began after this, and of the third when that one was over.
func (r *rig) looked() {
	r.t.Helper()
	for range 3 {
		dir, err := os.MkdirTemp(r.dir, "look")
		r.must(err)
		r.await("a look", func() bool { return r.said(dir) })
	}
}

// A writer that does not append goes on behind a truncation at its old offset, and leaves a hole.
func TestHoleOfTruncation(t *testing.T) {
	r := newRig(t)
	f, err := os.Create(r.path("a.log"))
	r.must(err)
	defer f.Close()
	want := []string{}
	for turn := range 4 {
		for i := range 1000 {
			line := fmt.Sprintf("turn %d line %d of a writer that does not append", turn, i)
			_, err := f.WriteString(line + "\n")
			r.must(err)
			want = append(want, line)
		}
		if turn == 0 {
			r.start(files.Options{Paths: []string{"a.log", "look*"}})
		}
		r.lines(want...)
		r.must(os.Truncate(r.path("a.log"), 0))
		if turn == 1 { // this time the reader is away
			r.stop()
			_, err := f.WriteString("written while nobody looked\n")
			r.must(err)
			want = append(want, "written while nobody looked")
			r.start(files.Options{Paths: []string{"a.log", "look*"}})
		}
	}
	if lost := r.metric("tocsin_files_lost_bytes_total"); lost != 0 {
		t.Errorf("lost bytes: got %v, want 0", lost)
	}
	_, err = f.WriteString("no end yet") // this is seen, and destroyed
	r.must(err)
	r.looked()
	before := r.metric("tocsin_files_truncations_total")
	r.must(os.Truncate(r.path("a.log"), 0))
	r.await("the truncation", func() bool { return r.metric("tocsin_files_truncations_total") == before+1 })
	_, err = f.WriteString(" of a line\nlast\n")
	r.must(err)
	r.lines(append(want, " of a line", "last")...)
	if lost := r.metric("tocsin_files_lost_bytes_total"); lost != 10 {
		t.Errorf("lost bytes: got %v, want 10", lost)
	}
}

func TestIdleLastLine(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\ntwo without end")
	r.start(files.Options{Paths: []string{"a.log"}, Idle: 50 * time.Millisecond})
	r.lines("one", "two without end")
	r.stop()
	r.start(files.Options{Paths: []string{"a.log"}, Idle: 50 * time.Millisecond})
	r.write("a.log", "\nthree\n")
	r.lines("one", "two without end", "", "three")
}

func TestWhatIsNoFile(t *testing.T) {
	r := newRig(t)
	r.must(os.Mkdir(r.path("dir.log"), 0o755))
	r.must(syscall.Mkfifo(r.path("pipe.log"), 0o644))
	if os.Geteuid() != 0 { // to whom nothing is hidden
		r.write("secret.log", "hidden\n")
		r.must(os.Chmod(r.path("secret.log"), 0))
	}
	r.must(os.Symlink("nowhere", r.path("dangling.log")))
	r.write("wide.log", "\xff\xfea\x00\n\x00")
	r.write("packed.log", "\xfd7zXZ\x00rest")
	r.write("good.log", "one\n")
	r.start(files.Options{Paths: []string{"*.log", "absent.txt"}})
	r.lines("one")
	for _, want := range []string{"it is a directory", "it is a named pipe", "UTF-16", "packed by xz", "absent.txt", "dangling.log"} {
		r.await(want, func() bool { return r.said(want) })
	}
	if os.Geteuid() != 0 {
		r.await("permission", func() bool { return r.said("permission denied") })
		r.must(os.Chmod(r.path("secret.log"), 0o644))
		r.lines("one", "hidden")
	}
}

func TestUnknownFormat(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "one\n")
	known := false
	var mu sync.Mutex
	r.start(files.Options{Paths: []string{"a.log"}, Choose: func(sample [][]byte) (files.Choice, error) {
		mu.Lock()
		defer mu.Unlock()
		if known = known || len(sample) > 1; !known {
			return files.Choice{}, errors.New("recognise its format: no format fits")
		}
		return choose(sample)
	}})
	r.await("the complaint", func() bool { return r.said("no format fits") })
	r.write("a.log", "two\n")
	r.lines("one", "two")
}

func TestEmptyAndLongLines(t *testing.T) {
	r := newRig(t)
	r.write("a.log", "")
	r.start(files.Options{Paths: []string{"a.log"}})
	long := strings.Repeat("x", 3*parser.MaxRecord)
	for range 10 {
		r.write("a.log", long[:len(long)/10])
		time.Sleep(time.Millisecond)
	}
	r.write("a.log", "y\n\nshort\n")
	r.lines(long[:parser.MaxRecord], "", "short")
}
