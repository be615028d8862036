package event

import (
	"maps"
	"slices"
	"strings"
)

// Suggestion returns " (did you mean X?)" with the field whose name is nearest to a misspelt one, or nothing when none is
// near.
func Suggestion(name string) string {
	if near := Nearest(name, slices.Sorted(maps.Keys(schema().byName))); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// Nearest returns the word that takes the fewest changes of single letters (Levenshtein distance) to become name, when
// they are few for its length, or that ends in the same part after a dot; "" when none is near.
func Nearest(name string, words []string) string {
	best, bestCost := "", len(name)/3+2
	for _, w := range words {
		if cost := distance(strings.ToLower(name), strings.ToLower(w), bestCost); cost < bestCost {
			best, bestCost = w, cost
		}
	}
	if best != "" {
		return best
	}
	for _, w := range words {
		if strings.HasSuffix(w, "."+name) {
			return w
		}
	}
	return ""
}

// distance is the Levenshtein distance of a and b, or limit when it is not below that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1, corner+map[bool]int{true: 0, false: 1}[a[i] == b[j]])
			corner = above
		}
	}
	return min(row[len(b)], limit)
}
