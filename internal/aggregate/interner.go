package aggregate

import (
	"bytes"

	"tocsin/internal/event"
)

// An interner numbers the different values of a key. Value 0 is the place holder for rows that have none. Open
// addressing, linear probing, at most half full.
type interner struct {
	values event.Column // the values by number
	hashes []uint64     // of each value
	table  []uint64     // number of the value in the lower 31 bits, the bits of its hash above; 0 for a free place

	wanted []uint64 // hashes of the addresses that addresses looks for
	near   []uint64 // and what stands where they belong
}

// numberBits is how many bits a number has; numbers masks them.
const (
	numberBits = 31
	numbers    = 1<<numberBits - 1
)

func newInterner(k Key) *interner {
	in := &interner{table: make([]uint64, 64), hashes: []uint64{0}}
	in.values.Field = k.Field
	if k.Field == nil {
		in.values.Field = &event.Field{Name: k.String(), Type: event.String}
	}
	switch in.values.Field.Type {
	case event.String:
		in.values.Strs.Append(nil)
	case event.IP:
		in.values.IPs = make([][16]byte, 1)
	default:
		in.values.Nums = make([]int64, 1)
	}
	return in
}

// bytes estimates the memory in use.
func (in *interner) bytes() int {
	v := &in.values
	return 8*(len(in.table)+len(in.hashes)) + 8*len(v.Nums) + 16*len(v.IPs) + 4*len(v.Strs.Ends) + len(v.Strs.Bytes)
}

// text numbers a text; address and number do so for the other types. A new value is added if room says so; otherwise ok is
// false.
func (in *interner) text(v []byte, room bool) (number uint32, ok bool) {
	h := hashText(v)
	mask := uint64(len(in.table) - 1)
	at := h & mask
	for ; in.table[at] != 0; at = (at + 1) & mask {
		if n := in.table[at]; n>>numberBits == h>>numberBits && bytes.Equal(in.values.Strs.At(int(n&numbers)), v) {
			return uint32(n & numbers), true
		}
	}
	if !room {
		return 0, false
	}
	in.values.Strs.Append(v)
	return in.add(at, h), true
}

func (in *interner) address(v *[16]byte, room bool) (number uint32, ok bool) {
	return in.hashed(v, placeAddress(v), room)
}

// hashed is address for one whose hash is known.
func (in *interner) hashed(v *[16]byte, h uint64, room bool) (number uint32, ok bool) {
	mask := uint64(len(in.table) - 1)
	at := h & mask
	for ; in.table[at] != 0; at = (at + 1) & mask {
		if n := in.table[at]; n>>numberBits == h>>numberBits && (h&told != 0 || in.values.IPs[n&numbers] == *v) {
			return uint32(n & numbers), true
		}
	}
	if !room {
		return 0, false
	}
	in.values.IPs = append(in.values.IPs, *v)
	return in.add(at, h), true
}

func (in *interner) number(v int64, room bool) (number uint32, ok bool) {
	h := hashNumber(v)
	mask := uint64(len(in.table) - 1)
	at := h & mask
	for ; in.table[at] != 0; at = (at + 1) & mask {
		if n := in.table[at]; n>>numberBits == h>>numberBits && in.values.Nums[n&numbers] == v {
			return uint32(n & numbers), true
		}
	}
	if !room {
		return 0, false
	}
	in.values.Nums = append(in.values.Nums, v)
	return in.add(at, h), true
}

// addresses numbers those of a dictionary that codes name, noRoom where one is not known. Memory is what this costs: so it is
// asked for many places at once, and none waits for the one before.
func (in *interner) addresses(c *event.Column, codes, ids []uint32) {
	if cap(in.wanted) < len(codes) {
		in.wanted, in.near = make([]uint64, chunkRows), make([]uint64, chunkRows)
	}
	wanted, near := in.wanted[:len(codes)], in.near[:len(codes)]
	for i, code := range codes {
		wanted[i] = placeAddress(&c.IPs[code])
	}
	table, mask := in.table, uint64(len(in.table)-1)
	for i, h := range wanted { // who stands where the value belongs, or behind, with the same bits of the hash
		at := h & mask
		n := table[at]
		for n != 0 && n>>numberBits != h>>numberBits {
			at = (at + 1) & mask
			n = table[at]
		}
		near[i] = n
	}
	for i, code := range codes {
		v := &c.IPs[code]
		switch n := uint32(near[i] & numbers); {
		case n == 0:
			ids[i] = noRoom
		case wanted[i]&told != 0 || in.values.IPs[n] == *v:
			ids[i] = n
		default: // another one with the same bits
			known, ok := in.hashed(v, wanted[i], false)
			if !ok {
				known = noRoom
			}
			ids[i] = known
		}
	}
}

// value numbers a value of a column. When it is new and there is no room, ok is false.
func (in *interner) value(c *event.Column, v int, room bool) (number uint32, ok bool) {
	switch c.Field.Type {
	case event.String:
		return in.text(c.Str(v), room)
	case event.IP:
		return in.address(&c.IPs[v], room)
	case event.Bool:
		if c.Nums[v] != 0 {
			return in.number(1, room)
		}
		return in.number(0, room)
	default:
		return in.number(c.Nums[v], room)
	}
}

// add puts the value that was just appended into the table.
func (in *interner) add(at, h uint64) uint32 {
	n := uint32(len(in.hashes))
	in.hashes = append(in.hashes, h)
	in.table[at] = h>>numberBits<<numberBits | uint64(n)
	if len(in.hashes)*2 > len(in.table) {
		in.grow()
	}
	return n
}

func (in *interner) grow() {
	in.table = make([]uint64, 2*len(in.table))
	mask := uint64(len(in.table) - 1)
	for n := 1; n < len(in.hashes); n++ {
		at := in.hashes[n] & mask
		for in.table[at] != 0 {
			at = (at + 1) & mask
		}
		in.table[at] = in.hashes[n]>>numberBits<<numberBits | uint64(n)
	}
}
