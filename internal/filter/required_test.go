package filter

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"testing"
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
