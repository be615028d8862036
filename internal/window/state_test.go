package window

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// sized draws numbers of every width alike, of either sign.
func sized() *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		return int64(rapid.Uint64().Draw(t, "bits")>>rapid.IntRange(0, 64).Draw(t, "less")) * int64(rapid.SampledFrom([]int{1, -1}).Draw(t, "sign"))
	})
}

// TestEncoder: whatever is written in whatever pieces is the same bytes, and is read back, however these come.
func TestEncoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got bytes.Buffer
		e, want := NewEncoder(&got, "test", 3), append([]byte("\x04test"), 3)
		var read []func(d *Decoder) bool
		for range rapid.IntRange(0, 60).Draw(t, "things") {
			switch rapid.IntRange(0, 4).Draw(t, "sort") {
			case 0:
				n := sized().Draw(t, "int")
				e.Int(n)
				want = binary.AppendVarint(want, n)
				read = append(read, func(d *Decoder) bool { return d.Int() == n })
			case 1:
				n := rapid.Uint64().Draw(t, "uint")
				e.Uint(n)
				want = binary.AppendUvarint(want, n)
				read = append(read, func(d *Decoder) bool { return d.Uint() == n })
			case 2:
				f := rapid.Float64().Draw(t, "float")
				e.Float(f)
				want = binary.LittleEndian.AppendUint64(want, math.Float64bits(f))
				read = append(read, func(d *Decoder) bool { return math.Float64bits(d.Float()) == math.Float64bits(f) })
			case 3:
				a, b, c := sized().Draw(t, "a"), sized().Draw(t, "b"), sized().Draw(t, "c")
				e.Row(a, b, c)
				want = appendRow(want, a, b, c)
				read = append(read, func(d *Decoder) bool {
					x, y, z := d.Row()
					return x == a && y == b && z == c
				})
			default:
				s := strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 500, firstPiece, 3 * firstPiece}).Draw(t, "text"))
				e.Text(s)
				want = append(binary.AppendUvarint(want, uint64(len(s))), s...)
				read = append(read, func(d *Decoder) bool { return d.Text() == s })
			}
		}
		if err := e.Flush(); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("got %d bytes, want %d others; %v", got.Len(), len(want), err)
		}
		from := rapid.SampledFrom([]func(io.Reader) io.Reader{
			iotest.HalfReader, iotest.OneByteReader, iotest.DataErrReader, func(r io.Reader) io.Reader { return r },
		}).Draw(t, "reader")
		d := NewDecoder(from(bytes.NewReader(want)), "test", 3)
		for i, ok := range read {
			if !ok(d) {
				t.Fatalf("thing %d is read otherwise", i)
			}
		}
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, len(want)-1).Draw(t, "cut")
		d = NewDecoder(from(bytes.NewReader(want[:cut])), "test", 3)
		for _, ok := range read {
			ok(d)
		}
		if err := d.Err(); !errors.Is(err, ErrState) {
			t.Fatalf("cut at %d of %d: got %v", cut, len(want), err)
		}
	})
}

// appendRow is Row as its documentation says it, byte by byte.
func appendRow(to []byte, a, b, c int64) []byte {
	numbers := []uint64{uint64(a), uint64(b)<<1 ^ uint64(b>>63), uint64(c)<<1 ^ uint64(c>>63)}
	widths := [][]int{{0, 1, 2, 3, 4, 5, 6, 8}, {0, 1, 2, 3, 4, 5, 6, 8}, {0, 1, 5, 8}}
	head, rest := 0, []byte(nil)
	for i, n := range numbers {
		code := 0
		for w := widths[i][code]; w < 8 && n>>(8*w) != 0; w = widths[i][code] {
			code++
		}
		head = head<<[]int{3, 3, 2}[i] | code
		for w := range widths[i][code] {
			rest = append(rest, byte(n>>(8*w)))
		}
	}
	return append(append(to, byte(head)), rest...)
}

// A text may be longer than a piece.
func TestEncoderOfLongText(t *testing.T) {
	var state bytes.Buffer
	long := strings.Repeat("x", 3*largePiece+1)
	e := NewEncoder(&state, "test", 1)
	e.Text(long)
	e.Int(7)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(iotest.HalfReader(&state), "test", 1)
	if text, n := d.Text(), d.Int(); text != long || n != 7 || d.Err() != nil {
		t.Errorf("got %d bytes and %d, want %d and 7; %v", len(text), n, len(long), d.Err())
	}
}

// Whoever cannot be written to is told of at the end, and not asked again.
func TestEncoderToNobody(t *testing.T) {
	full, asked := errors.New("no room"), 0
	e := NewEncoder(writer(func([]byte) (int, error) { asked++; return 0, full }), "test", 1)
	for range 3 * largePiece / 8 {
		e.Float(1)
	}
	if err := e.Flush(); !errors.Is(err, full) || asked != 1 {
		t.Errorf("Flush: got %v, asked %d times", err, asked)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// A count or a length that cannot be costs no more room than there are bytes.
func TestDecoderOfLies(t *testing.T) {
	state := binary.AppendUvarint([]byte("\x04test\x01"), 1<<40)
	state = append(state, make([]byte, 100)...)
	for name, read := range map[string]func(d *Decoder){
		"count": func(d *Decoder) { d.Count(1) }, "count of much": func(d *Decoder) { d.Count(1 << 30) }, "text": func(d *Decoder) { d.Text() },
	} {
		d := NewDecoder(bytes.NewReader(state), "test", 1)
		if read(d); !errors.Is(d.Err(), ErrState) || cap(d.room) > 4*firstPiece {
			t.Errorf("%s: got %v, with room for %d bytes", name, d.Err(), cap(d.room))
		}
	}
	broken := errors.New("broken disk")
	d := NewDecoder(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(state))), "test", 1)
	if err := d.Err(); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("of a reader that fails: got %v", err)
	}
	if d := NewDecoder(iotest.ErrReader(broken), "test", 1); !errors.Is(d.Err(), broken) {
		t.Errorf("of a reader that fails at once: got %v", d.Err())
	}
}
