// Package aggregate turns selected rows into numbers: one group for every combination of values, a number for every
// metric, and a ranking of the groups.
package aggregate

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/metric"
)

// A Key is what rows are grouped by: a field or a label.
type Key struct {
	Field *event.Field // nil for a label
	Label string
}

// ParseKey reads the name of a field or "labels.NAME".
func ParseKey(name string) (Key, error) { return Key{}, nil }

// String spells the key so that ParseKey reads it again.
func (k Key) String() string { return "" }

// A Spec says what to measure and what to group by.
type Spec struct {
	Metrics []metric.Metric
	By      []Key
	Bucket  time.Duration // length of a time bucket, aligned to 1970 UTC; 0 for none
}

// Limits bound what a table may hold; 0 stands for the default.
type Limits struct {
	Groups int
	Bytes  int
}

// A Table holds the groups of one spec. It is used by one goroutine at a time.
type Table struct{}

// New returns an empty table.
func New(spec Spec, limits Limits) *Table { return &Table{} }

// Fields lists the fields that the table reads.
func (t *Table) Fields() []event.FieldID { return nil }

// Labels lists the labels that the table reads.
func (t *Table) Labels() []string { return nil }

// Fold adds rows of a batch.
func (t *Table) Fold(b *event.Batch, rows []int32) {}

// Merge adds what another table of the same spec holds.
func (t *Table) Merge(other *Table) error { return nil }

// A Row is one group of a ranking.
type Row struct {
	Bucket   int64    // start of the time bucket in nanoseconds since 1970 UTC; 0 without buckets
	Values   []string // one a key, as people read them
	Missing  []bool   // one a key: the group of rows that have no value there
	Numbers  []float64
	Estimate bool // some number is an estimate
}

// Rank returns the groups with the highest numbers of a metric, or the lowest.
func (t *Table) Rank(metric int, limit int, lowest bool) []Row { return nil }
