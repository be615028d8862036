package window

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What is heard in any order comes to the same as when it is sorted first.
func TestHear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap := rapid.Int64Range(0, 5).Draw(t, "gap")
		var list, all []Heard
		for range rapid.IntRange(0, 30).Draw(t, "times") {
			from := rapid.Int64Range(0, 100).Draw(t, "from")
			h := Heard{from, from + rapid.Int64Range(0, 9).Draw(t, "long")}
			list, all = Hear(list, h, gap), append(all, h)
		}
		slices.SortFunc(all, func(a, b Heard) int { return cmp.Compare(a.From, b.From) })
		var want []Heard
		for _, h := range all {
			if n := len(want) - 1; n >= 0 && h.From-want[n].To <= gap {
				want[n].To = max(want[n].To, h.To)
				continue
			}
			want = append(want, h)
		}
		if !slices.Equal(list, want) {
			t.Fatalf("Hear with a gap of %d = %v, want %v", gap, list, want)
		}
	})
}
