package parser

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// enough is the mean score from which on a format is taken for recognised.
const enough = 30

// Recognise says which format the lines of a sample have, how sure that is from 0 to 100, and why. Blank lines do not
// count. The confidence is the mean score over all lines, less when another format fits nearly as well, unless that is one of
// tocsin's own and the better one was declared; name is empty when none fits.
func Recognise(formats Set, sample [][]byte) (name string, confidence int, why string) {
	type candidate struct {
		name       string
		sum, lines int
	}
	var all []candidate
	count := 0
	for _, line := range sample {
		if len(bytes.TrimSpace(line)) > 0 {
			count++
		}
	}
	for n, f := range formats {
		if f.Score == nil {
			continue
		}
		c := candidate{name: n}
		for _, line := range sample {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if s := f.Score(line); s > 0 {
				c.sum += min(s, 100)
				c.lines++
			}
		}
		all = append(all, c)
	}
	if count == 0 {
		return "", 0, "there is no line to look at"
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.sum, a.sum), cmp.Compare(a.name, b.name))
	})
	if len(all) == 0 || all[0].sum < enough*count {
		var names []string
		for _, c := range all {
			names = append(names, fmt.Sprintf("%s %d", c.name, c.lines))
		}
		return "", 0, fmt.Sprintf("no format fits the first %d lines (%s)", count, strings.Join(names, ", "))
	}
	best := all[0]
	confidence = best.sum / count
	why = fmt.Sprintf("%d of the first %d lines are %s", best.lines, count, best.name)
	if len(all) > 1 && all[1].lines > 0 {
		next := all[1]
		why += fmt.Sprintf(", %d could be %s", next.lines, next.name)
		declared := formats[best.name].Declared && !formats[next.name].Declared
		if lead := (best.sum - next.sum) / count; lead < 10 && !declared {
			confidence -= (10 - lead) * confidence / 20 // a tie halves it
		}
	}
	return best.name, confidence, why
}
