package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// twoSegments makes a closed store with a segment of batch 1 and one of batch 2.
func twoSegments(t *testing.T) (dir string, one, two *event.Batch) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, Options{Dir: dir})
	rng := rand.New(rand.NewPCG(11, 12))
	one, two = someBatch(rng, event.Log, 1, 300, 1e9), someBatch(rng, event.Log, 2, 300, 1e9)
	apply(t, s, one)
	flush(t, s)
	apply(t, s, two)
	flush(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, one, two
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func firstSegment(t *testing.T, dir string) string {
	t.Helper()
	return filepath.Join(dir, "log-0000000001"+segmentSuffix)
}

// Wherever in a segment a bit is turned over, a query either finds every event as it was or says that the segment is
// damaged; then the other segment answers. Never a wrong event, never a panic. The checksum of the file finds them all.
func TestFlippedBits(t *testing.T) {
	dir, one, two := twoSegments(t)
	both, rest := texts(inOrder(model(one, two))), texts(inOrder(model(two)))
	data, err := os.ReadFile(firstSegment(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	step := max(1, len(data)/100)
	hit := 0
	for at := 0; at < len(data); at += step {
		name := firstSegment(t, dir)
		bad := append([]byte(nil), data...)
		bad[at] ^= 1 << (at % 8)
		sub := copyDir(t, dir)
		if err := os.WriteFile(filepath.Join(sub, filepath.Base(name)), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Dir: sub})
		var got []seen
		err := s.Ordered(context.Background(), Query{All: true}, func(b *event.Batch, rows []int32) error {
			got = append(got, rowsOf(b, rows)...)
			return nil
		})
		if err != nil {
			hit++
			if fault.Kind(err) != fault.Unavailable || !strings.Contains(err.Error(), "damaged") {
				t.Fatalf("byte %d: Ordered: %v, want a damaged segment", at, err)
			}
			mustSame(t, fmt.Sprintf("byte %d: asked again", at), texts(orderedAll(t, s, Query{})), rest)
		} else {
			mustSame(t, fmt.Sprintf("byte %d", at), texts(got), both)
			for _, text := range filters()[1:] { // the filters that say where not to look are checked too
				e := parse(t, text)
				n := 0
				err := s.Scan(context.Background(), Query{Where: e}, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil })
				if err != nil {
					break
				}
				w := world{batches: []*event.Batch{one, two}}
				if want := len(w.want(Query{Where: e})); n != want {
					t.Fatalf("byte %d: %s: %d rows, want %d", at, text, n, want)
				}
			}
			if err := s.Verify(context.Background()); err == nil && len(s.Stats().Quarantined) == 0 {
				t.Fatalf("byte %d: Verify finds nothing wrong", at)
			}
		}
		q := s.Stats().Quarantined
		if len(q) != 1 || q[0].Rows != 300 || q[0].SeqLow != 1 || q[0].SeqHigh != 1 || q[0].First > q[0].Last || q[0].Reason == "" {
			t.Fatalf("byte %d: Quarantined = %+v, want the first segment", at, q)
		}
		if _, err := os.Stat(filepath.Join(sub, q[0].File)); err != nil {
			t.Errorf("byte %d: the damaged file should be kept: %v", at, err)
		}
		if _, err := os.Stat(filepath.Join(sub, filepath.Base(name))); err == nil {
			t.Errorf("byte %d: the damaged file is still where it was", at)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if hit < 50 {
		t.Errorf("%d of 100 flips were met by a query that reads everything, want more than half", hit)
	}
}

// A segment that is cut, empty or gone is set aside when the store is opened, and the rest goes on.
func TestSegmentsThatAreNotWhole(t *testing.T) {
	dir, _, two := twoSegments(t)
	for name, harm := range map[string]func(file string) error{
		"gone":  os.Remove,
		"empty": func(file string) error { return os.Truncate(file, 0) },
		"cut":   func(file string) error { return os.Truncate(file, 5000) },
		"cut-by1": func(file string) error {
			info, err := os.Stat(file)
			return errors.Join(err, os.Truncate(file, info.Size()-1))
		},
		"longer": func(file string) error {
			info, err := os.Stat(file)
			return errors.Join(err, os.Truncate(file, info.Size()+1))
		},
		"garbage": func(file string) error { return os.WriteFile(file, []byte(strings.Repeat("PAR1", 1000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			sub := copyDir(t, dir)
			if err := harm(firstSegment(t, sub)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // once found, it stays listed
				s := open(t, Options{Dir: sub})
				if q := s.Stats().Quarantined; len(q) != 1 || q[0].Rows != 300 {
					t.Fatalf("Quarantined = %+v, want one segment", q)
				}
				mustSame(t, "the rest", texts(orderedAll(t, s, Query{})), texts(inOrder(model(two))))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// heldBack lets questions set segments aside as far as that goes without a change of the manifest, until release is called: a file
// stands in the quarantine then.
func heldBack(t *testing.T, s *Store, ask func()) (release func()) {
	t.Helper()
	s.rolling.Lock()
	var asked sync.WaitGroup
	asked.Go(ask)
	wait(t, "a file in the quarantine", func() bool { return len(quarantineFiles(t, s)) > 0 })
	return func() {
		s.rolling.Unlock()
		asked.Wait()
	}
}

func quarantineFiles(t *testing.T, s *Store) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.opts.Dir, quarantineDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Many that find a segment damaged at once set it aside once.
func TestSetAsideOnce(t *testing.T) {
	dir, _, two := twoSegments(t)
	s := open(t, Options{Dir: dir})
	if err := os.WriteFile(firstSegment(t, dir), []byte("no longer a segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	release := heldBack(t, s, func() {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := s.Verify(context.Background()); err != nil && !isDamaged(err) { // one that comes late finds nothing
					t.Errorf("Verify: %v, want it to find the damage", err)
				}
			})
		}
		all.Wait()
	})
	time.Sleep(50 * time.Millisecond) // so that most of the others have come as far as the first one
	release()
	if q := s.Stats().Quarantined; len(q) != 1 {
		t.Errorf("Quarantined = %+v, want the segment once", q)
	}
	if files := quarantineFiles(t, s); len(files) != 1 {
		t.Errorf("in the quarantine are %q, want one file", files)
	}
	mustSame(t, "the rest", texts(orderedAll(t, s, Query{})), texts(inOrder(model(two))))
}

// A segment that is merged or deleted while a query is about to set it aside is no longer there to be set aside, nor is its file kept.
func TestSetAsideTooLate(t *testing.T) {
	const rows = 100
	for what, c := range map[string]struct {
		drop func(s *Store) error
		left int
	}{
		"merged":  {func(s *Store) error { return s.Merge(context.Background()) }, fanIn * rows},
		"deleted": {func(s *Store) error { return s.change(nil, s.layout.segments, func(*manifest) {}, func(bool) {}) }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir()})
			for seq := uint64(1); seq <= fanIn; seq++ {
				apply(t, s, plainBatch(seq, rows, func(row int) int64 { return day + int64(row) }))
				flush(t, s)
			}
			seg := s.layout.segments[0]
			release := heldBack(t, s, func() {
				if err := s.setAside(seg, damaged("a page")); err != nil {
					t.Errorf("setAside: %v", err)
				}
			})
			err := c.drop(s)
			release()
			if err != nil {
				t.Fatal(err)
			}
			if q, files := s.Stats().Quarantined, quarantineFiles(t, s); len(q) > 0 || len(files) > 0 {
				t.Errorf("Quarantined = %+v, and %q are kept, want none", q, files)
			}
			if got := len(scanAll(t, s, Query{})); got != c.left {
				t.Errorf("%d events are found, want %d", got, c.left)
			}
		})
	}
}

// A file that is cut while it is being read is damage too.
func TestCutUnderWay(t *testing.T) {
	dir, _, two := twoSegments(t)
	s := open(t, Options{Dir: dir})
	orderedAll(t, s, Query{}) // the footer is read and the file open now
	if err := os.Truncate(firstSegment(t, dir), 100); err != nil {
		t.Fatal(err)
	}
	err := s.Newest(context.Background(), Query{}, 1000, false, func(*event.Batch, []int32) error { return nil })
	if fault.Kind(err) != fault.Unavailable {
		t.Errorf("Newest: %v, want a damaged segment", err)
	}
	mustSame(t, "asked again", sorted(texts(newestAll(t, s, Query{}, 1000, false))), sorted(texts(model(two))))
}

// A panic of the function that a query calls is not the segment's fault.
func TestAPanicOfTheCallerSetsNothingAside(t *testing.T) {
	dir, _, _ := twoSegments(t)
	s := open(t, Options{Dir: dir})
	func() {
		defer func() { _ = recover() }()
		_ = s.Ordered(context.Background(), Query{}, func(*event.Batch, []int32) error { panic("caller") })
	}()
	if err := s.Scan(context.Background(), Query{}, func(*event.Batch, []int32) error { panic("caller") }); err == nil || !strings.Contains(err.Error(), "caller") {
		t.Errorf("Scan with a function that panics: %v, want an error that tells", err)
	}
	if q := s.Stats().Quarantined; len(q) != 0 {
		t.Errorf("Quarantined = %+v, want none", q)
	}
}

// Whatever happens to one of the two manifests, nothing is lost; with both gone the store says so and touches nothing.
func TestDamagedManifest(t *testing.T) {
	dir, one, two := twoSegments(t)
	want := texts(inOrder(model(one, two)))
	harms := map[string]func(file string) error{
		"gone":  os.Remove,
		"empty": func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"cut":   func(file string) error { return os.Truncate(file, 120) },
		"flip": func(file string) error {
			data, err := os.ReadFile(file)
			if err == nil {
				data[len(data)/2] ^= 4
				err = os.WriteFile(file, data, 0o600)
			}
			return err
		},
	}
	for name, harm := range harms {
		for _, file := range []string{manifestFile, manifestCopy} {
			t.Run(name+"-"+file, func(t *testing.T) {
				sub := copyDir(t, dir)
				if err := harm(filepath.Join(sub, file)); err != nil {
					t.Fatal(err)
				}
				s := open(t, Options{Dir: sub})
				mustSame(t, "found", texts(orderedAll(t, s, Query{})), want)
				if got := s.Applied().Seq(0); got != 2 {
					t.Errorf("Applied = %d, want 2", got)
				}
			})
		}
		t.Run(name+"-both", func(t *testing.T) {
			sub := copyDir(t, dir)
			for _, file := range []string{manifestFile, manifestCopy} {
				if err := harm(filepath.Join(sub, file)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Open(context.Background(), Options{Dir: sub}); fault.Kind(err) != fault.Conflict || !strings.Contains(err.Error(), "manifest") {
				t.Errorf("Open without a manifest: %v, want a refusal", err)
			}
			if _, err := os.Stat(firstSegment(t, sub)); err != nil {
				t.Errorf("the segments must stay: %v", err)
			}
		})
	}
	t.Run("newer", func(t *testing.T) {
		sub := copyDir(t, dir)
		data, err := (&manifest{Format: formatVersion + 1}).encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, manifestFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), Options{Dir: sub}); fault.Kind(err) != fault.Conflict || !strings.Contains(err.Error(), fmt.Sprint("format ", formatVersion+1)) {
			t.Errorf("Open of a newer format: %v, want a refusal", err)
		}
	})
}

// Killed between the two manifests, and started again, the store has two that say the same before it removes what the older one names:
// whichever is damaged then, nothing is lost. Where it cannot write, it removes nothing of that.
func TestManifestBehind(t *testing.T) {
	const rows = 100
	dir, killed := t.TempDir(), ""
	s := open(t, Options{Dir: dir, Crash: func(point string) {
		if point == "after-manifest-before-copy" {
			killed = copyDir(t, dir)
		}
	}})
	for seq := uint64(1); seq <= fanIn; seq++ {
		apply(t, s, plainBatch(seq, rows, func(row int) int64 { return day + int64(row) }))
		flush(t, s)
	}
	if err := s.Merge(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, full := range []bool{false, true} {
		for _, file := range []string{manifestFile, manifestCopy} {
			sub, blocked := copyDir(t, killed), 0
			if full { // as far as manifests go
				if err := os.Mkdir(filepath.Join(sub, manifestFile+".tmp"), 0o700); err != nil {
					t.Fatal(err)
				}
				blocked = fanIn
			}
			s := open(t, Options{Dir: sub})
			if got := len(segmentFiles(t, s)); got != 1+blocked {
				t.Errorf("full %v: %d files are there, want %d", full, got, 1+blocked)
			}
			if got := len(scanAll(t, s, Query{})); got != fanIn*rows {
				t.Errorf("full %v: %d events are found, want %d", full, got, fanIn*rows)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(sub, manifestFile+".tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(sub, file), 120); err != nil {
				t.Fatal(err)
			}
			s = open(t, Options{Dir: sub})
			if q := s.Stats().Quarantined; len(q) > 0 {
				t.Errorf("full %v, %s damaged: %+v was set aside", full, file, q)
			}
			if got := len(scanAll(t, s, Query{})); got != fanIn*rows {
				t.Errorf("full %v, %s damaged: %d events are found, want %d", full, file, got, fanIn*rows)
			}
		}
	}
}

// On a full disk a flush fails and the events stay in memory, found as ever; with room again it goes through, once.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := open(t, Options{Dir: filepath.Join(dir, "history")})
	rng := rand.New(rand.NewPCG(13, 14))
	var batches []*event.Batch
	var failed error
	for seq := uint64(1); seq < 200 && failed == nil; seq++ {
		b := someBatch(rng, event.Log, seq, 500, 1e9)
		batches = append(batches, b)
		apply(t, s, b)
		failed = s.Flush(context.Background())
	}
	if !errors.Is(failed, syscall.ENOSPC) {
		t.Fatalf("Flush on a full disk: %v, want ENOSPC", failed)
	}
	want := texts(inOrder(model(batches...)))
	mustSame(t, "while the disk is full", texts(orderedAll(t, s, Query{})), want)
	last := uint64(len(batches))
	if got := s.Applied().Seq(0); got != last-1 {
		t.Errorf("Applied = %d while the disk is full, want %d", got, last-1)
	}
	for range 3 {
		if err := s.Flush(context.Background()); err == nil {
			t.Fatal("Flush on a full disk: no error")
		}
	}
	s.opts.FlushRows = 500 // from now on whoever applies waits for room
	next := someBatch(rng, event.Log, last+1, 500, 1e9)
	for ; s.Stats().MemoryRows < 1000; last++ {
		batches = append(batches, next)
		apply(t, s, next)
		next = someBatch(rng, event.Log, next.Sequence+1, 500, 1e9)
	}
	for range 3 {
		if err := s.Apply(epoch, next); fault.Kind(err) != fault.Full {
			t.Fatalf("Apply with memory and disk full: %v, want it refused", err)
		}
	}
	want = texts(inOrder(model(batches...)))
	mustSame(t, "after a refusal", texts(orderedAll(t, s, Query{})), want)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Skipf("cannot make room: %v", err)
	}
	flush(t, s)
	if got := s.Applied().Seq(0); got != last {
		t.Errorf("Applied = %d with room again, want %d", got, last)
	}
	mustSame(t, "with room again", texts(orderedAll(t, s, Query{})), want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: filepath.Join(dir, "history")})
	mustSame(t, "opened again", texts(orderedAll(t, s, Query{})), want)
}
