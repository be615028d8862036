package filter

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// word draws a text from few letters, so that texts often overlap.
func word(r *rand.Rand, letters string, most int) string {
	var out []byte
	chars := chars(letters)
	for range r.IntN(most + 1) {
		out = append(out, chars[r.IntN(len(chars))]...)
	}
	return string(out)
}

// TestSearcherFindsAll compares the searchers with one search a text.
func TestSearcherFindsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		letters := []string{"ab", "abc\x00\xff", "abcdefghijklmnop"}[r.IntN(3)]
		if r.IntN(10) == 0 {
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			letters = string(all)
		}
		var texts [][]byte
		var numbers []int32
		most := []int{2, 5, 12, 60}[r.IntN(4)]
		for range 1 + r.IntN(30) {
			if w := word(r, letters, most); w != "" {
				texts, numbers = append(texts, []byte(w)), append(numbers, int32(len(numbers)))
			}
		}
		searchers := newSearchers(texts, numbers)
		for range 20 {
			v := []byte(word(r, letters, 100))
			for range r.IntN(3) {
				if len(texts) > 0 {
					v = append(v, texts[r.IntN(len(texts))]...)
				}
			}
			got := map[int32]bool{}
			for _, s := range searchers {
				s.scan(v, func(n int32) { got[n] = true })
			}
			for i, text := range texts {
				want := bytes.Contains(v, text[:min(len(text), longText)])
				if got[int32(i)] != want {
					t.Fatalf("%q in %q: found %v, want %v (among %q)", text, v, got[int32(i)], want, texts)
				}
			}
		}
	})
}

// TestLikeIsModel compares patterns with a matcher that tries all ways.
func TestLikeIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		pattern := word(r, `ab%_é\`, 7)
		p := compileLike([]byte(pattern))
		for range 30 {
			v := word(r, "abé%_\\\xff\xc3", 9)
			if got, want := p.match([]byte(v)), modelLike(v, pattern, false); got != want {
				t.Fatalf("%q like %q = %v, want %v", v, pattern, got, want)
			}
			if p.match([]byte(v)) && !bytes.Contains([]byte(v), p.literal()) {
				t.Fatalf("%q like %q, but lacks the literal %q", v, pattern, p.literal())
			}
		}
	})
}

// TestPatternNeedsLiteral: whatever an expression matches contains its literal.
func TestPatternNeedsLiteral(t *testing.T) {
	for _, source := range slices.Concat(rePool, []string{"(abc)+d?", "(abc){2}", "a?bcd", "(?i)abc", "ab|abc", "x(?i:y)zed", "^abc$", "[a]bc", "(ab){0,2}c", "(abc)*", "ab\ufffdcd"}) {
		p, reason := compilePattern(source)
		if reason != "" {
			t.Fatal(source, reason)
		}
		r := rand.New(rand.NewPCG(1, 1))
		for range 3000 {
			v := []byte(word(r, "abcdABCDfoxyz \xff", 8) + rePool[r.IntN(len(rePool))])
			if got, want := p.match(v), regexp.MustCompile(source).Match(v); got != want {
				t.Fatalf("%q matches %q = %v, want %v", v, source, got, want)
			}
		}
	}
}

// TestFoldIsEqualFold: folding takes for equal what Unicode's simple folding does, and nothing else.
func TestFoldIsEqualFold(t *testing.T) {
	folded := map[string]rune{}
	for r := rune(0); r <= 0x1e943; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		f := string(appendFolded(nil, []byte(string(r))))
		first, seen := folded[f]
		if !seen {
			folded[f] = r
			continue
		}
		if !bytes.EqualFold([]byte(string(first)), []byte(string(r))) {
			t.Errorf("%q and %q fold to the same", first, r)
		}
	}
	for r, f := range map[string]string{"K": "k", "\u212a": "k", "ſ": "s", "É": string(appendFolded(nil, []byte("é"))), "\xff": "\xff"} {
		if got := string(appendFolded(nil, []byte(r))); got != f {
			t.Errorf("%q folds to %q, want %q", r, got, f)
		}
	}
}
