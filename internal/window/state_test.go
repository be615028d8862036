package window

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEncoder: whatever is written in whatever pieces, the bytes are those of one piece, and are read back.
func TestEncoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, want, texts := &Encoder{}, []byte(nil), []string(nil)
		var read []func(d *Decoder) bool
		for range rapid.IntRange(0, 60).Draw(t, "things") {
			switch rapid.IntRange(0, 4).Draw(t, "sort") {
			case 0:
				n := rapid.Int64().Draw(t, "int")
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
			default:
				s := strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 500, firstPiece, 3 * firstPiece, largePiece + 1}).Draw(t, "text"))
				other := &Encoder{}
				if len(s) > 2 && rapid.Bool().Draw(t, "nested") {
					_, _ = other.Write([]byte(s[:2])) // which does not fail
					_, _ = other.Write([]byte(s[2:]))
					e.Nested(other)
				} else {
					e.Text(s)
				}
				want = append(binary.AppendUvarint(want, uint64(len(s))), s...)
				texts = append(texts, s)
				read = append(read, func(d *Decoder) bool { return d.Text() == s })
			}
		}
		var got bytes.Buffer
		if n, err := e.WriteTo(&got); err != nil || n != int64(len(want)) || e.Len() != len(want) {
			t.Fatalf("WriteTo = %d, %v and Len = %d, want %d", n, err, e.Len(), len(want))
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("got %d bytes that differ, of %d texts", got.Len(), len(texts))
		}
		d := &Decoder{buf: got.Bytes()}
		for i, ok := range read {
			if !ok(d) {
				t.Fatalf("thing %d is read otherwise", i)
			}
		}
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
	})
}
