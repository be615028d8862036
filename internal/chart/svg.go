package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
)

// A vectorial is a canvas that writes an SVG (Scalable Vector Graphics 1.1, W3C).
type vectorial struct{ out bytes.Buffer }

func newVector(width, height int, zoom float64) *vectorial {
	v := &vectorial{}
	fmt.Fprintf(&v.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %.2f %.2f" font-family="Helvetica, Arial, sans-serif" stroke="none" shape-rendering="crispEdges">`+"\n",
		width, height, float64(width)/zoom, float64(height)/zoom)
	return v
}

// end closes the document and returns it.
func (v *vectorial) end() []byte {
	v.out.WriteString("</svg>\n")
	return v.out.Bytes()
}

func (v *vectorial) area(c color.NRGBA, outline []point) {
	fmt.Fprintf(&v.out, `<path fill="%s" d="M`, css(c))
	for i, p := range outline {
		if i > 0 {
			v.out.WriteByte('L')
		}
		fmt.Fprintf(&v.out, "%.2f %.2f", p.x, p.y)
	}
	v.out.WriteString("Z\"/>\n")
}

func (v *vectorial) line(c color.NRGBA, from, to point) {
	fmt.Fprintf(&v.out, `<path stroke="%s" d="M%.1f %.1fL%.1f %.1f"/>`+"\n", css(c), from.x, from.y, to.x, to.y)
}

// sizes and weights are those of the styles.
var (
	sizes   = [...]int{heading: 15, normal: 12, small: 11}
	anchors = [...]string{atStart: "start", atMiddle: "middle", atEnd: "end"}
)

func (v *vectorial) text(c color.NRGBA, s style, a anchor, at point, text string) {
	bold := ""
	if s == heading {
		bold = ` font-weight="bold"`
	}
	fmt.Fprintf(&v.out, `<text x="%.1f" y="%.1f" fill="%s" font-size="%d"%s text-anchor="%s">`, at.x, at.y, css(c), sizes[s], bold, anchors[a])
	_ = xml.EscapeText(&v.out, []byte(text)) // into memory
	v.out.WriteString("</text>\n")
}

func css(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
