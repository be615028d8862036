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

// judge is the detector. Each entity has two lists in order of time: the entries of the window, which were judged, and what
// waits for the watermark. At the watermark the waiting ones are gone through in order of time, which is why neither the order
// of arrival nor the cut into batches matters.
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
	bytes   int    // of what few entities have
	hand    uint32 // where eviction looks next
	exact   int    // entries kept exactly: exact, or few when room is short
	stats   detector.Stats
	seen    map[int64]int32 // scratch of foresee
	scratch []arrival       // of merge
	line    []entry         // of foresee
	parts   []share         // of a record that is spread
	folded  fold            // and of fold

	entries  blocks[entry]
	arrivals blocks[arrival]
}

const (
	pageSize = 512
	buckets  = 60
	// exact is how many entries an entity has in its window, and how many wait in one sub-bucket, before those that come
	// on top are put together at the end of their sub-bucket.
	exact = 1024
	// entityBytes is the size of an entity without its lists and what few have.
	entityBytes  = 128
	alarmBytes   = 48
	entryBytes   = 24
	arrivalBytes = 32
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

// An arrival is an entry that waits for the watermark.
type arrival struct {
	entry

	length int64 // of a record that lasted longer than a sub-bucket, of which v is spread over it; 0 of all others
}

// entity is the state of one. The zero entity has seen nothing.
type entity struct {
	past   []entry   // of the window, from head on; those before have left it
	next   []arrival // what waits, from came on; those before are in the window
	head   int32
	came   int32
	loose  int32 // how many at the end of next are not in order yet
	state  state
	adds   int64 // rows, or their sum, towards least; less by what was lacking when foreseeing was last in vain
	rows   int64 // of all that is in the window or waits
	n, sum int64 // of the window; for distinct n counts members; for min and max sum is the extreme
	due    int64
	timer  int64
	alarm  *alarm // nil while all of it is zero
	more   *more
}

// An alarm is what an entity has that came close to its limit, is crowded, or may fall short of it.
type alarm struct {
	first   int64 // earliest time judged, where an entity must be known for one window
	trigger int64 // newest one
	held    int64 // when the limit was last seen broken
	early   int64 // time of the trigger told early; of one that is blind, since when
	lump    int64 // end of the sub-bucket whose entries are put together
	peak    float64
}

// last returns what the entity has of an alarm.
func (e *entity) last() alarm {
	if e.alarm == nil {
		return alarm{}
	}
	return *e.alarm
}

// raise returns the alarm of an entity, to be changed.
func (d *judge) raise(e *entity) *alarm {
	if e.alarm == nil {
		e.alarm = &alarm{}
		d.bytes += alarmBytes
	}
	return e.alarm
}

// lumps reports whether entries since a time were put together.
func (a alarm) lumps(since int64) bool { return a.lump != 0 && a.lump >= since }

// window returns the entries of the window.
func (e *entity) window() []entry { return e.past[e.head:] }

// waits returns what waits in lists; piles are poured before somebody needs to see all.
func (e *entity) waits() []arrival { return e.next[e.came:] }

// earliest returns when the first of what waits happened; false when nothing waits. What is on a pile happens at the end.
func (e *entity) earliest() (t int64, ok bool) {
	if int(e.came) < len(e.next) {
		t, ok = e.next[e.came].t, true
	}
	if e.more == nil {
		return t, ok
	}
	for i := range e.more.piles {
		if p := &e.more.piles[i]; p.filled {
			if !ok || p.end < t {
				t = p.end
			}
			return t, true
		}
	}
	return t, ok
}

// idle reports whether nothing waits.
func (e *entity) idle() bool { return int(e.came) == len(e.next) && e.more.empty() }

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
	d.warm(f.ids[:n])
	for k := range n {
		if f.ids[k] == 0 {
			d.stats.Skipped++
			continue
		}
		id, row, t, v := f.ids[k]-1, f.rows[k], f.times[k], f.values[k]
		d.recent.Note(int(f.places[k]), id)
		e := d.entity(id)
		if d.spread || d.sessions {
			d.take(e, row, t, v)
		} else {
			d.insert(e, arrival{entry{t, v, 1}, 0})
		}
		if d.observers != nil {
			d.feed(e, row, t)
		}
		d.await(id, e, t, d.weight(v, 1))
	}
}

// warm looks at what is about to be changed of entities: first at themselves, then at where they say that what arrives is put. What one
// look waits for, the next does not depend on, so that the processor waits for many at a time.
func (d *judge) warm(ids []uint32) {
	warmth := 0
	for _, id := range ids {
		if id != 0 {
			e := d.entity(id - 1)
			warmth += len(e.next)
			if e.more != nil { // which is at the far end of an entity
				warmth++
			}
		}
	}
	for _, id := range ids {
		if id == 0 {
			continue
		}
		e := d.entity(id - 1)
		if n := len(e.next); n > 0 {
			warmth += int(e.next[n-1].t)
		}
		if e.more != nil {
			warmth += e.more.pile
		}
	}
	d.folded.warmth = warmth
}

// add puts what another detector knows of an entity in line for the watermark.
func (d *judge) add(id uint32, a arrival) {
	e := d.entity(id)
	d.insert(e, a)
	d.await(id, e, a.t, d.weight(a.v, a.n))
}

// weight is what rows add at most to what is measured.
func (d *judge) weight(v, n int64) int64 {
	if d.metric.Op == metric.Sum {
		return max(v, 0)
	}
	return d.rows(entry{v: v, n: n})
}

// await notes that something of an entity waits, which weighs so much.
func (d *judge) await(id uint32, e *entity, t, weight int64) {
	e.adds = min(e.adds+weight, plenty)
	if e.state&waiting == 0 || t < e.due {
		d.pending.Add(t, id)
		e.due = t
		e.state |= waiting
	}
	if d.early && e.state&touched == 0 && e.adds >= d.least {
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
		if e := d.entity(id); e.awaited(at) {
			e.state &^= waiting
			d.settle(id, e)
			if due, ok := e.earliest(); ok {
				e.due = due
				e.state |= waiting
				d.pending.Add(due, id)
			}
		}
	})
	d.timers.Due(d.judged, func(id uint32, at int64) {
		if e := d.entity(id); e.timed(at) {
			e.state &^= timed
			d.settle(id, e)
		}
	})
	d.forgetTouched()
	d.exporters.forget(d.judged)
	d.seekSpare()
	d.shrink()
	return d.findings()
}

// awaited reports whether it is as the calendar says: something waits for the watermark to come to a time.
func (e *entity) awaited(at int64) bool { return e.state&waiting != 0 && e.due == at }

// timed reports whether an entity is to be looked at then.
func (e *entity) timed(at int64) bool { return e.state&timed != 0 && e.timer == at }

// settle brings an entity up to the watermark and notes when to look at it again.
func (d *judge) settle(id uint32, e *entity) {
	d.commit(id, e, d.judged)
	next, ok := d.next(e)
	switch {
	case ok && (e.state&timed == 0 || next < e.timer):
		e.timer = next
		e.state |= timed
		d.timers.Add(next, id)
	case !ok && e.idle():
		d.drop(id, e)
	}
}

// next returns when time alone may change the entity next; false when it cannot.
func (d *judge) next(e *entity) (t int64, ok bool) {
	t = math.MaxInt64
	if d.warms && e.state&known != 0 && window.Later(e.last().first, d.over) > d.judged {
		t, ok = window.Later(e.last().first, d.over), true
	}
	if e.state&blind != 0 && !d.deserted(e) {
		if ok = true; d.covered(e, e.last().early) == math.MaxInt64 {
			t = min(t, window.Later(d.judged, d.exporters.gap))
		} else {
			t = min(t, d.covered(e, e.last().early))
		}
	}
	if in := e.window(); len(in) > 0 {
		ok = true
		leaves := window.Later(in[0].t, d.over)
		switch {
		case !d.grows, d.limit.below: // a minimum that lasts fires again when its oldest entry leaves
			t = min(t, leaves)
		case e.state&open == 0:
			t = min(t, window.Later(in[len(in)-1].t, d.over))
		case e.state&broken != 0:
			t = min(t, window.Later(leaves, d.end))
		}
	}
	switch {
	case e.state&open != 0 && e.state&broken == 0:
		t, ok = min(t, window.Later(e.last().held, d.end)), true
	case e.state&open != 0 && !ok:
		t, ok = d.forgotten(e), true
	}
	if e.state&told != 0 {
		t, ok = min(t, e.last().early), true
	}
	return max(t, window.Later(d.judged, 1)), ok
}

// forgotten returns when an entity that has gone silent below its limit is given up.
func (d *judge) forgotten(e *entity) int64 {
	return window.Later(window.Later(e.last().held, d.over), max(9*d.over, day))
}

const day = 24 * 3600 * 1_000_000_000

func (d *judge) drop(id uint32, e *entity) {
	d.freePast(e)
	d.freeNext(e)
	d.forgetMore(e)
	if e.alarm != nil {
		d.bytes -= alarmBytes
	}
	*e = entity{state: e.state & touched}
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
	return d.bytes + d.entries.held*entryBytes + d.arrivals.held*arrivalBytes + d.table.Bytes() + d.table.Len()*entityBytes + d.exporters.bytes()
}
