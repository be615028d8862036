package journal

import (
	"sort"

	"tocsin/internal/event"
)

// A cache keeps the newest batches of a lane in memory, for readers that keep up. It has no lock of its own.
type cache struct {
	limit int64 // bytes
	bytes int64
	items []cached // contiguous in number, oldest first
}

type cached struct {
	batch *event.Batch
	prev  uint64 // number of the batch before
	bytes int64
}

// push puts the newest batch in and drops the oldest ones beyond the limit.
func (c *cache) push(b *event.Batch, prev uint64) {
	it := cached{batch: b, prev: prev, bytes: memory(b)}
	c.items = append(c.items, it)
	c.bytes += it.bytes
	n := 0
	for ; c.bytes > c.limit && n < len(c.items); n++ {
		c.bytes -= c.items[n].bytes
	}
	c.cut(n)
}

// drop forgets the batches up to a number, which nobody will ask for.
func (c *cache) drop(upto uint64) {
	n := 0
	for ; n < len(c.items) && c.items[n].batch.Sequence <= upto; n++ {
		c.bytes -= c.items[n].bytes
	}
	c.cut(n)
}

func (c *cache) cut(n int) {
	if n == 0 {
		return
	}
	left := copy(c.items, c.items[n:])
	clear(c.items[left:])
	c.items = c.items[:left]
}

// after returns the batch that follows number at; nil when the cache cannot tell.
func (c *cache) after(at uint64) *event.Batch {
	i := sort.Search(len(c.items), func(i int) bool { return c.items[i].batch.Sequence > at })
	if i == len(c.items) || c.items[i].prev > at {
		return nil
	}
	return c.items[i].batch
}

// memory estimates the bytes that a batch takes.
func memory(b *event.Batch) int64 {
	n := 512 + 16*len(b.Sources)
	for _, col := range b.Columns() {
		n += 128 + 4*cap(col.Codes) + 8*cap(col.Present) + 8*cap(col.Nums) + 16*cap(col.IPs) + stringsMemory(&col.Strs)
	}
	n += 4*cap(b.Labels.Ends) + 4*cap(b.Labels.Keys) + stringsMemory(&b.Labels.Names) + stringsMemory(&b.Labels.Vals)
	return int64(n)
}

func stringsMemory(s *event.Strings) int { return 4*cap(s.Ends) + cap(s.Bytes) }
