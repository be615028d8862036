package event_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
)

// Two parsers that share a builder, abandon rows and set fields twice, with and without Derived: the batches are equal.
func TestDerivedSetsWhatSplitSays(t *testing.T) {
	fields := []event.FieldID{event.URLPath, event.URLQuery, event.URLDomain}
	parts := func(set func(event.FieldID, []byte), v []byte, other bool) {
		path, query, ok := bytes.Cut(v, []byte("?"))
		if other {
			path, query = query, path
		}
		if set(event.URLPath, path); ok {
			set(event.URLQuery, query)
		}
		if bytes.HasPrefix(v, []byte("h")) {
			set(event.URLDomain, []byte("h"))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var derived [2]*event.Derived
		for i := range derived {
			derived[i] = event.NewDerived(event.URLOriginal, fields, func(d *event.Derived, v []byte) { parts(d.Set, v, i == 1) })
		}
		got, want := event.NewBuilder(event.Log), event.NewBuilder(event.Log)
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			for range rapid.IntRange(0, 20).Draw(t, "rows") {
				if rapid.Bool().Draw(t, "domain before") {
					got.Text(event.URLDomain, "before")
					want.Text(event.URLDomain, "before")
				}
				for range rapid.IntRange(0, 2).Draw(t, "times") {
					v := []byte(rapid.SampledFrom([]string{"/", "/a?b", "h?", "?h", "", "/a?c"}).Draw(t, "url"))
					which := rapid.IntRange(0, 1).Draw(t, "which")
					got.StrWith(derived[which], v)
					want.Str(event.URLOriginal, v)
					parts(want.Str, v, which == 1)
				}
				if rapid.IntRange(0, 4).Draw(t, "abandon") == 0 {
					got.Abandon()
					want.Abandon()
				} else {
					got.Next()
					want.Next()
				}
			}
			a, b := got.Batch(), want.Batch()
			if x, y := dump(a), dump(b); x != y {
				t.Fatalf("got\n%s\nwant\n%s", x, y)
			}
		}
	})
}

func dump(b *event.Batch) string {
	var s strings.Builder
	for row := range b.Rows {
		s.Write(b.AppendJSON(nil, row))
		s.WriteByte('\n')
	}
	return s.String()
}

// Many strings of all lengths, in a few of which only one byte differs, keep their own numbers however often they come back.
func TestDictionaryTellsStringsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := event.NewBuilder(event.Log)
		for range 2 { // the second batch begins with the guesses of the first
			var want []string
			for range rapid.IntRange(1, 200).Draw(t, "rows") {
				v := bytes.Repeat([]byte{'x'}, rapid.IntRange(0, 70).Draw(t, "length"))
				if len(v) > 0 {
					v[rapid.IntRange(0, len(v)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("xy\x00")).Draw(t, "byte")
				}
				b.Str(event.UserName, v)
				b.Next()
				want = append(want, string(v))
			}
			c := b.Batch().Column(event.UserName)
			codes := map[string]int{}
			for row, text := range want {
				v, ok := c.Value(row)
				if !ok || string(c.Str(v)) != text {
					t.Fatalf("row %d: got %q, %v, want %q", row, c.Str(v), ok, text)
				}
				if had, seen := codes[text]; seen && had != v {
					t.Fatalf("%q has the numbers %d and %d", text, had, v)
				}
				codes[text] = v
			}
			if c.Len() != len(codes)+1 {
				t.Fatalf("%d values, want %d and the place holder", c.Len(), len(codes))
			}
		}
	})
}
