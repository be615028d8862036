package syslog

import (
	"regexp"
	"strings"
	"testing"
)

// The table can be read as it is meant: each name in braces is known, names and what is skipped end at words, and a verdict
// has an outcome.
func TestTable(t *testing.T) {
	braces := regexp.MustCompile(`\{(\*|\w+)\}`)
	for _, p := range append([]program{modules, sessions}, programs...) {
		for _, n := range p.names {
			if n == "" || len(n) >= maxTag || strings.ContainsAny(n, "/([ ") {
				t.Errorf("program %q: such a name is never looked up", n)
			}
		}
		for _, s := range p.sayings {
			for _, m := range braces.FindAllStringSubmatch(s.text, -1) {
				if _, known := whats[m[1]]; !known {
					t.Errorf("%q: {%s} is unknown", s.text, m[1])
				}
			}
			if strings.Count(s.text, "{") != strings.Count(s.text, "}") {
				t.Errorf("%q: braces do not match", s.text)
			}
			for q := compile(s.text, nil); q != nil; q = q.next {
				checkPart(t, s.text, q)
			}
			verdict := strings.HasSuffix(s.action, "_login")
			if s.action == "" || p.category == "" || verdict && s.outcome == "" {
				t.Errorf("%q: action %q, category %q, outcome %q", s.text, s.action, p.category, s.outcome)
			}
		}
	}
}

func checkPart(t *testing.T, text string, q *part) {
	if (q.what == user || q.what == anything) && q.next != nil && q.next.what != words {
		t.Errorf("%q: behind {user} and {*} stand words, or nothing", text)
	}
	if q.what == maybe {
		for in := q.inner; in != nil && in != q.next; in = in.next {
			checkPart(t, text, in)
		}
	}
}

// However a message is made of the words of phrases, it is read or given up after few tries, and what is found is short.
func TestHostileCost(t *testing.T) {
	words := strings.NewReplacer("{?", "", "{*}", "a", "{user}", "a", "{name}", "a", "{w}", "a", "{o}", "a", "{from}", "192.0.2.1", "{port}", "1", "}", "")
	for _, p := range append([]program{modules, sessions}, programs...) {
		for _, s := range p.sayings {
			said, parts := words.Replace(s.text), compile(s.text, nil)
			for _, message := range []string{said, strings.Repeat(said, maxSaid/len(said)), strings.Repeat(said+" ", maxSaid/(len(said)+1)) + "\x00"} {
				var f find
				f.match(parts, []byte(message))
				if f.tries > maxTries+4 || len(f.user) > maxUser || len(f.from) > 256 {
					t.Errorf("%q: %d tries, a name of %d bytes, a host of %d", s.text, f.tries, len(f.user), len(f.from))
				}
			}
		}
	}
}
