package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/rollup"
)

// century is longer than anything is kept.
const century = 100 * 365 * 24 * time.Hour

// flowsOf is a batch of flows of few hosts at random times of a stretch.
func flowsOf(rng *rand.Rand, seq uint64, n int, from int64, length time.Duration) *event.Batch {
	b := event.NewBuilder(event.Flow)
	for range n {
		b.Time(event.Timestamp, from+rng.Int64N(int64(length)))
		b.Time(event.Ingested, from)
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(rng.IntN(9))})
		b.IP(event.DestinationIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(rng.IntN(9))})
		b.Uint(event.SourceBytes, rng.Uint64N(1000))
		b.Uint(event.SourcePackets, rng.Uint64N(10))
		b.Next()
	}
	batch := b.Batch()
	batch.Sequence = seq
	return batch
}

// told is what a rollup says, without sessions.
func told(r *rollup.Rollup) string {
	sum := r.Totals()
	rows, others := r.Rank(rollup.Host, rollup.Bytes, 20)
	text := fmt.Sprintf("%d flows, %d bytes, %d packets, %d others", sum.Flows, sum.Bytes, sum.Packets, others)
	for _, row := range rows {
		text += fmt.Sprintf("\n%s sent %d received %d", row.Value, row.SentBytes, row.ReceivedBytes)
	}
	return text
}

// byRollups adds a range up as questions do, and returns for how many hours rollups stood.
func byRollups(t testing.TB, s *Store, since, until int64) (*rollup.Rollup, int) {
	t.Helper()
	w, err := s.Pin()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sum, plan := rollup.New(rollup.Limits{}), w.Rolled(since, until)
	for _, file := range plan.Files {
		if err := w.AddRollup(file, sum); err != nil {
			t.Fatal(err)
		}
	}
	fold := func(b *event.Batch, rows []int32) error {
		sum.Fold(b, rows)
		return nil
	}
	if err := w.Waiting(plan.Spans, fold); err != nil {
		t.Fatal(err)
	}
	for _, span := range plan.Raw {
		if err := s.scanOne(context.Background(), w, Query{Kinds: []event.Kind{event.Flow}, Since: span.Since, Until: span.Until, Fields: sum.Fields()}, fold); err != nil {
			t.Fatal(err)
		}
	}
	return sum, plan.Hours
}

// rolledSame wants rollups to tell what flows do.
func rolledSame(t testing.TB, what string, s *Store) (hours int) {
	t.Helper()
	want := rollup.New(rollup.Limits{})
	err := s.Scan(context.Background(), Query{Kinds: []event.Kind{event.Flow}, Fields: want.Fields()}, func(b *event.Batch, rows []int32) error {
		want.Fold(b, rows)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got, hours := byRollups(t, s, 0, 0)
	if diff := cmp.Diff(told(want), told(got)); diff != "" {
		t.Errorf("%s: rollups differ from flows:\n%s", what, diff)
	}
	return hours
}

// rolledStore holds flows of three days, rolled up.
func rolledStore(t testing.TB, dir string, retention time.Duration) *Store {
	t.Helper()
	s := open(t, Options{Dir: dir, Rollups: century, Retention: map[event.Kind]time.Duration{event.Flow: retention}})
	rng := rand.New(rand.NewPCG(1, 9))
	for seq := range uint64(6) {
		apply(t, s, flowsOf(rng, seq+1, 200, day, 72*time.Hour))
		flush(t, s)
	}
	roll(t, s)
	return s
}

func roll(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Roll(context.Background(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// Flows that come late are told of, also where those that a rollup was made of are gone and it cannot be made again.
func TestLateAfterFlowsAreGone(t *testing.T) {
	dir := t.TempDir()
	s := rolledStore(t, dir, 24*time.Hour)
	want := rollup.New(rollup.Limits{})
	if err := s.Scan(context.Background(), Query{Fields: want.Fields()}, func(b *event.Batch, rows []int32) error {
		want.Fold(b, rows)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		got, hours := byRollups(t, s, 0, 0)
		if diff := cmp.Diff(told(want), told(got)); diff != "" || hours < 72 {
			t.Errorf("%s, %d hours: %s", what, hours, diff)
		}
	}
	check("rolled up")
	if err := s.Expire(time.Unix(0, day).Add(30 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Rows != 0 || st.Rollups < 72 {
		t.Fatalf("after the flows are gone: %+v, want rollups alone", st)
	}
	check("flows are gone")
	rng := rand.New(rand.NewPCG(3, 9))
	for seq, what := range []string{"late flows", "late flows where days alone are left", "late flows after a restart"} {
		b := flowsOf(rng, uint64(seq)+10, 50, day, 72*time.Hour)
		var rows []int32
		for row := range b.Rows {
			rows = append(rows, int32(row))
		}
		want.Fold(b, rows)
		apply(t, s, b)
		check(what + " in memory")
		flush(t, s)
		check(what)
		roll(t, s)
		check(what + ", rolled up")
		switch seq {
		case 0:
			if err := s.Expire(time.Unix(0, day).Add(200 * 24 * time.Hour)); err != nil {
				t.Fatal(err)
			}
			if n := s.Stats().Rollups; n > 6 {
				t.Errorf("%d rollups are left after 200 days, want those of days and what is not in one", n)
			}
		case 1:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, Options{Dir: dir, Rollups: century})
		}
		check(what + ", later")
	}
	if err := s.Expire(time.Unix(0, day).Add(century + 10*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Rollups; n != 0 {
		t.Errorf("%d rollups outlived their retention", n)
	}
}

// A rollup that is damaged, cut or gone is noticed, and made again of the flows.
func TestDamagedRollup(t *testing.T) {
	for what, harm := range map[string]func(path string, data []byte) error{
		"a bit": func(path string, data []byte) error {
			data[len(data)/2] ^= 4
			return os.WriteFile(path, data, 0o600)
		},
		"its end": func(path string, data []byte) error { return os.WriteFile(path, data[:len(data)-3], 0o600) },
		"all":     func(path string, _ []byte) error { return os.Remove(path) },
	} {
		for _, how := range []string{"verified", "asked", "opened"} {
			t.Run(what+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				s := rolledStore(t, dir, 0)
				before := s.Stats().Rollups
				files, err := filepath.Glob(filepath.Join(dir, "*"+rollupSuffix))
				if err != nil || len(files) != before {
					t.Fatalf("%d files of %d rollups: %v", len(files), before, err)
				}
				for _, path := range files {
					data, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					if err := harm(path, data); err != nil {
						t.Fatal(err)
					}
				}
				switch how {
				case "verified":
					if err := s.Verify(context.Background()); err == nil {
						t.Error("Verify found nothing")
					}
				case "asked":
					w, err := s.Pin()
					if err != nil {
						t.Fatal(err)
					}
					for i := range before {
						if err := w.AddRollup(i, rollup.New(rollup.Limits{})); err == nil {
							t.Error("a damaged rollup was added")
						}
					}
					w.Close()
				default:
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = open(t, Options{Dir: dir, Rollups: century})
					if what == "a bit" { // which only shows when it is read
						if err := s.Verify(context.Background()); err == nil {
							t.Error("Verify found nothing")
						}
					}
				}
				if n := rolledSame(t, "dropped", s); n != 0 {
					t.Errorf("rollups that are damaged stand for %d hours", n)
				}
				roll(t, s)
				if rolledSame(t, "made again", s); s.Stats().Rollups != before {
					t.Errorf("%d rollups were made again, want %d", s.Stats().Rollups, before)
				}
			})
		}
	}
}

// A copy has the rollups too, also of flows that are gone.
func TestBackupOfRollups(t *testing.T) {
	s := rolledStore(t, t.TempDir(), 24*time.Hour)
	if err := s.Expire(time.Unix(0, day).Add(30 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	want, _ := byRollups(t, s, 0, 0)
	dir := filepath.Join(t.TempDir(), "copy")
	if err := s.Backup(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	got, hours := byRollups(t, open(t, Options{Dir: dir, Rollups: century}), 0, 0)
	if diff := cmp.Diff(told(want), told(got)); diff != "" || hours == 0 {
		t.Errorf("the copy tells of %d hours: %s", hours, diff)
	}
}

// A history of which nothing was rolled up finds what is to be, and forgets it when no rollups are wanted any more.
func TestRollupsBegin(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	apply(t, s, flowsOf(rand.New(rand.NewPCG(1, 2)), 1, 500, day, 50*time.Hour))
	flush(t, s)
	roll(t, s)
	if n := s.Stats().Rollups; n != 0 {
		t.Fatalf("%d rollups were made that nobody wants", n)
	}
	for _, keep := range []time.Duration{century, 0, century} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir, Rollups: keep})
		apply(t, s, flowsOf(rand.New(rand.NewPCG(1, 2)), s.Applied().Seq(0)+1, 50, day, 60*time.Hour))
		flush(t, s)
		roll(t, s)
		if err := s.Expire(time.Now()); err != nil {
			t.Fatal(err)
		}
		if n := rolledSame(t, keep.String(), s); n > 0 != (keep > 0) {
			t.Errorf("rollups kept for %v stand for %d hours", keep, n)
		}
	}
}
