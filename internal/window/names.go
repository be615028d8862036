package window

import "math/bits"

// names are keys by number. None of it points anywhere but to large pieces, so that the garbage collector has nothing to look at
// however many keys there are; and what is there is never moved as more come.
type names struct {
	pages   []*[pageCells]cell
	count   int     // of numbers that were ever given
	shelves []shelf // of long keys, by their length
}

const pageCells = 512

// A cell is the head of a short key, or isLong with the length of the key behind it and its place on the shelf, or isFree.
type cell struct {
	a        uint64
	b, place uint32
}

func (c *cell) head() head { return head{c.a, c.b} }

func (c *cell) long() bool { return c.a&0xff == isLong }

// length returns how many bytes the key has.
func (c *cell) length() int {
	if c.long() {
		return int(c.a >> 8)
	}
	return c.head().length()
}

// A shelf holds keys side by side that take the same room.
type shelf struct {
	pages [][]byte // nil of those on which there is none
	keys  []uint8  // how many are on each
	count uint32   // of places that were ever taken
	free  []uint32
}

// shelfOf returns where keys of a length stand, how many bytes each has room for, which are steps of 8 up to 256 and then powers
// of two, and how many make a page.
func shelfOf(length int) (which, room, page int) {
	if length <= 256 {
		which = (length + 7) / 8
		return which, 8 * which, 64
	}
	n := bits.Len(uint(length - 1))
	return 24 + n, 1 << n, 1
}

func (n *names) cell(id uint32) *cell { return &n.pages[id/pageCells][id%pageCells] }

// put gives a number a key, of which h is the head. The number is the next one, or was let go.
func (n *names) put(id uint32, h head, key []byte) {
	if int(id) == n.count {
		n.count++
		if id%pageCells == 0 {
			n.pages = append(n.pages, new([pageCells]cell))
		}
	}
	c := n.cell(id)
	if *c = (cell{a: h.a, b: h.b}); h.long() {
		*c = cell{a: isLong | uint64(len(key))<<8, place: n.place(len(key))}
		copy(n.on(c), key)
	}
}

// place returns a free place for a key of a length.
func (n *names) place(length int) uint32 {
	which, room, page := shelfOf(length)
	for len(n.shelves) <= which {
		n.shelves = append(n.shelves, shelf{})
	}
	s := &n.shelves[which]
	at := s.count
	if last := len(s.free) - 1; last >= 0 {
		at = s.free[last]
		s.free = s.free[:last]
	} else if s.count++; int(at) == len(s.pages)*page {
		s.pages, s.keys = append(s.pages, nil), append(s.keys, 0)
	}
	no := int(at) / page
	if s.keys[no]++; s.pages[no] == nil {
		s.pages[no] = make([]byte, page*room)
	}
	return at
}

// on returns where a long key stands.
func (n *names) on(c *cell) []byte {
	length := c.length()
	which, room, page := shelfOf(length)
	at := int(c.place)
	return n.shelves[which].pages[at/page][at%page*room:][:length]
}

// is reports whether a number has a long key.
func (n *names) is(id uint32, key []byte) bool {
	c := n.cell(id)
	return c.long() && string(n.on(c)) == string(key)
}

// append writes the key of a number behind dst; nothing when the number is free.
func (n *names) append(dst []byte, id uint32) []byte {
	switch c := n.cell(id); {
	case c.long():
		return append(dst, n.on(c)...)
	case c.a == isFree:
		return dst
	default:
		return c.head().append(dst)
	}
}

// drop lets a number go.
func (n *names) drop(id uint32) {
	c := n.cell(id)
	if c.long() {
		which, _, page := shelfOf(c.length())
		s, no := &n.shelves[which], int(c.place)/page
		s.free = append(s.free, c.place)
		if s.keys[no]--; s.keys[no] == 0 { // others may be of other lengths
			s.pages[no] = nil
		}
	}
	*c = cell{a: isFree}
}

// used reports whether a number has a key.
func (n *names) used(id uint32) bool { return int(id) < n.count && n.cell(id).a != isFree }
