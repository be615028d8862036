package rollup

// sessions tells whether one was seen before. Of more than fit, one in two, four, eight and so on is kept, chosen by its
// number, and counts for as many (distinct sampling; Gibbons 2001).
type sessions struct {
	most  int
	table []uint64 // scrambled numbers, 0 for a free place; a power of two, at most half full
	first []uint32 // by place, who told of the session first
	n     int
	level uint8 // only numbers with so many zero bits at the top are kept
	salt  uint64
}

// begin makes the table.
func (s *sessions) begin() {
	if s.table == nil {
		s.table, s.first, s.salt = make([]uint64, 1024), make([]uint32, 1024), newSalt()
	}
}

// hash returns the scrambled number of a session, which is not 0: that marks free places.
func (s *sessions) hash(id uint64) uint64 { return max(scramble(id^s.salt), 1) }

// add returns for how many a session counts, by its scrambled number: 0 when it was seen before or is not kept. In the first case
// it returns who told of it first.
func (s *sessions) add(h uint64, teller uint32) (weight uint64, first uint32, seen bool) {
	if h>>(64-s.level) != 0 {
		return 0, 0, false
	}
	mask := uint64(len(s.table) - 1)
	at := h & mask
	for ; s.table[at] != 0; at = (at + 1) & mask {
		if s.table[at] == h {
			return 0, s.first[at], true
		}
	}
	weight = s.weight()
	s.table[at], s.first[at] = h, teller
	if s.n++; 2*s.n > len(s.table) {
		s.grow()
	}
	return weight, teller, false
}

// tells returns for how many an exporter counts that tells of a session as well, by the scrambled number of that.
func (s *sessions) tells(h uint64, teller uint32) uint64 {
	s.begin()
	weight, _, _ := s.add(s.hash(h+uint64(teller)), teller)
	return weight
}

// weight is for how many each session counts that is kept.
func (s *sessions) weight() uint64 { return 1 << s.level }

// scramble mixes the bits of a number so that each depends on all (the finaliser of MurmurHash3). It is one to one.
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// grow makes the table larger, or what is kept less.
func (s *sessions) grow() {
	old, first, size := s.table, s.first, 2*len(s.table)
	if s.n >= s.most && s.level < 63 {
		s.level++
		size = len(s.table)
	}
	s.table, s.first, s.n = make([]uint64, size), make([]uint32, size), 0
	mask := uint64(size - 1)
	for i, h := range old {
		if h == 0 || h>>(64-s.level) != 0 {
			continue
		}
		at := h & mask
		for s.table[at] != 0 {
			at = (at + 1) & mask
		}
		s.table[at], s.first[at] = h, first[i]
		s.n++
	}
}
