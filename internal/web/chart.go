package web

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/api"
)

// Measures of the picture, in its own units.
const (
	chartWide, chartHigh            = 960, 260
	chartLeft, chartFoot, chartHead = 78, 24, 16 // for the words at its axes
	chartBands                      = 8          // rows that are drawn; the colours that can be told apart
)

// A chart is the lines of the highest rows over time, laid on each other.
type chart struct {
	Wide, High, Left, Floor int
	Bands                   []band
	Levels                  []level
	Hours                   []mark
	Words                   string // for who cannot see it
	Unit                    string
}

// A band is the line of one row.
type band struct {
	Name, Points, Title string
	Place               int
}

// A level is a line across the picture, a mark a time below it.
type (
	level struct {
		Y    int
		Text string
	}
	mark struct {
		X    int
		At   time.Time
		Text string
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
	c := &chart{Wide: chartWide, High: chartHigh, Left: chartLeft, Floor: chartHigh - chartFoot}
	drawn := rows[:min(len(rows), chartBands)]
	var unit string
	scale := 1.0
	switch rank {
	case "bytes":
		scale, unit = 8/a.Bucket.Seconds(), "bit/s"
	case "packets", "sessions":
		scale, unit = 1/a.Bucket.Seconds(), rank+" a second"
	default:
		unit = name(trafficRanks(), rank) + " in " + span(a.Bucket)
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
	y := func(v float64) float64 { return float64(c.Floor) - v/top*float64(c.Floor-chartHead) }
	x := func(i int) float64 { return chartLeft + float64(i)/float64(steps-1)*(chartWide-chartLeft-4) }
	under := make([]float64, steps)
	for _, row := range drawn {
		c.Bands = append(c.Bands, newBand(row, under, steps, scale, x, y))
	}
	for n := range 5 {
		v := top * float64(n) / 4
		c.Levels = append(c.Levels, level{int(y(v)), si(v)})
	}
	for n := range 5 {
		i := n * (steps - 1) / 4
		when := a.Start.Add(time.Duration(i) * a.Bucket)
		form := "15:04"
		if until.Sub(a.Start) > 36*time.Hour {
			form = "2 Jan 15:04"
		}
		c.Hours = append(c.Hours, mark{int(x(i)), when, when.UTC().Format(form)})
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
	return band{Name: row.Name, Place: row.Place, Points: strings.Join(there, " "), Title: fmt.Sprintf("%s: mean %s, at most %s", row.Name, si(sum/float64(steps)), si(most))}
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
	if v >= 100 || v == float64(int64(v)) {
		text = fmt.Sprintf("%.0f", v)
	} else if v >= 10 {
		text = fmt.Sprintf("%.1f", v)
	}
	return text + "\u2009" + prefixes[n]
}
