package rollup

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"

	"tocsin/internal/event"
)

// A key is an address, or a number in its last eight bytes.
type key [16]byte

func numberKey(n int64) (k key) {
	binary.BigEndian.PutUint64(k[8:], uint64(n))
	return k
}

// A table numbers the values of an entity as they come and holds a cell of each. Slot 0 is for flows that have no value.
type table struct {
	entity Entity
	keys   []key             // of addresses and numbers
	words  []string          // of texts
	known  map[string]uint32 // slots of texts
	index  []uint64          // slot in the lower half, upper half of the hash in the upper; 0 for a free place
	cells  []Cell
	floors [measures]uint64 // by how much a number may be too low
	salt   uint64
	memo   []uint32 // slots of the values of a dictionary, plus 1
	small  []uint32 // slots of ports, plus 1; nil until there is one
}

func newTable(e Entity) *table {
	t := &table{entity: e, salt: newSalt()}
	t.reset()
	return t
}

// newSalt returns a secret number, so that nobody can send values that collide.
func newSalt() uint64 { return maphash.Bytes(maphash.MakeSeed(), nil) | 1 }

func (t *table) reset() {
	t.keys, t.words, t.cells, t.index, t.small = make([]key, 1), nil, make([]Cell, 1), nil, nil
	if t.text() {
		t.keys, t.words, t.known = nil, make([]string, 1), map[string]uint32{}
	} else {
		t.index = make([]uint64, 64)
	}
}

// text reports whether the values are texts.
func (t *table) text() bool { return t.entity == Country || t.entity == Group }

// hash mixes all bits of a key (the finaliser of MurmurHash3).
func (t *table) hash(k *key) uint64 {
	high, low := binary.LittleEndian.Uint64(k[:8])^t.salt, binary.LittleEndian.Uint64(k[8:])
	h, l := bits.Mul64(high, 0x9e3779b97f4a7c15)
	x := h ^ l ^ low
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// slot returns the slot of a key.
func (t *table) slot(k *key) uint32 {
	h := t.hash(k)
	mask := uint64(len(t.index) - 1)
	at := h & mask
	for ; t.index[at] != 0; at = (at + 1) & mask {
		if n := t.index[at]; n>>32 == h>>32 && t.keys[uint32(n)] == *k {
			return uint32(n)
		}
	}
	n := uint32(len(t.keys))
	t.index[at] = h>>32<<32 | uint64(n)
	t.keys, t.cells = append(t.keys, *k), append(t.cells, Cell{})
	if 2*len(t.keys) > len(t.index) {
		t.grow(2 * len(t.index))
	}
	return n
}

// grow makes the index larger.
func (t *table) grow(size int) {
	t.index = make([]uint64, size)
	mask := uint64(size - 1)
	for n := 1; n < len(t.keys); n++ {
		h := t.hash(&t.keys[n])
		at := h & mask
		for t.index[at] != 0 {
			at = (at + 1) & mask
		}
		t.index[at] = h>>32<<32 | uint64(n)
	}
}

// word returns the slot of a text.
func (t *table) word(v []byte) uint32 {
	if n, ok := t.known[string(v)]; ok {
		return n
	}
	n := uint32(len(t.words))
	t.words, t.cells = append(t.words, string(v)), append(t.cells, Cell{})
	t.known[t.words[n]] = n
	return n
}

// taken returns the slot here of what has one in another table.
func (t *table) taken(o *table, slot uint32) uint32 {
	switch {
	case slot == 0:
		return 0
	case t.text():
		return t.word([]byte(o.words[slot]))
	default:
		return t.slot(&o.keys[slot])
	}
}

// value returns the slot of a value of a column.
func (t *table) value(c *event.Column, v int) uint32 {
	switch c.Field.Type {
	case event.IP:
		return t.slot((*key)(&c.IPs[v]))
	case event.String:
		return t.word(c.Str(v))
	default:
		return t.number(c.Nums[v])
	}
}

// ports is how many there are.
const ports = 1 << 16

// number returns the slot of a number. Ports have an index of their own.
func (t *table) number(n int64) uint32 {
	if t.entity != Port || uint64(n) >= ports {
		k := numberKey(n)
		return t.slot(&k)
	}
	if t.small == nil {
		t.small = make([]uint32, ports)
	}
	if t.small[n] == 0 {
		k := numberKey(n)
		t.small[n] = t.slot(&k) + 1
	}
	return t.small[n] - 1
}

// eitherSlots tells the slot of each row by the second column where second says so, and by the first elsewhere.
func (t *table) eitherSlots(first, other *event.Column, second []bool, rows []int32, into []uint32) {
	for i, row := range rows {
		c := first
		if second[i] {
			c = other
		}
		into[i] = 0
		if c != nil {
			if v, ok := c.Value(int(row)); ok {
				into[i] = t.value(c, v)
			}
		}
	}
}

// slots tells the slot of each row.
func (t *table) slots(c *event.Column, rows []int32, into []uint32) {
	if c == nil {
		clear(into)
		return
	}
	if c.Codes == nil {
		for i, row := range rows {
			into[i] = 0
			if v, ok := c.Value(int(row)); ok {
				into[i] = t.value(c, v)
			}
		}
		return
	}
	if n := c.Len(); cap(t.memo) < n {
		t.memo = make([]uint32, n+n/4)
	}
	memo := t.memo[:c.Len()]
	clear(memo)
	memo[0] = 1
	if c.Field.Type == event.IP {
		t.remember(c, rows, memo)
	}
	for i, row := range rows {
		code := c.Codes[row]
		if memo[code] == 0 {
			memo[code] = t.value(c, int(code)) + 1
		}
		into[i] = memo[code] - 1
	}
}

// remember finds the slots of the addresses of a dictionary that rows have.
func (t *table) remember(c *event.Column, rows []int32, memo []uint32) {
	var keys [together]key
	var codes, slots [together]uint32
	n := 0
	found := func() {
		t.find(keys[:n], slots[:n])
		for i, code := range codes[:n] {
			memo[code] = slots[i] + 1
		}
		n = 0
	}
	for _, row := range rows {
		code := c.Codes[row]
		if memo[code] != 0 {
			continue
		}
		memo[code] = wanted // so that it is looked for once
		keys[n], codes[n], slots[n] = c.IPs[code], code, wanted
		if n++; n == together {
			found()
		}
	}
	found()
}

// largest lists the slots of the n values with most bytes and of the n with most packets, ascending.
func (t *table) largest(n int) []uint32 {
	all := make([]uint32, 0, len(t.cells))
	for slot := range t.cells {
		if t.cells[slot] != (Cell{}) {
			all = append(all, uint32(slot))
		}
	}
	if len(all) <= n {
		return all
	}
	chosen := make([]bool, len(t.cells))
	values := make([]uint64, len(all))
	for _, m := range []Measure{Bytes, Packets} {
		for i, slot := range all {
			values[i] = t.cells[slot].Of(m)
		}
		slices.Sort(values)
		least, left := values[len(values)-n], n
		var equal []uint32
		for _, slot := range all {
			switch v := t.cells[slot].Of(m); {
			case v > least:
				chosen[slot], left = true, left-1
			case v == least:
				equal = append(equal, slot)
			}
		}
		slices.SortFunc(equal, t.compare)
		for _, slot := range equal[:left] {
			chosen[slot] = true
		}
	}
	return slices.DeleteFunc(all, func(slot uint32) bool { return !chosen[slot] })
}

// least raises floors by what those have who are not among slots, which ascend.
func (t *table) least(slots []uint32, floors *[measures]uint64) {
	var most [measures]uint64
	for slot := range t.cells {
		if len(slots) > 0 && slots[0] == uint32(slot) {
			slots = slots[1:]
			continue
		}
		for m := range measures {
			most[m] = max(most[m], t.cells[slot].Of(m))
		}
	}
	for m := range measures {
		floors[m] = plus(floors[m], most[m])
	}
}

// keep gives up all but some slots, which ascend.
func (t *table) keep(slots []uint32) {
	t.least(slots, &t.floors)
	old := *t
	t.reset()
	for _, slot := range slots {
		t.cells[t.taken(&old, slot)].add(&old.cells[slot])
	}
}

// raise adds floors.
func (t *table) raise(floors *[measures]uint64) {
	for m := range measures {
		t.floors[m] = plus(t.floors[m], floors[m])
	}
}

// compare orders slots by their values; none comes last.
func (t *table) compare(a, b uint32) int {
	switch {
	case a == 0 || b == 0:
		return cmp.Compare(b, a)
	case t.text():
		return cmp.Compare(t.words[a], t.words[b])
	default:
		return bytes.Compare(t.keys[a][:], t.keys[b][:])
	}
}

// print returns the value of a slot as people read it.
func (t *table) print(slot uint32) string {
	switch {
	case slot == 0:
		return ""
	case t.text():
		return t.words[slot]
	case t.entity == Host || t.entity == Exporter:
		return netip.AddrFrom16(t.keys[slot]).Unmap().String()
	default:
		return strconv.FormatUint(binary.BigEndian.Uint64(t.keys[slot][8:]), 10)
	}
}
