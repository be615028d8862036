package rollup

import (
	"cmp"
	"slices"
)

// A Row is one value of an entity and what it comes to.
type Row struct {
	Value string // as people read it; "" for flows that have none. Foreign text: whoever shows it must escape it
	Cell
}

// Rank returns the values of an entity with the highest numbers of a measure above 0, the first of them first, and how many
// there are besides. Equal numbers come in the order of the values.
func (r *Rollup) Rank(e Entity, m Measure, limit int) (rows []Row, others int) {
	t := r.tables[e]
	var best []uint32
	some, least := 0, uint64(0)
	better := func(a, b uint32) int {
		return cmp.Or(cmp.Compare(t.cells[b].Of(m), t.cells[a].Of(m)), t.compare(a, b))
	}
	for slot := range t.cells {
		v := t.cells[slot].Of(m)
		if v == 0 {
			continue
		}
		if some++; v < least {
			continue // so many are better
		}
		if best = append(best, uint32(slot)); len(best) >= 4*limit+64 { // cut from time to time alone
			slices.SortFunc(best, better)
			best = best[:limit]
			least = t.cells[best[limit-1]].Of(m)
		}
	}
	slices.SortFunc(best, better)
	for _, slot := range best[:min(limit, len(best))] {
		rows = append(rows, Row{Value: t.print(slot), Cell: t.cells[slot]})
	}
	return rows, some - len(rows)
}
