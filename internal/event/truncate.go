package event

// Truncate forgets all rows from the n-th on, and the row at hand.
func (b *Builder) Truncate(n int) {
	b.Abandon()
	if n >= b.rows {
		return
	}
	for _, c := range b.order {
		for row := n; c.missing && row < c.rows; row++ { // drop does it for one row alone
			c.Present[row>>6] &^= 1 << (uint(row) & 63)
		}
		c.drop(n)
	}
	if len(b.labels.Ends) > n {
		keep := uint32(0)
		if n > 0 {
			keep = b.labels.Ends[n-1]
		}
		b.labels.Ends = b.labels.Ends[:n]
		b.labels.Keys = b.labels.Keys[:keep]
		b.labels.Vals.truncate(int(keep))
	}
	b.rows = n
}

// StrAt returns the value of a String field in a complete row; false when it has none. It is good until the builder changes.
func (b *Builder) StrAt(id FieldID, row int) (v []byte, ok bool) {
	c := b.slots[id]
	switch {
	case c == nil || row >= c.rows || row >= b.rows:
		return nil, false
	case c.coded:
		return c.Strs.At(int(c.Codes[row])), c.Codes[row] != 0
	}
	return c.Strs.At(row), !c.missing || c.Present[row>>6]>>(uint(row)&63)&1 != 0
}
