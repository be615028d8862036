package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/event"
)

// fat returns a batch that does not compress, of about 100 kB.
func fat(n int) *event.Batch { return fatOf("fat", n) }

func fatOf(name string, n int) *event.Batch {
	rnd := rand.New(rand.NewPCG(uint64(n), 7))
	blob := make([]byte, 100_000)
	for i := range blob {
		blob[i] = byte(rnd.Uint32())
	}
	b := event.NewBuilder(event.Log)
	b.Text(event.Message, fmt.Sprintf("%s %d row 0", name, n))
	b.Str(event.EventOriginal, blob)
	b.Next()
	return b.Batch()
}

const fatCount = 200 // three blocks

// filled makes a journal of fatCount fat batches and closes it.
func filled(t *testing.T, dir string) {
	t.Helper()
	j, err := Open(t.Context(), testOptions(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for n := range fatCount {
		appendOne(t, j, fat(n))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// store is what a test may damage.
type store struct {
	t      *testing.T
	dir    string // of the journal
	stream string // folder of the events' stream
}

func (s *store) blocks() []string {
	list, err := filepath.Glob(filepath.Join(s.stream, "msgs", "*.blk"))
	if err != nil || len(list) < 3 {
		s.t.Fatalf("blocks: %v, %v", list, err)
	}
	slices.SortFunc(list, func(a, b string) int { return 100*(len(a)-len(b)) + strings.Compare(a, b) })
	return list
}

func (s *store) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) flip(path string, at int64, n int) {
	s.t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	s.do(err)
	defer f.Close()
	if at < 0 {
		info, err := f.Stat()
		s.do(err)
		at += info.Size()
	}
	buf := make([]byte, n)
	_, err = f.ReadAt(buf, at)
	s.do(err)
	for i := range buf {
		buf[i] ^= 0xff
	}
	_, err = f.WriteAt(buf, at)
	s.do(err)
}

func (s *store) cutLast() {
	b := s.blocks()
	info, err := os.Stat(b[len(b)-1])
	s.do(err)
	s.do(os.Truncate(b[len(b)-1], info.Size()-100))
}

func TestDamage(t *testing.T) {
	type damage struct {
		name   string
		hurt   func(s *store)
		harmed bool // some batch must be missing
		tail   bool // an open end of the loss is right: nothing tells how far it goes
	}
	whole := t.TempDir()
	filled(t, whole)
	for _, d := range []damage{
		{name: "nothing", hurt: func(*store) {}},
		{name: "last block cut", hurt: func(s *store) { s.cutLast() }, harmed: true},
		{name: "last record flipped", hurt: func(s *store) { s.flip(s.blocks()[2], -1000, 50) }, harmed: true},
		{name: "old record flipped", hurt: func(s *store) { s.flip(s.blocks()[1], 3<<20, 50) }, harmed: true},
		{name: "first record flipped", hurt: func(s *store) { s.flip(s.blocks()[0], 5000, 50) }, harmed: true},
		{name: "old block deleted", hurt: func(s *store) { s.do(os.Remove(s.blocks()[1])) }, harmed: true},
		{name: "first block deleted", hurt: func(s *store) { s.do(os.Remove(s.blocks()[0])) }, harmed: true},
		{name: "last block deleted", hurt: func(s *store) { s.do(os.Remove(s.blocks()[2])) }, harmed: true},
		{name: "old block emptied", hurt: func(s *store) { s.do(os.Truncate(s.blocks()[1], 0)) }, harmed: true},
		{name: "meta flipped", hurt: func(s *store) { s.flip(filepath.Join(s.stream, "meta.inf"), 3, 4) }},
		{name: "meta sum missing", hurt: func(s *store) { s.do(os.Remove(filepath.Join(s.stream, "meta.sum"))) }},
		{name: "stream deleted", hurt: func(s *store) { s.do(os.RemoveAll(s.stream)) }, harmed: true},
		{name: "store deleted", hurt: func(s *store) { s.do(os.RemoveAll(filepath.Join(s.dir, storeName))) }, harmed: true},
		{name: "guard missing", hurt: func(s *store) { s.do(os.Remove(filepath.Join(s.dir, guardName))) }, tail: true},
		{name: "guard damaged", hurt: func(s *store) { s.flip(filepath.Join(s.dir, guardName), 30, 3) }, tail: true},
		{name: "guard empty", hurt: func(s *store) { s.do(os.Truncate(filepath.Join(s.dir, guardName), 0)) }, tail: true},
		{name: "acked missing", hurt: func(s *store) { s.do(os.Remove(filepath.Join(s.dir, ackedName))) }},
		{name: "acked flipped", hurt: func(s *store) { s.flip(filepath.Join(s.dir, ackedName), 0, 200) }},
		{name: "guard missing, last block cut", tail: true, harmed: true, hurt: func(s *store) {
			s.do(os.Remove(filepath.Join(s.dir, guardName)))
			s.cutLast()
		}},
		{name: "guard and acked missing, last block cut", tail: true, harmed: true, hurt: func(s *store) {
			s.do(os.Remove(filepath.Join(s.dir, guardName)))
			s.do(os.Remove(filepath.Join(s.dir, ackedName)))
			s.cutLast()
		}},
		{name: "meta flipped, old block deleted", harmed: true, hurt: func(s *store) {
			s.flip(filepath.Join(s.stream, "meta.inf"), 3, 4)
			s.do(os.Remove(s.blocks()[1]))
		}},
	} {
		for _, index := range []string{"kept", "gone"} {
			t.Run(d.name+", index "+index, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
					t.Fatal(err)
				}
				streams, err := filepath.Glob(filepath.Join(dir, storeName, "jetstream", "*", "streams", "*-0-1"))
				if err != nil || len(streams) != 1 {
					t.Fatalf("streams: %v %v", streams, err)
				}
				if index == "gone" {
					if err := os.Remove(filepath.Join(streams[0], "msgs", "index.db")); err != nil {
						t.Fatal(err)
					}
				}
				d.hurt(&store{t: t, dir: dir, stream: streams[0]})
				checkDamaged(t, dir, d.harmed, d.tail)
			})
		}
	}
}

// checkDamaged opens a damaged journal: each batch must be read or be in a loss, new batches must come behind all old
// numbers, and a second look must find nothing new.
func checkDamaged(t *testing.T, dir string, harmed, tail bool) {
	t.Helper()
	j := opened(t, testOptions(t, dir))
	epoch := j.Epoch()
	full := event.Position{Epoch: epoch, Seqs: map[uint16]uint64{0: fatCount}} // who had read all before the damage
	up := reader(t, j, full, 0)
	defer up.Close()
	for n := range 3 {
		if p := appendOne(t, j, batchOf(event.Log, 3, "new", n)); p.Sequence <= fatCount {
			t.Fatalf("number %d is given out again", p.Sequence)
		}
	}
	equal(t, "reader that had all", readN(t, up, 3), want("new", 0, 3))
	j.Seal()
	got := map[uint64]bool{}
	r := reader(t, j, event.Position{}, 0)
	defer r.Close()
	fresh := 0
	for {
		b, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := label(t, b)
		if b.Sequence > fatCount {
			fresh++
			continue
		}
		if want := fmt.Sprintf("fat %d", b.Sequence-1); name != want || got[b.Sequence] {
			t.Fatalf("batch %d is %q, want %q, once", b.Sequence, name, want)
		}
		got[b.Sequence] = true
	}
	if fresh != 3 {
		t.Fatalf("read %d of the 3 new batches", fresh)
	}
	losses := j.Losses()
	missing := 0
	for seq := uint64(1); seq <= fatCount; seq++ {
		lost := slices.ContainsFunc(losses, func(l Loss) bool { return l.Partition == 0 && l.From <= seq && (seq <= l.To || l.To == 0) })
		if !got[seq] {
			missing++
		}
		if lost == got[seq] {
			t.Fatalf("batch %d: read %v, reported lost %v: %+v", seq, got[seq], lost, losses)
		}
	}
	for _, l := range losses {
		if !tail && (l.To == 0 || l.To > fatCount) {
			t.Errorf("loss has no right end: %+v", l)
		}
	}
	if harmed != (missing > 0) || !tail && (missing == 0) != (len(losses) == 0) {
		t.Errorf("%d batches are missing (harm expected: %v); losses %+v", missing, harmed, losses)
	}
	if err := j.Commit("history", j.Head()); err != nil {
		t.Fatal(err)
	}
	j.round(t.Context(), true)
	if n := j.Health().Classes[Events].Generations; n != 1 {
		t.Errorf("%d streams are kept although the cursor is through", n)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = opened(t, testOptions(t, dir))
	if j.Epoch() != epoch && !tail || len(j.Losses()) != len(losses) {
		t.Errorf("second opening: epoch %s, was %s; losses %+v, were %+v", j.Epoch(), epoch, j.Losses(), losses)
	}
	t.Logf("%d of %d batches missing, %d losses", missing, fatCount, len(losses))
}
