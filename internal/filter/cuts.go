package filter

import (
	"math"
	"math/bits"
	"slices"
)

// A cutTable evaluates many ranges at once. The ends of all ranges cut the numbers into pieces; each row falls into one,
// and the rows of a range are those of a run of pieces, which two sums over the pieces give.
type cutTable struct {
	cuts   []uint64 // keys where a piece begins, sorted; piece 0 begins at 0
	spans  []span
	slots  []int32
	pieces [][2]int32 // of each span the first and last piece
	near   []uint16   // when the cuts lie near each other: the piece by key - cuts[0], up to the last cut
}

func (t *cutTable) add(s span, slot int32) {
	t.spans, t.slots = append(t.spans, s), append(t.slots, slot)
	if s.low > 0 {
		t.cuts = append(t.cuts, s.low)
	}
	if s.high+1 != 0 {
		t.cuts = append(t.cuts, s.high+1)
	}
}

func (t *cutTable) finish() {
	slices.Sort(t.cuts)
	t.cuts = slices.Compact(t.cuts)
	for _, s := range t.spans {
		t.pieces = append(t.pieces, [2]int32{int32(t.piece(s.low)), int32(t.piece(s.high))})
	}
	if len(t.cuts) > 0 {
		t.look()
	}
}

// look makes the table of pieces when the cuts lie near each other.
func (t *cutTable) look() {
	first, last := t.cuts[0], t.cuts[len(t.cuts)-1]
	if last-first >= maxLookup || len(t.cuts) > math.MaxUint16 {
		return
	}
	near := make([]uint16, last-first+1)
	for i := range near {
		near[i] = uint16(t.piece(first + uint64(i)))
	}
	t.near = near
}

// piece returns the piece that a key falls into: the number of cuts at or below it.
func (t *cutTable) piece(key uint64) int {
	if t.near != nil {
		at := key - t.cuts[0]
		switch {
		case key < t.cuts[0]:
			return 0
		case at < uint64(len(t.near)):
			return int(t.near[at])
		}
		return len(t.cuts)
	}
	cuts := t.cuts
	base, n := 0, len(cuts)
	for n > 0 {
		half := n / 2
		if cuts[base+half] <= key {
			base += half + 1
			n -= half + 1
		} else {
			n = half
		}
	}
	return base
}

func (t *cutTable) evaluate(c *chunk, values []int64, flip uint64) {
	for len(c.cuts) <= len(t.cuts) {
		c.cuts, c.cutUsed = append(c.cuts, mask{}), append(c.cutUsed, false)
	}
	pieces, used := c.cuts[:len(t.cuts)+1], c.cutUsed[:len(t.cuts)+1]
	clear(used)
	near, first := t.near, uint64(0)
	if near != nil {
		first = t.cuts[0]
	}
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			key := uint64(values[w*64+bit]) ^ flip
			var p int
			if at := key - first; at < uint64(len(near)) {
				p = int(near[at])
			} else {
				p = t.piece(key)
			}
			if !used[p] {
				used[p] = true
				clear(pieces[p][:c.words])
			}
			pieces[p][w] |= 1 << uint(bit)
		}
	}
	// From here on piece p stands for all pieces up to p.
	for p := range pieces {
		switch {
		case p == 0 && !used[0]:
			clear(pieces[0][:c.words])
		case p == 0:
		case !used[p]:
			copy(pieces[p][:c.words], pieces[p-1][:c.words])
		default:
			for w := range c.words {
				pieces[p][w] |= pieces[p-1][w]
			}
		}
	}
	for i, slot := range t.slots {
		t.sum(c, pieces, t.pieces[i], slot)
	}
}

func (t *cutTable) sum(c *chunk, pieces []mask, run [2]int32, slot int32) {
	rows := pieces[run[1]]
	if run[0] > 0 {
		before := &pieces[run[0]-1]
		for w := range c.words {
			rows[w] &^= before[w]
		}
	}
	c.add(slot, &rows)
}
