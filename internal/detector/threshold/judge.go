package threshold

import (
	"math"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/metric"
	"tocsin/internal/view"
	"tocsin/internal/window"
)

// judge is the detector. Each entity has a ring of entries in order of time: those of the window that were judged, then
// those that wait for the watermark. At the watermark the waiting ones are gone through in order of time, which is why
// neither the order of arrival nor the cut into batches matters.
type judge struct {
	metric metric.Metric
	limit  limit
	scale  float64 // what measured whole numbers have to be multiplied by to be held against the limit
	unit   string  // what is said behind the metric
	over   int64
	end    int64 // how long within the limit ends it
	grain  int64 // length of a sub-bucket
	keep   int   // members remembered of an entity, of distinct
	least  int64 // what must have been added at least before the limit can be broken; 0: nothing need be
	grows  bool  // leaving the window cannot break the limit
	early  bool  // what was seen stays broken whatever else arrives
	warms  bool  // an entity must be known for one window
	room   int
	// spread says that a record of a flow counts where it lasted, sessions that triggers are counted by session.
	spread, sessions bool
	flows            flows
	exporters        exporters     // of a rule that warms
	observers        *event.Column // of the batch at hand
	instant          []int64       // scratch: the sessions of the entries of one instant

	view   *view.View // nil when entities are told by stored fields alone
	table  *window.Table
	pages  []*[pageSize]entity
	values *window.Values
	recent window.Recent

	judged  int64
	pending *window.Calendar // entities with waiting entries, by the earliest of them
	timers  *window.Calendar // entities by when time alone may change them
	touched []uint32         // those folded into since the last call of Early or Judge whose limit may be broken
	out     []alert.Finding
	bytes   int    // of rings
	hand    uint32 // where eviction looks next
	exact   int    // entries kept exactly: exact, or few when room is short
	stats   detector.Stats
	seen    map[int64]int32 // scratch of foresee
	scratch []entry         // of merge
	news    []long          // of order
	folded  fold            // and of fold
}

const (
	pageSize = 512
	buckets  = 60
	// exact is how many entries an entity has in its window, and how many wait in one sub-bucket, before those that come
	// on top are put together at the end of their sub-bucket.
	exact = 1024
	// entityBytes is the size of an entity without its ring.
	entityBytes = 208
	entryBytes  = 24
	// plenty is beyond what must be added to break any limit.
	plenty = 1 << 61
)

// An entry is what happened at one time, or for distinct one member seen then.
type entry struct {
	t int64
	v int64 // sum, extreme or member
	// n is how many rows; for distinct 1, or 0 once the member was seen again. Below 0 it is a session, of which one row is
	// meant, or v rows where rows are counted.
	n int64
}

// entity is the state of one. The zero entity has seen nothing.
type entity struct {
	ring    []entry
	head    int32 // first entry in the window
	done    int32 // first entry that waits
	loose   int32 // how many entries at the end of the ring are not in order yet
	adds    int64 // all that was ever added: rows, or the sum of them
	wake    int64 // adds at which foreseeing makes sense again
	rows    int64 // of all entries in the ring
	n, sum  int64 // of the window; for distinct n counts members; for min and max sum is the extreme
	first   int64 // earliest time judged
	trigger int64 // newest one
	held    int64 // when the limit was last seen broken
	early   int64 // time of the trigger told early; of one that is blind, since when
	lump    int64 // end of the sub-bucket whose entries are put together
	peak    float64
	due     int64
	timer   int64
	state   state
	index   map[int64]int32 // place of each member in the ring, when there are many
	more    *more
	// longs are records that lasted longer than a sub-bucket, and wait. So many of them stand in order, and so many there were
	// when they were last looked through.
	longs             []long
	ordered, squashed int32
}

type state uint16

const (
	open    state = 1 << iota // an alert stands
	broken                    // the limit is broken now
	known                     // first is set
	told                      // a trigger was told early and is still to come
	waiting                   // due is set
	timed                     // timer is set
	touched                   // in the list of that name
	full                      // members were left out: the value is an estimate
	blind                     // the limit would be broken since early, and an exporter that tells of the entity was silent
)

func (d *judge) entity(id uint32) *entity {
	for int(id)/pageSize >= len(d.pages) {
		d.pages = append(d.pages, new([pageSize]entity))
	}
	return &d.pages[id/pageSize][id%pageSize]
}

// Fold takes rows in.
func (d *judge) Fold(b *event.Batch, rows []int32) {
	if d.warms {
		d.exporters.hear(b, d.judged)
	}
	if len(rows) == 0 {
		return
	}
	d.view.Each(b, rows, d.fold)
	d.shrink()
}

// together is how many rows are folded at a time: each step is done for all of them before the next one, so that the memory
// of their entities, of which there may be millions, is waited for once.
const together = 256

// A fold is some rows of a batch that are judged: their places in the list of rows, themselves, their times and values, and
// 1 + the numbers of their entities.
type fold struct {
	places, rows  [together]int32
	times, values [together]int64
	ids           [together]uint32
	warmth        int // what was looked at beforehand, so that it is not left out
}

func (d *judge) fold(b *event.Batch, rows []int32) {
	clock := window.NewClock(b)
	d.table.Bind(b)
	d.values.Bind(b)
	d.recent.Begin(b, rows)
	if d.spread || d.sessions {
		d.flows.bind(b)
	}
	d.observe(b)
	f, n := &d.folded, 0
	for i, row := range rows {
		t := clock.At(row)
		if t <= d.judged || t == 0 {
			d.stats.Late++
			continue
		}
		v, ok := d.values.At(row)
		if !ok {
			continue
		}
		f.places[n], f.rows[n], f.times[n], f.values[n] = int32(i), row, t, v
		if n++; n == together {
			d.some(n)
			n = 0
		}
	}
	d.some(n)
}

// some folds the first rows that are at hand.
func (d *judge) some(n int) {
	f := &d.folded
	d.table.Rows(f.rows[:n], f.ids[:n])
	for _, id := range f.ids[:n] {
		if id != 0 {
			e := d.entity(id - 1)
			f.warmth += int(e.state) + len(e.ring) + len(e.longs)
		}
	}
	for k := range n {
		if f.ids[k] == 0 {
			d.stats.Skipped++
			continue
		}
		id, row, t, v := f.ids[k]-1, f.rows[k], f.times[k], f.values[k]
		d.recent.Note(int(f.places[k]), id)
		e := d.entity(id)
		before := cap(e.ring)
		if d.spread || d.sessions {
			d.take(e, row, t, v)
		} else {
			d.insert(e, t, v, 1)
		}
		if d.observers != nil {
			d.feed(e, row, t)
		}
		d.line(id, e, t, d.weight(v, 1), before)
	}
}

// add puts rows of an entity in line for the watermark.
func (d *judge) add(id uint32, t, v, n int64) {
	e := d.entity(id)
	before := cap(e.ring)
	d.insert(e, t, v, n)
	d.line(id, e, t, d.weight(v, n), before)
}

// weight is what rows add at most to what is measured.
func (d *judge) weight(v, n int64) int64 {
	if d.metric.Op == metric.Sum {
		return max(v, 0)
	}
	return d.rows(entry{v: v, n: n})
}

// line notes that something of an entity waits, which weighs so much. before is what its ring had room for.
func (d *judge) line(id uint32, e *entity, t, weight int64, before int) {
	d.bytes += (cap(e.ring) - before) * entryBytes
	if e.adds += weight; e.adds > plenty {
		e.adds, e.wake = plenty, 0
	}
	if e.state&waiting == 0 || t < e.due {
		d.pending.Add(t, id)
		e.due = t
		e.state |= waiting
	}
	if d.early && e.state&touched == 0 && e.adds >= max(e.wake, d.least) {
		e.state |= touched
		d.touched = append(d.touched, id)
	}
}

// Judge goes through what happened up to w.
func (d *judge) Judge(w event.Watermark) []alert.Finding {
	to := window.Earlier(int64(w), d.lag())
	if to <= d.judged {
		return nil
	}
	d.judged = to
	d.pending.Due(d.judged, func(id uint32, at int64) {
		if e := d.entity(id); e.state&waiting != 0 && e.due == at {
			e.state &^= waiting
			d.settle(id, e)
			if int(e.done) < len(e.ring) {
				e.due = e.ring[e.done].t
				e.state |= waiting
				d.pending.Add(e.due, id)
			}
		}
	})
	d.timers.Due(d.judged, func(id uint32, at int64) {
		if e := d.entity(id); e.state&timed != 0 && e.timer == at {
			e.state &^= timed
			d.settle(id, e)
		}
	})
	d.forgetTouched()
	d.exporters.forget(d.judged)
	return d.findings()
}

// settle brings an entity up to the watermark and notes when to look at it again.
func (d *judge) settle(id uint32, e *entity) {
	before := cap(e.ring)
	d.commit(id, e, d.judged)
	d.bytes += (cap(e.ring) - before) * entryBytes
	next, ok := d.next(e)
	switch {
	case ok && (e.state&timed == 0 || next < e.timer):
		e.timer = next
		e.state |= timed
		d.timers.Add(next, id)
	case !ok && int(e.done) == len(e.ring):
		d.drop(id, e)
	}
}

// next returns when time alone may change the entity next; false when it cannot.
func (d *judge) next(e *entity) (t int64, ok bool) {
	t = math.MaxInt64
	if d.warms && e.state&known != 0 && window.Later(e.first, d.over) > d.judged {
		t, ok = window.Later(e.first, d.over), true
	}
	if e.state&blind != 0 && !d.deserted(e) {
		if ok = true; d.covered(e, e.early) == math.MaxInt64 {
			t = min(t, window.Later(d.judged, d.exporters.gap))
		} else {
			t = min(t, d.covered(e, e.early))
		}
	}
	if e.head < e.done {
		ok = true
		leaves := window.Later(e.ring[e.head].t, d.over)
		switch {
		case !d.grows, d.limit.below: // a minimum that lasts fires again when its oldest entry leaves
			t = min(t, leaves)
		case e.state&open == 0:
			t = min(t, window.Later(e.ring[e.done-1].t, d.over))
		case e.state&broken != 0:
			t = min(t, window.Later(leaves, d.end))
		}
	}
	switch {
	case e.state&open != 0 && e.state&broken == 0:
		t, ok = min(t, window.Later(e.held, d.end)), true
	case e.state&open != 0 && !ok:
		t, ok = d.forgotten(e), true
	}
	if e.state&told != 0 {
		t, ok = min(t, e.early), true
	}
	return max(t, window.Later(d.judged, 1)), ok
}

// forgotten returns when an entity that has gone silent below its limit is given up.
func (d *judge) forgotten(e *entity) int64 {
	return window.Later(window.Later(e.held, d.over), max(9*d.over, day))
}

const day = 24 * 3600 * 1_000_000_000

func (d *judge) drop(id uint32, e *entity) {
	d.bytes -= cap(e.ring)*entryBytes + cap(e.longs)*longBytes
	d.forgetMore(e)
	ring := e.ring
	*e = entity{state: e.state & touched}
	if cap(ring) <= 8 {
		e.ring = ring[:0]
		d.bytes += cap(ring) * entryBytes
	}
	d.table.Drop(id)
	d.recent.Forget(id)
}

// findings hands over what was found, in order.
func (d *judge) findings() []alert.Finding {
	out := d.out
	d.out = nil
	d.recent.Keep(window.Earlier(d.judged, d.over), d.sized(), func(id uint32) bool { return d.entity(id).state&(open|told) != 0 })
	d.recent.Release()
	return window.Order(out)
}

func (d *judge) forgetTouched() {
	for _, id := range d.touched {
		d.entity(id).state &^= touched
	}
	d.touched = d.touched[:0]
}

// Stats tells how full it is.
func (d *judge) Stats() detector.Stats {
	s := d.stats
	s.Entities = d.table.Len()
	s.Bytes = d.size()
	return s
}

func (d *judge) size() int {
	return d.bytes + d.table.Bytes() + d.table.Len()*entityBytes + d.exporters.bytes()
}
