package files_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/source/files"
)

// A writer writes numbered lines and rotates its log in every way.
type writer struct {
	rig     *rig
	rng     *rand.Rand
	n       int
	pending string // begun line
	want    []string
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
	w := &writer{rig: r, rng: rng}
	begin := func() {
		r.start(files.Options{Paths: []string{pattern}, Poll: 2 * time.Millisecond, Linger: 100 * time.Millisecond, Idle: time.Hour})
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
