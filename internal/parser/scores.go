package parser

import (
	"cmp"
	"slices"
)

// A Score is how sure a format is that a record is of it, from 0 to 100.
type Score struct {
	Format string
	Score  int
}

// Scores asks every format that can be guessed about one record: the surest first, those of no chance left out.
func Scores(formats Set, record []byte) []Score {
	var all []Score
	for name, f := range formats {
		if f.Score == nil {
			continue
		}
		if s := min(f.Score(record), 100); s > 0 {
			all = append(all, Score{name, s})
		}
	}
	slices.SortFunc(all, func(a, b Score) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Format, b.Format))
	})
	return all
}
