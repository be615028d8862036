package event

import "math"

// MaxRows bounds the rows of one batch.
const MaxRows = 1 << 16

// A Batch is up to MaxRows events of one kind, as columns. Once built it is never changed, so any number of readers may
// share it.
type Batch struct {
	Kind Kind
	Rows int
	// Sources says what the rows were read from; empty when the sender keeps no offsets.
	Sources []SourceRange
	Labels  Labels
	// Backfill marks rows that were read from an old file on request. They go to the history and are judged only by rules
	// run over history, never by live ones.
	Backfill bool

	// Partition and Sequence are where the journal put the batch; Sequence is 0 before that.
	Partition uint16
	Sequence  uint64

	columns []Column
	index   [MaxFieldID + 1]uint8 // 1 + place in columns, 0 for none
}

// NewBatch puts columns together, each with one entry a row. The columns belong to the batch from now on.
func NewBatch(kind Kind, rows int, columns []Column, labels Labels) *Batch {
	b := &Batch{Kind: kind, Rows: rows, Labels: labels, columns: columns}
	for i := range columns {
		b.index[columns[i].Field.ID] = uint8(i + 1)
	}
	return b
}

// Column returns the column of a field, nil when no row has a value.
func (b *Batch) Column(id FieldID) *Column {
	if i := b.index[id]; i != 0 {
		return &b.columns[i-1]
	}
	return nil
}

// Columns lists the columns. The slice belongs to the batch.
func (b *Batch) Columns() []Column { return b.columns }

// Stored lists the columns that are no views, see Field.View. The slice belongs to the batch.
func (b *Batch) Stored() []Column {
	for i := range b.columns {
		if b.columns[i].Field.View { // views stand behind what they are made of
			return b.columns[:i]
		}
	}
	return b.columns
}

// With returns the batch with views behind its columns, which it shares with b.
func (b *Batch) With(views []Column) *Batch {
	stored := b.Stored()
	wide := *b
	wide.columns = append(stored[:len(stored):len(stored)], views...)
	for i := len(stored); i < len(b.columns); i++ {
		wide.index[b.columns[i].Field.ID] = 0
	}
	for i := len(stored); i < len(wide.columns); i++ {
		wide.index[wide.columns[i].Field.ID] = uint8(i + 1)
	}
	return &wide
}

// Times returns the time of each row in nanoseconds since 1970 UTC; 0 marks a row whose sender gave none.
func (b *Batch) Times() []int64 {
	c := b.Column(Timestamp)
	if c == nil {
		return make([]int64, b.Rows)
	}
	if c.Codes == nil {
		return c.Nums
	}
	t := make([]int64, b.Rows)
	for i, code := range c.Codes {
		t[i] = c.Nums[code]
	}
	return t
}

// TimeRange returns the earliest and latest time of the rows; both are 0 for an empty batch.
func (b *Batch) TimeRange() (first, last int64) {
	if b.Rows == 0 {
		return 0, 0
	}
	first, last = math.MaxInt64, math.MinInt64
	for _, t := range b.Times() {
		first, last = min(first, t), max(last, t)
	}
	return first, last
}

// Labels hold what fits no field of the schema: text keys and values, any number a row.
// Entries of row i are those from Ends[i-1] up to Ends[i]; the zero Labels has none.
type Labels struct {
	Ends  []uint32
	Keys  []uint32 // one an entry: which of Names
	Names Strings
	Vals  Strings // one an entry
}

// Of returns the entries of a row as a half-open range.
func (l *Labels) Of(row int) (from, to int) {
	if len(l.Ends) == 0 {
		return 0, 0
	}
	if row > 0 {
		from = int(l.Ends[row-1])
	}
	return from, int(l.Ends[row])
}

// LabelColumn lays out the values of one label as a plain string column; nil when no row has it. Where a row has the
// label twice, the last one counts. The Field of the column has no ID.
func (b *Batch) LabelColumn(name string) *Column {
	key := -1
	for i := range b.Labels.Names.Len() {
		if string(b.Labels.Names.At(i)) == name {
			key = i
			break
		}
	}
	if key < 0 {
		return nil
	}
	c := &Column{Field: &Field{Name: "labels." + name, Type: String, Plain: true}, Present: NewBits(b.Rows)}
	for row := range b.Rows {
		var val []byte
		from, to := b.Labels.Of(row)
		for e := to - 1; e >= from; e-- {
			if int(b.Labels.Keys[e]) == key {
				val = b.Labels.Vals.At(e)
				c.Present.Set(row)
				break
			}
		}
		c.Strs.Append(val)
	}
	return c
}
