package event

import (
	"bytes"
	"hash/maphash"
	"math"
	"net/netip"
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
	BadUTF8                     // bytes that are no UTF-8 were replaced
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

	kind    Kind
	rows    int
	slots   [MaxFieldID + 1]*columnBuilder
	order   []*columnBuilder // in the order of first use
	touched []*columnBuilder // those with a value in the row at hand
	flags   Flags

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

type columnBuilder struct {
	Column
	dict    *interner // nil in the plain form
	missing bool      // plain form: some row so far has no value
	rows    int       // rows filled so far
}

// slot returns the column of a field, filled with "missing" up to the row at hand.
func (b *Builder) slot(id FieldID) *columnBuilder {
	c := b.slots[id]
	if c == nil {
		c = newColumnBuilder(mustField(id))
		b.slots[id] = c
		b.order = append(b.order, c)
	}
	if c.rows > b.rows { // set twice in this row: the last one counts
		c.drop(b.rows)
	} else {
		b.touched = append(b.touched, c)
	}
	if c.rows < b.rows {
		c.fill(b.rows)
	}
	c.rows = b.rows + 1
	return c
}

func newColumnBuilder(f *Field) *columnBuilder {
	c := &columnBuilder{Column: Column{Field: f}}
	if f.Type == String && !f.Plain {
		c.dict = &interner{}
		c.Strs.Append(nil) // value 0 stands for "missing"
	}
	return c
}

// fill appends "missing" until the column has n rows.
func (c *columnBuilder) fill(n int) {
	for ; c.rows < n; c.rows++ {
		if c.dict != nil {
			c.Codes = append(c.Codes, 0)
			continue
		}
		c.missing = true
		c.mark(c.rows, false)
		switch c.Field.Type {
		case String:
			c.Strs.Append(nil)
		case IP:
			c.IPs = append(c.IPs, [16]byte{})
		default:
			c.Nums = append(c.Nums, 0)
		}
	}
}

// mark notes in the plain form whether a row has a value.
func (c *columnBuilder) mark(row int, has bool) {
	if row>>6 >= len(c.Present) {
		c.Present = append(c.Present, 0)
	}
	if has {
		c.Present[row>>6] |= 1 << (uint(row) & 63)
	} else {
		c.Present[row>>6] &^= 1 << (uint(row) & 63)
	}
}

// drop removes all rows from n on.
func (c *columnBuilder) drop(n int) {
	if c.rows <= n {
		return
	}
	c.rows = n
	switch {
	case c.dict != nil:
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
	c := b.slot(id)
	if c.dict != nil {
		c.Codes = append(c.Codes, c.dict.code(v, &c.Strs))
		return
	}
	c.mark(b.rows, true)
	c.Strs.Append(v)
}

// Text sets a String field from a string.
func (b *Builder) Text(id FieldID, v string) {
	var buf [64]byte
	b.Str(id, append(buf[:0], v...))
}

// Int sets an Int field.
func (b *Builder) Int(id FieldID, v int64) {
	c := b.slot(id)
	c.mark(b.rows, true)
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
	c.mark(b.rows, true)
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
	if len(b.labels.Keys)-int(b.lastLabel()) >= MaxLabels || b.labelBytes+len(name)+len(val) > MaxLabelBytes {
		b.flags |= LabelsCut
		return
	}
	b.labelBytes += len(name) + len(val)
	b.labels.Keys = append(b.labels.Keys, b.labelKeys.code(name, &b.labels.Names))
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

func (b *Builder) endRow() { b.touched, b.flags, b.labelBytes = b.touched[:0], 0, 0 }

// Abandon forgets the row at hand.
func (b *Builder) Abandon() {
	for _, c := range b.touched {
		c.drop(b.rows)
	}
	keep := int(b.lastLabel())
	b.labels.Keys = b.labels.Keys[:keep]
	b.labels.Vals.truncate(keep)
	b.endRow()
}

// Batch hands over the complete rows and leaves the builder empty, with columns as large as the last ones were. A row at
// hand is abandoned.
func (b *Builder) Batch() *Batch {
	b.Abandon()
	columns := make([]Column, 0, len(b.order))
	for _, c := range b.order {
		c.fill(b.rows)
		if c.dict == nil && !c.missing {
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
	next := Builder{Stamp: b.Stamp, kind: b.kind, touched: b.touched[:0], order: b.order[:0], labels: labels.room(), labelKeys: b.labelKeys}
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
	n := &columnBuilder{Column: Column{Field: c.Field}, dict: c.dict}
	switch {
	case c.dict != nil:
		c.dict.reset()
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
	if c.dict == nil {
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

// interner finds the number of a string in a list, and appends it when it is new. Open addressing, linear probing.
type interner struct {
	table []uint32 // 1 + number of the value, 0 for a free place
	used  int
	last  uint32 // 1 + number of the value asked for last, 0 for none: neighbours are often alike
}

var seed = maphash.MakeSeed()

func (in *interner) code(v []byte, list *Strings) uint32 {
	if in.last != 0 && bytes.Equal(list.At(int(in.last-1)), v) {
		return in.last - 1
	}
	if in.used*2 >= len(in.table) {
		in.grow(list)
	}
	mask := uint64(len(in.table) - 1)
	for at := maphash.Bytes(seed, v) & mask; ; at = (at + 1) & mask {
		code := in.table[at]
		if code == 0 {
			list.Append(v)
			in.used++
			in.table[at] = uint32(list.Len())
			in.last = uint32(list.Len())
			return in.last - 1
		}
		if bytes.Equal(list.At(int(code-1)), v) {
			in.last = code
			return code - 1
		}
	}
}

// grow doubles the table and puts everything in again. The place holder of a dictionary is in the list but not in the
// table, so that the empty string gets a number of its own.
func (in *interner) grow(list *Strings) {
	old := in.table
	in.table = make([]uint32, max(64, 2*len(old)))
	mask := uint64(len(in.table) - 1)
	for _, code := range old {
		if code == 0 {
			continue
		}
		at := maphash.Bytes(seed, list.At(int(code-1))) & mask
		for in.table[at] != 0 {
			at = (at + 1) & mask
		}
		in.table[at] = code
	}
}

func (in *interner) reset() {
	clear(in.table)
	in.used, in.last = 0, 0
}
