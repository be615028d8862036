package window

import "hash/maphash"

// An index finds the numbers of keys, which are kept elsewhere: a hash table with open addressing and linear probing. A search
// reads one place of eight bytes and, as a rule, one key; unlike in a map, the places of many keys can be looked at together.
type index struct {
	seed  maphash.Seed
	slots []slot // as many as a power of two, three quarters of them used at most
	used  int
}

// A slot holds a number and the hash of its key. Number 0 is none; others are one too large.
type slot struct{ hash, number uint32 }

const leastSlots = 16

func newIndex() index { return index{seed: maphash.MakeSeed(), slots: make([]slot, leastSlots)} }

// hash of a key differs from table to table, so that nobody can choose keys that meet.
func (x *index) hash(key []byte) uint32 {
	h := maphash.Bytes(x.seed, key)
	return uint32(h) ^ uint32(h>>32)
}

func (x *index) place(hash uint32) uint32 { return hash & uint32(len(x.slots)-1) }

// first returns 1 + the number at the place where the search for a hash begins, 0 for none.
func (x *index) first(hash uint32) uint32 { return x.slots[x.place(hash)].number }

// find returns the number of a key; names are the keys by number.
func (x *index) find(key []byte, hash uint32, names []string) (number uint32, ok bool) {
	for at := x.place(hash); ; at = x.place(at + 1) {
		switch s := x.slots[at]; {
		case s.number == 0:
			return 0, false
		case s.hash == hash && names[s.number-1] == string(key):
			return s.number - 1, true
		}
	}
}

// add puts in a number whose key is not there.
func (x *index) add(hash, number uint32) {
	if x.used++; x.used > len(x.slots)/4*3 {
		old := x.slots
		x.slots = make([]slot, 2*len(old))
		for _, s := range old {
			if s.number != 0 {
				x.put(s)
			}
		}
	}
	x.put(slot{hash, number + 1})
}

func (x *index) put(s slot) {
	at := x.place(s.hash)
	for x.slots[at].number != 0 {
		at = x.place(at + 1)
	}
	x.slots[at] = s
}

// remove takes a number out that is there. Those behind it that its place was in the way of move up.
func (x *index) remove(hash, number uint32) {
	hole := x.place(hash)
	for x.slots[hole].number != number+1 {
		hole = x.place(hole + 1)
	}
	for at := x.place(hole + 1); x.slots[at].number != 0; at = x.place(at + 1) {
		// It may stand in the hole when its search, which begins at home, comes by there before it comes to where it is.
		if home := x.place(x.slots[at].hash); x.place(at-home) >= x.place(at-hole) {
			x.slots[hole] = x.slots[at]
			hole = at
		}
	}
	x.slots[hole] = slot{}
	x.used--
}
