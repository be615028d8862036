package alerting

import (
	"cmp"
	"container/heap"
	"maps"
	"math"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
)

// A book is what is held back, in memory.
type book struct {
	name  string // under which the position is kept
	every time.Duration
	cap   int

	taken     event.Position // of the newest output
	watermark event.Watermark
	proven    event.Watermark // of what was taken since the start
	arrivals  uint64          // findings taken
	entries   map[entryKey]*entry
	queue     entryQueue // all entries that are not being written, the one due first in front
	rules     map[int64]*ruleBook
	hits      map[int64]ledger.Hit // of exclusions, by number, that no load has
	held      int                  // entries with findings
	bytes     int                  // estimated memory of their findings
	lastWrite time.Time
}

type entryKey struct {
	rule   int64
	entity string
}

// An entry is one entity of one rule: findings held back, or the memory that its alert was written just now.
type entry struct {
	key      entryKey
	entity   alert.Entity
	ref      *ledger.RuleRef // what its alert says about its rule; nil: that is asked for when it is written
	episodes []ledger.Episode
	bytes    int
	// first is the number of the oldest finding held back, and before the position that all outputs before its own brought.
	first  uint64
	before event.Position
	proven event.Watermark // of before
	due    time.Time       // may be written again
	index  int             // in the queue; -1 while its findings are being written
}

// A ruleBook is what is known of one rule.
type ruleBook struct {
	open    int // alerts in the ledger that have not ended
	entries map[*entry]struct{}
	// crowded says that the rule has, or is about to have, more alerts than it may. Its entities are then written together:
	// the alert that counts the rest remembers one position for all of them.
	crowded bool
	due     time.Time // of a crowded rule
}

func newBook(name string, every time.Duration, limit int) book {
	return book{name: name, every: every, cap: limit, entries: map[entryKey]*entry{}, rules: map[int64]*ruleBook{}, hits: map[int64]ledger.Hit{}}
}

func (b *book) start(p ledger.Progress, open map[int64]int) {
	*b = newBook(b.name, b.every, b.cap)
	// The watermark is that of the newest output before the restart, of which some findings may have been held back.
	b.taken, b.watermark, b.proven = p.Position, p.Watermark, math.MinInt64
	for id, n := range open {
		b.rule(id).open = n
	}
}

func (b *book) rule(id int64) *ruleBook {
	r := b.rules[id]
	if r == nil {
		r = &ruleBook{entries: map[*entry]struct{}{}}
		b.rules[id] = r
	}
	return r
}

// take adds an output.
func (b *book) take(j Judged, now time.Time) {
	for i := range j.Findings {
		b.arrivals++
		e := b.entry(&j.Findings[i], now)
		if len(e.episodes) == 0 {
			e.first, e.before, e.proven = b.arrivals, b.taken, b.proven
			b.held++
		}
		if j.refs != nil && (e.ref == nil || j.refs[i].Severity != 0) {
			e.ref = &j.refs[i]
		}
		b.bytes -= e.bytes
		e.add(j.Findings[i])
		b.bytes += e.bytes
	}
	b.taken, b.watermark, b.proven = j.Position, max(b.watermark, j.Watermark), max(b.proven, j.Watermark)
}

// entry returns the entry of a finding's entity, which is due now if there was none.
func (b *book) entry(f *alert.Finding, now time.Time) *entry {
	key := entryKey{rule: f.Rule, entity: f.Entity.Key()}
	if e := b.entries[key]; e != nil {
		return e
	}
	r := b.rule(f.Rule)
	e := &entry{key: key, entity: f.Entity, due: now}
	if r.crowded && r.due.After(now) {
		e.due = r.due
	}
	b.entries[key] = e
	r.entries[e] = struct{}{}
	heap.Push(&b.queue, e)
	return e
}

// add takes one finding into the last episode, or begins another.
func (e *entry) add(f alert.Finding) {
	n := len(e.episodes)
	switch {
	case n == 0:
	case !e.episodes[n-1].Ended:
		e.bytes -= e.episodes[n-1].Bytes()
		e.episodes[n-1].Add(f)
		e.bytes += e.episodes[n-1].Bytes()
		return
	case f.Ended: // it has ended already
		return
	}
	var episode ledger.Episode
	episode.Add(f)
	e.episodes = append(e.episodes, episode)
	e.bytes += episode.Bytes()
}

// A load is what goes into one commit.
type load struct {
	parts  []part
	commit ledger.Commit
}

// A part is what a load says about one entry.
type part struct {
	*entry
	ref      *ledger.RuleRef
	episodes []ledger.Episode
}

// next cuts a load from what is due, or with all from everything. It is nil when there is nothing to write.
func (b *book) next(now time.Time, all bool, committed event.Position) *load {
	l := &load{}
	for len(b.queue) > 0 && (all || !b.queue[0].due.After(now)) {
		b.pick(l, b.queue[0], now, all)
	}
	if !all {
		b.crowd(l, now)
	}
	if len(l.parts) == 0 && (committed.Covers(b.taken) || (!all && now.Before(b.lastWrite.Add(b.every)))) {
		return nil
	}
	slices.SortFunc(l.parts, func(x, y part) int { return cmp.Compare(x.first, y.first) })
	l.commit = ledger.Commit{Name: b.name, Front: b.taken, Watermark: b.watermark, Now: now, Cap: b.cap}
	l.commit.Position, l.commit.Proven = b.oldest()
	for _, id := range slices.Sorted(maps.Keys(b.hits)) {
		l.commit.Hits = append(l.commit.Hits, b.hits[id])
	}
	clear(b.hits)
	return l
}

// pick takes one entry out of the queue: into the load, out of the book, or back for later.
func (b *book) pick(l *load, e *entry, now time.Time, all bool) {
	r := b.rules[e.key.rule]
	switch {
	case len(e.episodes) == 0:
		heap.Remove(&b.queue, e.index)
		delete(b.entries, e.key)
		delete(r.entries, e)
		if len(r.entries) == 0 && r.open == 0 {
			delete(b.rules, e.key.rule)
		}
	case !all && r.crowded && r.due.After(now):
		e.due = r.due
		heap.Fix(&b.queue, e.index)
	default:
		b.put(l, e)
	}
}

func (b *book) put(l *load, e *entry) {
	heap.Remove(&b.queue, e.index)
	l.parts = append(l.parts, part{e, e.ref, e.episodes})
	b.held--
	b.bytes -= e.bytes
	e.episodes, e.bytes = nil, 0
}

// crowd adds all that is held back of the rules that may go over their cap with this load.
func (b *book) crowd(l *load, now time.Time) {
	more := map[int64]int{} // alerts that the load may open, at most
	for _, p := range l.parts {
		more[p.key.rule] += len(p.episodes)
	}
	for id, n := range more {
		r := b.rules[id]
		if r.crowded = r.open+n > b.cap; !r.crowded {
			continue
		}
		r.due = now.Add(b.every)
		for e := range r.entries {
			if e.index >= 0 && len(e.episodes) > 0 {
				b.put(l, e)
			}
		}
	}
}

// oldest is the position that everything held back came after, and the watermark of then.
func (b *book) oldest() (event.Position, event.Watermark) {
	oldest, position, proven := b.arrivals+1, b.taken, b.proven
	for _, e := range b.queue {
		if len(e.episodes) > 0 && e.first < oldest {
			oldest, position, proven = e.first, e.before, e.proven
		}
	}
	return position, proven
}

// done puts the entries of a load back after it was committed at now.
func (b *book) done(l *load, result ledger.Result, now time.Time) {
	b.lastWrite = now
	for id, n := range result.Open {
		b.rule(id).open = n
	}
	for _, p := range l.parts {
		p.due = now.Add(b.every)
		heap.Push(&b.queue, p.entry)
	}
}

// wait is how long nothing will be due; ok is false when nothing will be.
func (b *book) wait(now time.Time, committed event.Position) (time.Duration, bool) {
	var at time.Time
	if !committed.Covers(b.taken) {
		at = b.lastWrite.Add(b.every)
	}
	if len(b.queue) > 0 && (at.IsZero() || b.queue[0].due.Before(at)) {
		at = b.queue[0].due
	}
	return max(0, at.Sub(now)), !at.IsZero()
}

// An entryQueue is a heap of entries by the time at which they are due.
type entryQueue []*entry

func (q entryQueue) Len() int           { return len(q) }
func (q entryQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q entryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap.
func (q *entryQueue) Push(x any) {
	e := x.(*entry) //nolint:forcetypeassert // entries alone are pushed
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop is for package heap.
func (q *entryQueue) Pop() any {
	n := len(*q) - 1
	e := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	e.index = -1
	return e
}
