package files_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/source"
	"tocsin/internal/source/files"
)

// A writer writes numbered lines and rotates its log in every way.
type writer struct {
	rig     *rig
	rng     *rand.Rand
	n       int
	pending string // begun line
	want    []string
	slow    bool // to notice a rotation: he ends a begun line on the file that was moved away
}

func (w *writer) writeSome() {
	var b strings.Builder
	b.WriteString(w.pending)
	for range 1 + w.rng.IntN(30) {
		w.n++
		line := fmt.Sprintf("2024-03-10T12:00:00Z host app[%d]: line %d %s", w.rng.IntN(100), w.n, strings.Repeat("x", w.rng.IntN(60)))
		w.want = append(w.want, line)
		b.WriteString(line + "\n")
	}
	text := b.String()
	w.pending = ""
	if w.rng.IntN(3) == 0 { // leave the last line half written for a while
		cut := len(text) - 1 - w.rng.IntN(20)
		w.rig.write("app.log", text[:cut])
		w.pending = text[cut:]
		return
	}
	w.rig.write("app.log", text)
}

// complete is the lines that are written to their end.
func (w *writer) complete() []string {
	if w.pending != "" {
		return w.want[:len(w.want)-1]
	}
	return w.want
}

func (w *writer) finishLine() {
	if w.pending != "" {
		w.rig.write("app.log", w.pending)
		w.pending = ""
	}
}

// shift makes room for app.log.1.
func (w *writer) shift() {
	old, err := filepath.Glob(w.rig.path("app.log.*"))
	w.rig.must(err)
	slices.SortFunc(old, func(a, b string) int { return number(b) - number(a) })
	for _, path := range old {
		name := strings.Replace(path, fmt.Sprintf("app.log.%d", number(path)), fmt.Sprintf("app.log.%d", number(path)+1), 1)
		w.rig.must(os.Rename(path, name))
	}
}

func number(path string) (n int) {
	fmt.Sscanf(filepath.Base(path), "app.log.%d", &n)
	return n
}

func (w *writer) rename() {
	if !w.slow {
		w.finishLine()
	}
	w.shift()
	w.rig.must(os.Rename(w.rig.path("app.log"), w.rig.path("app.log.1")))
	if w.rng.IntN(2) == 0 {
		w.finishOn("app.log.1")
	} else {
		// the new file is there before the old one gets its last line
		w.rig.write("app.log", "")
		w.finishOn("app.log.1")
	}
}

func (w *writer) finishOn(name string) {
	if w.pending != "" {
		w.rig.write(name, w.pending)
		w.pending = ""
	}
}

// copyTruncate copies the log, in pieces, and truncates it; nothing is written in between, so nothing is lost.
func (w *writer) copyTruncate() {
	w.finishLine()
	w.shift()
	text, err := os.ReadFile(w.rig.path("app.log"))
	w.rig.must(err)
	half := len(text) / 2
	w.rig.write("app.log.1", string(text[:half]))
	if w.rng.IntN(2) == 0 {
		time.Sleep(time.Millisecond)
	}
	w.rig.write("app.log.1", string(text[half:]))
	w.rig.must(os.Truncate(w.rig.path("app.log"), 0))
}

// compress packs one rotated file, as gzip does: the packed file grows beside the old one, which is then deleted.
func (w *writer) compress() {
	old, err := filepath.Glob(w.rig.path("app.log.*[0-9]"))
	w.rig.must(err)
	if len(old) == 0 {
		return
	}
	path := old[w.rng.IntN(len(old))]
	text, err := os.ReadFile(path)
	w.rig.must(err)
	var packed bytes.Buffer
	name := filepath.Base(path) + ".gz"
	if w.rng.IntN(2) == 0 {
		z := gzip.NewWriter(&packed)
		z.Write(text)
		w.rig.must(z.Close())
	} else {
		name = filepath.Base(path) + ".zst"
		z, err := zstd.NewWriter(&packed)
		w.rig.must(err)
		z.Write(text)
		w.rig.must(z.Close())
	}
	half := packed.Len() / 2
	w.rig.write(name, string(packed.Bytes()[:half]))
	if w.rng.IntN(2) == 0 {
		time.Sleep(15 * time.Millisecond)
	}
	w.rig.write(name, string(packed.Bytes()[half:]))
	info, err := os.Stat(path)
	w.rig.must(err)
	w.rig.must(os.Chtimes(w.rig.path(name), info.ModTime(), info.ModTime()))
	w.rig.must(os.Remove(path))
}

// Through every way of rotation, with the reader killed at random and going on from what was durable, every line comes
// exactly once.
func TestRotationUnderKills(t *testing.T) {
	for seed := range uint64(6) {
		for _, pattern := range []string{"app.log", "app.log*"} {
			t.Run(fmt.Sprintf("%s %d", pattern, seed), func(t *testing.T) { t.Parallel(); rotate(t, pattern, seed) })
		}
	}
}

func rotate(t *testing.T, pattern string, seed uint64) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	commits := rand.New(rand.NewPCG(seed, 8))
	w := &writer{rig: r, rng: rng, slow: pattern != "app.log" || seed%2 == 0}
	linger := 500 * time.Millisecond
	if w.slow { // a line that is not ended for as long is taken as it is, and a busy machine may stop the writer in the middle of one
		linger = time.Hour
	}
	begin := func() { // nor is a packed file ever taken for broken because its writer was stopped
		r.start(files.Options{Paths: []string{pattern}, Poll: 2 * time.Millisecond, Linger: linger, Idle: time.Hour, Settle: time.Hour})
	}
	w.writeSome()
	begin()
	running := true
	// Named by its path alone, a log must not be rotated twice between two looks, nor its rotated forms be compressed
	// before they were seen; named by a pattern for all of them, it may.
	caughtUp := func() {
		if running && pattern == "app.log" {
			r.await("the reader to catch up", func() bool { return r.journal.taken(w.complete()) })
		}
	}
	r.lines(w.complete()...) // something must be known, to tell what is new by
	r.journal.mu.Lock()
	r.journal.commit = func() bool { return commits.IntN(3) == 0 }
	r.journal.mu.Unlock()
	for range 300 {
		switch what := rng.IntN(20); {
		case what < 10:
			w.writeSome()
		case what == 10:
			w.writeSome()
			w.rename()
			w.writeSome()
			caughtUp()
		case what == 11:
			w.writeSome()
			w.copyTruncate()
			w.writeSome()
			caughtUp()
		case what == 12 && (running || pattern != "app.log"):
			w.compress()
		case what < 16:
			time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond)
		case what == 16 && running:
			r.stop()
			r.journal.crash()
			running = false
		case what > 16 && !running:
			begin()
			running = true
			caughtUp()
		}
	}
	if !running {
		begin()
	}
	w.finishLine()
	r.journal.mu.Lock()
	r.journal.commit = nil
	r.journal.mu.Unlock()
	w.writeSome()
	w.finishLine()
	r.lines(w.want...)
	r.stop()
	r.lines(w.want...)
}

// A log in which nothing is written for long is followed for some time after it was moved away, as any other: what its writer
// writes until he notices is read.
func TestQuietFileMovedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		writer, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		var got []string
		s, err := files.New(files.Options{
			Name: "test", Paths: []string{path}, Choose: choose, Log: slog.New(slog.DiscardHandler),
			Resume: func(string) (int64, bool) { return 0, false },
		})
		if err != nil {
			t.Fatal(err)
		}
		tail := files.Probe(s, func(_ *source.Stream, records ...source.Record) {
			for _, r := range records {
				got = append(got, string(r.Data))
			}
		})
		defer tail.Close()
		for _, line := range []string{"early", "late"} {
			if _, err := writer.WriteString(line + "\n"); err != nil {
				t.Fatal(err)
			}
			for range 600 {
				if err := tail.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			if line == "late" {
				break
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if err := tail.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		}
		if want := []string{"early", "late"}; !slices.Equal(got, want) {
			t.Errorf("lines are %q, want %q", got, want)
		}
	})
}

// However often a compressed file is looked at while it is being written, nothing of it is taken before it is whole or has not
// grown for long: it is not known yet for what it is.
func TestUnfinishedArchiveIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		write := func(name, text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var got, want []string
		reader := probed(t, filepath.Join(dir, "app.log*"), &got)
		look := func(times int) {
			t.Helper()
			for range times {
				if err := reader.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		for n := range 5000 {
			want = append(want, fmt.Sprintf("line %d of a log that is packed", n))
		}
		text := strings.Join(want, "\n") + "\n"
		packed := pack(t, text)
		write("app.log", text)
		look(1)
		write("app.log.1.gz", packed[:len(packed)/2])
		look(200)
		write("app.log.1.gz", packed)
		look(3)
		if !slices.Equal(got, want) {
			t.Errorf("%d lines were read, want %d, each once", len(got), len(want))
		}
		short := pack(t, "of another log\n")
		write("app.log.2.gz", short[:len(short)-4]) // and broken it remains
		look(200)
		if len(got) != len(want) {
			t.Errorf("%d lines of a file that may be unfinished were read", len(got)-len(want))
		}
		look(60)
		if len(got) == len(want) {
			t.Error("a broken file is not read as far as it goes")
		}
	})
}

// A copy that is found while it is being made, and before its original, is left alone once that is found: what both hold is
// read once.
func TestCopyComesBeforeItsOriginal(t *testing.T) {
	dir := t.TempDir()
	var got, want []string
	reader := probed(t, filepath.Join(dir, "app.log*"), &got)
	for n := range 200 {
		want = append(want, fmt.Sprintf("line %d of a log that is copied, and cut", n))
	}
	whole := strings.Join(want, "\n") + "\n"
	half := len(whole) / 2
	for _, step := range []struct {
		name  string
		flags int
		text  string
	}{
		{"app.log.1", os.O_CREATE, whole[:half]}, {"app.log", os.O_CREATE, whole}, {"app.log.1", os.O_APPEND, whole[half:]}, {"app.log", os.O_TRUNC, "more\n"},
	} {
		f, err := os.OpenFile(filepath.Join(dir, step.name), os.O_WRONLY|step.flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(step.text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := reader.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want = append(want, "more"); !slices.Equal(got, want) {
		t.Errorf("%d lines were read, want %d, each once", len(got), len(want))
	}
}

// A copy of what stands now in a file that was cut while tocsin looked for new files is not read before that file.
func TestCutDuringALook(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := func(name string) string {
		var b strings.Builder
		for n := range 100 {
			fmt.Fprintf(&b, "line %d of the %s log\n", n, name)
		}
		return b.String()
	}
	rotate := func() {}
	var got []string
	s, err := files.New(files.Options{
		Name: "test", Paths: []string{path("first"), path("app.log*")}, Choose: choose, Log: slog.New(slog.DiscardHandler),
		Resume: func(string) (int64, bool) { rotate(); return 0, false },
	})
	if err != nil {
		t.Fatal(err)
	}
	reader := files.Probe(s, func(_ *source.Stream, records ...source.Record) {
		for _, r := range records {
			got = append(got, string(r.Data)+"\n")
		}
	})
	defer reader.Close()
	look := func() {
		t.Helper()
		if err := reader.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write("app.log", text("old"))
	look()
	write("first", text("other"))
	rotate = func() { // when the first file is found
		rotate = func() {}
		write("app.log.2", text("old"))
		write("app.log", text("new"))
		write("app.log.1", text("new")[:1234])
	}
	look()
	if all := strings.Join(got, ""); strings.Contains(all, "new") || !strings.HasPrefix(all, text("old")) {
		t.Errorf("what stands in the file is read from its copy first:\n%s", all)
	}
	look()
	write("app.log.1", text("new"))
	look()
	if slices.Sort(got); strings.Join(got, "") != strings.Join(slices.Sorted(strings.Lines(text("old")+text("new")+text("other"))), "") {
		t.Errorf("%d lines were read, want 300, each once", len(got))
	}
}

// What was rotated away before anybody saw it is read before what is newer: were that durable first, and tocsin killed, then
// the older would be taken for history.
func TestOlderIsReadFirst(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	reader := probed(t, filepath.Join(dir, "app.log"), &got)
	write("app.log", "first\n")
	for range 2 {
		if err := reader.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "app.log"), filepath.Join(dir, "app.log.2")); err != nil {
			t.Fatal(err)
		}
		write("app.log.1", "second\n")
		write("app.log", "third\n")
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
}

// probed is a reader of logs that looks when it is told to, and appends the lines to got.
func probed(t *testing.T, path string, got *[]string) *files.Prober {
	t.Helper()
	s, err := files.New(files.Options{
		Name: "test", Paths: []string{path}, Choose: choose, Log: slog.New(slog.DiscardHandler),
		Resume: func(string) (int64, bool) { return 0, false },
	})
	if err != nil {
		t.Fatal(err)
	}
	reader := files.Probe(s, func(_ *source.Stream, records ...source.Record) {
		for _, r := range records {
			*got = append(*got, string(r.Data))
		}
	})
	t.Cleanup(reader.Close)
	return reader
}
