package ingest

import (
	"bytes"
	"context"
	"sync"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/source"
)

// A collector gathers what all live sources bring of one kind into batches. While one batch is on its way to the journal
// the next one fills; when that is full too, the sources wait.
type collector struct {
	service *Service
	kind    event.Kind

	flushing sync.Mutex // held while a batch is on its way to the journal

	mu      sync.Mutex
	builder *event.Builder
	stamp   stamp
	bytes   int         // of the records in the batch at hand
	ranges  []*progress // what the batch at hand holds of each stream
	index   map[*source.Stream]*progress
	room    chan struct{} // closed when the batch at hand was taken away
	filled  chan struct{} // has room for one: the batch at hand has something in it
}

// progress is how far one stream has come in the batch at hand.
type progress struct {
	stream   *source.Stream
	from, to int64
}

func newCollector(s *Service, kind event.Kind) *collector {
	c := &collector{
		service: s, kind: kind, builder: event.NewBuilder(kind), index: map[*source.Stream]*progress{},
		room: make(chan struct{}), filled: make(chan struct{}, 1),
	}
	c.builder.Stamp = c.stamp.row
	return c
}

// take parses records into the batch at hand. It waits while that batch is full and the one before it not yet durable.
func (c *collector) take(ctx context.Context, from *source.Stream, records []source.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	received := time.Now().UnixNano()
	lines, empty, events := int64(0), int64(0), 0
	defer func() { c.service.stats.parsed(from.Source, lines, empty, events, received) }()
	for i := range records {
		for c.builder.Rows() >= c.service.options.Rows || c.bytes >= batchBytes {
			room := c.room
			c.mu.Unlock()
			select {
			case <-ctx.Done():
				c.mu.Lock()
				return ctx.Err()
			case <-room:
			}
			c.mu.Lock()
			received = time.Now().UnixNano()
		}
		r := &records[i]
		lines += r.Count()
		if len(bytes.TrimSpace(r.Data)) == 0 {
			empty += r.Count()
			c.passed(from, r)
			continue
		}
		n, nothing := c.parse(from, r, received)
		if events += n; nothing {
			empty += r.Count()
		}
		c.passed(from, r)
	}
	return nil
}

// parse appends the events of one record and returns their number, and whether it says nothing, as the header of a table does.
// A malformed record is counted and costs itself alone.
func (c *collector) parse(from *source.Stream, r *source.Record, received int64) (events int, nothing bool) {
	c.stamp.of(from, r, received)
	c.bytes += len(r.Data)
	before := c.builder.Rows()
	if err := from.Parser.Parse(c.builder, r.Data, received); err != nil {
		c.builder.Abandon()
		c.service.refused(from, r, 0, received, err)
	} else {
		nothing = c.builder.Rows() == before
	}
	if n := c.service.unique.sift(c, from.Format, c.builder, before); n > 0 {
		c.service.stats.repeated(from.Source, n)
	}
	return c.builder.Rows() - before, nothing
}

// passed notes that a record is dealt with: what the batch holds of its stream goes up to there.
func (c *collector) passed(from *source.Stream, r *source.Record) {
	p := c.index[from]
	if p == nil {
		p = &progress{stream: from, from: r.From}
		c.index[from] = p
		c.ranges = append(c.ranges, p)
	}
	p.to = r.To
	select {
	case c.filled <- struct{}{}:
	default:
	}
}

// run hands batches to the journal until intake is closed and nothing is left, or ctx ends.
func (c *collector) run(ctx context.Context, intake <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-intake:
			return c.flush(ctx)
		case <-c.filled:
		}
		if c.sparse() {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-intake:
			case <-time.After(c.service.options.Delay):
			}
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
}

// sparse reports whether waiting a little would make a better batch.
func (c *collector) sparse() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.builder.Rows() < c.service.options.Rows/4 && c.bytes < batchBytes/4
}

// flush makes the batch at hand durable and tells the streams.
func (c *collector) flush(ctx context.Context) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	ranges := c.ranges
	if len(ranges) == 0 {
		c.mu.Unlock()
		return nil
	}
	b := c.builder.Batch()
	c.bytes, c.ranges, c.index = 0, nil, map[*source.Stream]*progress{}
	close(c.room)
	c.room = make(chan struct{})
	c.mu.Unlock()

	for _, p := range ranges {
		if p.stream.ID != "" {
			b.Sources = append(b.Sources, event.SourceRange{ID: p.stream.ID, From: p.from, To: p.to})
		}
	}
	// A batch without rows still says how far its files were read.
	if b.Rows > 0 || len(b.Sources) > 0 {
		if err := c.service.appendDurably(ctx, b); err != nil {
			return err
		}
	}
	for _, p := range ranges {
		if p.stream.Done != nil {
			p.stream.Done(p.to)
		}
	}
	return nil
}
