package detect

import (
	"math"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/window"
)

// clocks keep the time of each source and work out watermarks. All of it is a function of the journal.
type clocks struct {
	lateness int64
	received int64 // journal time: the newest time of receipt
	sources  map[source]*reach
	marks    map[event.Kind]int64
}

// source is one stream of events of one kind.
type source struct {
	kind event.Kind
	name string
}

// reach is how far a source has come.
type reach struct {
	newest   int64 // time of its newest event
	received int64 // when something of it was last received
}

const (
	// quiet is after how long, in journal time, a source that sends nothing is no longer waited for.
	quiet = int64(time.Minute)
	// maxHold is how far behind the furthest source of its kind another one is still waited for, so that one wrong clock
	// does not hold everything up.
	maxHold = int64(time.Hour)
	// maxSources bounds the sources known per engine. Those beyond are one source.
	maxSources = 10_000
)

func newClocks(lateness int64) clocks {
	return clocks{lateness: lateness, sources: map[source]*reach{}, marks: map[event.Kind]int64{}}
}

// take notes the times of a batch. A backfill moves journal time alone.
func (c *clocks) take(b *event.Batch) {
	clock := window.NewClock(b)
	names := b.Column(event.TocsinSource)
	byCode := map[int]*reach{}
	for row := range b.Rows {
		received := clock.Received(int32(row))
		c.received = max(c.received, received)
		if b.Backfill {
			continue
		}
		t := clock.At(int32(row))
		if t == 0 {
			continue
		}
		code := -1
		if names != nil {
			if v, ok := names.Value(row); ok {
				code = v
			}
		}
		s := byCode[code]
		if s == nil {
			name := ""
			if code >= 0 {
				name = string(names.Str(code))
			}
			s = c.source(b.Kind, name)
			byCode[code] = s
		}
		if received == 0 {
			received = t
			c.received = max(c.received, t)
		}
		s.newest = max(s.newest, t)
		s.received = max(s.received, received)
	}
}

func (c *clocks) source(kind event.Kind, name string) *reach {
	s, ok := c.sources[source{kind, name}]
	if ok {
		return s
	}
	if len(c.sources) >= maxSources {
		for k, v := range c.sources {
			if c.received-v.received > quiet {
				delete(c.sources, k)
			}
		}
		if len(c.sources) >= maxSources {
			name = ""
		}
	}
	s = c.sources[source{kind, name}]
	if s == nil {
		s = &reach{newest: math.MinInt64, received: math.MinInt64}
		c.sources[source{kind, name}] = s
	}
	return s
}

func (c *clocks) tick(received int64) { c.received = max(c.received, received) }

// advance works out the watermark of each kind: that of the slowest source which was active within the last minute of
// journal time, less the lateness. A source whose events are all late already is not waited for, nor one that is far
// behind the furthest. When no source is active, journal time stands in.
func (c *clocks) advance() {
	for _, kind := range event.Kinds() {
		old, known := c.marks[kind]
		if !known {
			old = math.MinInt64
		}
		furthest, active := int64(math.MinInt64), false
		for k, s := range c.sources {
			if k.kind == kind && c.received-s.received <= quiet {
				furthest, active = max(furthest, s.newest), true
			}
		}
		slowest := furthest
		for k, s := range c.sources {
			late := s.newest-c.lateness < old
			if k.kind == kind && c.received-s.received <= quiet && !late && furthest-s.newest <= maxHold {
				slowest = min(slowest, s.newest)
			}
		}
		switch {
		case active:
			c.marks[kind] = max(old, slowest-c.lateness)
		case c.received != 0:
			c.marks[kind] = max(old, c.received-c.lateness)
		}
	}
}

// watermark returns up to when everything of some kinds is there: the earliest of theirs. Kinds of which nothing was ever
// received follow journal time.
func (c *clocks) watermark(kinds event.KindSet) (w int64, ok bool) {
	w = math.MaxInt64
	for _, kind := range event.Kinds() {
		if m, known := c.marks[kind]; known && kinds.Has(kind) {
			w, ok = min(w, m), true
		}
	}
	return w, ok
}
