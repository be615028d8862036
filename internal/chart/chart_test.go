package chart

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// example has three series, of which the first covers one half, the second a third and the last a sixth.
func example() *Stack {
	s := &Stack{Title: "Hosts by bytes sent", Subtitle: "each 15 s", Unit: "B", Start: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Step: 15 * time.Second}
	for i, share := range []float64{3, 2, 1} {
		values := make([]float64, 60)
		for n := range values {
			values[n] = share * 1e6 * (1 + math.Sin(float64(n)/5)/2)
		}
		s.Series = append(s.Series, Series{Name: []string{"192.0.2.7", "2001:db8::1", "<script>&\"\x1b[31m\u202e"}[i], Total: "12.3 MB", Values: values})
	}
	return s
}

// Each series covers as much as it counts, in its colour.
func TestSharesAreCovered(t *testing.T) {
	for _, size := range [][2]int{{800, 400}, {300, 320}, {2000, 1200}} {
		picture, err := example().Image(size[0], size[1])
		if err != nil {
			t.Fatal(err)
		}
		if got := picture.Bounds().Size(); got != image.Pt(size[0], size[1]) {
			t.Fatalf("the picture is %v, want %v", got, size)
		}
		count := map[color.NRGBA]float64{}
		for y := range size[1] {
			for x := range size[0] {
				count[picture.NRGBAAt(x, y)]++
			}
		}
		all := count[Colour(0)] + count[Colour(1)] + count[Colour(2)]
		for i, want := range []float64{1. / 2, 1. / 3, 1. / 6} {
			if got := count[Colour(i)] / all; math.Abs(got-want) > .03 {
				t.Errorf("%v: series %d covers %.3f of what is covered, want %.3f", size, i, got, want)
			}
		}
		if covered := all / float64(size[0]*size[1]); covered < .08 {
			t.Errorf("%v: the areas cover %.2f of the picture", size, covered)
		}
	}
}

// decodeTGA reads what encodeTGA writes, by the words of the format: it is no use to read it back with the same code.
func decodeTGA(t *testing.T, data []byte) image.Image {
	t.Helper()
	if len(data) < 18+26 || data[0] != 0 || data[1] != 0 || data[2] != 2 || data[16] != 24 || data[17] != 0x20 {
		t.Fatalf("header %v, want a picture of 24 bits without palette, compression and name, from above", data[:min(len(data), 18)])
	}
	w, h := int(binary.LittleEndian.Uint16(data[12:])), int(binary.LittleEndian.Uint16(data[14:]))
	if want := 18 + w*h*3 + 26; len(data) != want || string(data[len(data)-18:]) != "TRUEVISION-XFILE.\x00" {
		t.Fatalf("%d bytes that end with %q, want %d", len(data), data[len(data)-18:], want)
	}
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		p := data[18+3*i:]
		picture.SetNRGBA(i%w, i/w, color.NRGBA{p[2], p[1], p[0], 255})
	}
	return picture
}

// A TGA and a PNG are the same picture.
func TestTGAIsAsPNG(t *testing.T) {
	var tga, other bytes.Buffer
	if err := errors.Join(example().TGA(&tga, 333, 221), example().PNG(&other, 333, 221)); err != nil {
		t.Fatal(err)
	}
	want, err := png.Decode(&other)
	if err != nil {
		t.Fatal(err)
	}
	got := decodeTGA(t, tga.Bytes())
	if got.Bounds() != want.Bounds() {
		t.Fatalf("TGA is %v, PNG is %v", got.Bounds(), want.Bounds())
	}
	for y := range 221 {
		for x := range 333 {
			if g, w := color.NRGBAModel.Convert(got.At(x, y)), color.NRGBAModel.Convert(want.At(x, y)); g != w {
				t.Fatalf("pixel %d,%d: TGA has %v, PNG %v", x, y, g, w)
			}
		}
	}
}

// An SVG is well-formed whatever the names hold, has no script, and shows each series.
func TestSVG(t *testing.T) {
	var out bytes.Buffer
	if err := example().SVG(&out, 800, 400); err != nil {
		t.Fatal(err)
	}
	var texts, fills []string
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if name := token.Name.Local; name != "svg" && name != "path" && name != "text" {
				t.Errorf("element %s", name)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "fill" {
					fills = append(fills, a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
	all, colours := strings.Join(texts, "|"), strings.Join(fills, " ")
	for _, want := range []string{"Hosts by bytes sent", "192.0.2.7", "2001:db8::1", `<script>&"`, "12:00", "12:15", "2 MB"} {
		if !strings.Contains(all, want) {
			t.Errorf("the SVG lacks %q: %s", want, all)
		}
	}
	for i := range 3 {
		if strings.Count(colours, css(Colour(i))) != 2 { // of the area and in the legend
			t.Errorf("series %d: its colour %s stands in %s", i, css(Colour(i)), colours)
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Error("what terminals act on stands in the SVG")
	}
}

// What has no colour of its own is one area, which covers what all of it counts.
func TestOthersAreOne(t *testing.T) {
	s := &Stack{Step: time.Second}
	for range len(palette) + 30 {
		s.Series = append(s.Series, Series{Name: "one", Values: []float64{1}})
	}
	clean := s.clean()
	last := clean.Series[len(clean.Series)-1]
	if len(clean.Series) != len(palette)+1 || last.Name != "30 others" || last.Values[0] != 30 {
		t.Errorf("%d series are drawn, the last is %+v", len(clean.Series), last)
	}
	if Colour(len(palette)) != rest || Colour(-1) != rest {
		t.Error("others have a colour of the palette")
	}
}

// Nothing that is drawn breaks anything: no series, no values, values that are no numbers, and every size.
func TestOddStacks(t *testing.T) {
	long := strings.Repeat("long ", 100)
	for name, s := range map[string]*Stack{
		"nothing":      {},
		"no values":    {Series: []Series{{Name: "a"}, {Name: "b"}}},
		"foul":         {Step: time.Second, Series: []Series{{Values: []float64{math.NaN(), math.Inf(1), -5, math.MaxFloat64, 1e-300}}, {Values: []float64{1}}}},
		"foul text":    {Title: "\xff\xfe\x00", Series: []Series{{Name: "\xff\x00", Values: []float64{1}}}},
		"long":         {Title: long, Subtitle: long, Series: []Series{{Name: long, Total: long, Values: []float64{1, 2}}}},
		"far times":    {Start: time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC), Step: 200 * 365 * 24 * time.Hour, Series: []Series{{Values: []float64{1, 2}}}},
		"many buckets": {Step: time.Nanosecond, Series: []Series{{Values: make([]float64, maxBuckets+5)}}},
		"many series":  {Step: time.Second, Series: make([]Series, 3000)},
	} {
		for _, size := range [][2]int{{MinSize, MinSize}, {MinSize, 1000}, {1000, MinSize}, {479, 300}, {480, 300}} {
			var out bytes.Buffer
			if err := s.PNG(&out, size[0], size[1]); err != nil {
				t.Errorf("%s, %v: %v", name, size, err)
			}
			out.Reset()
			if err := s.SVG(&out, size[0], size[1]); err != nil || strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
				t.Errorf("%s, %v: %v\n%s", name, size, err, &out)
			}
		}
	}
	for _, size := range [][2]int{{0, 100}, {MinSize - 1, 400}, {400, MaxSize + 1}, {-5, -5}, {math.MaxInt, 400}} {
		if err := example().TGA(io.Discard, size[0], size[1]); err == nil {
			t.Errorf("a picture of %v is drawn", size)
		}
	}
}

func TestScale(t *testing.T) {
	for _, highest := range []float64{0, 1e-9, .3, 1, 7, 10, 99, 1234, 5.4e6, 1e18} {
		for wanted := 2; wanted < 20; wanted++ {
			marks := scale(highest, wanted)
			if marks[0] != 0 || marks[len(marks)-1] < highest || len(marks) > wanted+2 || len(marks) < 2 {
				t.Errorf("scale(%g, %d) = %v", highest, wanted, marks)
			}
		}
	}
	for v, want := range map[float64]string{0: "0 B", 5: "5 B", 1500: "1.5 kB", 2.5e6: "2.5 MB", 1e18: "1 EB"} {
		if got := amount(v, "B"); got != want {
			t.Errorf("amount(%g) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 999: "999", 1234: "1.23 k", 12345: "12.3 k", 123456: "123 k", 999499: "999 k", 999600: "1.00 M", 2.5e9: "2.50 G"} {
		if got := Amount(v, ""); got != want {
			t.Errorf("Amount(%g) = %q, want %q", v, got, want)
		}
	}
}

// Times are round on the clock that is shown, also over a change to summer time and in zones that are off by half an hour.
func TestTimes(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"} {
		at, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 3, 28, 21, 17, 31, 5, at)
		for _, s := range spacings {
			mark := firstMark(start, s.every)
			if mark.Before(start) || s.every < 24*time.Hour && mark.Sub(start) > 2*s.every {
				t.Errorf("%s: the first mark of every %v behind %v is %v", zone, s.every, start, mark)
			}
			if s.every >= 24*time.Hour && (mark.Hour() != 0 || nextMark(mark, s.every).Hour() != 0) {
				t.Errorf("%s: days begin at %v and %v", zone, mark, nextMark(mark, s.every))
			}
		}
	}
}

// Over a change to summer time and back several hours are those of the clock, each once, and none stands still.
func TestHoursOfTheClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []time.Time{time.Date(2026, 3, 28, 21, 17, 0, 0, berlin), time.Date(2026, 10, 24, 21, 17, 0, 0, berlin)} {
		for _, every := range []int{2, 3, 6, 12} {
			at := firstMark(start, time.Duration(every)*time.Hour)
			for range 20 {
				next := nextMark(at, time.Duration(every)*time.Hour)
				if odd := at.Hour() % every; odd != 0 && !(at.Hour() == 3 && every == 2) { // where 02:00 is left out by the clock
					t.Errorf("a mark of every %d hours is %v", every, at)
				}
				if !next.After(at) || next.Sub(at) > time.Duration(every+1)*time.Hour {
					t.Fatalf("the mark behind %v is %v", at, next)
				}
				at = next
			}
		}
	}
}

// Names that do not fit beside the areas stand below them, and a picture without anything says so, at the times that it is about.
func TestWhereTextsStand(t *testing.T) {
	texts := func(s *Stack, width, height int) map[string][2]float64 {
		t.Helper()
		var out bytes.Buffer
		if err := s.SVG(&out, width, height); err != nil {
			t.Fatal(err)
		}
		var svg struct {
			ViewBox string `xml:"viewBox,attr"`
			Text    []struct {
				X    float64 `xml:"x,attr"`
				Y    float64 `xml:"y,attr"`
				Text string  `xml:",chardata"`
			} `xml:"text"`
		}
		if err := xml.Unmarshal(out.Bytes(), &svg); err != nil {
			t.Fatal(err)
		}
		found := map[string][2]float64{}
		for _, one := range svg.Text {
			found[one.Text] = [2]float64{one.X, one.Y}
		}
		return found
	}
	pairs := example()
	pairs.Series[0].Name, pairs.Series[1].Name = "2001:db8:1:2:3:4:5:6 – 2001:db8:1:2:3:4:5:7", "2001:db8:1:2:3:4:5:6 – 2001:db8:1:2:3:4:5:8"
	if at := texts(pairs, 500, 400)[pairs.Series[1].Name]; at[0] > 50 || at[1] < 250 {
		t.Errorf("a long name stands at %v of 500 by 400, want it below, whole", at)
	}
	if at := texts(pairs, 1000, 400)[pairs.Series[1].Name]; at[0] < 600 || at[1] > 100 {
		t.Errorf("a long name stands at %v of 1000 by 400, want it beside", at)
	}
	if at, ok := texts(example(), 4000, 3000)["192.0.2.7"]; !ok || at[0] > 1600 {
		t.Errorf("in a large picture a name stands at %v, want what is larger and no more of it", at)
	}
	low := texts(example(), 200, 100)
	if _, ok := low["Hosts by bytes sent"]; !ok || len(low) < 5 {
		t.Errorf("a low picture says %v", low)
	}
	empty := texts(&Stack{Title: "Hosts", Start: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Step: time.Hour}, 800, 400)
	for _, want := range []string{"nothing in this time", "12:00", "12:30"} {
		if _, ok := empty[want]; !ok {
			t.Errorf("an empty picture says %v, want %q", empty, want)
		}
	}
}
