package rollup

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
)

// A told is one record as the model keeps it.
type told struct {
	source, destination byte
	port                int64
	country             string
	server              bool
	bytes, packets, id  uint64
	exporter            byte // 0: by the number of the session
}

func batch(list []told) (*event.Batch, []int32) {
	b := event.NewBuilder(event.Flow)
	var rows []int32
	for i, r := range list {
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: r.source})
		b.IP(event.DestinationIP, [16]byte{0: 0x20, 1: 0x01, 15: r.destination})
		if r.port > 0 {
			b.Int(event.SourcePort, 50_000)
			b.Int(event.DestinationPort, r.port)
		}
		if r.country != "" {
			b.Text(event.SourceCountry, r.country)
		}
		if r.server {
			b.Text(event.FlowRole, "server")
		}
		b.Uint(event.SourceBytes, r.bytes)
		b.Uint(event.SourcePackets, r.packets)
		b.Uint(event.FlowID, r.id)
		if r.exporter == 0 {
			r.exporter = 1 + byte(r.id%2)
		}
		b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 192, 15: r.exporter})
		b.Next()
		rows = append(rows, int32(i))
	}
	return b.Batch(), rows
}

func random(r *rand.Rand, n, hosts int) (list []told) {
	for range n {
		list = append(list, told{source: byte(r.IntN(hosts)), destination: byte(r.IntN(hosts)), port: int64(r.IntN(4)), country: []string{"", "DE", "ÅÄ"}[r.IntN(3)],
			bytes: r.Uint64N(1e6), packets: r.Uint64N(100), id: r.Uint64()})
	}
	return list
}

// every is all that a rollup tells.
func every(r *Rollup) string {
	text := fmt.Sprintf("%+v\n", r.Totals())
	for e := range entities {
		rows, others := r.Rank(e, Bytes, 1000)
		text += fmt.Sprintf("%v %v %d\n", e, rows, others)
		for m := range measures {
			text += fmt.Sprint(r.Bound(e, m), " ")
		}
	}
	return text
}

// TestParts adds records up at once, in parts that are merged, and in parts that are written and read.
func TestParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		list := random(r, 300, 9)
		whole, merged, read := New(Limits{}), New(Limits{}), New(Limits{})
		whole.Fold(batch(list))
		for len(list) > 0 {
			n := 1 + r.IntN(len(list))
			part := New(Limits{})
			part.Fold(batch(list[:n]))
			list = list[n:]
			merged.Merge(part)
			if err := read.Add(part.Encode()); err != nil {
				t.Fatal(err)
			}
		}
		want := every(whole)
		for how, got := range map[string]*Rollup{"merged": merged, "read": read} {
			if diff := cmp.Diff(want, every(got)); diff != "" {
				t.Fatalf("%s:\n%s", how, diff)
			}
		}
	}
}

// TestSessionsOfExporters wants each session to count once for each exporter that tells of it, in whatever order they do, and
// once in all.
func TestSessionsOfExporters(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, limits := range []Limits{{}, {Sessions: 1 << 13}} {
		whole := New(limits)
		sessions, tellings := map[uint64]bool{}, map[byte]map[uint64]bool{1: {}, 2: {}, 3: {}}
		for range 40 {
			list := random(r, 2000, 5)
			for i := range list {
				list[i].id, list[i].exporter = 1+r.Uint64N(30_000), 1+byte(r.IntN(3))
				sessions[list[i].id], tellings[list[i].exporter][list[i].id] = true, true
			}
			whole.Fold(batch(list))
		}
		about := func(what string, got uint64, want int) {
			t.Helper()
			slack := 0.0
			if limits.Sessions > 0 {
				slack = 0.1
			}
			if f := float64(got); f < float64(want)*(1-slack) || f > float64(want)*(1+slack) {
				t.Errorf("%s: %d sessions, want %d give or take %.0f %%", what, got, want, slack*100)
			}
		}
		about("all", whole.Totals().Sessions, len(sessions))
		rows, _ := whole.Rank(Exporter, Bytes, 10)
		if len(rows) != len(tellings) {
			t.Fatalf("%d exporters, want %d", len(rows), len(tellings))
		}
		for _, row := range rows {
			about(row.Value, row.Accepted, len(tellings[row.Value[len(row.Value)-1]-'0']))
		}
	}
}

// TestBound wants nobody's numbers to be off by more than is said, whatever was given up when.
func TestBound(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 30 {
		exact, tight := New(Limits{}, Host), New(Limits{Keys: 20}, Host)
		for range 20 {
			list := random(r, 60, 200)
			for i := range list {
				if r.IntN(3) == 0 {
					list[i].source, list[i].bytes = 7, list[i].bytes*3
				}
			}
			exact.Fold(batch(list))
			part := New(Limits{Keys: 20}, Host)
			part.Fold(batch(list))
			if r.IntN(2) == 0 {
				tight.Merge(part)
			} else if err := tight.Add(part.Encode()); err != nil {
				t.Fatal(err)
			}
		}
		if exact.Totals().Bytes != tight.Totals().Bytes || exact.Totals().Flows != tight.Totals().Flows {
			t.Fatalf("totals: got %+v, want %+v", tight.Totals(), exact.Totals())
		}
		for m := range measures {
			want, _ := exact.Rank(Host, m, 1000)
			got, _ := tight.Rank(Host, m, 1000)
			bound := tight.Bound(Host, m)
			if len(got) > 200 || bound == 0 || exact.Bound(Host, m) != 0 {
				t.Fatalf("%d rows, bound %d, exact %d: want few rows and a bound of what was given up", len(got), bound, exact.Bound(Host, m))
			}
			for _, w := range want {
				n := uint64(0)
				if at := slices.IndexFunc(got, func(g Row) bool { return g.Value == w.Value }); at >= 0 {
					n = got[at].Of(m)
				}
				if v := w.Of(m); n > v || v-n > bound {
					t.Fatalf("measure %d of %s: got %d, want %d less %d at most", m, w.Value, n, v, bound)
				}
			}
		}
	}
}

// TestKeeps wants the most of bytes and of packets in what is written, and a bound on the rest.
func TestKeeps(t *testing.T) {
	all := New(Limits{}, Host)
	b := event.NewBuilder(event.Flow)
	var rows []int32
	const hosts = 3 * Kept
	for i := range hosts {
		b.IP(event.SourceIP, [16]byte{0: 0x20, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		b.Uint(event.SourceBytes, uint64(i+1))
		b.Uint(event.SourcePackets, uint64(hosts-i))
		b.Next()
		rows = append(rows, int32(i))
	}
	all.Fold(b.Batch(), rows)
	kept := New(Limits{}, Host)
	if err := kept.Add(all.Encode()); err != nil {
		t.Fatal(err)
	}
	got, others := kept.Rank(Host, SentBytes, 5)
	const most = Kept - 1 // who received it all, and is unknown, is among both
	if got[0].SentBytes != hosts || len(got)+others != 2*most {
		t.Errorf("kept %d hosts of which the first sent %d bytes, want %d and %d", len(got)+others, got[0].SentBytes, 2*most, hosts)
	}
	if a, b := kept.Bound(Host, SentBytes), kept.Bound(Host, SentPackets); a != hosts-most || b != hosts-most {
		t.Errorf("bounds of bytes %d and packets %d, want %d", a, b, hosts-most)
	}
}

// TestSessions counts more than it may tell apart.
func TestSessions(t *testing.T) {
	r := New(Limits{Sessions: 1 << 12}, Host)
	rng := rand.New(rand.NewPCG(3, 3))
	const sessions = 200_000
	for range 20 {
		list := random(rng, sessions/20, 5)
		r.Fold(batch(list))
		r.Fold(batch(list)) // told of twice
	}
	if n := r.Totals().Sessions; !r.Totals().Sampled || n < sessions*9/10 || n > sessions*11/10 {
		t.Errorf("%d sessions, sampled %v, want about %d and that it says so", n, r.Totals().Sampled, sessions)
	}
	if len(r.sessions.table) > 1<<14 {
		t.Errorf("a table of %d places for 4096 sessions", len(r.sessions.table))
	}
}

// FuzzAdd adds what is no rollup.
func FuzzAdd(f *testing.F) {
	r := New(Limits{})
	r.Fold(batch(random(rand.New(rand.NewPCG(1, 2)), 40, 9)))
	f.Add(r.Encode())
	f.Add(New(Limits{}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := New(Limits{}).Add(data); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		got := New(Limits{})
		if err := got.Add(seal(data)); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again := New(Limits{})
		if err := again.Add(got.Encode()); err != nil {
			t.Fatalf("what it wrote itself: %v", err)
		}
		if diff := cmp.Diff(every(got), every(again)); diff != "" {
			t.Fatal(diff)
		}
	})
}
