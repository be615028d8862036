package traffic

import (
	"hash/maphash"
	"math"

	"github.com/axiomhq/hyperloglog"

	"tocsin/internal/event"
)

// exactSessions is how many different sessions are counted exactly. Beyond, a HyperLogLog sketch with 2^14 registers estimates
// them, with a standard error of 0.8 % (Flajolet and others, 2007).
const exactSessions = 1 << 17

// A census counts different sessions.
type census struct {
	salt   uint64
	table  []uint64 // scrambled numbers, 0 for a free place; a power of two, at most half full
	n      int
	sketch *hyperloglog.Sketch
}

func newCensus(salt uint64) *census { return &census{salt: salt, table: make([]uint64, 1024)} }

// newSalt returns a secret number, so that nobody can send numbers of sessions that collide.
func newSalt() uint64 { return maphash.Bytes(maphash.MakeSeed(), nil) | 1 }

// scramble mixes the bits of a number so that each depends on all (the finaliser of MurmurHash3). It is one to one.
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// add counts a session.
func (c *census) add(id uint64) { c.put(scramble(id ^ c.salt)) }

func (c *census) put(h uint64) {
	if c.sketch != nil {
		c.sketch.InsertHash(h)
		return
	}
	if h == 0 {
		h = 1 // 0 marks free places
	}
	mask := uint64(len(c.table) - 1)
	at := h & mask
	for ; c.table[at] != 0; at = (at + 1) & mask {
		if c.table[at] == h {
			return
		}
	}
	c.table[at] = h
	if c.n++; 2*c.n > len(c.table) {
		c.grow()
	}
}

// grow doubles the table, or goes over to the sketch.
func (c *census) grow() {
	old := c.table
	if c.n > exactSessions {
		c.table, c.sketch = nil, hyperloglog.NewNoSparse()
	} else {
		c.table, c.n = make([]uint64, 2*len(old)), 0
	}
	for _, h := range old {
		if h != 0 {
			c.put(h)
		}
	}
}

// merge adds what another one with the same salt counted.
func (c *census) merge(o *census) error {
	if o.sketch == nil {
		for _, h := range o.table {
			if h != 0 {
				c.put(h)
			}
		}
		return nil
	}
	if c.sketch == nil {
		old := c.table
		c.table, c.sketch = nil, hyperloglog.NewNoSparse()
		for _, h := range old {
			if h != 0 {
				c.put(h)
			}
		}
	}
	return c.sketch.Merge(o.sketch)
}

// count returns how many there were, and whether that is an estimate.
func (c *census) count() (n uint64, estimate bool) {
	if c.sketch != nil {
		return c.sketch.Estimate(), true
	}
	return uint64(c.n), false
}

// totals are what all selected records come to, each of them once.
type totals struct {
	sessions       *census
	bytes, packets uint64
}

// add counts rows.
func (t *totals) add(b *event.Batch, rows []int32) {
	t.bytes = addColumn(t.bytes, b.Column(event.SourceBytes), rows)
	t.packets = addColumn(t.packets, b.Column(event.SourcePackets), rows)
	ids := b.Column(event.FlowID)
	if ids == nil {
		return
	}
	last, some := uint64(0), false
	for _, row := range rows {
		if v, ok := ids.Value(int(row)); ok {
			if id := uint64(ids.Nums[v]); !some || id != last {
				t.sessions.add(id)
				last, some = id, true
			}
		}
	}
}

// addColumn adds numbers up. A sum that does not fit is the largest there is.
func addColumn(sum uint64, c *event.Column, rows []int32) uint64 {
	if c == nil {
		return sum
	}
	for _, row := range rows {
		if v, ok := c.Value(int(row)); ok {
			sum = add(sum, uint64(c.Nums[v]))
		}
	}
	return sum
}

// add adds without running over.
func add(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

func (t *totals) merge(o *totals) error {
	t.bytes, t.packets = add(t.bytes, o.bytes), add(t.packets, o.packets)
	return t.sessions.merge(o.sessions)
}
