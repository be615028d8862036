package aggregate

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"tocsin/internal/event"
)

// A Row is one group of a ranking.
type Row struct {
	Bucket  int64    // start of the time bucket in nanoseconds since 1970 UTC; 0 without buckets
	Values  []string // one a key, as people read them; "" where missing. Foreign text: whoever shows it must escape it
	Missing []bool   // one a key: this is the group of rows that have no value there
	Numbers []float64
	// Estimate is set when a number is an estimate, or when some groups found no room, so that others might rank higher.
	Estimate bool

	group uint32
}

// Above counts the groups whose number of a metric is above a limit. That of what found no room is not among them.
func (t *Table) Above(metric int, limit float64) int {
	n := 0
	for g := othersGroup + 1; g < len(t.rows); g++ {
		if t.rows[g] > 0 {
			if v, _ := t.cells[metric].number(t, g); v > limit {
				n++
			}
		}
	}
	return n
}

// Rank returns the groups with the highest numbers of a metric, or the lowest, the first of them first; all when limit is
// 0 or less. Min, max, avg and quantile of no values are NaN and come last. Equal numbers come in the order of bucket and
// values. The group of what found no room is not among them: see Others.
func (t *Table) Rank(metric, limit int, lowest bool) []Row {
	if metric < 0 || metric >= len(t.cells) {
		return nil
	}
	if limit <= 0 || limit > len(t.rows) {
		limit = len(t.rows)
	}
	r := ranking{table: t, lowest: lowest}
	for g := othersGroup + 1; g < len(t.rows); g++ {
		if t.rows[g] > 0 {
			v, _ := t.cells[metric].number(t, g)
			r.offer(ranked{g, v}, limit)
		}
	}
	slices.SortFunc(r.best, r.compare)
	rows := make([]Row, 0, len(r.best))
	for _, c := range r.best {
		rows = append(rows, t.row(c.group))
	}
	return rows
}

// Others returns the numbers of all rows whose groups found no room; false when there are none.
func (t *Table) Others() (Row, bool) {
	if !t.others {
		return Row{}, false
	}
	r := Row{Estimate: true, Values: make([]string, len(t.keys)), Missing: make([]bool, len(t.keys))}
	for _, c := range t.cells {
		v, _ := c.number(t, othersGroup)
		r.Numbers = append(r.Numbers, v)
	}
	return r, true
}

func (t *Table) row(g int) Row {
	r := Row{
		Values: make([]string, len(t.keys)), Missing: make([]bool, len(t.keys)),
		Numbers: make([]float64, len(t.cells)), Estimate: t.others, group: uint32(g),
	}
	if t.spec.Bucket > 0 {
		r.Bucket = t.groups.buckets[g]
	}
	for i, k := range t.keys {
		n := t.valueOf(uint32(g), i)
		if r.Missing[i] = n == 0; n != 0 {
			r.Values[i] = string(k.values.values.AppendValueText(nil, int(n)))
		}
	}
	for i, c := range t.cells {
		v, estimate := c.number(t, g)
		r.Numbers[i] = v
		r.Estimate = r.Estimate || estimate
	}
	return r
}

// A ranking keeps the best groups as a heap with the worst of them on top.
type ranking struct {
	table  *Table
	lowest bool
	best   []ranked
}

type ranked struct {
	group  int
	number float64
}

// compare orders two groups, the better one first.
func (r *ranking) compare(a, b ranked) int {
	if aNaN, bNaN := math.IsNaN(a.number), math.IsNaN(b.number); aNaN || bNaN {
		if aNaN != bNaN {
			if aNaN {
				return 1
			}
			return -1
		}
	} else if c := cmp.Compare(a.number, b.number); c != 0 {
		if r.lowest {
			return c
		}
		return -c
	}
	return r.table.compareGroups(uint32(a.group), uint32(b.group))
}

// compareGroups orders groups by bucket and values; a missing value comes last.
func (t *Table) compareGroups(a, b uint32) int {
	if t.spec.Bucket > 0 {
		if c := cmp.Compare(t.groups.buckets[a], t.groups.buckets[b]); c != 0 {
			return c
		}
	}
	for i, k := range t.keys {
		x, y := t.valueOf(a, i), t.valueOf(b, i)
		switch {
		case x == y:
			continue
		case x == 0:
			return 1
		case y == 0:
			return -1
		}
		return compareValues(&k.values.values, int(x), int(y))
	}
	return 0
}

func compareValues(c *event.Column, a, b int) int {
	switch c.Field.Type {
	case event.String:
		return bytes.Compare(c.Str(a), c.Str(b))
	case event.IP:
		return bytes.Compare(c.IPs[a][:], c.IPs[b][:])
	case event.Uint:
		return cmp.Compare(c.Uint(a), c.Uint(b))
	case event.Float:
		return cmp.Compare(c.Float(a), c.Float(b))
	default:
		return cmp.Compare(c.Nums[a], c.Nums[b])
	}
}

// offer takes a group in if it is among the best.
func (r *ranking) offer(c ranked, limit int) {
	if len(r.best) < limit {
		r.best = append(r.best, c)
		for i := len(r.best) - 1; i > 0; {
			parent := (i - 1) / 2
			if r.compare(r.best[i], r.best[parent]) <= 0 {
				break
			}
			r.best[i], r.best[parent] = r.best[parent], r.best[i]
			i = parent
		}
		return
	}
	if r.compare(c, r.best[0]) >= 0 {
		return
	}
	r.best[0] = c
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(r.best); child++ {
			if r.compare(r.best[child], r.best[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		r.best[i], r.best[worst] = r.best[worst], r.best[i]
		i = worst
	}
}
