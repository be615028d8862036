package filter

import (
	"bytes"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRequiredTexts(t *testing.T) {
	for pattern, want := range map[string][]string{
		`(?i)union(\s|\+)+select`: {"select"},
		`(?i)(nikto|SQLMAP)/`:     {"nikto/", "sqlmap/"},
		`(<|%3c)script`:           {"%3cscript", "<script"},
		`(php|data)(:|%3a)//`:     {"data%3a//", "data://", "php%3a//", "php://"},
		`\(\)\s*\{`:               {"()"},
		`(?i)on(error|load)\s*=`:  {"onerror", "onload"},
		`x(\.bak)?$`:              nil, // x alone is everywhere
		`.*`:                      nil,
		`[^a]+`:                   nil,
		`(abc|.)`:                 nil,
		`a*`:                      nil,
		`(?i)\bk\b`:               nil,
		`[;|]\s*(cat|wget)`:       {";", "|"},
		`[$]{2}x`:                 {"$$x"},
		"\ufffdabcd":              nil,
	} {
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, text := range requiredTexts(tree.Simplify()) {
			got = append(got, string(text))
		}
		slices.Sort(got)
		if !slices.Equal(slices.Compact(got), want) {
			t.Errorf("requiredTexts(%q) = %q, want %q", pattern, got, want)
		}
	}
}

// Whatever an expression matches holds one of the texts that it is said to require.
func FuzzRequiredTexts(f *testing.F) {
	f.Add(`(?i)(\.|%2e){2}(/|%2f)`, "/a/%2E./x")
	f.Add(`(?i)[kK]elvin|stra(ß|ss)e`, "\u212aELVIN STRASSE")
	f.Add(`(a|bc)(d|)e?`, "xbcd")
	f.Add(`(?i:ſ)\x{fffd}a`, "s\xffa")
	f.Add(`(ab+c?){2,3}|[x-z]{3}`, "abbcab")
	f.Add(`^$|\bfoo\B.`, "food")
	f.Fuzz(func(t *testing.T, source, value string) {
		p, reason := compilePattern(source)
		if reason != "" || p.required == nil {
			return
		}
		if !p.re.MatchString(value) {
			return
		}
		folded := appendFolded(nil, []byte(value))
		if !slices.ContainsFunc(p.required, func(text []byte) bool { return bytes.Contains(folded, text) }) {
			t.Errorf("%q matches %q, which holds none of %q", source, value, p.required)
		}
	})
}

// TestRequiredIsModel tries many expressions at once, most of which wait for texts, and each by itself.
func TestRequiredIsModel(t *testing.T) {
	pieces := []string{"ab", "AB", "Ab", "ß", "K", "\u212a", "[xX]", "(a|b)", "(ab|cd)?", ";", "(;|%3b)", "[;<]+", "\\s*", ".", "(<|%3c)a", "$", "\\b", "(bc){2}", "\\x{fffd}"}
	letters := []string{"a", "b", "A", "B", "c", "d", "ß", "k", "K", "\u212a", "x", ";", "<", "%3b", "%3C", " ", "\xff", "\ufffd"}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		draw := func(from []string, most int) (s string) {
			for range 1 + r.IntN(most) {
				s += from[r.IntN(len(from))]
			}
			return s
		}
		g := &operandTests{}
		for n := range 1 + r.IntN(12) {
			source := draw(pieces, 4)
			if r.IntN(2) == 0 {
				source = "(?i)" + source
			}
			if r.IntN(3) == 0 {
				source += "|" + draw(pieces, 3)
			}
			p, reason := compilePattern(source)
			if reason != "" {
				t.Fatalf("%q: %s", source, reason)
			}
			g.slots = append(g.slots, int32(n))
			g.tests = append(g.tests, &test{op: opMatches, regex: p, consts: []constant{{text: source}}})
		}
		tests := newTextTests(g)
		state := &textState{stamps: make([]uint32, max(len(tests.exact.found), len(tests.folded.found)))}
		for range 20 {
			v := []byte(draw(letters, 12))
			got := slices.Sorted(slices.Values(tests.slotsOf(state, v)))
			for n, one := range g.tests {
				if want := one.regex.re.Match(v); slices.Contains(got, int32(n)) != want {
					t.Fatalf("%q on %q among %d: got %v, want %v (required %q)", one.regex.source, v, len(g.tests), !want, want, one.regex.required)
				}
			}
		}
	})
}
