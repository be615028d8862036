package aggregate

import (
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/metric"
	"tocsin/internal/view"
)

// A Spec says what to measure and what to group by.
type Spec struct {
	Metrics []metric.Metric
	By      []Key         // none: all rows are one group
	Bucket  time.Duration // length of a time bucket of @timestamp, aligned to 1970 UTC; 0 for none. Rows without time count as of 1970
}

// Limits bound what a table holds; 0 stands for the default.
type Limits struct {
	Groups int // default DefaultGroups
	Bytes  int // estimate of the memory, default DefaultBytes
}

// The limits of a table when none are given.
const (
	DefaultGroups = 1_000_000
	DefaultBytes  = 256 << 20
)

// A Table holds the groups of one spec and their numbers. Rows of groups for which there is no room are counted together
// (see Others). It is used by one goroutine at a time.
type Table struct {
	spec   Spec
	limits Limits
	view   *view.View // shows rows from where what is grouped by stands; nil: as they are
	keys   []*keyColumn
	cells  []cells // one a metric
	rows   []uint64
	groups groupIndex
	others bool // group 0 holds something
	full   bool // the memory is used up
	frozen bool // no group is taken in any more
	checks int  // new groups until the memory is looked at again

	codes   byCode
	labels  labelFinder
	chunkOf [chunkRows]uint32 // group of each row of a chunk
	tuple   []uint32
	times   [chunkRows]int64
}

// chunkRows is how many selected rows are folded at once.
const chunkRows = 2048

// Group 0 takes what found no room. With one key and no buckets a group is the number of its value, plus 1; otherwise
// groups are numbered as they come.
const othersGroup = 0

// New returns an empty table.
func New(spec Spec, limits Limits) *Table {
	if limits.Groups <= 0 {
		limits.Groups = DefaultGroups
	}
	if limits.Bytes <= 0 {
		limits.Bytes = DefaultBytes
	}
	spec.Metrics, spec.By = slices.Clone(spec.Metrics), slices.Clone(spec.By)
	t := &Table{spec: spec, limits: limits, tuple: make([]uint32, len(spec.By))}
	t.view, _ = view.New(spec.fields())
	for _, k := range spec.By {
		t.keys = append(t.keys, &keyColumn{key: k, values: newInterner(k)})
	}
	for _, m := range spec.Metrics {
		t.cells = append(t.cells, newCells(m))
	}
	t.groups.width = len(spec.By)
	t.extend(othersGroup + 1)
	return t
}

// Fields lists the fields that the table reads, in the order of their numbers: of views what they are made of.
func (t *Table) Fields() []event.FieldID {
	var ids []event.FieldID
	if t.spec.Bucket > 0 {
		ids = append(ids, event.Timestamp)
	}
	by, measured := t.spec.fields()
	ids = append(append(ids, by...), measured...)
	if t.view != nil {
		return t.view.Stored(ids)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// fields lists what is grouped by and what is measured.
func (s *Spec) fields() (by, measured []event.FieldID) {
	for _, k := range s.By {
		if k.Field != nil {
			by = append(by, k.Field.ID)
		}
	}
	for _, m := range s.Metrics {
		if m.Field != nil {
			measured = append(measured, m.Field.ID)
		}
	}
	return by, measured
}

// Labels lists the labels that the table reads, sorted.
func (t *Table) Labels() []string {
	var names []string
	for _, k := range t.spec.By {
		if k.Field == nil {
			names = append(names, k.Label)
		}
	}
	for _, m := range t.spec.Metrics {
		if m.Label != "" {
			names = append(names, m.Label)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Groups returns how many groups the table holds, without that of the others.
func (t *Table) Groups() int {
	n := 0
	for _, rows := range t.rows[othersGroup+1:] {
		if rows > 0 {
			n++
		}
	}
	return n
}

// Bytes estimates the memory in use.
func (t *Table) Bytes() int {
	n := 8*len(t.rows) + t.groups.bytes()
	for _, k := range t.keys {
		n += k.values.bytes()
	}
	for _, c := range t.cells {
		n += c.bytes()
	}
	return n
}

// direct reports whether groups are the values of the one key.
func (t *Table) direct() bool { return len(t.spec.By) == 1 && t.spec.Bucket <= 0 }

// room reports whether there is memory for another group. The estimate is made anew from time to time only.
func (t *Table) room() bool {
	if t.checks--; t.checks < 0 {
		t.weigh()
	}
	return !t.full
}

// weigh estimates the memory and tells the cells when they must not grow any more.
func (t *Table) weigh() {
	t.checks = 64
	t.full = t.Bytes() >= t.limits.Bytes
}

// extend makes room for groups below n.
func (t *Table) extend(n int) {
	if n <= len(t.rows) {
		return
	}
	t.rows = grown(t.rows, n)
	for _, c := range t.cells {
		c.extend(n)
	}
}

// same reports whether two specs ask for the same.
func (s Spec) same(o Spec) bool {
	return s.Bucket == o.Bucket && slices.Equal(s.By, o.By) &&
		slices.EqualFunc(s.Metrics, o.Metrics, func(a, b metric.Metric) bool { return a.String() == b.String() })
}

// Merge adds what another table of the same spec holds; the other is left as it is.
func (t *Table) Merge(other *Table) error {
	if !t.spec.same(other.spec) {
		return fault.New(fault.Invalid, "merge tables: they measure different things")
	}
	translate := make([][]uint32, len(t.keys))
	for i, k := range other.keys {
		translate[i] = make([]uint32, k.values.values.Len())
	}
	t.weigh()
	var from, into [chunkRows]uint32
	n := 0
	for g := range other.rows {
		if other.rows[g] > 0 {
			from[n] = uint32(g)
			n++
		}
		if n == chunkRows || n > 0 && g == len(other.rows)-1 {
			t.translateAll(other, from[:n], into[:n], translate)
			t.take(other, from[:n], into[:n])
			n = 0
		}
	}
	return nil
}

// translateAll finds the groups of this table for some of another, which ascend.
func (t *Table) translateAll(other *Table, from, into []uint32, translate [][]uint32) {
	if from[0] == othersGroup {
		into[0], from, into = othersGroup, from[1:], into[1:]
	}
	if !t.direct() {
		for i, g := range from {
			into[i] = t.translated(other, g, translate)
		}
		return
	}
	codes := t.chunkOf[:len(from)]
	for i, g := range from {
		codes[i] = g - 1
	}
	t.numberValues(t.keys[0], &other.keys[0].values.values, codes, into)
	t.extend(len(t.keys[0].values.hashes) + 1)
	for i := range into {
		into[i]++ // noRoom becomes the group of the others
	}
}

// take adds groups of another table, from, each to one of this, into.
func (t *Table) take(other *Table, from, into []uint32) {
	for i, g := range into {
		t.rows[g] += other.rows[from[i]]
	}
	t.others = t.others || t.rows[othersGroup] > 0
	for i, c := range t.cells {
		if s, ok := c.(*sums); ok {
			s.take(other.cells[i].(*sums), into, from)
			continue
		}
		for n, g := range into {
			c.merge(int(g), other.cells[i], int(from[n]), t.full)
		}
	}
}

// translated finds the group of this table for one of another. translate remembers the number here of each value
// there.
func (t *Table) translated(other *Table, g uint32, translate [][]uint32) uint32 {
	var bucket int64
	for i, k := range t.keys {
		number := other.valueOf(g, i)
		if number != 0 && translate[i][number] == 0 {
			n, ok := k.values.value(&other.keys[i].values.values, int(number), t.roomFor(t.keys[i]))
			if !ok {
				return othersGroup
			}
			translate[i][number] = n
		}
		if number != 0 {
			number = translate[i][number]
		}
		t.tuple[i] = number
	}
	if t.spec.Bucket > 0 {
		bucket = other.groups.buckets[g]
	}
	return t.group(bucket)
}

// valueOf returns the number of the value that a group has in a key.
func (t *Table) valueOf(g uint32, key int) uint32 {
	if t.direct() {
		return g - 1
	}
	return t.groups.tuples[int(g)*t.groups.width+key]
}

// roomForGroup reports whether there may be another combination.
func (t *Table) roomForGroup() bool {
	return !t.frozen && len(t.groups.hashes)-1 < t.limits.Groups && t.room()
}

// group returns the group of the tuple at hand in a time bucket.
func (t *Table) group(bucket int64) uint32 {
	g, fresh, ok := t.groups.find(t.tuple, bucket, t.roomForGroup)
	if !ok {
		return othersGroup
	}
	if fresh {
		t.extend(int(g) + 1)
	}
	return g
}
