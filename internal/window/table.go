package window

import (
	"tocsin/internal/event"
)

// A Table numbers entities from 0 on, and uses the number of one that was dropped again.
type Table struct {
	keys  *Keys
	ids   map[string]uint32
	names []string // by number; "" with used false for a free one
	used  []bool
	free  []uint32
	bytes int

	columns []*event.Column // of the batch that is bound
	none    bool            // the batch lacks a field
	memo    []uint32        // 1 + number by dictionary code, 0 unknown
	buf     []byte
}

// NewTable returns an empty table.
func NewTable(keys *Keys) *Table { return &Table{keys: keys, ids: map[string]uint32{}} }

// Bind makes b the batch that Row looks at.
func (t *Table) Bind(b *event.Batch) {
	columns, ok := t.keys.columns(b, t.columns[:0])
	t.columns, t.none = columns, !ok
	t.memo = t.memo[:0]
	if ok && len(columns) == 1 && columns[0].Codes != nil {
		if n := columns[0].Len(); n > cap(t.memo) {
			t.memo = make([]uint32, n)
		} else {
			t.memo = t.memo[:n]
			clear(t.memo)
		}
	}
}

// Row returns the number of a row's entity, which it gets now if it had none; false when the row lacks a field. No entity
// may be dropped between Bind and Row.
func (t *Table) Row(row int32) (id uint32, ok bool) {
	if t.none {
		return 0, false
	}
	if len(t.memo) > 0 {
		code := t.columns[0].Codes[row]
		if code == 0 {
			return 0, false
		}
		if id := t.memo[code]; id != 0 {
			return id - 1, true
		}
		t.buf = appendPart(t.buf[:0], t.columns[0], int(code))
		id = t.number()
		t.memo[code] = id + 1
		return id, true
	}
	if t.buf, ok = appendKey(t.buf[:0], t.columns, int(row)); !ok {
		return 0, false
	}
	return t.number(), true
}

// Number returns the number of a key, which it gets now if it had none.
func (t *Table) Number(key string) uint32 {
	t.buf = append(t.buf[:0], key...)
	return t.number()
}

func (t *Table) number() uint32 {
	if id, ok := t.ids[string(t.buf)]; ok {
		return id
	}
	key := string(t.buf)
	var id uint32
	if n := len(t.free); n > 0 {
		id = t.free[n-1]
		t.free = t.free[:n-1]
		t.names[id], t.used[id] = key, true
	} else {
		id = uint32(len(t.names))
		t.names = append(t.names, key)
		t.used = append(t.used, true)
	}
	t.ids[key] = id
	t.bytes += entryBytes + len(key)
	return id
}

// entryBytes is what an entry costs besides its key: its share of the map, of the two lists, and of the calendars that
// detectors keep, measured with a million entities.
const entryBytes = 112

// Lookup returns the number of a key that has one.
func (t *Table) Lookup(key string) (id uint32, ok bool) {
	id, ok = t.ids[key]
	return id, ok
}

// Key returns the key of an entity.
func (t *Table) Key(id uint32) string { return t.names[id] }

// Used reports whether a number stands for an entity.
func (t *Table) Used(id uint32) bool { return int(id) < len(t.used) && t.used[id] }

// Drop forgets an entity. Its number will be used again.
func (t *Table) Drop(id uint32) {
	key := t.names[id]
	delete(t.ids, key)
	t.bytes -= entryBytes + len(key)
	t.names[id], t.used[id] = "", false
	t.free = append(t.free, id)
}

// looked is how many entities are compared before one is given up.
const looked = 16

// Least returns the least of the next few entities behind the hand, which goes round the table as it is called again. The
// table must not be empty.
func (t *Table) Least(hand *uint32, less func(a, b uint32) bool) uint32 {
	least, found := uint32(0), false
	for n := 0; n < looked; *hand++ {
		id := *hand % uint32(t.Cap())
		if !t.Used(id) {
			continue
		}
		n++
		if !found || less(id, least) {
			least, found = id, true
		}
	}
	return least
}

// Len returns the number of entities.
func (t *Table) Len() int { return len(t.ids) }

// Cap returns the number behind the largest that was ever given.
func (t *Table) Cap() int { return len(t.names) }

// Bytes estimates the memory of the table.
func (t *Table) Bytes() int { return t.bytes }

// Keys returns what the entities are made of.
func (t *Table) Keys() *Keys { return t.keys }
