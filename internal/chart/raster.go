package chart

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// fonts are those that texts are written in, and measured for all canvases.
type fonts struct {
	faces [small + 1]font.Face
	zoom  float64 // pixels of a picture for each of the layout
}

func newFonts(zoom float64) (*fonts, error) {
	f := fonts{zoom: zoom}
	for s, one := range [...]struct {
		data []byte
		size float64
	}{heading: {gobold.TTF, 15}, normal: {goregular.TTF, 12}, small: {goregular.TTF, 11}} {
		parsed, err := opentype.Parse(one.data)
		if err != nil {
			return nil, err
		}
		// At 72 dots an inch a point is a pixel.
		if f.faces[s], err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: one.size * zoom, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, err
		}
	}
	return &f, nil
}

// width is that of a text, in pixels of the layout.
func (f *fonts) width(s style, text string) float64 {
	return float64(font.MeasureString(f.faces[s], text)) / 64 / f.zoom
}

// cut shortens a text to a width.
func (f *fonts) cut(s style, text string, width float64) string {
	if f.width(s, text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && f.width(s, string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// A raster is a canvas of pixels.
type raster struct {
	picture *image.NRGBA
	faces   *fonts
	fill    *vector.Rasterizer
}

func newRaster(width, height int, faces *fonts) *raster {
	return &raster{picture: image.NewNRGBA(image.Rect(0, 0, width, height)), faces: faces, fill: vector.NewRasterizer(width, height)}
}

func (r *raster) area(c color.NRGBA, outline []point) {
	size := r.picture.Bounds().Size()
	r.fill.Reset(size.X, size.Y)
	zoom := r.faces.zoom
	r.fill.MoveTo(float32(outline[0].x*zoom), float32(outline[0].y*zoom))
	for _, p := range outline[1:] {
		r.fill.LineTo(float32(p.x*zoom), float32(p.y*zoom))
	}
	r.fill.ClosePath()
	r.fill.Draw(r.picture, r.picture.Bounds(), image.NewUniform(c), image.Point{})
}

// line draws a line that is level or upright, one pixel of the layout wide. Its points are the middle of it.
func (r *raster) line(c color.NRGBA, from, to point) {
	zoom := r.faces.zoom
	wide := max(1, int(math.Round(zoom)))
	rect := image.Rect(int(math.Floor(from.x*zoom)), int(math.Floor(from.y*zoom)), int(math.Ceil(to.x*zoom)), int(math.Ceil(to.y*zoom)))
	if from.x == to.x { //nolint:revive // upright, as it was made
		rect.Min.X -= (wide - 1) / 2
		rect.Max.X = rect.Min.X + wide
	} else {
		rect.Min.Y -= (wide - 1) / 2
		rect.Max.Y = rect.Min.Y + wide
	}
	draw.Draw(r.picture, rect.Intersect(r.picture.Bounds()), image.NewUniform(c), image.Point{}, draw.Src)
}

func (r *raster) text(c color.NRGBA, s style, a anchor, at point, text string) {
	switch a {
	case atMiddle:
		at.x -= r.faces.width(s, text) / 2
	case atEnd:
		at.x -= r.faces.width(s, text)
	case atStart:
	}
	d := font.Drawer{Dst: r.picture, Src: image.NewUniform(c), Face: r.faces.faces[s], Dot: fixed.P(int(math.Round(at.x*r.faces.zoom)), int(math.Round(at.y*r.faces.zoom)))}
	d.DrawString(text)
}
