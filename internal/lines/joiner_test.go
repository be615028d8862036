package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// pieces is a reader that gives what it has in pieces of given sizes, over and over.
type pieces struct {
	text  []byte
	sizes []int
	next  int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := min(p.sizes[p.next%len(p.sizes)], len(p.text), len(to))
	p.next++
	copy(to, p.text[:n])
	p.text = p.text[n:]
	return n, nil
}

// failing is what helpers need of a test or of a property.
type failing interface {
	Helper()
	Fatal(...any)
	Error(...any)
}

// joinAll cuts and joins a text that comes in pieces.
func joinAll(t failing, m parser.Multiline, text string, sizes []int) (all []source.Record) {
	t.Helper()
	j, err := NewJoiner(m)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSplitter(&pieces{text: []byte(text), sizes: sizes}, 0)
	now := time.Unix(1e9, 0)
	keep := func(records []source.Record) {
		for _, r := range records {
			r.Data = bytes.Clone(r.Data)
			all = append(all, r)
		}
	}
	for {
		records, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		keep(j.Join(records, now))
	}
	if rest, ok := s.Rest(); ok {
		keep(j.Join([]source.Record{rest}, now))
	}
	if rest, ok := j.Rest(); ok {
		keep([]source.Record{rest})
	}
	if _, ok := j.Rest(); ok {
		t.Error("Rest gives the open record twice")
	}
	return all
}

const trace = "2026-01-02 oops\n\tat a\n\n\tat b\n2026-01-03 fine\n2026-01-04 last\n\tat c"

func TestJoin(t *testing.T) {
	started, continued := parser.Multiline{Start: `^\d{4}-`}, parser.Multiline{Continue: `^\s`}
	for _, c := range []struct {
		name  string
		m     parser.Multiline
		text  string
		wants []string
	}{
		{"by the start", started, trace, []string{"2026-01-02 oops\n\tat a\n\n\tat b", "2026-01-03 fine", "2026-01-04 last\n\tat c"}},
		{"by what continues: a blank line does not", continued, trace,
			[]string{"2026-01-02 oops\n\tat a", "\n\tat b", "2026-01-03 fine", "2026-01-04 last\n\tat c"}},
		{"nothing but continuations", started, "\tat a\n\tat b\n2026- x\n", []string{"\tat a\n\tat b", "2026- x"}},
		{"continuations first", continued, " a\n b\nc\n d\n", []string{" a\n b", "c\n d"}},
		{"blank lines at the end of a record", started, "2026- x\n\n\n2026- y\n\n", []string{"2026- x", "2026- y"}},
		{"too many lines", parser.Multiline{Start: "^!", MaxLines: 2}, "!a\nb\nc\nd\ne\n!f\n", []string{"!a\nb cut", "c\nd cut", "e", "!f"}},
		{"too many bytes", parser.Multiline{Start: "^!", MaxBytes: 5}, "!a\nbb\nc\n0123456789\n!f\n", []string{"!a\nbb cut", "c cut", "0123456789", "!f"}},
		{"nothing", started, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			at, lines := int64(0), 0
			for _, r := range joinAll(t, c.m, c.text, []int{7}) {
				if r.From != at {
					t.Errorf("%q begins at %d, want %d", r.Data, r.From, at)
				}
				at = r.To
				lines += int(r.Count())
				text := string(r.Data)
				if r.Cut {
					text += " cut"
				}
				got = append(got, text)
			}
			if at != int64(len(c.text)) {
				t.Errorf("the records end at %d, want %d", at, len(c.text))
			}
			if want := strings.Count(c.text, "\n") + len(regexp.MustCompile(`[^\n]\z`).FindAllString(c.text, -1)); lines != want {
				t.Errorf("the records are of %d lines, want %d", lines, want)
			}
			if diff := cmp.Diff(c.wants, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However a text comes in, the records are the same: as many, with the same places.
func TestJoinOfAnyChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"! begin", " more", "", "\r", "x", "\x00\x00", "long " + strings.Repeat("y", 40)}), 0, 60).Draw(t, "lines"),
			rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		m := rapid.SampledFrom([]parser.Multiline{{Start: "^!"}, {Continue: `^\s`}, {Start: "^!", MaxLines: 3}, {Start: "^!", MaxBytes: 30}, {Start: "never"}}).Draw(t, "settings")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 20).Draw(t, "sizes")
		whole := joinAll(t, m, text, []int{1 << 20})
		if diff := cmp.Diff(whole, joinAll(t, m, text, sizes)); diff != "" {
			t.Fatal(diff)
		}
		for i, r := range whole {
			if i > 0 && r.From < whole[i-1].To {
				t.Fatalf("record %d begins at %d, within the one before, which ends at %d", i, r.From, whole[i-1].To)
			}
		}
		if len(whole) == 0 {
			return
		}
		// Who resumes behind any record gets the records that come behind it.
		at := rapid.IntRange(0, len(whole)-1).Draw(t, "resumed")
		rest := joinAll(t, m, text[whole[at].To:], sizes)
		if len(rest) != len(whole)-at-1 {
			t.Fatalf("from %d on there are %d records, want %d", whole[at].To, len(rest), len(whole)-at-1)
		}
	})
}

func TestJoinerIsDue(t *testing.T) {
	j, err := NewJoiner(parser.Multiline{Start: "^!", Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	if j.Due(now) {
		t.Error("Due without a record")
	}
	j.Join([]source.Record{{Data: []byte("!a"), To: 3}}, now)
	j.Join([]source.Record{{Data: []byte("b"), From: 3, To: 5}}, now.Add(900*time.Millisecond))
	if j.Due(now.Add(1800 * time.Millisecond)) {
		t.Error("Due 0.9 s after the last line, want not before 1 s")
	}
	if !j.Due(now.Add(1900 * time.Millisecond)) {
		t.Error("not Due 1 s after the last line")
	}
	if r, ok := j.Rest(); !ok || string(r.Data) != "!a\nb" || r.To != 5 || r.Lines != 2 || j.Due(now.Add(time.Hour)) {
		t.Errorf("Rest = %+v, %v", r, ok)
	}
}

func TestMultilineSettings(t *testing.T) {
	for _, m := range []parser.Multiline{{Start: "a", Continue: "b"}, {Start: "("}, {Continue: `(?<!x)`}, {MaxLines: 1}, {MaxLines: 1e6}, {MaxBytes: -1}, {MaxBytes: parser.MaxRecord + 1}, {Wait: -1}, {Wait: 2 * time.Hour}} {
		if m.Validate() == nil {
			t.Errorf("%+v is valid", m)
		}
	}
	if err := (parser.Multiline{}).Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, m := range []parser.Multiline{{Start: `^\d{4}-`}, {Continue: `^\s`}} {
		b.Run(fmt.Sprintf("%+v", m), func(b *testing.B) {
			j, err := NewJoiner(m)
			if err != nil {
				b.Fatal(err)
			}
			line := source.Record{Data: []byte("2026-01-02 12:00:00 INFO something happened in a place of some importance"), To: 70}
			batch := []source.Record{line, line, {Data: []byte("\tat org.example.Thing(Thing.java:17)")}, line}
			b.ReportAllocs()
			for b.Loop() {
				j.Join(batch, time.Time{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/line")
		})
	}
}
