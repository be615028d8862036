package lines_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// all reads everything, copying the data, with what stands behind the last line end at the end.
func all(s *lines.Splitter) (records []source.Record, err error) {
	for {
		some, err := s.Next()
		for _, r := range some {
			r.Data = bytes.Clone(r.Data)
			records = append(records, r)
		}
		if err == nil {
			continue
		}
		if r, ok := s.Rest(); ok {
			r.Data = bytes.Clone(r.Data)
			records = append(records, r)
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return records, err
	}
}

func same(a, b source.Record) bool {
	return bytes.Equal(a.Data, b.Data) && a.From == b.From && a.To == b.To && a.Cut == b.Cut
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // from-to:data
		holes      int64
	}{
		{"nothing", "", nil, 0},
		{"one", "a\n", []string{"0-2:a"}, 0},
		{"no end", "a\nbc", []string{"0-2:a", "2-4:bc"}, 0},
		{"crlf", "a\r\n\r\nb\r", []string{"0-3:a", "3-5:", "5-7:b"}, 0},
		{"empty lines", "\n\n", []string{"0-1:", "1-2:"}, 0},
		{"return inside", "a\rb\n", []string{"0-4:a\rb"}, 0},
		{"hole", "\x00\x00\x00a\nb\x00c\n\x00\x00", []string{"3-5:a", "5-9:b\x00c"}, 5},
		{"mark", "\xef\xbb\xbfa\n\xef\xbb\xbfb\n", []string{"0-5:a", "5-10:\xef\xbb\xbfb"}, 0},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.text), "bytes": iotest.OneByteReader(strings.NewReader(c.text)), "with end": iotest.DataErrReader(strings.NewReader(c.text))} {
			s := lines.NewSplitter(r, 0)
			records, err := all(s)
			var got []string
			for _, r := range records {
				got = append(got, fmt.Sprintf("%d-%d:%s", r.From, r.To, r.Data))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got):\n%s", c.name, name, err, diff)
			}
			if s.Holes() != c.holes {
				t.Errorf("%s, %s: Holes = %d, want %d", c.name, name, s.Holes(), c.holes)
			}
		}
	}
}

// Lines around the limit, and far beyond it, keep their beginning, their range and the lines behind them.
func TestLongLines(t *testing.T) {
	for _, n := range []int{parser.MaxRecord - 1, parser.MaxRecord, parser.MaxRecord + 1, 2*parser.MaxRecord - 1, 2 * parser.MaxRecord, 2*parser.MaxRecord + 1, 5 * parser.MaxRecord} {
		text := "first\n" + strings.Repeat("x", n) + "\nlast\n" + strings.Repeat("y", n)
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text))} {
			got, err := all(lines.NewSplitter(r, 100))
			if err != nil || len(got) != 4 {
				t.Fatalf("%d, %s: %d records, %v, want 4", n, name, len(got), err)
			}
			want := []source.Record{
				{Data: []byte("first"), From: 100, To: 106},
				{Data: []byte(strings.Repeat("x", min(n, parser.MaxRecord))), From: 106, To: 106 + int64(n) + 1, Cut: n > parser.MaxRecord},
				{Data: []byte("last"), From: 107 + int64(n), To: 112 + int64(n)},
				{Data: []byte(strings.Repeat("y", min(n, parser.MaxRecord))), From: 112 + int64(n), To: 112 + 2*int64(n), Cut: n > parser.MaxRecord},
			}
			for i := range want {
				if !same(want[i], got[i]) {
					t.Errorf("%d, %s: record %d is %d bytes %d-%d cut %v, want %d bytes %d-%d cut %v", n, name, i,
						len(got[i].Data), got[i].From, got[i].To, got[i].Cut, len(want[i].Data), want[i].From, want[i].To, want[i].Cut)
				}
			}
		}
	}
}

// However a stream arrives, the lines are the same, and ranges leave out only holes.
func TestAnyCutOfReads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var text []byte
		for range rng.IntN(60) {
			switch rng.IntN(12) {
			case 0:
				text = append(text, bytes.Repeat([]byte{0}, rng.IntN(3000))...)
			case 1:
				text = append(text, bytes.Repeat([]byte("long "), rng.IntN(80_000))...)
			default:
				text = append(text, strings.Repeat("z", rng.IntN(300))...)
			}
			text = append(text, '\n')
		}
		want, _ := all(lines.NewSplitter(bytes.NewReader(text), 0))
		got, _ := all(lines.NewSplitter(&ragged{text: text, rng: rng}, 0))
		if len(got) != len(want) {
			t.Fatalf("read in pieces: %d records, want %d", len(got), len(want))
		}
		for i := range want {
			if !same(want[i], got[i]) {
				t.Fatalf("read in pieces: record %d is %.100v, want %.100v", i, got[i], want[i])
			}
		}
		at := int64(0)
		for _, r := range got {
			if hole := text[at:r.From]; len(bytes.Trim(hole, "\x00")) > 0 {
				t.Fatalf("bytes %d to %d are in no record and no hole", at, r.From)
			}
			at = r.To
		}
	}
}

// ragged gives pieces of any size, now and then nothing, and io.EOF between.
type ragged struct {
	text []byte
	rng  *rand.Rand
}

func (r *ragged) Read(p []byte) (int, error) {
	n := copy(p, r.text[:min(len(r.text), r.rng.IntN(100_000)*r.rng.IntN(2))])
	r.text = r.text[n:]
	if len(r.text) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// A stream that ends goes on when there is more: the tail of a growing file.
func TestGrowing(t *testing.T) {
	var file bytes.Buffer
	s := lines.NewSplitter(&file, 0)
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("Next = %v, want EOF", err)
	}
	file.WriteString("ha")
	if _, err := s.Next(); !errors.Is(err, io.EOF) || s.Held() != 2 || s.Offset() != 0 {
		t.Fatalf("Next = %v, held %d, offset %d, want EOF, 2, 0", err, s.Held(), s.Offset())
	}
	file.WriteString("lf\nx")
	got, err := s.Next()
	if err != nil || len(got) != 1 || string(got[0].Data) != "half" || s.Offset() != 5 {
		t.Fatalf("Next = %v, %v, offset %d, want half and 5", got, err, s.Offset())
	}
	if _, err = s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("Next = %v, want EOF", err)
	}
	rest, ok := s.Rest()
	if !ok || string(rest.Data) != "x" || rest.From != 5 || rest.To != 6 {
		t.Fatalf("Rest = %v, %v, want x, 5 to 6", rest, ok)
	}
	file.WriteString("y\n")
	got, err = s.Next()
	if err != nil || len(got) != 1 || string(got[0].Data) != "y" || got[0].From != 6 {
		t.Fatalf("Next = %v, %v, want y from 6", got, err)
	}
}

// endless gives one line without an end.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(e.left, int64(len(p))))
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= int64(n)
	return n, nil
}

func TestEndlessLineTakesBoundedMemory(t *testing.T) {
	const size = 1 << 30
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := lines.NewSplitter(&endless{left: size}, 0)
	got, err := all(s)
	runtime.ReadMemStats(&after)
	if err != nil || len(got) != 1 || !got[0].Cut || got[0].To != size || len(got[0].Data) != parser.MaxRecord {
		t.Errorf("a line of 1 GiB: %d records, %v, want one that is cut", len(got), err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("a line of 1 GiB took %d bytes of memory, want less than 4 MiB", grown)
	}
}

func TestReaderThatNeverGives(t *testing.T) {
	if _, err := lines.NewSplitter(never{}, 0).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Next = %v, want io.ErrNoProgress", err)
	}
}

type never struct{}

func (never) Read([]byte) (int, error) { return 0, nil }

func BenchmarkSplit(b *testing.B) {
	text := bytes.Repeat([]byte(strings.Repeat("x", 235)+"\n"), 100_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := lines.NewSplitter(bytes.NewReader(text), 0)
		n := 0
		for {
			some, err := s.Next()
			if n += len(some); err != nil {
				break
			}
		}
		if n != 100_000 {
			b.Fatalf("%d lines", n)
		}
	}
}
