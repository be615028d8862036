package combined

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
)

// Request lines are taken apart as the words of RFC 9112 section 3 say, read without haste: the version behind the last
// blank, the query behind the first question mark.
func TestRequestLines(t *testing.T) {
	p, err := Default().New()
	if err != nil {
		t.Fatal(err)
	}
	word := rapid.StringOf(rapid.SampledFrom([]rune(`GETHP/1. ?a"\-`)))
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.OneOf(word, rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"GET ", "POST ", "G-T ", ""}).Draw(t, "method") + word.Draw(t, "target") +
				rapid.SampledFrom([]string{" HTTP/1.1", " HTTP/2", " HTTP/1 1", " HTTP/", " HTTP/1.1 "}).Draw(t, "version")
		})).Draw(t, "line")
		want := map[event.FieldID]string{}
		if method, target, ok := strings.Cut(line, " "); ok && method != "" && len(method) <= maxMethod && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
			want[event.HTTPMethod] = method
			if i := strings.LastIndex(target, " "); i >= 0 && strings.HasPrefix(target[i:], " HTTP/") {
				want[event.HTTPVersion] = target[i+len(" HTTP/"):]
				target = target[:i]
			}
			want[event.URLOriginal] = target
			if strings.HasPrefix(target, "/") {
				want[event.URLPath], want[event.URLQuery], _ = strings.Cut(target, "?")
			}
		}
		b := event.NewBuilder(event.Log)
		p.(*accessLog).request(b, []byte(line))
		b.Next()
		batch := b.Batch()
		for _, id := range []event.FieldID{event.HTTPMethod, event.HTTPVersion, event.URLOriginal, event.URLPath, event.URLQuery} {
			got := ""
			if c := batch.Column(id); c != nil {
				if v, ok := c.Value(0); ok {
					got = string(c.Str(v))
				}
			}
			if got != want[id] {
				t.Fatalf("%q: field %d: got %q, want %q", line, id, got, want[id])
			}
		}
	})
}
