package document_test

import (
	"errors"
	"slices"
	"testing"

	"tocsin/internal/document"
)

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// FuzzDecode holds that no text brings Decode down, that every mistake has a place within the text, and that what a Node
// prints reads back as the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "name: a\n", "inner: &a {over: 0s}\nmaybe: *a\n", "raw: {a: [1, 'x', |-\n z]}\n", "? a\n: b\n", "--- |\n", "%YAML 1.1\n---\n", "raw: &x [*x]\n",
		"password: x\npassword_file: y\n", "several: [{over: 1d}, ~]\n", "raw: !!binary x\n", "{", "\t", "raw: \"\\x00\"\n", "raw: >+\n\n a\n\n", "# c\nraw: # d\n  # e\n  a: b # f\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := defaults()
		err := document.Decode("f", text, got)
		var ms document.Mistakes
		if err != nil && (!errors.As(err, &ms) || len(ms) == 0) {
			t.Fatalf("Decode: got error %v of type %T, want Mistakes", err, err)
		}
		for _, m := range ms {
			if m.Line > 0 && m.Column < 1 {
				t.Errorf("mistake %v is at column %d", m, m.Column)
			}
		}
		if err != nil || got.Raw.IsZero() {
			return
		}
		once := got.Raw.String()
		again, err := document.Parse("again", []byte(once))
		if got.Raw.Keys() == nil && got.Raw.Items() == nil {
			return // a plain value prints its text, not YAML
		}
		if err != nil {
			t.Fatalf("Parse(%q), printed from %q: %v", once, text, err)
		}
		if !slices.Equal(got.Raw.Keys(), again.Keys()) || len(got.Raw.Items()) != len(again.Items()) {
			t.Errorf("printed %q, which reads back as %q", once, again.String())
		}
	})
}
