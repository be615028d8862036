package aggregate

import "tocsin/internal/event"

// A keyColumn turns the values of one key into numbers.
type keyColumn struct {
	key    Key
	values *interner
	round  uint32   // number of the batch
	memo   []uint64 // one a value of the batch's dictionary: round in the upper half, number in the lower
	ids    [chunkRows]uint32
}

// noRoom stands for a value that found none.
const noRoom = ^uint32(0)

// Fold adds rows of a batch. By views a row may count for two groups, or twice for one.
func (t *Table) Fold(b *event.Batch, rows []int32) {
	if t.view != nil {
		t.view.Each(b, rows, t.FoldShown)
		return
	}
	t.FoldShown(b, rows)
}

// FoldShown adds rows of a batch that has the fields of views already, as package view shows it.
func (t *Table) FoldShown(b *event.Batch, rows []int32) {
	if t.foldCodes(b, rows) {
		t.weigh()
		return
	}
	t.begin(b)
	for len(rows) > 0 {
		n := min(len(rows), chunkRows)
		t.fold(b, rows[:n])
		rows = rows[n:]
	}
	t.weigh()
}

// begin makes ready for a batch.
func (t *Table) begin(b *event.Batch) {
	t.labels.begin(b)
	for _, k := range t.keys {
		k.begin(b)
	}
}

// begin forgets the dictionary of the batch before.
func (k *keyColumn) begin(b *event.Batch) {
	if k.key.Field == nil {
		return
	}
	c := b.Column(k.key.Field.ID)
	if c == nil || c.Codes == nil {
		return
	}
	if len(k.memo) < c.Len() {
		k.memo, k.round = make([]uint64, c.Len()+c.Len()/4), 0
	}
	if k.round++; k.round == 0 {
		clear(k.memo)
		k.round = 1
	}
}

func (t *Table) fold(b *event.Batch, rows []int32) {
	groups := t.find(b, rows)
	counts := t.rows
	for _, g := range groups {
		counts[g]++
	}
	t.others = t.others || counts[othersGroup] > 0
	for i := range t.cells {
		t.cells[i].fold(t, b, rows, groups)
	}
}

// find returns the group of each row of a chunk, good until the next call.
func (t *Table) find(b *event.Batch, rows []int32) []uint32 {
	groups := t.chunkOf[:len(rows)]
	switch {
	case len(t.keys) == 0 && t.spec.Bucket <= 0:
		g := t.group(0)
		for i := range groups {
			groups[i] = g
		}
	case t.direct():
		k := t.keys[0]
		t.number(k, b, rows)
		for i, id := range k.ids[:len(rows)] {
			groups[i] = id + 1 // noRoom becomes the group of the others
		}
		t.extend(len(k.values.hashes) + 1)
	default:
		for _, k := range t.keys {
			t.number(k, b, rows)
		}
		t.combine(b, rows, groups)
	}
	return groups
}

// number finds the numbers of the values of a key.
func (t *Table) number(k *keyColumn, b *event.Batch, rows []int32) {
	ids := k.ids[:len(rows)]
	if k.key.Field == nil {
		at := t.labels.find(b, k.key.Label)
		for i, row := range rows {
			ids[i] = 0
			if e := at(row); e >= 0 {
				ids[i] = t.labelNumber(k, b.Labels.Vals.At(e))
			}
		}
		return
	}
	c := b.Column(k.key.Field.ID)
	switch {
	case c == nil:
		clear(ids)
	case c.Codes != nil:
		t.numberCodes(k, c, rows, ids)
	default:
		for i, row := range rows {
			ids[i] = 0
			if c.Present == nil || c.Present.Get(int(row)) {
				ids[i] = t.valueNumber(k, c, int(row))
			}
		}
	}
}

// numberCodes looks each value of a dictionary up once a batch.
func (t *Table) numberCodes(k *keyColumn, c *event.Column, rows []int32, ids []uint32) {
	memo, round := k.memo, uint64(k.round)<<32
	for i, row := range rows {
		code := c.Codes[row]
		if code == 0 {
			ids[i] = 0
			continue
		}
		known := memo[code]
		if known&^0xffffffff != round {
			known = round | uint64(t.valueNumber(k, c, int(code)))
			memo[code] = known
		}
		ids[i] = uint32(known)
	}
}

// valueNumber numbers a value; the table is asked for room only when it is new.
func (t *Table) valueNumber(k *keyColumn, c *event.Column, v int) uint32 {
	n, ok := k.values.value(c, v, false)
	if ok {
		return n
	}
	if n, ok = k.values.value(c, v, t.roomFor(k)); ok {
		return n
	}
	return noRoom
}

func (t *Table) labelNumber(k *keyColumn, v []byte) uint32 {
	n, ok := k.values.text(v, false)
	if ok {
		return n
	}
	if n, ok = k.values.text(v, t.roomFor(k)); ok {
		return n
	}
	return noRoom
}

// roomFor reports whether a key may have another value.
func (t *Table) roomFor(k *keyColumn) bool {
	return !t.frozen && len(k.values.hashes)-1 < t.limits.Groups && t.room()
}

// combine finds the groups of rows by all keys and the time bucket.
func (t *Table) combine(b *event.Batch, rows []int32, groups []uint32) {
	if t.spec.Bucket > 0 {
		t.bucketTimes(b, rows)
	}
	var last int64
	for i := range rows {
		full, same := false, i > 0
		for j, k := range t.keys {
			id := k.ids[i]
			full = full || id == noRoom
			same = same && t.tuple[j] == id
			t.tuple[j] = id
		}
		bucket := int64(0)
		if t.spec.Bucket > 0 {
			bucket = t.times[i]
		}
		switch {
		case same && bucket == last: // as the row before, also when that was full
			groups[i] = groups[i-1]
		case full:
			groups[i] = othersGroup
		default:
			groups[i] = t.group(bucket)
		}
		last = bucket
	}
}

// bucketTimes finds the start of the time bucket of each row.
func (t *Table) bucketTimes(b *event.Batch, rows []int32) {
	c := b.Column(event.Timestamp)
	for i, row := range rows {
		var ns int64
		if c != nil {
			if v, ok := c.Value(int(row)); ok {
				ns = c.Nums[v]
			}
		}
		t.times[i] = bucketOf(ns, int64(t.spec.Bucket))
	}
}

// bucketOf rounds down to a multiple of length, also before 1970. Where the start would lie before the range of int64,
// it is the end of that range.
func bucketOf(ns, length int64) int64 {
	over := ns % length
	if over < 0 {
		over += length
	}
	start := ns - over
	if start > ns {
		return -1 << 63
	}
	return start
}

// A labelFinder finds labels in the rows of a batch.
type labelFinder struct{ keys int }

func (l *labelFinder) begin(b *event.Batch) { l.keys = b.Labels.Names.Len() }

// find returns a function that gives the entry of a label in a row, the last of several, or -1.
func (l *labelFinder) find(b *event.Batch, name string) func(row int32) int {
	key := -1
	for i := range l.keys {
		if string(b.Labels.Names.At(i)) == name {
			key = i
			break
		}
	}
	return func(row int32) int {
		if key < 0 {
			return -1
		}
		from, to := b.Labels.Of(int(row))
		for e := to - 1; e >= from; e-- {
			if int(b.Labels.Keys[e]) == key {
				return e
			}
		}
		return -1
	}
}
