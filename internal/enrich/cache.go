package enrich

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"

	"tocsin/internal/event"
	"tocsin/internal/group"
)

// The cache holds what is known of sets*ways addresses, those that were met last. Which of them share a set is decided by a
// number that is drawn at random, so that nobody can choose addresses that push each other out.
const (
	setBits = 16
	ways    = 4 // 262,144 addresses in all, in 13 MB
)

// maxWords bounds the texts that the cache refers to; with more it begins anew.
const maxWords = 1 << 20

// A known is what is known of one address, with texts as numbers of words.
type known struct {
	country, city, organization uint32 // 0 is none
	as                          uint32 // 0 is none
	node                        *group.Node
}

// An entry is one address of the cache. Its batch is the number of the side of a batch in which it was met last, 0 for none, and
// local its number in that.
type entry struct {
	high, low    uint64
	batch, local uint32
	known        known
}

// A cache belongs to one state of the databases and groups, and to one goroutine at a time.
type cache struct {
	entries []entry
	seeds   [2]uint64
	batch   uint32
	words   event.Strings // 0 is none
	numbers map[string]uint32
	read    []map[uintptr]Facts // records of each database, by their places

	// Of one side of the batch at hand: what is known of each of its addresses, by their local numbers. 0 stands for no address.
	locals []known
	rows   []uint32 // local number of the address of each row
	values []uint32 // where addresses are dictionary-coded: that of each value
	warmed uint32   // what warm read, so that it is read

	// sizes are how large the dictionary of each column was last: the next is made as large, and seldom needs to grow.
	sizes [event.MaxFieldID + 1]size

	// Of the column at hand: the code of each local number, and of each word, which holds where its stamp is that of the column.
	column     uint32
	localCodes []uint32
	wordCodes  []stamped
}

// A size is that of a list of texts.
type size struct{ values, bytes int }

// A stamped is a code that holds for one column.
type stamped struct{ column, code uint32 }

func newCache(databases int) *cache {
	c := &cache{entries: make([]entry, ways<<setBits), seeds: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}, numbers: map[string]uint32{}}
	for range databases {
		c.read = append(c.read, map[uintptr]Facts{})
	}
	c.words.Append(nil)
	return c
}

// begin forgets the side before.
func (c *cache) begin() {
	if c.words.Len() > maxWords || c.batch == math.MaxUint32 || c.column > math.MaxUint32/2 {
		*c = *newCache(len(c.read))
	}
	c.batch++
	c.locals = append(c.locals[:0], known{})
}

// word returns the number of a text, 0 for an empty one.
func (c *cache) word(s string) uint32 {
	if s == "" {
		return 0
	}
	n, ok := c.numbers[s]
	if !ok {
		n = uint32(c.words.Len())
		c.words.Append([]byte(s))
		c.numbers[s] = n
	}
	return n
}

// local returns the number of an address in the batch at hand, and asks find for what is known of one that the cache does not
// have.
func (c *cache) local(a *[16]byte, find func(*[16]byte) known) uint32 {
	high, low := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	set := c.set(high, low)
	victim := &set[0]
	for i := range set {
		e := &set[i]
		if e.high == high && e.low == low && e.batch != 0 {
			return c.number(e)
		}
		if e.batch < victim.batch {
			victim = e
		}
	}
	*victim = entry{high: high, low: low, known: find(a)}
	return c.number(victim)
}

// set returns the entries among which an address is.
func (c *cache) set(high, low uint64) []entry {
	h, l := bits.Mul64(high^c.seeds[0], low^c.seeds[1])
	l = (h ^ l ^ low) * c.seeds[0]
	return c.entries[l>>(64-setBits)*ways:][:ways]
}

// warm reads what local is going to need for some addresses.
func (c *cache) warm(ips [][16]byte) {
	for i := range ips {
		set := c.set(binary.BigEndian.Uint64(ips[i][:8]), binary.BigEndian.Uint64(ips[i][8:]))
		c.warmed += set[0].batch + set[1].batch + set[3].batch // each in another line of the cache
	}
}

// number gives an entry its number in the side at hand, unless it has one.
func (c *cache) number(e *entry) uint32 {
	if e.batch != c.batch {
		e.batch, e.local = c.batch, uint32(len(c.locals))
		c.locals = append(c.locals, e.known)
	}
	return e.local
}
