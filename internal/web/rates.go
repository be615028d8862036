package web

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// How far back the rates look.
const (
	rateMinutes = 30
	barWidth    = 8  // of the picture, in its own units
	pictureHigh = 40 // as well
)

// A rate is how many events of a kind came in, minute by minute.
type rate struct {
	Kind  string
	Bars  []bar
	Wide  int
	High  int
	Total float64 // over all minutes
	Last  float64 // of the last whole minute
	Most  float64 // in one minute
}

// Second is how many came in a second of the last whole minute.
func (r rate) Second() string { return strconv.FormatFloat(r.Last/60, 'f', 1, 64) }

// A bar is one minute.
type bar struct {
	X, Y, Wide, High int
	Title            string
}

// rates counts the events of each kind by minute.
func (s *site) rates(ctx context.Context, now time.Time) (list []rate, err error) {
	end := now.Truncate(time.Minute).Add(time.Minute)
	begin := end.Add(-rateMinutes * time.Minute)
	for _, kind := range event.Kinds() {
		a, err := s.Service.Top(ctx, api.TopRequest{Kinds: []string{kind.String()}, By: []string{}, Bucket: time.Minute, Since: begin, Until: end, Limit: 1})
		if err != nil {
			return list, err
		}
		if len(a.Rows) > 0 {
			list = append(list, newRate(kind.String(), begin, a.Rows))
		}
	}
	return list, nil
}

// newRate draws the counts of the minutes from begin on. Minutes without a row have none.
func newRate(kind string, begin time.Time, rows []api.TopRow) rate {
	r := rate{Kind: kind, Wide: rateMinutes * barWidth, High: pictureHigh}
	var counts [rateMinutes]float64
	for _, row := range rows {
		if minute := int(row.Time.Sub(begin) / time.Minute); !row.Time.Before(begin) && minute < rateMinutes {
			counts[minute] += row.Value
		}
	}
	for _, n := range counts {
		r.Total += n
		r.Most = max(r.Most, n)
	}
	r.Last = counts[rateMinutes-2]
	for i, n := range counts {
		high := 0
		if n > 0 {
			high = max(1, int(n/r.Most*pictureHigh))
		}
		r.Bars = append(r.Bars, bar{X: i * barWidth, Y: pictureHigh - high, Wide: barWidth - 1, High: high,
			Title: fmt.Sprintf("%s UTC: %s", begin.Add(time.Duration(i)*time.Minute).UTC().Format("15:04"), count(n))})
	}
	return r
}
