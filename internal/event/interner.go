package event

import "hash/maphash"

// An interner finds the number of a string in a list, and appends it when it is new. Open addressing, linear probing: a
// place holds the upper half of the string's hash and, below it, 1 + the number of the string, or is 0 when free. The hash
// decides nearly always alone that a string is another one, and spares hashing it again when the table grows.
type interner struct {
	table    []uint64
	used     int
	last     uint32 // 1 + number of the value asked for last, 0 for none: neighbours are often alike
	from, to uint32 // where that value stands
}

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
