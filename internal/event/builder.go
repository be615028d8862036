package event

import (
	"math"
	"net/netip"
	"slices"
)

// Limits of the labels of one row. What goes beyond is left out and the row flagged LabelsCut.
const (
	MaxLabels     = 256
	MaxLabelBytes = 32 << 10
)

// Flags says what had to be mended in a row; they end up in the field tocsin.flags.
type Flags uint8

// The flags of a row.
const (
	Cut       Flags = 1 << iota // the text was longer than the limit and was cut
	Future                      // the time lay too far ahead; judged at the time of receipt
	NoTime                      // there was no readable time; the time of receipt stands in
	NoZone                      // the time had no zone; the source's zone was taken
	LabelsCut                   // more labels than a row can hold
	BadUTF8                     // there are bytes that are no UTF-8; they are shown as U+FFFD
	Misfit                      // a value was not of its field's type and became a label of that name
	Unmatched                   // no pattern of the format fits; the whole line is the message
)

var flagNames = [...]string{"cut", "future", "no-time", "no-zone", "labels-cut", "bad-utf8", "misfit", "unmatched"}

// String lists the flags, separated by commas.
func (f Flags) String() string { return string(f.appendTo(nil)) }

func (f Flags) appendTo(dst []byte) []byte {
	for i, n := range flagNames {
		if f&(1<<i) == 0 {
			continue
		}
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, n...)
	}
	return dst
}

// A Builder collects rows into a batch. Values of the row at hand are set in any order; Next ends the row. The last value
// set for a field counts. Setting values allocates nothing beyond the growth of the columns. Not for use by several
// goroutines at once.
type Builder struct {
	// Stamp, when set, is called by Next for every row before it ends, so that one place can put the same facts on all rows.
	Stamp func(*Builder)

	kind  Kind
	batch uint64 // how many batches were handed over
	rows  int
	slots [MaxFieldID + 1]*columnBuilder
	order []*columnBuilder // in the order of first use
	flags Flags

	labels     Labels
	labelKeys  interner
	labelBytes int // in the row at hand
}

// NewBuilder returns an empty builder for one kind of event.
func NewBuilder(kind Kind) *Builder { return &Builder{kind: kind} }

// Rows returns the number of complete rows.
func (b *Builder) Rows() int { return b.rows }

// Kind returns the kind of event that is being built.
func (b *Builder) Kind() Kind { return b.kind }

// A columnBuilder is a column that grows. What each value needs comes first, so that it shares a line of the cache.
type columnBuilder struct {
	rows    int  // rows filled so far
	coded   bool // dictionary-coded
	missing bool // plain form: some row so far has no value; Present is kept only from then on
	dict    interner
	Column
}

// slot returns the column of a field, filled with "missing" up to the row at hand, for a value to be appended.
func (b *Builder) slot(id FieldID) *columnBuilder {
	c := b.slots[id]
	if c == nil || c.rows != b.rows || c.missing { // mostly each row has what the one before had
		return b.gap(id)
	}
	c.rows++
	return c
}

// gap is slot for a column that is new, has rows without a value, or was set in this row before.
func (b *Builder) gap(id FieldID) *columnBuilder {
	c := b.slots[id]
	if c == nil {
		c = newColumnBuilder(mustField(id))
		b.slots[id] = c
		b.order = append(b.order, c)
	}
	c.drop(b.rows) // set twice in this row: the last one counts
	c.fill(b.rows)
	if c.missing {
		c.mark(b.rows)
	}
	c.rows = b.rows + 1
	return c
}

func newColumnBuilder(f *Field) *columnBuilder {
	c := &columnBuilder{Column: Column{Field: f}}
	if f.Type == String && !f.Plain {
		c.coded = true
		c.Strs.Append(nil) // value 0 stands for "missing"
	}
	return c
}

// fill appends "missing" until the column has n rows.
func (c *columnBuilder) fill(n int) {
	more := n - c.rows
	if more <= 0 {
		return
	}
	if c.coded {
		c.Codes = appendZeros(c.Codes, more)
		c.rows = n
		return
	}
	if !c.missing {
		c.missing = true
		for row := range c.rows {
			c.mark(row)
		}
	}
	for len(c.Present) < (n+63)/64 {
		c.Present = append(c.Present, 0)
	}
	switch c.Field.Type {
	case String:
		for range more {
			c.Strs.Append(nil)
		}
	case IP:
		c.IPs = appendZeros(c.IPs, more)
	default:
		c.Nums = appendZeros(c.Nums, more)
	}
	c.rows = n
}

// appendZeros appends n zero values.
func appendZeros[T any](list []T, n int) []T {
	list = slices.Grow(list, n)[:len(list)+n]
	clear(list[len(list)-n:])
	return list
}

// mark notes in the plain form that a row has a value.
func (c *columnBuilder) mark(row int) {
	for row>>6 >= len(c.Present) {
		c.Present = append(c.Present, 0)
	}
	c.Present.Set(row)
}

// drop removes all rows from n on.
func (c *columnBuilder) drop(n int) {
	if c.rows <= n {
		return
	}
	if last := n >> 6; c.missing && last < len(c.Present) {
		c.Present = c.Present[:last+1]
		c.Present[last] &= 1<<(uint(n)&63) - 1
	}
	c.rows = n
	switch {
	case c.coded:
		c.Codes = c.Codes[:n] // the dictionary may keep a value that no row holds
	case c.Field.Type == String:
		c.Strs.truncate(n)
	case c.Field.Type == IP:
		c.IPs = c.IPs[:n]
	default:
		c.Nums = c.Nums[:n]
	}
}

// Str sets a String field to a copy of v.
func (b *Builder) Str(id FieldID, v []byte) {
	c := b.slots[id] // slot, without a call: this is where parsing spends its time
	if c == nil || c.rows != b.rows || c.missing {
		c = b.gap(id)
	} else {
		c.rows++
	}
	if c.coded {
		if code, same := c.dict.again(v, &c.Strs); same {
			c.Codes = append(c.Codes, code)
			return
		}
		c.Codes = append(c.Codes, c.dict.find(v, &c.Strs))
		return
	}
	c.Strs.Append(v)
}

// Text sets a String field from a string.
func (b *Builder) Text(id FieldID, v string) {
	b.Str(id, []byte(v)) // not copied here: the bytes are only read, and kept by nobody
}

// Int sets an Int field.
func (b *Builder) Int(id FieldID, v int64) {
	c := b.slot(id)
	c.Nums = append(c.Nums, v)
}

// Time sets a Time field, in nanoseconds since 1970 UTC.
func (b *Builder) Time(id FieldID, ns int64) { b.Int(id, ns) }

// Uint sets a Uint field.
func (b *Builder) Uint(id FieldID, v uint64) { b.Int(id, int64(v)) }

// Float sets a Float field.
func (b *Builder) Float(id FieldID, v float64) { b.Int(id, int64(math.Float64bits(v))) }

// Bool sets a Bool field.
func (b *Builder) Bool(id FieldID, v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	b.Int(id, n)
}

// IP sets an IP field; IPv4 addresses in their v4-mapped form.
func (b *Builder) IP(id FieldID, v [16]byte) {
	c := b.slot(id)
	c.IPs = append(c.IPs, v)
}

// Addr sets an IP field; an invalid address sets nothing.
func (b *Builder) Addr(id FieldID, v netip.Addr) {
	if v.IsValid() {
		b.IP(id, v.As16())
	}
}

// Label adds a label to the row at hand, within MaxLabels and MaxLabelBytes.
func (b *Builder) Label(name, val []byte) {
	var none uint32
	b.LabelAgain(name, val, &none)
}

// LabelAgain is Label for a parser that meets the same names in record after record. It keeps a hint for each, 0 at first,
// which spares looking the name up; a hint is checked, and so holds in every batch and builder.
func (b *Builder) LabelAgain(name, val []byte, hint *uint32) {
	if len(b.labels.Keys)-int(b.lastLabel()) >= MaxLabels || b.labelBytes+len(name)+len(val) > MaxLabelBytes {
		b.flags |= LabelsCut
		return
	}
	b.labelBytes += len(name) + len(val)
	if n := int(*hint); n == 0 || n > len(b.labels.Names.Ends) || string(b.labels.Names.At(n-1)) != string(name) {
		*hint = b.labelKeys.code(name, &b.labels.Names) + 1
	}
	b.labels.Keys = append(b.labels.Keys, *hint-1)
	b.labels.Vals.Append(val)
}

// IntNow returns what was set for an Int, Time, Uint or Bool field of the row at hand.
func (b *Builder) IntNow(id FieldID) (v int64, ok bool) {
	c := b.slots[id]
	if c == nil || c.rows <= b.rows {
		return 0, false
	}
	return c.Nums[b.rows], true
}

// Has reports whether a field of the row at hand was set.
func (b *Builder) Has(id FieldID) bool {
	c := b.slots[id]
	return c != nil && c.rows > b.rows
}

// Flag marks the row at hand.
func (b *Builder) Flag(f Flags) { b.flags |= f }

// Next ends the row at hand and begins another.
func (b *Builder) Next() {
	if b.Stamp != nil {
		b.Stamp(b)
	}
	if b.flags != 0 {
		var buf [64]byte
		b.Str(TocsinFlags, b.flags.appendTo(buf[:0]))
	}
	if len(b.labels.Keys) > 0 {
		for len(b.labels.Ends) < b.rows {
			b.labels.Ends = append(b.labels.Ends, b.lastLabel())
		}
		b.labels.Ends = append(b.labels.Ends, uint32(len(b.labels.Keys)))
	}
	b.rows++
	b.endRow()
}

func (b *Builder) lastLabel() uint32 {
	if n := len(b.labels.Ends); n > 0 {
		return b.labels.Ends[n-1]
	}
	return 0
}

func (b *Builder) endRow() { b.flags, b.labelBytes = 0, 0 }

// Abandon forgets the row at hand.
func (b *Builder) Abandon() {
	for _, c := range b.order {
		c.drop(b.rows)
	}
	keep := int(b.lastLabel())
	b.labels.Keys = b.labels.Keys[:keep]
	b.labels.Vals.truncate(keep)
	b.endRow()
}

// Batch hands over the complete rows and leaves the builder empty, with columns as large as the last ones were. A row at
// hand is abandoned.
//
// Nobody can tell when the last reader lets go of a batch: the journal's cache, the history's memory and queries share it.
// So its memory is never used again, and each batch gets its own, in one piece a list. To fill the same memory again and
// hand out exact copies was measured to be no faster, and slower for long records.
func (b *Builder) Batch() *Batch {
	b.Abandon()
	columns := make([]Column, 0, len(b.order))
	for _, c := range b.order {
		c.fill(b.rows)
		if !c.missing {
			c.Present = nil
		}
		columns = append(columns, c.Column)
	}
	for len(b.labels.Keys) > 0 && len(b.labels.Ends) < b.rows {
		b.labels.Ends = append(b.labels.Ends, b.lastLabel())
	}
	labels := b.labels
	if len(labels.Keys) == 0 {
		labels = Labels{}
	}
	batch := NewBatch(b.kind, b.rows, columns, labels)
	b.labelKeys.reset()
	next := Builder{Stamp: b.Stamp, kind: b.kind, batch: b.batch + 1, order: b.order[:0], labels: labels.room(), labelKeys: b.labelKeys}
	for _, c := range b.order {
		n := c.successor()
		next.slots[c.Field.ID] = n
		next.order = append(next.order, n)
	}
	*b = next
	return batch
}

// successor returns an empty column with room for as much as c holds; nothing is shared with c but its hash table.
func (c *columnBuilder) successor() *columnBuilder {
	n := &columnBuilder{Column: Column{Field: c.Field}, coded: c.coded, dict: c.dict}
	switch {
	case c.coded:
		n.dict.reset()
		n.Codes = make([]uint32, 0, len(c.Codes))
		n.Strs = c.Strs.room()
		n.Strs.Append(nil)
	case c.Field.Type == String:
		n.Strs = c.Strs.room()
	case c.Field.Type == IP:
		n.IPs = make([][16]byte, 0, len(c.IPs))
	default:
		n.Nums = make([]int64, 0, len(c.Nums))
	}
	if c.missing {
		n.Present = make(Bits, 0, (c.rows+63)/64)
	}
	return n
}

// room returns an empty list with the capacity of s and a tenth more.
func (s *Strings) room() Strings {
	return Strings{Ends: make([]uint32, 0, len(s.Ends)), Bytes: make([]byte, 0, len(s.Bytes)+len(s.Bytes)/10)}
}

// room returns empty labels with the capacity of l and a tenth more.
func (l *Labels) room() Labels {
	if len(l.Keys) == 0 {
		return Labels{}
	}
	return Labels{
		Ends: make([]uint32, 0, len(l.Ends)), Keys: make([]uint32, 0, len(l.Keys)+len(l.Keys)/10),
		Names: l.Names.room(), Vals: l.Vals.room(),
	}
}

// AppendRow adds a whole row of another batch, its labels included.
func (b *Builder) AppendRow(from *Batch, row int) {
	for i := range from.columns {
		c := &from.columns[i]
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		switch c.Field.Type {
		case String:
			b.Str(c.Field.ID, c.Str(v))
		case IP:
			b.IP(c.Field.ID, c.IP(v))
		default:
			b.Int(c.Field.ID, c.Nums[v])
		}
	}
	first, last := from.Labels.Of(row)
	for e := first; e < last; e++ {
		b.Label(from.Labels.Names.At(int(from.Labels.Keys[e])), from.Labels.Vals.At(e))
	}
	b.Next()
}
