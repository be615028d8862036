package history

import (
	"tocsin/internal/event"
)

// A labelPart is where labels come from, as a part is for a column.
type labelPart struct {
	labels *event.Labels
	base   int32
}

// gatherLabels lays out labels in the order of runs.
func gatherLabels(parts []labelPart, runs []run) (l event.Labels) {
	names := newStringTable()
	maps := make([][]uint32, len(parts)) // of each part: old number of a name to the new one + 1
	l.Ends = make([]uint32, 0, runRows(runs))
	for _, r := range runs {
		p := parts[r.part]
		for row := int(r.from - p.base); row < int(r.to-p.base); row++ {
			if p.labels != nil {
				m := maps[r.part]
				if m == nil {
					m = make([]uint32, p.labels.Names.Len())
					maps[r.part] = m
				}
				first, last := p.labels.Of(row)
				for e := first; e < last; e++ {
					old := p.labels.Keys[e]
					if m[old] == 0 {
						m[old] = names.code(p.labels.Names.At(int(old)))
					}
					l.Keys = append(l.Keys, m[old]-1)
					l.Vals.Append(p.labels.Vals.At(e))
				}
			}
			l.Ends = append(l.Ends, uint32(len(l.Keys)))
		}
	}
	for n := 1; n < names.list.Len(); n++ {
		l.Names.Append(names.list.At(n))
	}
	return l
}
