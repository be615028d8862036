package event

import (
	"encoding/binary"
	"hash/maphash"
)

// An interner finds the number of a string in a list, and appends it when it is new. Open addressing, linear probing: a
// place holds the upper half of the string's hash and, below it, 1 + the number of the string, or is 0 when free. The hash
// decides nearly always alone that a string is another one, and spares hashing it again when the table grows.
type interner struct {
	table    []uint64
	used     int
	last     uint32 // 1 + number of the value asked for last, 0 for none: neighbours are often alike
	from, to uint32 // where that value stands

	// near guesses by a few bytes of the string, for a quarter of the price of a hash: 1 + number of a value that had the
	// same few. A guess is checked against the list, so that it may be stale or made to fail by a sender, and then costs
	// but the look at the table that follows.
	near []uint32
}

// nearBits is the binary logarithm of the number of guesses.
const nearBits = 10

// seed is random in each run, so that nobody who writes into a log can make strings that share a place.
var seed = maphash.MakeSeed()

const lowHalf = 1<<32 - 1

// code returns the number of v in list.
func (in *interner) code(v []byte, list *Strings) uint32 {
	if code, same := in.again(v, list); same {
		return code
	}
	return in.find(v, list)
}

// again returns the number of v if it is the value that was asked for last.
func (in *interner) again(v []byte, list *Strings) (code uint32, same bool) {
	return in.last - 1, in.last != 0 && string(list.Bytes[in.from:in.to]) == string(v)
}

func (in *interner) find(v []byte, list *Strings) uint32 {
	if in.near == nil {
		in.near = make([]uint32, 1<<nearBits)
	}
	guess := &in.near[few(v)%(1<<nearBits)]
	if n := *guess; n != 0 && int(n) <= len(list.Ends) && string(list.At(int(n-1))) == string(v) {
		in.remember(n, list)
		return n - 1
	}
	code := in.look(v, list)
	*guess = code + 1
	return code
}

// few mixes the length and up to 32 bytes of v.
func few(v []byte) uint64 {
	n := len(v)
	h := uint64(n)
	switch {
	case n >= 16:
		h ^= word(v) ^ word(v[n/2-4:])*3 ^ word(v[n-16:])*5 ^ word(v[n-8:])*7
	case n >= 8:
		h ^= word(v) ^ word(v[n-8:])*7
	case n >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(v))<<32 ^ uint64(binary.LittleEndian.Uint32(v[n-4:]))
	case n > 0:
		h ^= uint64(v[0])<<16 ^ uint64(v[n/2])<<32 ^ uint64(v[n-1])<<48
	}
	return h * 0x9e3779b97f4a7c15 >> (64 - nearBits) // the golden ratio: Knuth, The Art of Computer Programming, section 6.4
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// look finds the number of v by its hash.
func (in *interner) look(v []byte, list *Strings) uint32 {
	if in.used*2 >= len(in.table) {
		in.grow()
	}
	hash := maphash.Bytes(seed, v) >> 32
	mask := uint64(len(in.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		place := in.table[at]
		if place == 0 {
			list.Append(v)
			in.used++
			in.remember(uint32(list.Len()), list)
			in.table[at] = hash<<32 | uint64(in.last)
			return in.last - 1
		}
		if place>>32 == hash && string(list.At(int(place&lowHalf)-1)) == string(v) {
			in.remember(uint32(place), list)
			return in.last - 1
		}
	}
}

func (in *interner) remember(number uint32, list *Strings) {
	in.last, in.from, in.to = number, 0, list.Ends[number-1]
	if number > 1 {
		in.from = list.Ends[number-2]
	}
}

// grow doubles the table and puts everything in again. The place holder of a dictionary is in the list but not in the
// table, so that the empty string gets a number of its own.
func (in *interner) grow() {
	old := in.table
	in.table = make([]uint64, max(64, 2*len(old)))
	mask := uint64(len(in.table) - 1)
	for _, place := range old {
		if place == 0 {
			continue
		}
		at := place >> 32 & mask
		for in.table[at] != 0 {
			at = (at + 1) & mask
		}
		in.table[at] = place
	}
}

// reset forgets all strings. A table that was much too large is halved, so that small batches behind a large one do not
// clear for ever what they never use.
func (in *interner) reset() {
	if len(in.table) > 64 && in.used*16 < len(in.table) {
		in.table = in.table[:len(in.table)/2]
	}
	clear(in.table)
	in.used, in.last = 0, 0
}
