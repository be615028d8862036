package window

import (
	"encoding/binary"

	"tocsin/internal/event"
)

// A Table numbers entities from 0 on, and uses the number of one that was dropped again.
type Table struct {
	keys  *Keys
	index index
	names names
	free  []uint32
	bytes int

	columns []*event.Column // of the batch that is bound
	none    bool            // the batch lacks a field
	ends    bool            // one or two plain columns of addresses are bound
	memo    []uint32        // 1 + number by dictionary code, 0 unknown
	counted bool            // the key is one whole number
	small   []uint32        // 1 + number by whole number, 0 unknown; as far as the small ones came up
	buf     []byte
	missing [together]missing // scratch of Rows
	warmth  uint32            // what was looked at beforehand, so that it is not left out
}

// maxSmall is up to which numbers, ports above all, entities are found without a search.
const maxSmall = 1 << 16

// NewTable returns an empty table.
func NewTable(keys *Keys) *Table {
	t := &Table{keys: keys, index: newIndex()}
	if len(keys.parts) == 1 && keys.parts[0].field != nil {
		typ := keys.parts[0].field.Type
		t.counted = typ == event.Int || typ == event.Uint
	}
	return t
}

// Bind makes b the batch that Row looks at.
func (t *Table) Bind(b *event.Batch) {
	columns, ok := t.keys.columns(b, t.columns[:0])
	t.columns, t.none = columns, !ok
	t.memo = t.memo[:0]
	t.ends = ok && (len(columns) == 1 || len(columns) == 2)
	for _, c := range columns {
		t.ends = t.ends && c.Field.Type == event.IP && c.Codes == nil
	}
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
	rows, ids := [1]int32{row}, [1]uint32{}
	t.some(rows[:], ids[:])
	return ids[0] - 1, ids[0] != 0
}

// together is how many rows are looked up at a time.
const together = 128

// A missing is a row whose key has to be looked up. A long key stands in the buffer up to end.
type missing struct {
	head
	at, end int32
	hash    uint32
}

// Rows is Row for many rows: each gets 1 + the number of its entity, and 0 when it lacks a field. In a large table a search
// waits for memory; those of many rows wait at the same time.
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
	list := t.missing[:t.heads(rows, ids)]
	warmth := uint32(0)
	for i := range list {
		warmth += t.index.first(list[i].hash)
	}
	t.warmth = warmth
	from := int32(0)
	for i := range list {
		m := &list[i]
		id := t.number(m.head, m.hash, t.buf[from:m.end])
		from = m.end
		ids[m.at] = id + 1
		t.remember(int(rows[m.at]), id)
	}
}

// heads finds out by which keys rows have to be looked up, and returns how many. The others get what is known already.
func (t *Table) heads(rows []int32, ids []uint32) (n int) {
	t.buf = t.buf[:0]
	for i, row := range rows {
		if id, ok := t.known(int(row)); ok {
			ids[i] = id
			continue
		}
		m := &t.missing[n]
		if h, ok := t.addresses(int(row)); ok {
			m.head = h
		} else {
			begin := len(t.buf)
			if t.buf, ok = appendKey(t.buf, t.columns, int(row)); !ok {
				t.buf, ids[i] = t.buf[:begin], 0
				continue
			}
			m.head = t.index.head(t.buf[begin:])
		}
		m.at, m.end, m.hash = int32(i), int32(len(t.buf)), t.index.hash(m.head)
		n++
	}
	return n
}

// known returns 1 + the number of a row's entity, 0 when it lacks the field; false when neither is remembered.
func (t *Table) known(row int) (uint32, bool) {
	switch {
	case len(t.memo) > 0:
		code := t.columns[0].Codes[row]
		return t.memo[code], t.memo[code] != 0 || code == 0
	case t.counted:
		c := t.columns[0]
		if v := uint64(c.Nums[row]); v < uint64(len(t.small)) && t.small[v] != 0 && c.Has(row) {
			return t.small[v], true
		}
	}
	return 0, false
}

// remember notes the number of a row's entity, where known looks it up.
func (t *Table) remember(row int, id uint32) {
	switch {
	case len(t.memo) > 0:
		t.memo[t.columns[0].Codes[row]] = id + 1
	case t.counted:
		v := uint64(t.columns[0].Nums[row])
		if v >= maxSmall {
			return
		}
		if v >= uint64(len(t.small)) {
			t.small = append(t.small, make([]uint32, max(int(v)+1, 2*len(t.small), 1024)-len(t.small))...)
		}
		t.small[v] = id + 1
	}
}

// addresses returns the head of a key of one or two IPv4 addresses, which is most of all keys of flows, as index.head does.
func (t *Table) addresses(row int) (h head, ok bool) {
	if !t.ends {
		return head{}, false
	}
	for i, c := range t.columns {
		ip := &c.IPs[row]
		if binary.LittleEndian.Uint64(ip[:8]) != 0 || binary.LittleEndian.Uint32(ip[8:12]) != 0xffff_0000 || !c.Has(row) {
			return head{}, false
		}
		v4 := binary.LittleEndian.Uint32(ip[12:])
		if i == 0 {
			h.a = 5 | 4<<8 | uint64(v4)<<16
		} else {
			h.a = h.a - 5 + 10 | 4<<48 | uint64(v4)<<56
			h.b = v4 >> 8
		}
	}
	return h, true
}

// Number returns the number of a key, which it gets now if it had none.
func (t *Table) Number(key string) uint32 {
	t.buf = append(t.buf[:0], key...)
	h := t.index.head(t.buf)
	return t.number(h, t.index.hash(h), t.buf)
}

// number is Number of a key that is asked for only when it is long.
func (t *Table) number(h head, hash uint32, key []byte) uint32 {
	id, at, ok := t.index.find(h, hash, key, &t.names)
	if ok {
		return id
	}
	id = uint32(t.names.count)
	if n := len(t.free); n > 0 {
		id = t.free[n-1]
		t.free = t.free[:n-1]
	}
	t.names.put(id, h, key)
	t.index.add(h, at, id)
	t.bytes += entryBytes + t.names.cell(id).length()
	return id
}

// entryBytes is what an entry costs besides its key: its share of the index, of the two lists, and of the calendars that
// detectors keep, measured with a million entities.
const entryBytes = 112

// Lookup returns the number of a key that has one.
func (t *Table) Lookup(key string) (id uint32, ok bool) {
	text := []byte(key)
	h := t.index.head(text)
	id, _, ok = t.index.find(h, t.index.hash(h), text, &t.names)
	return id, ok
}

// Key returns a copy of the key of an entity.
func (t *Table) Key(id uint32) string { return string(t.names.append(nil, id)) }

// Among reports whether a set has the key of an entity.
func (t *Table) Among(set map[string]bool, id uint32) bool {
	t.buf = t.names.append(t.buf[:0], id)
	return set[string(t.buf)]
}

// SaveKey writes the key of an entity as Encoder.Text does.
func (t *Table) SaveKey(e *Encoder, id uint32) {
	t.buf = t.names.append(t.buf[:0], id)
	e.Uint(uint64(len(t.buf)))
	e.room(len(t.buf))
	e.buf = append(e.buf, t.buf...)
}

// Used reports whether a number stands for an entity.
func (t *Table) Used(id uint32) bool { return t.names.used(id) }

// Drop forgets an entity. Its number will be used again.
func (t *Table) Drop(id uint32) {
	t.buf = t.names.append(t.buf[:0], id)
	h := t.index.head(t.buf)
	t.index.remove(t.index.hash(h), id)
	t.bytes -= entryBytes + len(t.buf)
	if t.counted && len(t.buf) == 8 {
		if v := binary.BigEndian.Uint64(t.buf); v < uint64(len(t.small)) {
			t.small[v] = 0
		}
	}
	t.names.drop(id)
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
func (t *Table) Cap() int { return t.names.count }

// Bytes estimates the memory of the table.
func (t *Table) Bytes() int { return t.bytes + 4*cap(t.small) }

// Keys returns what the entities are made of.
func (t *Table) Keys() *Keys { return t.keys }
