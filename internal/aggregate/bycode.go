package aggregate

import "tocsin/internal/event"

// byCode adds rows up by the codes of a dictionary, before anybody asks which groups these are: a dictionary is small enough
// for the caches of a processor, what a table holds of a million addresses is not.
type byCode struct {
	counts []uint32
	cells  []sums // one a cell of the table; of counts of rows unused
	codes  []uint32
	groups [chunkRows]uint32
}

// foldCodes is FoldShown for tables of sums by one field whose column has a dictionary; false when it is not for this one.
func (t *Table) foldCodes(b *event.Batch, rows []int32) bool {
	if !t.direct() || t.keys[0].key.Field == nil {
		return false
	}
	k := t.keys[0]
	c := b.Column(k.key.Field.ID)
	if c == nil || c.Codes == nil || c.Len() > len(rows) {
		return false
	}
	for _, one := range t.cells {
		switch one.(type) {
		case *sums, rowCounts:
		default:
			return false
		}
	}
	t.codes.begin(t, c.Len())
	for len(rows) > 0 {
		n := min(len(rows), chunkRows)
		t.codes.fold(t, b, c, rows[:n])
		rows = rows[n:]
	}
	t.takeCodes(k, c)
	return true
}

// begin makes ready for a dictionary.
func (f *byCode) begin(t *Table, n int) {
	f.counts = grown(f.counts, n)[:n]
	clear(f.counts)
	if f.cells == nil {
		f.cells = make([]sums, len(t.cells))
	}
	for i, one := range t.cells {
		if s, ok := one.(*sums); ok {
			into := &f.cells[i]
			into.field, into.mean = s.field, s.mean
			clear(into.s)
			clear(into.n)
			into.extend(n)
		}
	}
}

// fold adds a chunk of rows up, with codes for groups.
func (f *byCode) fold(t *Table, b *event.Batch, c *event.Column, rows []int32) {
	codes := t.chunkOf[:len(rows)]
	for i, row := range rows {
		codes[i] = c.Codes[row]
		f.counts[codes[i]]++
	}
	for i := range f.cells {
		if f.cells[i].field != nil {
			f.cells[i].fold(t, b, rows, codes)
		}
	}
}

// takeCodes adds what was added up by code to the groups. Memory is what this costs: each loop goes through one array of the
// table alone, so that the processor can ask for many places of it at once.
func (t *Table) takeCodes(k *keyColumn, c *event.Column) {
	f := &t.codes
	f.codes = f.codes[:0]
	for code, n := range f.counts {
		if n > 0 {
			f.codes = append(f.codes, uint32(code))
		}
	}
	for rest := f.codes; len(rest) > 0; {
		codes := rest[:min(len(rest), chunkRows)]
		rest = rest[len(codes):]
		groups := f.groups[:len(codes)]
		t.numberValues(k, c, codes, groups)
		t.extend(len(k.values.hashes) + 1)
		for i, code := range codes {
			groups[i]++ // noRoom becomes the group of the others
			t.rows[groups[i]] += uint64(f.counts[code])
		}
		t.others = t.others || t.rows[othersGroup] > 0
		for j := range f.cells {
			if s, ok := t.cells[j].(*sums); ok {
				s.take(&f.cells[j], groups, codes)
			}
		}
	}
}

// numberValues finds the numbers of values of a dictionary.
func (t *Table) numberValues(k *keyColumn, c *event.Column, codes, ids []uint32) {
	if c.Field.Type != event.IP {
		for i, code := range codes {
			ids[i] = 0
			if code != 0 {
				ids[i] = t.valueNumber(k, c, int(code))
			}
		}
		return
	}
	k.values.addresses(c, codes, ids)
	for i, code := range codes {
		switch {
		case code == 0:
			ids[i] = 0
		case ids[i] == noRoom: // a dictionary has each value once, so it is a new one
			if n, ok := k.values.value(c, int(code), t.roomFor(k)); ok {
				ids[i] = n
			}
		}
	}
}
