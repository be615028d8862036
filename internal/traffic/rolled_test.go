package traffic_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/filter"
	"tocsin/internal/history"
	"tocsin/internal/traffic"
)

// days are flows of three days of few hosts, each session told of once.
func days(r *rand.Rand, n int, id *uint64) (list []record) {
	for range n {
		*id++
		end := noon.Add(time.Duration(r.Int64N(int64(72 * time.Hour))))
		if r.IntN(4) == 0 {
			end = end.Truncate(time.Hour)
		}
		v := record{end: end, at: end, start: end.Add(-time.Duration(r.Int64N(int64(40 * time.Minute)))), id: *id, bytes: r.Uint64N(100_000), packets: r.Uint64N(50),
			protocol: []int{6, 17}[r.IntN(2)], exporter: netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(2))}), server: r.IntN(3) == 0}
		for i := range v.ends {
			v.ends[i] = peer{ip: netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(8))}), port: []int{80, 443, -1}[r.IntN(3)],
				country: []string{"", "DE", "NL"}[r.IntN(3)], group: []string{"", "lan"}[r.IntN(2)], asn: []uint64{0, 64500}[r.IntN(2)]}
		}
		list = append(list, v)
	}
	return list
}

// TestRolledIsExact asks the same of rollups and of flows while flows come in, late ones among them, are written, rolled up,
// deleted and outlived, and the history is opened anew.
func TestRolledIsExact(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			dir, later := t.TempDir(), time.Now().Add(100*time.Hour)
			open := func() *history.Store {
				s, err := history.Open(t.Context(), history.Options{Dir: dir, Rollups: 100 * 365 * 24 * time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := open()
			t.Cleanup(func() { _ = s.Close() })
			do := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			id, seq, rolled := uint64(0), uint64(0), 0
			put := func(n int) {
				b := batchOf(days(r, n, &id))
				seq++
				b.Sequence = seq
				do(s.Apply("e", b))
			}
			put(400)
			for range 25 {
				switch r.IntN(8) {
				case 0, 1:
					put(1 + r.IntN(40))
				case 2:
					do(s.Flush(t.Context()))
				case 3, 4, 5:
					do(s.Flush(t.Context()))
					do(s.Roll(t.Context(), later))
				case 6:
					do(s.Merge(t.Context()))
				case 7:
					do(s.Close())
					s = open()
				}
				rolled += same(t, s, r)
			}
			do(s.Flush(t.Context()))
			do(s.Roll(t.Context(), later))
			rolled += same(t, s, r)
			before := noon.Add(time.Duration(r.Int64N(int64(20 * time.Hour))))
			if _, err := s.DeleteBefore(t.Context(), before.UnixNano()); err != nil {
				t.Fatal(err)
			}
			same(t, s, r)
			do(s.Roll(t.Context(), later))
			rolled += same(t, s, r)
			if _, err := s.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, s, r)
			if rolled == 0 {
				t.Error("no question was answered from rollups")
			}
		})
	}
}

// What rollups do not know is asked of flows, first of all what somebody may see who may not see all.
func TestRolledOnlyWhatItKnows(t *testing.T) {
	s, err := history.Open(t.Context(), history.Options{Dir: t.TempDir(), Rollups: 100 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	id := uint64(0)
	b := batchOf(days(rand.New(rand.NewPCG(1, 1)), 500, &id))
	b.Sequence = 1
	if err := errors.Join(s.Apply("e", b), s.Flush(t.Context()), s.Roll(t.Context(), time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	bounded := func(e *filter.Expr) *filter.Expr {
		own, err := filter.Parse(`related.ip == "10.0.0.1"`)
		if err != nil {
			t.Fatal(err)
		}
		if e != nil {
			own = filter.And(own, e)
		}
		return own
	}
	free := func(e *filter.Expr) *filter.Expr { return e }
	for _, c := range []struct {
		what   string
		q      api.TrafficRequest
		bound  func(*filter.Expr) *filter.Expr
		rolled bool
	}{
		{"all", api.TrafficRequest{By: "host"}, free, true},
		{"an account that may see one host", api.TrafficRequest{By: "host"}, bounded, false},
		{"a filter", api.TrafficRequest{By: "host", Where: "source.port == 80"}, free, false},
		{"a filter of sessions", api.TrafficRequest{By: "host", Where: "flowtraq: CLNBYTS>10"}, free, false},
		{"what is told once", api.TrafficRequest{By: "host", Once: true}, free, false},
		{"lines", api.TrafficRequest{By: "host", Bucket: time.Hour}, free, false},
		{"sessions", api.TrafficRequest{By: "host", Rank: "sessions"}, free, false},
		{"unique hosts", api.TrafficRequest{By: "host", Rank: "hosts"}, free, false},
		{"pairs", api.TrafficRequest{By: "pair"}, free, false},
		{"less than a day", api.TrafficRequest{By: "host", Since: noon, Until: noon.Add(23 * time.Hour)}, free, false},
		{"every flow", api.TrafficRequest{By: "host", Exact: true}, free, false},
	} {
		sel, err := traffic.NewSelection(c.q.Where, c.bound)
		if err != nil {
			t.Fatal(err)
		}
		a, err := traffic.Top(t.Context(), s, c.q, sel)
		if err != nil || len(a.Rows) == 0 || a.RolledHours > 0 != c.rolled {
			t.Errorf("%s: %d rows, rollups for %d hours, %v; want rollups %v", c.what, len(a.Rows), a.RolledHours, err, c.rolled)
		}
	}
}

// same asks some questions of rollups and of flows, and returns for how many hours rollups stood.
func same(t *testing.T, s *history.Store, r *rand.Rand) (hours int) {
	t.Helper()
	for range 4 {
		q := api.TrafficRequest{
			By: []string{"host", "port", "country", "asn", "group", "protocol", "exporter"}[r.IntN(7)], Rank: []string{"bytes", "packets"}[r.IntN(2)],
			Side: []string{"", "sent", "received"}[r.IntN(3)], Limit: 1 + r.IntN(10),
		}
		if r.IntN(3) > 0 {
			q.Since = noon.Add(time.Duration(r.Int64N(int64(20 * time.Hour)))).Truncate(time.Duration([]int64{1, 3600e9}[r.IntN(2)]))
		}
		if r.IntN(3) > 0 {
			q.Until = noon.Add(50*time.Hour + time.Duration(r.Int64N(int64(20*time.Hour)))).Truncate(time.Duration([]int64{1, 3600e9}[r.IntN(2)]))
		}
		got, err := traffic.Top(t.Context(), s, q, traffic.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		hours += got.RolledHours
		q.Exact = true
		want, err := traffic.Top(t.Context(), s, q, traffic.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		// A flow across the ends of two parts is told of in both, so that its session may count twice. Nothing else differs.
		if got.Sessions < want.Sessions {
			t.Fatalf("%+v: %d sessions, want %d at least", q, got.Sessions, want.Sessions)
		}
		for i := range want.Rows {
			if i < len(got.Rows) {
				a, b := &got.Rows[i], &want.Rows[i]
				if a.Initiated < b.Initiated || a.Accepted < b.Accepted {
					t.Fatalf("%+v: row %d: got %+v, want as many sessions at least as %+v", q, i, *a, *b)
				}
				a.Initiated, a.Accepted = b.Initiated, b.Accepted
			}
		}
		got.Sessions, got.Estimate, got.RolledHours = want.Sessions, want.Estimate, 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: rollups differ from flows:\n%s", q, diff)
		}
	}
	return hours
}
