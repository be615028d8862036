package chart

import (
	"image/color"
	"math"
	"strconv"
	"time"
	"unicode"
)

// isGraphic reports whether a rune can be shown without acting on those around it.
func isGraphic(r rune) bool { return unicode.IsPrint(r) }

// Colours of what is no series.
var (
	ink   = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	faint = color.NRGBA{0x66, 0x66, 0x66, 0xff}
	grid  = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
	paper = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// A point is a place on the picture, in pixels from its upper left corner.
type point struct{ x, y float64 }

// An anchor says which part of a text stands at its point.
type anchor uint8

const (
	atStart anchor = iota
	atMiddle
	atEnd
)

// A style is how text is written.
type style uint8

const (
	heading style = iota // 15 pixels, bold
	normal               // 12 pixels
	small                // 11 pixels
)

// A canvas is what is drawn on.
type canvas interface {
	area(c color.NRGBA, outline []point)
	line(c color.NRGBA, from, to point)
	text(c color.NRGBA, s style, a anchor, baseline point, text string)
}

// Distances, in pixels.
const (
	edge      = 12.0
	lineHigh  = 18.0
	swatch    = 11.0
	roomy     = 480.0 // from this width on the legend stands beside the areas, if its names fit there, else below
	legendMax = 0.4   // of the width, or of the height
	leastHigh = 60.0  // of the areas: before they are lower the legend goes
	mostMarks = 10    // of the scale
	leastRows = 5     // of a legend that stands below because names do not fit beside
)

// A frame is where the areas stand.
type frame struct {
	left, top, right, bottom float64
	buckets                  int
	full                     float64 // value at the top
}

func (f frame) x(bucket float64) float64 {
	return f.left + (f.right-f.left)*bucket/float64(f.buckets)
}

func (f frame) y(value float64) float64 { return f.bottom - (f.bottom-f.top)*value/f.full }

// draw draws everything. The stack is a clean one.
func (s *Stack) draw(on canvas, faces *fonts, width, height float64) {
	on.area(paper, []point{{0, 0}, {width, 0}, {width, height}, {0, height}})
	buckets := 1
	if len(s.Series) > 0 {
		buckets = len(s.Series[0].Values)
	}
	sums := s.sums(buckets)
	highest := 0.0
	for _, v := range sums[len(sums)-1] {
		highest = max(highest, v)
	}
	f := frame{left: edge, top: edge, right: width - edge, bottom: height - edge - lineHigh, buckets: buckets}
	f.top = s.head(on, faces, f)
	f = s.legend(on, faces, f, width, height)
	marks := scale(highest, max(2, min(mostMarks, int((f.bottom-f.top)/36))))
	f.full = marks[len(marks)-1]
	labels := make([]string, len(marks))
	for i, v := range marks {
		labels[i] = amount(v, s.Unit)
		f.left = max(f.left, edge+faces.width(small, labels[i])+8)
	}
	for i, v := range marks {
		y := math.Round(f.y(v)) + .5
		on.line(grid, point{f.left, y}, point{f.right, y})
		on.text(faint, small, atEnd, point{f.left - 6, y + 4}, labels[i])
	}
	if len(s.Series) == 0 {
		on.text(faint, normal, atMiddle, point{(f.left + f.right) / 2, (f.top+f.bottom)/2 + 4}, "nothing in this time")
	}
	for i := len(s.Series) - 1; i >= 0; i-- { // from the top: each is drawn down to the ground, and the next covers it
		on.area(Colour(i), steps(f, sums[i+1]))
	}
	s.times(on, faces, f)
	base := math.Round(f.bottom) + .5
	on.line(faint, point{f.left, base}, point{f.right, base})
}

// sums returns for each series what it and those below it add up to, by bucket; the first is nothing.
func (s *Stack) sums(buckets int) [][]float64 {
	sums := [][]float64{make([]float64, buckets)}
	for _, one := range s.Series {
		next := make([]float64, buckets)
		for i, v := range one.Values {
			next[i] = sums[len(sums)-1][i] + v
		}
		sums = append(sums, next)
	}
	return sums
}

// steps is the outline of an area from the ground up to values. Equal neighbours are one step.
func steps(f frame, values []float64) []point {
	outline := []point{{f.left, f.bottom}}
	for i := 0; i < len(values); {
		next := i + 1
		for next < len(values) && values[next] == values[i] { //nolint:revive // the very same number
			next++
		}
		y := f.y(values[i])
		outline = append(outline, point{f.x(float64(i)), y}, point{f.x(float64(next)), y})
		i = next
	}
	return append(outline, point{f.right, f.bottom})
}

// head writes the title and what stands below it, as far as a low picture has room for them, and returns where they end.
func (s *Stack) head(on canvas, faces *fonts, f frame) float64 {
	y, high := f.top, f.bottom-f.top
	if s.Title != "" && high >= leastHigh/2+27 {
		on.text(ink, heading, atStart, point{f.left, y + 13}, faces.cut(heading, s.Title, f.right-f.left))
		y += 21
	}
	if s.Subtitle != "" && high >= leastHigh+44 {
		on.text(faint, small, atStart, point{f.left, y + 9}, faces.cut(small, s.Subtitle, f.right-f.left))
		y += 17
	}
	return y + 6
}

// legend writes what the colours mean, and returns the frame without the room that it took.
func (s *Stack) legend(on canvas, faces *fonts, f frame, width, height float64) frame {
	if len(s.Series) == 0 {
		return f
	}
	wide := 0.0
	for _, one := range s.Series {
		line := faces.width(normal, one.Name) + faces.width(normal, one.Total)
		wide = max(wide, swatch+8+line+14)
	}
	left, top, rows := f.left, f.top, len(s.Series)
	below := max(0, min(rows, int(height*legendMax/lineHigh), int((f.bottom-f.top-leastHigh-8)/lineHigh)))
	if width >= roomy && (wide <= width*legendMax || below < min(rows, leastRows)) {
		wide = min(wide, width*legendMax)
		left = f.right - wide
		rows = min(rows, int((f.bottom-f.top)/lineHigh))
		f.right = left - 18
	} else {
		wide = min(wide, f.right-f.left)
		if rows = below; rows == 0 {
			return f
		}
		f.bottom -= float64(rows)*lineHigh + 8
		top = f.bottom + lineHigh + 10
	}
	for n := range rows {
		// The order is that of the areas, the topmost first, so that neighbours are neighbours; what finds no room is told of.
		y := top + float64(n)*lineHigh
		i := rows - 1 - n
		if n == 0 && rows < len(s.Series) {
			on.text(faint, normal, atStart, point{left + swatch + 8, y + 10}, "and "+strconv.Itoa(len(s.Series)-rows+1)+" more")
			continue
		}
		one := s.Series[i]
		on.area(Colour(i), []point{{left, y}, {left + swatch, y}, {left + swatch, y + swatch}, {left, y + swatch}})
		room := wide - swatch - 8
		if one.Total != "" {
			room -= faces.width(normal, one.Total) + 12
			on.text(faint, normal, atEnd, point{left + wide, y + 10}, one.Total)
		}
		on.text(ink, normal, atStart, point{left + swatch + 8, y + 10}, faces.cut(normal, one.Name, room))
	}
	return f
}

// times writes the times below the areas.
func (s *Stack) times(on canvas, faces *fonts, f frame) {
	end := s.Start.Add(time.Duration(f.buckets) * s.Step)
	span := end.Sub(s.Start)
	if span <= 0 { // centuries
		return
	}
	every, layout := spacing(span, max(1, int((f.right-f.left)/90)))
	last := math.Inf(-1)
	for at := firstMark(s.Start.In(s.Zone), every); !at.After(end); at = nextMark(at, every) {
		x := f.left + (f.right-f.left)*float64(at.Sub(s.Start))/float64(span)
		half := faces.width(small, at.Format(layout)) / 2
		on.line(faint, point{math.Round(x) + .5, f.bottom}, point{math.Round(x) + .5, f.bottom + 4})
		if x-half < last+8 {
			continue
		}
		label := min(max(x, f.left-edge+half), f.right+edge-half)
		on.text(faint, small, atMiddle, point{label, f.bottom + 16}, at.Format(layout))
		last = label + half
	}
}
