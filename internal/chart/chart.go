// Package chart draws what several entities add up to over time: areas that stand on each other, with axes and a legend, as
// a PNG, a TGA or an SVG.
//
// One layout serves all three, so that they show the same. Each bucket of time is a step as high as its value: what an area
// covers is what was counted, and nothing is smoothed.
package chart

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds of a picture, in pixels each way, and of what it shows.
const (
	MinSize = 80
	MaxSize = 4096

	// Above both of these a picture is not drawn with more in it but larger.
	largeWidth, largeHeight = 1600, 1000

	maxBuckets = 10_000
	maxName    = 200 // runes of a name
)

// DefaultWidth and DefaultHeight are the size of a picture whose size nobody said.
const (
	DefaultWidth  = 800
	DefaultHeight = 400
)

// A Stack is what is drawn.
type Stack struct {
	Title    string
	Subtitle string
	// Unit stands behind the numbers of the scale, as B does behind bytes; empty for plain numbers.
	Unit   string
	Start  time.Time      // of the first bucket
	Step   time.Duration  // length of a bucket; above 0
	Zone   *time.Location // of the times that are shown; nil is UTC
	Series []Series       // the first stands at the bottom
}

// A Series is one entity.
type Series struct {
	Name   string
	Total  string    // shown beside the name
	Values []float64 // by bucket; those missing at the end, and what is no number above 0, count as 0
}

// palette is that of Paul Tol's scheme "muted" (Colour Schemes, SRON/EPS/TN/09-002), which people who see fewer colours can
// tell apart, in an order in which neighbours differ in lightness; the tenth is grey.
var palette = [...]color.NRGBA{
	{0x33, 0x22, 0x88, 0xff}, {0x88, 0xcc, 0xee, 0xff}, {0x11, 0x77, 0x33, 0xff}, {0xdd, 0xcc, 0x77, 0xff}, {0x88, 0x22, 0x55, 0xff},
	{0x44, 0xaa, 0x99, 0xff}, {0xcc, 0x66, 0x77, 0xff}, {0x99, 0x99, 0x33, 0xff}, {0xaa, 0x44, 0x99, 0xff}, {0x55, 0x55, 0x55, 0xff},
}

// rest is the colour of all that has none of its own.
var rest = color.NRGBA{0xbb, 0xbb, 0xbb, 0xff}

// Colour is that of the series of an index, from 0. Those behind the tenth share one.
func Colour(index int) color.NRGBA {
	if index >= 0 && index < len(palette) {
		return palette[index]
	}
	return rest
}

// Hex writes a colour as red, green, blue and opacity, two digits each.
func Hex(c color.NRGBA) string { return fmt.Sprintf("%02x%02x%02x%02x", c.R, c.G, c.B, c.A) }

// CheckSize returns an error for a size that no picture may have.
func CheckSize(width, height int) error {
	if width < MinSize || width > MaxSize || height < MinSize || height > MaxSize {
		return fmt.Errorf("a picture of %d by %d pixels: want %d to %d each way", width, height, MinSize, MaxSize)
	}
	return nil
}

// zoomOf is how much larger than on a screen everything is drawn, from 1 on: texts of a picture of 4000 by 3000 pixels, which is
// for paper, would be too small to be read.
func zoomOf(width, height int) float64 {
	return max(1, min(float64(width)/largeWidth, float64(height)/largeHeight))
}

// PNG draws the stack as a PNG.
func (s *Stack) PNG(w io.Writer, width, height int) error {
	picture, err := s.Image(width, height)
	if err != nil {
		return err
	}
	return png.Encode(w, picture)
}

// TGA draws the stack as a Truevision TGA.
func (s *Stack) TGA(w io.Writer, width, height int) error {
	picture, err := s.Image(width, height)
	if err != nil {
		return err
	}
	return encodeTGA(w, picture)
}

// Image draws the stack. Errors are about the size.
func (s *Stack) Image(width, height int) (*image.NRGBA, error) {
	if err := CheckSize(width, height); err != nil {
		return nil, err
	}
	zoom := zoomOf(width, height)
	faces, err := newFonts(zoom)
	if err != nil {
		return nil, err
	}
	r := newRaster(width, height, faces)
	s.clean().draw(r, faces, float64(width)/zoom, float64(height)/zoom)
	return r.picture, nil
}

// SVG draws the stack as an SVG.
func (s *Stack) SVG(w io.Writer, width, height int) error {
	if err := CheckSize(width, height); err != nil {
		return err
	}
	zoom := zoomOf(width, height)
	faces, err := newFonts(zoom)
	if err != nil {
		return err
	}
	v := newVector(width, height, zoom)
	s.clean().draw(v, faces, float64(width)/zoom, float64(height)/zoom)
	_, err = w.Write(v.end())
	return err
}

// clean returns a copy that can be drawn: one with values that are numbers, equally many of each, and texts of one line.
func (s *Stack) clean() *Stack {
	c := *s
	c.Title, c.Subtitle, c.Unit = plain(s.Title), plain(s.Subtitle), plain(s.Unit)
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Step <= 0 {
		c.Step = time.Minute
	}
	buckets := 1
	for _, one := range s.Series {
		buckets = max(buckets, min(len(one.Values), maxBuckets))
	}
	c.Series = nil
	for i, one := range s.Series {
		if i == len(palette) && len(s.Series) > i+1 { // what has no colour of its own is one area
			c.Series = append(c.Series, Series{Name: strconv.Itoa(len(s.Series)-i) + " others", Values: make([]float64, buckets)})
		}
		if len(c.Series) > len(palette) {
			for n := range min(len(one.Values), buckets) {
				c.Series[len(palette)].Values[n] += counted(one.Values[n])
			}
			continue
		}
		values := make([]float64, buckets)
		for n := range min(len(one.Values), buckets) {
			values[n] = counted(one.Values[n])
		}
		c.Series = append(c.Series, Series{Name: plain(one.Name), Total: plain(one.Total), Values: values})
	}
	return &c
}

// counted is a value as far as it counts: sums of it stay far from what a float can hold.
func counted(v float64) float64 {
	if v > 0 && !math.IsInf(v, 1) {
		return min(v, 1e18)
	}
	return 0
}

// plain makes text one bounded line of printable runes.
func plain(text string) string {
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || !isGraphic(r) {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if runes := []rune(out); len(runes) > maxName {
		return string(runes[:maxName-1]) + "…"
	}
	return out
}
