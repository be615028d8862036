package cli

import (
	"strings"
	"testing"
)

// A bar ends, however far it came, and an end is all that is waited for.
func TestBarEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int64
		at    []int64
		whole bool
	}{
		{"whole", 100, []int64{10, 50, 100}, true}, {"never moved", 100, nil, true}, {"beyond its size", 100, []int64{50, 300}, true}, {"left where it was", 100, []int64{10}, false},
		{"failed at its size", 100, []int64{100}, false}, {"of unknown size", 0, []int64{10, 20}, true}, {"of unknown size, failed", 0, nil, false},
	} {
		var out strings.Builder
		b := newBar(&out, "a\x1b[2J.log", c.size)
		for _, n := range c.at {
			b.at(n)
		}
		b.end(c.whole)
		b.at(1) // what comes late does no harm
		if strings.Contains(out.String(), "\x1b[2J") {
			t.Errorf("%s: the name of the file reaches the terminal: %q", c.name, out.String())
		}
	}
}
