package quarantine

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/parser"
)

func options(dir string) Options {
	return Options{Dir: dir, Log: slog.New(slog.DiscardHandler)}
}

// entry is the nth of a kind.
func entry(n int, reason string) *Entry {
	return &Entry{
		Received: time.Unix(1e9+int64(n), 0).UTC(), Source: "web", Path: "/var/log/access.log", Format: "combined", Zone: "Europe/Berlin", Service: "shop",
		Kind: "log", Reason: reason, Detail: "byte 3: " + reason, Line: int64(n), From: int64(100 * n), To: int64(100*n + 50),
		Peer: [16]byte{15: 7}, Cut: n%2 == 0, Pushed: n%3 == 0, Data: fmt.Appendf(nil, "line %d \xff\x00", n),
	}
}

// all returns what is kept.
func all(t testing.TB, s *Store, f Filter) (list []Entry) {
	t.Helper()
	if err := s.Scan(f, func(e *Entry) error {
		e.Data = bytes.Clone(e.Data)
		list = append(list, *e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// numbers returns the line numbers of what is kept.
func numbers(t testing.TB, s *Store, f Filter) string {
	t.Helper()
	var list []string
	for _, e := range all(t, s, f) {
		list = append(list, fmt.Sprint(e.Line))
	}
	return strings.Join(list, " ")
}

func TestWhatIsAddedIsFound(t *testing.T) {
	dir := t.TempDir()
	s := Open(options(dir))
	var want []Entry
	for n := range 20 {
		e := entry(n, []string{"no quote", "no time"}[n%2])
		s.Add(e)
		want = append(want, *e)
	}
	for _, again := range []bool{false, true} {
		if again { // what is on disk is the same
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = Open(options(dir))
		}
		if diff := cmp.Diff(want, all(t, s, Filter{})); diff != "" {
			t.Fatal(diff)
		}
		if got := numbers(t, s, Filter{Reason: "no time"}); got != "1 3 5 7 9 11 13 15 17 19" {
			t.Errorf("of one reason there are %s", got)
		}
		if got := numbers(t, s, Filter{IDs: []int64{2, 5}}); got != "1 4" {
			t.Errorf("of two ids there are %s", got)
		}
		groups, err := s.Groups(Filter{Source: "web"})
		if err != nil || len(groups) != 2 {
			t.Fatalf("Groups = %+v, %v", groups, err)
		}
		g := groups[0]
		if g.Count != 10 || g.Kept != 10 || g.NotKept != 0 || g.Bytes == 0 || string(g.Sample) != "line 0 \xff\x00" || !g.First.Equal(time.Unix(1e9, 0)) || !g.Last.Equal(time.Unix(1e9+18, 0)) {
			t.Errorf("the first group is %+v", g)
		}
	}
	if n, err := s.Drop(Filter{Reason: "no quote"}); n != 10 || err != nil {
		t.Errorf("Drop = %d, %v", n, err)
	}
	if got := numbers(t, s, Filter{}); got != "1 3 5 7 9 11 13 15 17 19" {
		t.Errorf("there are left %s", got)
	}
	s.Add(entry(20, "no quote"))
	if n, err := s.Drop(Filter{}); n != 11 || err != nil {
		t.Errorf("Drop of all = %d, %v", n, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)); len(files) != 0 {
		t.Errorf("%q are left of nothing", files)
	}
	if s.bytes != 0 || len(s.groups) != 0 {
		t.Errorf("%d bytes and %d groups are counted of nothing", s.bytes, len(s.groups))
	}
}

// Beyond the bounds records are counted, also over a restart.
func TestWhatHasNoRoomIsCounted(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.MaxLines, o.MaxBytes = 10, 1<<20
	s := Open(o)
	for n := range 25 {
		s.Add(entry(n, "many"))
	}
	big := entry(0, "large")
	big.Data = bytes.Repeat([]byte{'x'}, parser.MaxRecord)
	for range 3 {
		s.Add(big) // one is more than a quarter
	}
	for n := range 2 * maxGroups {
		s.Add(entry(n, fmt.Sprintf("reason %d", n)))
	}
	for range 2 {
		groups, err := s.Groups(Filter{Reason: "many"})
		if err != nil || len(groups) != 1 || groups[0].Count != 25 || groups[0].Kept != 10 || groups[0].NotKept != 15 {
			t.Fatalf("Groups = %+v, %v", groups, err)
		}
		if groups, _ = s.Groups(Filter{Reason: "large"}); len(groups) != 1 || groups[0].Kept != 0 || groups[0].NotKept != 3 {
			t.Errorf("Groups = %+v", groups)
		}
		if groups, _ = s.Groups(Filter{Reason: others}); len(groups) != 1 || groups[0].Kept != 0 || groups[0].NotKept != maxGroups+2 {
			t.Errorf("Groups = %+v, want %d that are counted together", groups, maxGroups+2)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = Open(o)
	}
	if n, err := s.Drop(Filter{Reason: others}); n != maxGroups+2 || err != nil {
		t.Errorf("Drop = %d, %v", n, err)
	}
	if n, err := s.Drop(Filter{Reason: "many"}); n != 25 || err != nil {
		t.Errorf("Drop = %d, %v", n, err)
	}
	s.Add(entry(1, "many"))
	if got := numbers(t, s, Filter{Reason: "many"}); got != "1" {
		t.Errorf("when there is room again, kept are %q", got)
	}
}

// A flood takes no more disk than it may, and the memory of a bounded queue.
func TestFloodIsBounded(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.MaxBytes = 2 << 20
	s := Open(o)
	defer s.Close()
	for n := range 200_000 {
		e := entry(n, []string{"a", "b", "c", "d", "e", "f"}[n%6])
		s.Add(e)
		if len(s.queue) > maxQueue {
			t.Fatalf("%d bytes wait", len(s.queue))
		}
	}
	groups, err := s.Groups(Filter{})
	if err != nil {
		t.Fatal(err)
	}
	count, kept := int64(0), int64(0)
	for _, g := range groups {
		count, kept = count+g.Count, kept+g.Kept
	}
	size := int64(0)
	for _, path := range must(filepath.Glob(filepath.Join(dir, "*"))) {
		size += must(os.Stat(path)).Size()
	}
	if count != 200_000 || kept < 1000 || size > o.MaxBytes+4096 {
		t.Errorf("%d were counted and %d kept in %d bytes, want 200000, some, in %d", count, kept, size, o.MaxBytes)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The files may be cut off anywhere and have any byte flipped: what stood before is there, after a flip at most a few are lost,
// nothing is made up, and what is added later is found.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := Open(options(dir))
	for n := range 30 {
		e := entry(n, "r")
		if n == 7 { // a record that holds what looks like a frame
			e.Data = appendFrame([]byte("forged: "), entry(99, "forged"))
		}
		s.Add(e)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := s.path(1)
	good := must(os.ReadFile(path))
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.Clone(good)
		at := rapid.IntRange(head, len(text)-1).Draw(t, "at")
		flip := rapid.Bool().Draw(t, "flip")
		if flip {
			text[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		} else {
			text = text[:at]
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := Open(options(dir))
		var lines []int64
		scan := func() {
			lines = nil
			if err := s.Scan(Filter{}, func(e *Entry) error {
				lines = append(lines, e.Line)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		scan()
		if flip && len(lines) != 29 {
			t.Fatalf("a flip leaves %d of 30", len(lines))
		}
		if slices.Contains(lines, 99) || !slices.IsSorted(lines) {
			t.Fatalf("there are %v", lines)
		}
		before := len(lines)
		s.Add(entry(50, "later"))
		if scan(); len(lines) != before+1 || lines[before] != 50 {
			t.Fatalf("with what was added there are %v", lines)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "state.json")); err != nil {
			t.Fatal(err)
		}
	})
}

// Removing entries and changing their reasons leaves the others alone, whatever segments they are in.
func TestSettle(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.MaxBytes = 8 << 20
	s := Open(o)
	rapidSizes := []int{10, 5000, 200_000}
	for n := range 60 {
		e := entry(n, "r")
		e.Data = append(e.Data, bytes.Repeat([]byte{'x'}, rapidSizes[n%3])...)
		o.MaxBytes += int64(len(e.Data))
		s.Add(e)
		if n%7 == 0 {
			s.disk.Lock()
			s.flush()
			s.disk.Unlock()
		}
	}
	kept := all(t, s, Filter{})
	var accepted []uint64
	refused := map[uint64]Refusal{}
	var want []Entry
	for i, e := range kept {
		switch i % 4 {
		case 0:
			accepted = append(accepted, e.ID)
			continue
		case 1:
			refused[e.ID] = Refusal{"syslog", "another", "byte 0: another"}
			e.Format, e.Reason, e.Detail = "syslog", "another", "byte 0: another"
		}
		want = append(want, e)
	}
	if err := s.Settle(accepted, refused); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := all(t, s, Filter{}); !cmp.Equal(got, want) {
			t.Fatalf("%d are left, not the %d that were to be", len(got), len(want))
		}
		for key, g := range s.groups {
			if n := len(all(t, s, Filter{Reason: key.Reason})); int64(n) != g.kept {
				t.Errorf("%v counts %d, there are %d", key, g.kept, n)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = Open(o)
	}
}

// A try that broke off is ended by what the journal knows.
func TestResolve(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		dir := t.TempDir()
		s := Open(options(dir))
		for n := range 6 {
			s.Add(entry(n, "r"))
		}
		id := s.ID()
		for _, ids := range [][]uint64{{1}, {2, 4}} {
			all(t, s, Filter{})
			try, err := s.Intend(ids)
			if err != nil {
				t.Fatal(err)
			}
			if try == 1 {
				if _, err := s.Intend(ids); err == nil {
					t.Fatal("two tries at a time")
				}
				if err := s.GiveUp(); err != nil {
					t.Fatal(err)
				}
			}
		}
		// The process is killed here, with the second try underway.
		s = Open(options(dir))
		if s.ID() != id {
			t.Fatalf("ID = %s, was %s", s.ID(), id)
		}
		known, want := int64(1), "0 1 2 3 4 5"
		if accepted {
			known, want = 2, "0 2 4 5"
		}
		for range 2 {
			if err := s.Resolve(known); err != nil {
				t.Fatal(err)
			}
			if got := numbers(t, s, Filter{}); got != want {
				t.Errorf("accepted up to %d: there are %q, want %q", known, got, want)
			}
		}
		if try, err := s.Intend([]uint64{1}); err != nil || try != 3 {
			t.Errorf("Intend = %d, %v", try, err)
		}
	}
}

// Entries that are old enough go, those of a segment together.
func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t.TempDir())
		o.Keep = time.Hour
		s := Open(o)
		ctx := t.Context()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.Run(ctx)
		}()
		e := entry(1, "r")
		e.Received = time.Now()
		s.Add(e)
		time.Sleep(59 * time.Minute)
		if got := numbers(t, s, Filter{}); got != "1" {
			t.Errorf("after 59 minutes there are %q", got)
		}
		time.Sleep(2 * time.Minute)
		if got := numbers(t, s, Filter{}); got != "" {
			t.Errorf("after 61 minutes there are %q", got)
		}
	})
}

// A directory that takes nothing is no reason to wait or to fail: records are counted, and kept when it takes some again.
func TestDirectoryThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "quarantine")
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // in the place of the directory
			t.Fatal(err)
		}
		s := Open(options(dir))
		go s.Run(t.Context())
		s.Add(entry(1, "r"))
		if s.Problem() == nil {
			t.Error("nobody is told")
		}
		if _, err := s.Groups(Filter{}); err == nil {
			t.Error("Groups says nothing")
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.Add(entry(2, "r"))
		if err := s.Problem(); err != nil {
			t.Errorf("Problem = %v", err)
		}
		groups, err := s.Groups(Filter{})
		if err != nil || len(groups) != 1 || groups[0].Kept != 1 || groups[0].NotKept != 1 {
			t.Errorf("Groups = %+v, %v", groups, err)
		}
	})
}

// A write that fails costs what it was to write, which is counted, and nothing that was there.
func TestWriteThatFails(t *testing.T) {
	s := Open(options(t.TempDir()))
	s.Add(entry(1, "r"))
	if got := numbers(t, s, Filter{}); got != "1" {
		t.Fatal(got)
	}
	if err := s.active.Close(); err != nil { // writing to it fails from now on
		t.Fatal(err)
	}
	s.Add(entry(2, "r"))
	s.Add(entry(3, "other"))
	groups, err := s.Groups(Filter{})
	if err != nil || len(groups) != 2 || groups[0].Kept != 1 || groups[0].NotKept != 1 || groups[1].Kept != 0 || groups[1].NotKept != 1 {
		t.Errorf("Groups = %+v, %v", groups, err)
	}
	if s.Problem() == nil {
		t.Error("nobody is told")
	}
	s.upkeep(time.Now().Add(time.Hour))
	s.Add(entry(4, "r"))
	if got := numbers(t, s, Filter{}); got != "1 4" {
		t.Errorf("there are %q", got)
	}
}

func FuzzSegment(f *testing.F) {
	text := append([]byte(fileMagic), 1, 2, 3, 4)
	at := len(text)
	text = appendFrame(text, entry(1, "r"))
	seal(text[at:], 0x04030201)
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		_, good, _, err := walk(text, func(e *Entry) error {
			again, err := readPayload(appendPayload(nil, e))
			if err != nil {
				t.Errorf("%+v cannot be read back: %v", e, err)
			}
			if diff := cmp.Diff(*e, again); diff != "" {
				t.Error(diff)
			}
			return nil
		})
		if err != nil || good > int64(len(text)) {
			t.Errorf("walk = %d, %v", good, err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	for _, full := range []bool{false, true} {
		b.Run(fmt.Sprintf("full=%v", full), func(b *testing.B) {
			o := options(b.TempDir())
			o.MaxLines = 1 << 40
			if full {
				o.MaxLines = 1
			} else {
				o.MaxBytes = 1 << 40
			}
			s := Open(o)
			e := entry(1, "no quote")
			e.Data = bytes.Repeat([]byte{'x'}, 200)
			b.ReportAllocs()
			for b.Loop() {
				s.Add(e)
				if len(s.queue) > maxQueue/2 {
					s.queue = s.queue[:0]
				}
			}
		})
	}
}
