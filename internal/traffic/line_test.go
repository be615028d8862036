package traffic_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/traffic"
)

// A range of centuries has no lines over time, as no length of time is so long, and rankings all the same.
func TestCenturies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	store := storeOf(t, r, randomRecords(r, 100))
	year := func(n int) time.Time { return time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		since, until time.Time
		refused      bool
	}{
		{year(1700), year(2100), true},
		{year(1678), year(2262), true},
		{year(1969), year(2261), false},
		{year(2000), year(2100), false},
	} {
		q := api.TrafficRequest{By: "host", Since: c.since, Until: c.until, Limit: 10}
		plain, err := traffic.Top(t.Context(), store, q, traffic.Selection{})
		if err != nil || len(plain.Rows) == 0 {
			t.Errorf("%v to %v: %d rows, %v", c.since, c.until, len(plain.Rows), err)
		}
		q.Bucket = 5 * 365 * 24 * time.Hour
		lines, err := traffic.Top(t.Context(), store, q, traffic.Selection{})
		if c.refused {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%v to %v with lines: %v, want fault.Invalid", c.since, c.until, err)
			}
			continue
		}
		if err != nil || len(lines.Rows) != len(plain.Rows) {
			t.Fatalf("%v to %v with lines: %d rows, %v, want %d", c.since, c.until, len(lines.Rows), err, len(plain.Rows))
		}
		for i, row := range lines.Rows {
			sum := 0.0
			for _, v := range row.Line {
				sum += v
			}
			if sum != plain.Rows[i].Value { //nolint:revive // whole bytes
				t.Errorf("%v to %v: the line of %v adds up to %v, want %v", c.since, c.until, row.Values, sum, plain.Rows[i].Value)
			}
		}
	}
}
