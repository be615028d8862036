package aggregate

import (
	"math"
	"slices"

	"tocsin/internal/event"
)

// ExactQuantile is how many values of a group are kept as they are; quantiles of so many are exact (nearest rank).
const ExactQuantile = 512

// quantiles are quantiles of numbers.
type quantiles struct {
	field   *event.Field
	q       float64
	digests []digest
	size    int
}

func (c *quantiles) extend(n int) {
	c.size += 80 * max(0, n-len(c.digests))
	c.digests = grown(c.digests, n)
}

func (c *quantiles) bytes() int { return c.size }

func (c *quantiles) fold(t *Table, b *event.Batch, rows []int32, groups []uint32) {
	col := b.Column(c.field.ID)
	if col == nil {
		return
	}
	for i, row := range rows {
		if at, ok := col.Value(int(row)); ok {
			if v := col.Number(at); !math.IsNaN(v) && !math.IsInf(v, 0) {
				c.size += c.digests[groups[i]].add(v, t.full)
			}
		}
	}
}

func (c *quantiles) merge(into int, other cells, g int, full bool) {
	o := &other.(*quantiles).digests[g]
	d := &c.digests[into]
	for _, v := range o.fresh {
		c.size += d.add(v, full)
	}
	if len(o.merged) > 0 {
		c.size += d.absorb(o, full)
	}
	d.cut = d.cut || o.cut
}

func (c *quantiles) number(_ *Table, g int) (v float64, estimate bool) {
	d := &c.digests[g]
	return d.quantile(c.q), d.cut || len(d.merged) > 0
}

// A digest is a merging t-digest (Dunning and Ertl, Computing Extremely Accurate Quantiles Using t-Digests, 2019): sorted
// clusters of values, small ones at the ends and larger ones in the middle. Until it has many values it keeps them all.
type digest struct {
	fresh  []float64 // values that are not in clusters yet
	merged []cluster
	low    float64 // smallest and largest value, when there are clusters
	high   float64
	cut    bool // something was left out for lack of memory
}

type cluster struct{ mean, weight float64 }

// compression bounds the clusters: at most twice as many are kept.
const compression = 200

// add puts in a value and returns by how much the digest grew. With full it must not grow.
func (d *digest) add(v float64, full bool) (grew int) {
	if len(d.fresh) == cap(d.fresh) && len(d.fresh) < ExactQuantile {
		if full {
			d.cut = true
			return 0
		}
		before := cap(d.fresh)
		d.fresh = slices.Grow(d.fresh, max(4, before))
		grew = 8 * (cap(d.fresh) - before)
	}
	if len(d.fresh) >= ExactQuantile {
		if full && d.merged == nil {
			d.cut = true
			return grew
		}
		grew += d.compress()
	}
	d.fresh = append(d.fresh, v)
	return grew
}

// compress sorts the fresh values into the clusters.
func (d *digest) compress() (grew int) {
	if len(d.fresh) == 0 {
		return 0
	}
	slices.Sort(d.fresh)
	low, high := d.fresh[0], d.fresh[len(d.fresh)-1]
	if len(d.merged) == 0 {
		d.low, d.high = low, high
	}
	d.low, d.high = min(d.low, low), max(d.high, high)
	var scratch [ExactQuantile + 2*compression + 8]cluster
	all := scratch[:0]
	old := d.merged
	for _, v := range d.fresh {
		for len(old) > 0 && old[0].mean <= v {
			all, old = append(all, old[0]), old[1:]
		}
		all = append(all, cluster{v, 1})
	}
	all = append(all, old...)
	d.fresh = d.fresh[:0]
	return d.keep(all)
}

// absorb takes in the clusters of another digest.
func (d *digest) absorb(o *digest, full bool) (grew int) {
	if full && d.merged == nil {
		d.cut = true
		return 0
	}
	grew = d.compress()
	if len(d.merged) == 0 {
		d.low, d.high = o.low, o.high
	}
	d.low, d.high = min(d.low, o.low), max(d.high, o.high)
	all := slices.Concat(d.merged, o.merged)
	slices.SortStableFunc(all, func(a, b cluster) int {
		switch {
		case a.mean < b.mean:
			return -1
		case a.mean > b.mean:
			return 1
		}
		return 0
	})
	return grew + d.keep(all)
}

// keep joins sorted clusters as far as the scale function allows (k1 of the paper: an arcsine of the quantile).
func (d *digest) keep(all []cluster) (grew int) {
	total := 0.0
	for _, c := range all {
		total += c.weight
	}
	if d.merged == nil {
		d.merged = make([]cluster, 0, 2*compression+8)
		grew = 16 * cap(d.merged)
	}
	out := d.merged[:0]
	done := 0.0
	limit := total * nextQuantile(0)
	at := all[0]
	for _, c := range all[1:] {
		if done+at.weight+c.weight <= limit {
			at.weight += c.weight
			at.mean += (c.mean - at.mean) * c.weight / at.weight
			continue
		}
		done += at.weight
		out = append(out, at)
		limit = total * nextQuantile(done/total)
		at = c
	}
	d.merged = append(out, at)
	return grew
}

// nextQuantile returns how far a cluster that begins at quantile q may reach.
func nextQuantile(q float64) float64 {
	k := math.Asin(2*min(max(q, 0), 1)-1) + 2*math.Pi/compression
	if k >= math.Pi/2 {
		return 1
	}
	return (math.Sin(k) + 1) / 2
}

// quantile returns the value at quantile q; NaN when there are no values.
func (d *digest) quantile(q float64) float64 {
	if len(d.merged) == 0 {
		return exactQuantile(d.fresh, q)
	}
	d.compress()
	total := 0.0
	for _, c := range d.merged {
		total += c.weight
	}
	rank := q * total
	// Each cluster stands for the rank in its middle; between two of them the value is interpolated.
	before, value := 0.0, d.low
	done := 0.0
	for _, c := range d.merged {
		middle := done + c.weight/2
		if rank < middle {
			return value + (c.mean-value)*(rank-before)/(middle-before)
		}
		before, value = middle, c.mean
		done += c.weight
	}
	if total <= before {
		return d.high
	}
	return value + (d.high-value)*(rank-before)/(total-before)
}

// exactQuantile returns the smallest value that at least the share q of all values do not exceed.
func exactQuantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	at := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(at, 0), len(values)-1)]
}
