package event

import "slices"

// A Run is some rows of a Builder that are set together, column by column: where records come many at a time and are alike, each
// column is found once for all of them. It begins behind the complete rows, while none is at hand, and End completes it; nothing
// else is done with the builder in between. Stamp is not called for its rows.
type Run struct {
	b *Builder
	n int
}

// Run begins n rows, 1 or more.
func (b *Builder) Run(n int) Run { return Run{b, n} }

// column returns the column of a field, filled with "missing" up to the first row of the run; ready says that the run has it.
func (r Run) column(id FieldID) (c *columnBuilder, ready bool) {
	b := r.b
	c = b.slots[id]
	if c == nil {
		c = newColumnBuilder(mustField(id))
		b.slots[id] = c
		b.order = append(b.order, c)
	}
	if c.rows > b.rows {
		return c, true
	}
	c.fill(b.rows)
	return c, false
}

// extend makes room in a column for the rows of the run, of which each has a value until Lack says otherwise.
func (r Run) extend(c *columnBuilder) {
	if c.missing {
		for row := c.rows; row < c.rows+r.n; row++ {
			c.mark(row)
		}
	}
	c.rows += r.n
}

// Ints returns the values of an Int, Time, Uint or Bool field, one a row, for the caller to set; each must be set. A Uint stands
// there as the int64 of the same bits.
func (r Run) Ints(id FieldID) []int64 {
	c, ready := r.column(id)
	if !ready {
		c.Nums = slices.Grow(c.Nums, r.n)[:c.rows+r.n]
		r.extend(c)
	}
	return c.Nums[r.b.rows:]
}

// IPs returns the values of an IP field in the same way.
func (r Run) IPs(id FieldID) [][16]byte {
	c, ready := r.column(id)
	if !ready {
		c.IPs = slices.Grow(c.IPs, r.n)[:c.rows+r.n]
		r.extend(c)
	}
	return c.IPs[r.b.rows:]
}

// Lack says that row i of the run has no value of a field whose values Ints or IPs gave out and the caller has set.
func (r Run) Lack(id FieldID, i int) {
	c, row := r.b.slots[id], r.b.rows+i
	if !c.missing {
		c.missing = true
		for row := range c.rows {
			c.mark(row)
		}
	}
	c.Present[row>>6] &^= 1 << (uint(row) & 63)
	if c.Field.Type == IP {
		c.IPs[row] = [16]byte{}
	} else {
		c.Nums[row] = 0
	}
}

// Codes returns the values of a String field that is not Plain, one a row: 0, which they all are at first, for none, or what Code
// returns.
func (r Run) Codes(id FieldID) []uint32 {
	c, ready := r.column(id)
	if !ready {
		c.Codes = appendZeros(c.Codes, r.n)
		c.rows += r.n
	}
	return c.Codes[r.b.rows:]
}

// Code returns the code by which rows of the run, and later ones of the same batch, have v in a String field that is not Plain.
func (r Run) Code(id FieldID, v string) uint32 {
	c, _ := r.column(id)
	return c.dict.code([]byte(v), &c.Strs)
}

// Label adds a label to row i of the run; labels are given to one row after the other. The caller keeps within MaxLabels and
// MaxLabelBytes.
func (r Run) Label(i int, name, val []byte) {
	r.labelled(i)
	l := &r.b.labels
	l.Keys = append(l.Keys, r.b.labelKeys.code(name, &l.Names))
	l.Vals.Append(val)
}

// labelled ends the labels of the rows before row i of the run.
func (r Run) labelled(i int) {
	l := &r.b.labels
	for len(l.Ends) < r.b.rows+i {
		l.Ends = append(l.Ends, uint32(len(l.Keys)))
	}
}

// End completes the rows.
func (r Run) End() {
	if len(r.b.labels.Keys) > 0 {
		r.labelled(r.n)
	}
	r.b.rows += r.n
}
