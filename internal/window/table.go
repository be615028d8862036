package window

import (
	"tocsin/internal/event"
)

// A Table numbers entities from 0 on, and uses the number of one that was dropped again.
type Table struct {
	keys  *Keys
	index index
	names []string // by number; "" with used false for a free one
	used  []bool
	free  []uint32
	bytes int

	columns []*event.Column // of the batch that is bound
	none    bool            // the batch lacks a field
	memo    []uint32        // 1 + number by dictionary code, 0 unknown
	buf     []byte
	missing [together]missing // scratch of Rows
	warmth  int               // what was looked at beforehand, so that it is not left out
}

// NewTable returns an empty table.
func NewTable(keys *Keys) *Table { return &Table{keys: keys, index: newIndex()} }

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
		id = t.number(t.buf, t.index.hash(t.buf))
		t.memo[code] = id + 1
		return id, true
	}
	if t.buf, ok = appendKey(t.buf[:0], t.columns, int(row)); !ok {
		return 0, false
	}
	return t.number(t.buf, t.index.hash(t.buf)), true
}

// together is how many rows are looked up at a time.
const together = 128

// A missing is a row whose key has to be looked up: it stands in the buffer up to end.
type missing struct {
	at, end int32
	hash    uint32
}

// Rows is Row for many rows: each gets 1 + the number of its entity, and 0 when it lacks a field. In a large table nearly every
// step of a search waits for memory; those of many rows wait at the same time.
func (t *Table) Rows(rows []int32, ids []uint32) {
	for len(rows) > 0 {
		n := min(len(rows), together)
		t.some(rows[:n], ids[:n])
		rows, ids = rows[n:], ids[n:]
	}
}

func (t *Table) some(rows []int32, ids []uint32) {
	if t.none {
		clear(ids)
		return
	}
	n, begin := 0, 0
	t.buf = t.buf[:0]
	for i, row := range rows {
		if len(t.memo) > 0 {
			code := t.columns[0].Codes[row]
			if ids[i] = t.memo[code]; ids[i] != 0 || code == 0 {
				continue
			}
			t.buf = appendPart(t.buf, t.columns[0], int(code))
		} else if key, ok := appendKey(t.buf, t.columns, int(row)); ok {
			t.buf = key
		} else {
			ids[i] = 0
			continue
		}
		t.missing[n] = missing{int32(i), int32(len(t.buf)), t.index.hash(t.buf[begin:])}
		begin = len(t.buf)
		n++
	}
	list := t.missing[:n]
	for i := range list {
		t.warmth += int(t.index.first(list[i].hash))
	}
	for i := range list {
		if id := t.index.first(list[i].hash); id != 0 && len(t.names[id-1]) > 0 {
			t.warmth += int(t.names[id-1][0])
		}
	}
	from := int32(0)
	for _, m := range list {
		id := t.number(t.buf[from:m.end], m.hash)
		from = m.end
		ids[m.at] = id + 1
		if len(t.memo) > 0 {
			t.memo[t.columns[0].Codes[rows[m.at]]] = id + 1
		}
	}
}

// Number returns the number of a key, which it gets now if it had none.
func (t *Table) Number(key string) uint32 {
	t.buf = append(t.buf[:0], key...)
	return t.number(t.buf, t.index.hash(t.buf))
}

func (t *Table) number(text []byte, hash uint32) uint32 {
	if id, ok := t.index.find(text, hash, t.names); ok {
		return id
	}
	key := string(text)
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
	t.index.add(hash, id)
	t.bytes += entryBytes + len(key)
	return id
}

// entryBytes is what an entry costs besides its key: its share of the map, of the two lists, and of the calendars that
// detectors keep, measured with a million entities.
const entryBytes = 112

// Lookup returns the number of a key that has one.
func (t *Table) Lookup(key string) (id uint32, ok bool) {
	text := []byte(key)
	return t.index.find(text, t.index.hash(text), t.names)
}

// Key returns the key of an entity.
func (t *Table) Key(id uint32) string { return t.names[id] }

// Used reports whether a number stands for an entity.
func (t *Table) Used(id uint32) bool { return int(id) < len(t.used) && t.used[id] }

// Drop forgets an entity. Its number will be used again.
func (t *Table) Drop(id uint32) {
	key := t.names[id]
	t.index.remove(t.index.hash([]byte(key)), id)
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
func (t *Table) Len() int { return t.index.used }

// Cap returns the number behind the largest that was ever given.
func (t *Table) Cap() int { return len(t.names) }

// Bytes estimates the memory of the table.
func (t *Table) Bytes() int { return t.bytes }

// Keys returns what the entities are made of.
func (t *Table) Keys() *Keys { return t.keys }
