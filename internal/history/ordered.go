package history

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"sort"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// A place orders events: by time, then by place in the journal, then by row.
type place struct {
	time int64
	seq  uint64
	src  uint64 // number of the segment; memory comes last
	row  int64
}

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq), cmp.Compare(a.src, b.src), cmp.Compare(a.row, b.row))
}

// Ordered shows fn every selected event in the order of (time, position, row), over all kinds that are asked for. It holds
// a row group of each segment that overlaps the present time, and no more.
func (s *Store) Ordered(ctx context.Context, q Query, fn Func) error {
	if err := checkQuery(q); err != nil {
		return err
	}
	p := newPlan(q, event.Timestamp, event.TocsinSequence)
	v, err := s.pin(p.kinds)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	m := &merger{}
	defer m.close()
	compiled := filter.Compile(q.Where)
	live := p.live(v)
	p.step = orderedStep(live)
	for _, seg := range live {
		m.streams = append(m.streams, &stream{store: s, plan: p, seg: seg, filter: compiled, head: place{time: seg.First, src: seg.ID}})
	}
	for _, kind := range event.Kinds() {
		if st := p.memoryStream(kind, v.memory, compiled); st != nil {
			m.streams = append(m.streams, st)
		}
	}
	heap.Init(m)
	return m.run(ctx, fn)
}

// orderedStep says how many rows of each segment are held at a time: fewer where many segments overlap.
func orderedStep(live []*segment) int {
	type edge struct {
		time int64
		by   int
	}
	edges := make([]edge, 0, 2*len(live))
	for _, seg := range live {
		edges = append(edges, edge{seg.First, max(seg.Lanes, 1)}, edge{seg.Last, -max(seg.Lanes, 1)})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(b.by, a.by)) })
	at, most := 0, 0
	for _, e := range edges {
		at += e.by
		most = max(most, at)
	}
	step := groupRows
	for step > minStep && step*most > 4*groupRows {
		step /= 2
	}
	return step
}

// minStep is how many rows of a segment are read at a time, at least.
const minStep = 1 << 11

// lanes divides row groups, given by their number, into as many lists as it takes for those of each to follow each other in time.
func lanes(groups []*group) (list [][]*group) {
	for _, g := range groups {
		at := slices.IndexFunc(list, func(lane []*group) bool { return lane[len(lane)-1].Last < g.First })
		if at < 0 {
			at, list = len(list), append(list, nil)
		}
		list[at] = append(list[at], g)
	}
	return list
}

// A stream yields the selected rows of one lane of a segment, or of memory, in order. Its head is the next row's place, or before
// the reading begins one that is not behind it.
type stream struct {
	store  *Store
	plan   *plan
	seg    *segment // nil: memory
	filter *filter.Filter
	head   place
	primed bool

	opened bool
	reader *reader
	lane   []*group   // that are still to be read; nil before it is known
	others [][]*group // lanes of the segment that other streams are to yield
	group  *group
	spans  []span

	batch *event.Batch
	times []int64
	seqs  *event.Column
	rows  []int32
	at    int

	units []unit // of memory: what is still to come
}

// A unit is some rows of one batch of memory, in order.
type unit struct {
	batch *event.Batch
	rows  []int32
}

func (st *stream) place(i int) place {
	row := st.rows[i]
	pl := place{time: st.times[row], src: st.head.src, row: int64(i)}
	if st.group != nil {
		pl.row |= int64(st.group.number) << 32
	}
	if st.seqs != nil {
		if v, ok := st.seqs.Value(int(row)); ok {
			pl.seq = st.seqs.Uint(v)
		}
	}
	return pl
}

// load makes the next rows the stream's; false when there are none.
func (st *stream) load(ctx context.Context) (bool, error) {
	st.primed = true
	if st.seg == nil {
		if len(st.units) == 0 {
			return false, nil
		}
		st.batch, st.rows = st.units[0].batch, st.units[0].rows
		st.units = st.units[1:]
		st.begin()
		return true, nil
	}
	if !st.opened {
		if err := st.open(); err != nil {
			return false, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if len(st.spans) == 0 {
			if len(st.lane) == 0 {
				return false, nil
			}
			clear(st.reader.dicts)
			st.group, st.lane = st.lane[0], st.lane[1:]
			spans, err := st.plan.spans(st.reader, st.group)
			if err != nil {
				return false, err
			}
			st.spans = spans
			continue
		}
		b, rows, err := st.plan.read(st.reader, st.seg.Kind, st.group, st.spans[0], st.filter, st.rows)
		if err != nil {
			return false, err
		}
		st.spans, st.rows = st.spans[1:], rows
		if b != nil {
			st.batch = b
			st.begin()
			return true, nil
		}
	}
}

func (st *stream) open() (err error) {
	if st.reader, err = st.store.pools.reader(); err != nil {
		return err
	}
	ft, file, err := st.seg.open()
	if err != nil {
		return err
	}
	st.opened = true
	st.store.used(st.seg)
	st.reader.at(file)
	if st.lane == nil {
		all := lanes(ft.groups)
		st.lane, st.others = all[0], all[1:]
	}
	return nil
}

// rest returns streams of the lanes of the segment that nobody yields yet.
func (st *stream) rest() (list []*stream) {
	for _, lane := range st.others {
		list = append(list, &stream{store: st.store, plan: st.plan, seg: st.seg, filter: st.filter, lane: lane, head: place{time: lane[0].First, src: st.seg.ID}})
	}
	st.others = nil
	return list
}

func (st *stream) begin() {
	st.times, st.seqs, st.at = st.batch.Times(), st.batch.Column(event.TocsinSequence), 0
	st.head = st.place(0)
}

func (st *stream) close() {
	if st.reader != nil {
		st.store.pools.putReader(st.reader)
		st.reader = nil
	}
	if st.opened {
		st.seg.release()
		st.opened = false
	}
}

// A merger is a heap of streams by their heads.
type merger struct{ streams []*stream }

func (m *merger) Len() int           { return len(m.streams) }
func (m *merger) Less(i, j int) bool { return m.streams[i].head.compare(m.streams[j].head) < 0 }
func (m *merger) Swap(i, j int)      { m.streams[i], m.streams[j] = m.streams[j], m.streams[i] }
func (m *merger) Push(x any)         { m.streams = append(m.streams, x.(*stream)) } //nolint:forcetypeassert // streams are all it is given

// Pop takes the last stream off, as package heap asks.
func (m *merger) Pop() any {
	last := m.streams[len(m.streams)-1]
	m.streams = m.streams[:len(m.streams)-1]
	return last
}

func (m *merger) close() {
	for _, st := range m.streams {
		st.close()
	}
}

// run shows fn the rows of all streams in order, as many at once as one stream has before the next one's turn.
func (m *merger) run(ctx context.Context, fn Func) error {
	for len(m.streams) > 0 {
		st := m.streams[0]
		if !st.primed || st.at == len(st.rows) {
			more, err := st.load(ctx)
			if err != nil {
				if st.seg != nil {
					return st.store.troubled(st.seg, fmt.Errorf("read %s: %w", st.seg.File, err))
				}
				return err
			}
			others := st.rest()
			if more {
				heap.Fix(m, 0)
			} else {
				st.close()
				heap.Pop(m)
			}
			for _, other := range others {
				heap.Push(m, other)
			}
			continue
		}
		end := len(st.rows)
		if next := m.second(); next != nil && st.place(end-1).compare(*next) > 0 {
			end = st.at + 1 + sort.Search(end-st.at-1, func(i int) bool { return st.place(st.at+1+i).compare(*next) > 0 })
		}
		if err := fn(st.batch, st.rows[st.at:end]); err != nil {
			return err
		}
		if st.at = end; end < len(st.rows) {
			st.head = st.place(end)
			heap.Fix(m, 0)
		}
	}
	return nil
}

// second returns the head of the stream whose turn is next.
func (m *merger) second() *place {
	var best *place
	for i := 1; i <= 2 && i < len(m.streams); i++ {
		if h := &m.streams[i].head; best == nil || h.compare(*best) < 0 {
			best = h
		}
	}
	return best
}

// memorySource is the number of memory among the sources of a merge.
const memorySource = 1<<64 - 8

// memoryStream puts the selected rows of one kind that are in no segment yet in order; nil when there are none.
func (p *plan) memoryStream(kind event.Kind, batches []*event.Batch, f *filter.Filter) *stream {
	var list []*event.Batch
	for _, b := range batches {
		if b.Kind == kind {
			list = append(list, b)
		}
	}
	list = bySequence(list)
	var keys []rowKey
	var rows []int32
	for i, b := range list {
		times := b.Times()
		rows = p.memory(b, f, rows)
		for _, row := range rows {
			keys = append(keys, rowKey{time: times[row], part: int32(i), row: row})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.part, b.part), cmp.Compare(a.row, b.row))
	})
	st := &stream{plan: p, head: place{time: keys[0].time, src: memorySource + uint64(kind)}}
	for _, k := range keys {
		n := len(st.units)
		if n == 0 || st.units[n-1].batch != list[k.part] || st.units[n-1].rows[len(st.units[n-1].rows)-1] >= k.row {
			st.units = append(st.units, unit{batch: list[k.part]})
			n++
		}
		st.units[n-1].rows = append(st.units[n-1].rows, k.row)
	}
	return st
}
