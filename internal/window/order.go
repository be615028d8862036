package window

import (
	"cmp"
	"slices"

	"tocsin/internal/alert"
)

// Order sorts findings by time and then by the key of their entity; those of one entity at one time stay as they were.
func Order(findings []alert.Finding) []alert.Finding {
	slices.SortStableFunc(findings, func(a, b alert.Finding) int {
		if c := cmp.Compare(a.Time, b.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Entity.Key(), b.Entity.Key())
	})
	return findings
}
