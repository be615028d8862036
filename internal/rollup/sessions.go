package rollup

// sessions tells whether one was seen before. Of more than fit, one in two, four, eight and so on is kept, chosen by its
// number, and counts for as many (distinct sampling; Gibbons 2001).
type sessions struct {
	most  int
	table []uint64 // scrambled numbers, 0 for a free place; a power of two, at most half full
	n     int
	level uint8 // only numbers with so many zero bits at the top are kept
	salt  uint64
}

// add returns for how many a session counts: 0 when it was seen before or is not kept.
func (s *sessions) add(id uint64) uint64 {
	if s.table == nil {
		s.table, s.salt = make([]uint64, 1024), newSalt()
	}
	h := scramble(id ^ s.salt)
	if h>>(64-s.level) != 0 {
		return 0
	}
	if h == 0 {
		h = 1 // 0 marks free places
	}
	if !s.put(h) {
		return 0
	}
	weight := uint64(1) << s.level
	if s.n++; 2*s.n > len(s.table) {
		s.grow()
	}
	return weight
}

// scramble mixes the bits of a number so that each depends on all (the finaliser of MurmurHash3). It is one to one.
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func (s *sessions) put(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	at := h & mask
	for ; s.table[at] != 0; at = (at + 1) & mask {
		if s.table[at] == h {
			return false
		}
	}
	s.table[at] = h
	return true
}

// grow makes the table larger, or what is kept less.
func (s *sessions) grow() {
	old, size := s.table, 2*len(s.table)
	if s.n >= s.most && s.level < 63 {
		s.level++
		size = len(s.table)
	}
	s.table, s.n = make([]uint64, size), 0
	for _, h := range old {
		if h != 0 && h>>(64-s.level) == 0 {
			s.put(h)
			s.n++
		}
	}
}
