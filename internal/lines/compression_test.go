package lines_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
	"tocsin/internal/lines"
)

// content is text that packs badly enough to be spread over many blocks.
func content(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(5)))
		if rng.IntN(20) == 0 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func packGzip(t testing.TB, parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func packZstd(t testing.TB, parts ...[]byte) []byte {
	var all []byte
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		all = w.EncodeAll(p, all)
	}
	return all
}

// "hello bzip2\n", packed by bzip2 1.0.8.
const helloBzip2 = "425a6839314159265359ab6ba1f1000002d9800010400010001264c01020003100d34d04001ea3ef4e51a2078bb9229c284855b5d0f880"

func TestOpen(t *testing.T) {
	text := content(1 << 20)
	half := len(text) / 2
	for _, c := range []struct {
		name   string
		packed []byte
		want   []byte
		is     lines.Compression
	}{
		{"plain", text, text, lines.Plain},
		{"empty", nil, nil, lines.Plain},
		{"short", []byte("\x1f"), []byte("\x1f"), lines.Plain},
		{"begins like bzip2", []byte("BZhello"), []byte("BZhello"), lines.Plain},
		{"gzip", packGzip(t, text), text, lines.Gzip},
		{"gzip of members", packGzip(t, text[:half], nil, text[half:]), text, lines.Gzip},
		{"zstd", packZstd(t, text), text, lines.Zstd},
		{"zstd of frames", packZstd(t, text[:half], text[half:]), text, lines.Zstd},
		{"zstd behind a skippable frame", append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), packZstd(t, text)...), text, lines.Zstd},
	} {
		r, err := lines.Open(bytes.NewReader(c.packed))
		if err != nil {
			t.Errorf("%s: Open: %v", c.name, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, c.want) || r.Compression != c.is || r.Offset() != int64(len(c.want)) {
			t.Errorf("%s: read %d bytes, offset %d, of %s, %v, want %d of %s", c.name, len(got), r.Offset(), r.Compression, err, len(c.want), c.is)
		}
		r.Close()
	}
}

func TestOpenBzip2(t *testing.T) {
	packed := bzip2Sample(t)
	r, err := lines.Open(bytes.NewReader(append(bytes.Clone(packed), packed...)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello bzip2\nhello bzip2\n" || r.Compression != lines.Bzip2 {
		t.Errorf("read %q of %s, %v, want the text twice, of two streams", got, r.Compression, err)
	}
}

func bzip2Sample(t *testing.T) []byte {
	t.Helper()
	packed, err := hex.DecodeString(helloBzip2)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestOpenRefuses(t *testing.T) {
	for name, head := range map[string]string{
		"xz": "\xfd7zXZ\x00\x00\x04", "lz4": "\x04\x22\x4d\x18abc", "zip": "PK\x03\x04abcdef", "compress": "\x1f\x9d\x90abc",
		"UTF-16": "\xff\xfea\x00b\x00", "UTF-16 ": "\xfe\xff\x00a\x00b",
	} {
		_, err := lines.Open(strings.NewReader(head))
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("Open(%s) = %v, want it to be invalid and named", name, err)
		}
	}
}

// Whatever the place at which packed data ends or is damaged: what could be read is right, and the error says where.
func TestDamaged(t *testing.T) {
	text := content(600_000)
	for name, packed := range map[string][]byte{"gzip": packGzip(t, text), "zstd": packZstd(t, text), "bzip2": bzip2Sample(t)} {
		want := text
		if name == "bzip2" {
			want = []byte("hello bzip2\n")
		}
		for n := 7; n < len(packed); n += max(1, len(packed)/97) {
			got, err := readAll(packed[:n])
			var damaged *lines.Damaged
			if !errors.As(err, &damaged) || !damaged.Truncated() || damaged.Offset != int64(len(got)) || !bytes.HasPrefix(want, got) {
				t.Fatalf("%s cut at %d of %d: %d bytes, %v, want the beginning and where it ends", name, n, len(packed), len(got), err)
			}
			if !strings.Contains(err.Error(), "ends early") {
				t.Errorf("%s cut at %d: %v, want it to say that it ends early", name, n, err)
			}
			flipped := bytes.Clone(packed)
			flipped[n] ^= 0x10
			if got, err = readAll(flipped); err == nil && !bytes.Equal(got, want) {
				t.Errorf("%s with byte %d flipped: other content and no error", name, n)
			}
		}
		if got, err := readAll(packed[:len(packed)/2]); name != "bzip2" && len(got) < len(want)/4 {
			t.Errorf("%s cut in half: %d of %d bytes could be read, %v", name, len(got), len(want), err)
		}
	}
}

func readAll(packed []byte) ([]byte, error) {
	r, err := lines.Open(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
