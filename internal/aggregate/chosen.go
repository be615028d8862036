package aggregate

import "tocsin/internal/event"

// A Chosen selects the rows that belong to some groups of a table. It is used by one goroutine at a time.
type Chosen struct {
	groups *Table // of which rows says who is chosen; it takes nobody else in
}

// Chosen returns what selects the rows of groups that Rank returned. By names the fields in which the values are looked for,
// which may be others than those of the table, of the same types. Time buckets make no difference.
func (t *Table) Chosen(by []Key, rows []Row) *Chosen {
	c := New(Spec{By: by}, Limits{})
	for _, row := range rows {
		for i := range c.keys {
			c.tuple[i] = 0
			if n := t.valueOf(row.group, i); n != 0 {
				c.tuple[i], _ = c.keys[i].values.value(&t.keys[i].values.values, int(n), true)
			}
		}
		g := c.tuple[0] + 1
		if c.direct() {
			c.extend(int(g) + 1)
		} else {
			g = c.group(0)
		}
		c.rows[g] = 1
	}
	c.frozen = true
	return &Chosen{c}
}

// Select appends those of rows that belong to the groups to dst.
func (c *Chosen) Select(b *event.Batch, rows, dst []int32) []int32 {
	t := c.groups
	t.begin(b)
	for len(rows) > 0 {
		n := min(len(rows), chunkRows)
		for i, g := range t.find(b, rows[:n]) {
			if g != othersGroup && int(g) < len(t.rows) && t.rows[g] > 0 {
				dst = append(dst, rows[i])
			}
		}
		rows = rows[n:]
	}
	return dst
}
