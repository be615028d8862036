package web

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
)

const (
	chartSide  = 1000 // units in which the lines are drawn, across and down; they are stretched to the room there is
	chartBands = 8    // rows that are drawn; the colours that can be told apart
)

// A chart is the lines of the highest rows over time, laid on each other. Its lines are stretched to the width of the page; what
// is written at its axes is not, so that it can be read on a phone.
type chart struct {
	Bands  []band
	Levels []level
	Hours  []mark
	Words  string // for who cannot see it
	Unit   string
}

// A band is the line of one row.
type band struct {
	Points, Title string
	Place         int
}

// A level is a line across the picture, a mark a time below it.
type (
	level struct {
		Down int // from the top, in percent
		Text string
	}
	mark struct {
		Across  string // from the left, in percent
		Anchor  string // which end of the text stands there
		Between bool   // it is left out where there is little room
		At      time.Time
		Day     string // in UTC; "" where the hour tells enough
		Text    string // the hour, in UTC
	}
)

// newChart draws a ranking; nil when there are no two steps to draw.
func newChart(a *api.TrafficAnswer, rows []trafficRow, rank string, until time.Time) *chart {
	steps := 0
	for _, row := range rows {
		steps = max(steps, len(row.Line))
	}
	if steps < 2 || a.Bucket <= 0 {
		return nil
	}
	c := &chart{}
	drawn := rows[:min(len(rows), chartBands)]
	var unit string
	scale := 1.0
	switch rank {
	case "bytes":
		scale, unit = 8/a.Bucket.Seconds(), "bit/s"
	case "packets", "sessions":
		scale, unit = 1/a.Bucket.Seconds(), rank+" a second"
	default:
		unit = name(bookmark.Ranks(), rank) + " in " + span(a.Bucket)
	}
	c.Unit = unit
	top, sums := 0.0, make([]float64, steps)
	for _, row := range drawn {
		for i, v := range row.Line {
			sums[i] += v * scale
			top = max(top, sums[i])
		}
	}
	if top == 0 {
		return nil
	}
	top = roundUp(top)
	y := func(v float64) float64 { return chartSide - v/top*chartSide }
	x := func(i int) float64 { return float64(i) / float64(steps-1) * chartSide }
	under := make([]float64, steps)
	for _, row := range drawn {
		c.Bands = append(c.Bands, newBand(row, under, steps, scale, x, y))
	}
	for n := range 5 {
		c.Levels = append(c.Levels, level{100 - 25*n, si(top * float64(n) / 4)})
	}
	for n, anchor := range []string{"start", "middle", "middle", "middle", "end"} {
		i := n * (steps - 1) / 4
		if n > 0 && i == (n-1)*(steps-1)/4 { // of few steps
			continue
		}
		when, day := a.Start.Add(time.Duration(i)*a.Bucket).UTC(), ""
		if until.Sub(a.Start) > 36*time.Hour {
			day = when.Format("2 Jan")
		}
		c.Hours = append(c.Hours, mark{fmt.Sprintf("%.1f", x(i)/chartSide*100), anchor, n%2 == 1, when, day, when.Format("15:04")})
	}
	c.Words = fmt.Sprintf("%d lines over %d steps of %s, together at most %s%s", len(drawn), steps, span(a.Bucket), si(top), unit)
	return c
}

// newBand draws a row on top of those below it, and adds it to them.
func newBand(row trafficRow, under []float64, steps int, scale float64, x func(int) float64, y func(float64) float64) band {
	var there, back []string
	sum, most := 0.0, 0.0
	for i := range steps {
		back = append(back, fmt.Sprintf("%.1f,%.1f", x(i), y(under[i])))
		if i < len(row.Line) {
			v := row.Line[i] * scale
			under[i] += v
			sum += v
			most = max(most, v)
		}
		there = append(there, fmt.Sprintf("%.1f,%.1f", x(i), y(under[i])))
	}
	for i := len(back) - 1; i >= 0; i-- {
		there = append(there, back[i])
	}
	return band{Place: row.Place, Points: strings.Join(there, " "), Title: fmt.Sprintf("%s: mean %s, at most %s", row.Name, si(sum/float64(steps)), si(most))}
}

// roundUp returns the next of 1, 2, 2.5, 5 times a power of ten, which divides well into quarters.
func roundUp(v float64) float64 {
	for base := 1e-3; ; base *= 10 {
		for _, n := range []float64{1, 2, 2.5, 5} {
			if n*base >= v {
				return n * base
			}
		}
	}
}

// si writes a number with a decimal prefix, as rates of networks are told.
func si(v float64) string {
	prefixes := []string{"", "k", "M", "G", "T", "P", "E"}
	n := 0
	for v >= 1000 && n < len(prefixes)-1 {
		v, n = v/1000, n+1
	}
	text := fmt.Sprintf("%.2f", v)
	switch {
	case v >= 100 || v == float64(int64(v)):
		text = fmt.Sprintf("%.0f", v)
	case v >= 10:
		text = fmt.Sprintf("%.1f", v)
	case v < 1:
		text = fmt.Sprintf("%.3g", v) // a quarter of 0.05 is not a fifth of it
	}
	return text + "\u2009" + prefixes[n]
}
