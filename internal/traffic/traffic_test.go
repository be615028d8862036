package traffic_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/traffic"
)

// everything bounds nothing.
func everything(e *filter.Expr) *filter.Expr { return e }

// joined writes the values of a row as the oracle does, and orders equal rows as it does.
func joined(a api.TrafficAnswer) api.TrafficAnswer {
	for i := range a.Rows {
		a.Rows[i].Values = []string{strings.Join(a.Rows[i].Values, " ")}
		a.Rows[i].Line = nil
	}
	slices.SortFunc(a.Rows, func(x, y api.TrafficRow) int {
		switch {
		case x.Value > y.Value:
			return -1
		case x.Value < y.Value:
			return 1
		default:
			return slices.Compare(x.Values, y.Values)
		}
	})
	return a
}

// A moment within the time of the records, or at one of its hours.
func moment(r *rand.Rand) time.Time {
	return noon.Add(time.Duration(r.Int64N(int64(8*time.Hour))) - time.Hour).Truncate(time.Duration([]int64{1, 3600e9}[r.IntN(2)]))
}

// TestRankings: what is told of every entity is what an oracle counts that knows neither columns nor segments, over ranges that cut
// flows in pieces; and the lines over time sum up to what they are of.
func TestRankings(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 8))
		records := randomRecords(r, 1+r.IntN(300))
		store := storeOf(t, r, records)
		for _, by := range traffic.Entities() {
			q := api.TrafficRequest{By: by, Rank: traffic.Ranks()[r.IntN(5)], Limit: 1000, Once: r.IntN(3) == 0}
			if q.Rank != "ports" && q.Rank != "hosts" {
				q.Side = []string{"", "sent", "received", "initiated", "accepted"}[r.IntN(5)]
			}
			from, to := int64(math.MinInt64), int64(math.MaxInt64)
			if r.IntN(3) > 0 {
				q.Since = moment(r)
				from = q.Since.UnixNano()
			}
			if r.IntN(3) > 0 {
				if q.Until = moment(r); !q.Since.IsZero() && !q.Since.Before(q.Until) {
					q.Until = q.Since.Add(time.Duration(1 + r.Int64N(int64(3*time.Hour))))
				}
				to = q.Until.UnixNano()
			}
			if r.IntN(2) == 0 {
				q.Bucket = time.Duration(1+r.Int64N(int64(time.Hour))).Round(time.Second) + time.Second
			}
			got, err := traffic.Top(t.Context(), store, q, traffic.Selection{})
			if (by == "pair" && q.Rank == "hosts") || (by == "port" && q.Rank == "ports") {
				if !errors.Is(err, fault.Invalid) {
					t.Errorf("%s by %s = %v, want fault.Invalid", by, q.Rank, err)
				}
				continue
			}
			if errors.Is(err, fault.Invalid) && strings.HasPrefix(err.Error(), "bucket") {
				continue
			}
			if err != nil {
				t.Fatalf("seed %d: %+v: %v", seed, q, err)
			}
			checkLines(t, q, got)
			want := rank(records, q, from, to)
			got = joined(got)
			got.By, got.Rank, got.Side, got.Start, got.Bucket = nil, "", "", time.Time{}, 0
			if len(got.Rows) == 0 {
				got.Rows = nil
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d: %+v: -want +got\n%s", seed, q, d)
			}
			q.Limit, q.Bucket = 1+r.IntN(4), 0
			few, err := traffic.Top(t.Context(), store, q, traffic.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			if len(few.Rows) != min(q.Limit, len(want.Rows)) || few.Others != len(want.Rows)-len(few.Rows) {
				t.Fatalf("seed %d: %+v: %d rows and %d others of %d", seed, q, len(few.Rows), few.Others, len(want.Rows))
			}
			for i, row := range few.Rows {
				if row.Value != want.Rows[i].Value {
					t.Fatalf("seed %d: %+v: row %d is %v, want %v", seed, q, i, row.Value, want.Rows[i].Value)
				}
			}
		}
	}
}

// checkLines holds what is summed against the sum of its line.
func checkLines(t *testing.T, q api.TrafficRequest, a api.TrafficAnswer) {
	t.Helper()
	for _, row := range a.Rows {
		if q.Bucket == 0 {
			if row.Line != nil {
				t.Fatalf("%+v: %v has a line", q, row.Values)
			}
			continue
		}
		sum := 0.0
		for _, v := range row.Line {
			sum += v
		}
		if q.Rank == "bytes" || q.Rank == "packets" {
			if sum != row.Value {
				t.Fatalf("%+v: the line of %v sums up to %v, want %v: %v", q, row.Values, sum, row.Value, row.Line)
			}
		} else if sum < row.Value {
			t.Fatalf("%+v: the line of %v sums up to %v, which is less than %v", q, row.Values, sum, row.Value)
		}
	}
}

// TestAdjoiningRanges: however a range is divided, the parts have exactly what the whole has.
func TestAdjoiningRanges(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 9))
		store := storeOf(t, r, randomRecords(r, 1+r.IntN(200)))
		var cuts []time.Time
		for range 1 + r.IntN(6) {
			cuts = append(cuts, moment(r))
		}
		slices.SortFunc(cuts, time.Time.Compare)
		cuts = slices.Compact(cuts)
		ask := func(since, until time.Time) (sums [3]uint64) {
			a, err := traffic.Top(t.Context(), store, api.TrafficRequest{By: "host", Since: since, Until: until, Limit: 1000}, traffic.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range a.Rows {
				sums[2] += row.SentBytes + row.ReceivedBytes
			}
			return [3]uint64{a.Bytes, a.Packets, sums[2]}
		}
		var sum [3]uint64
		since := time.Time{}
		for _, until := range append(cuts, time.Time{}) {
			for i, n := range ask(since, until) {
				sum[i] += n
			}
			since = until
		}
		if want := ask(time.Time{}, time.Time{}); sum != want {
			t.Fatalf("seed %d: ranges cut at %v sum up to %v, want %v", seed, cuts, sum, want)
		}
	}
}
