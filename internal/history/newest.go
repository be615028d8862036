package history

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// How many events Newest keeps at a time: few at first, since most askers want few, and then more, since the rows around
// those shown last are looked at again for each chunk.
const (
	chunkRows = 4096
	mostRows  = 32 << 10
)

// Newest shows fn the newest selected events as whole rows, newest first; with oldest the oldest ones, oldest first. At
// most limit of them; a negative limit is none. It looks at segments and row groups from the end that is asked for, and
// stops when no other can have a newer event.
func (s *Store) Newest(ctx context.Context, q Query, limit int, oldest bool, fn Func) error {
	if err := checkQuery(q); err != nil {
		return err
	}
	q.All = true
	p := newPlan(q)
	p.all, p.restLabels = false, false // first only what tells which rows they are
	p.rest = []event.FieldID{event.Timestamp, event.TocsinSequence}
	v, err := s.pin(p.kinds)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	r, err := s.pools.reader()
	if err != nil {
		return err
	}
	defer s.pools.putReader(r)
	n := &newest{store: s, plan: p, version: v, reader: r, filter: filter.Compile(q.Where), oldest: oldest}
	for chunk := chunkRows; limit != 0; chunk = min(2*chunk, mostRows) {
		want := chunk
		if limit > 0 {
			want = min(want, limit)
		}
		got, err := n.next(ctx, want, fn)
		if err != nil || got < want {
			return err
		}
		if limit > 0 {
			limit -= got
		}
	}
	return nil
}

// newest finds the best rows chunk by chunk; after the first chunk only rows behind the last one shown count.
type newest struct {
	store   *Store
	plan    *plan
	version *version
	reader  *reader
	filter  *filter.Filter
	oldest  bool
	begun   bool
	last    place // the last row shown
	want    int
	best    []candidate // a heap, the worst at the top
	rows    []int32
}

// A candidate is one row that may be shown.
type candidate struct {
	place
	seg   *segment // nil: memory
	group int
	batch *event.Batch // of memory
	index int32        // the row in its group or batch
}

// better reports whether a comes before b in what is asked for.
func (n *newest) better(a, b place) bool {
	if n.oldest {
		return a.compare(b) < 0
	}
	return a.compare(b) > 0
}

func (n *newest) Len() int           { return len(n.best) }
func (n *newest) Less(i, j int) bool { return n.better(n.best[j].place, n.best[i].place) }
func (n *newest) Swap(i, j int)      { n.best[i], n.best[j] = n.best[j], n.best[i] }
func (n *newest) Push(x any)         { n.best = append(n.best, x.(candidate)) } //nolint:forcetypeassert // candidates are all it is given

// Pop takes the last candidate off, as package heap asks.
func (n *newest) Pop() any {
	c := n.best[len(n.best)-1]
	n.best = n.best[:len(n.best)-1]
	return c
}

// hopeless reports whether no row between two times can be among the best.
func (n *newest) hopeless(first, last int64) bool {
	if n.begun && (n.oldest && last < n.last.time || !n.oldest && first > n.last.time) {
		return true
	}
	if len(n.best) < n.want {
		return false
	}
	if n.oldest {
		return first > n.best[0].time
	}
	return last < n.best[0].time
}

// offer takes a candidate if it is good enough; false when it is too bad.
func (n *newest) offer(c candidate) bool {
	if n.begun && !n.better(n.last, c.place) {
		return true // shown already
	}
	if len(n.best) == n.want {
		if !n.better(c.place, n.best[0].place) {
			return false
		}
		n.best[0] = c
		heap.Fix(n, 0)
		return true
	}
	heap.Push(n, c)
	return true
}

// next shows the best rows behind the last one shown.
func (n *newest) next(ctx context.Context, want int, fn Func) (int, error) {
	n.want, n.best = want, n.best[:0]
	n.lookAtMemory()
	segments := n.plan.live(n.version)
	slices.SortFunc(segments, func(a, b *segment) int {
		if n.oldest {
			return cmp.Compare(a.First, b.First)
		}
		return cmp.Compare(b.Last, a.Last)
	})
	for _, seg := range segments {
		if len(n.best) == n.want && (n.oldest && seg.First > n.best[0].time || !n.oldest && seg.Last < n.best[0].time) {
			break
		}
		if err := n.lookAt(ctx, seg); err != nil {
			return 0, n.store.troubled(seg, fmt.Errorf("search %s: %w", seg.File, err))
		}
	}
	list := slices.Clone(n.best)
	slices.SortFunc(list, func(a, b candidate) int {
		if n.oldest {
			return a.compare(b.place)
		}
		return b.compare(a.place)
	})
	if err := n.show(ctx, list, fn); err != nil {
		return 0, err
	}
	if len(list) > 0 {
		n.begun, n.last = true, list[len(list)-1].place
	}
	return len(list), nil
}

func (n *newest) lookAtMemory() {
	count := map[event.Kind]int64{}
	for _, b := range bySequence(n.version.memory) {
		base := count[b.Kind]
		count[b.Kind] += int64(b.Rows)
		n.rows = n.plan.memory(b, n.filter, n.rows)
		times := b.Times()
		for _, row := range n.rows {
			n.offer(candidate{place: place{time: times[row], seq: b.Sequence, src: memorySource + uint64(b.Kind), row: base + int64(row)}, batch: b, index: row})
		}
	}
}

// lookAt offers the rows of a segment, from the end that is asked for.
func (n *newest) lookAt(ctx context.Context, seg *segment) error {
	if n.hopeless(seg.First, seg.Last) {
		return nil
	}
	ft, file, err := seg.open()
	if err != nil {
		return err
	}
	defer seg.release()
	n.store.used(seg)
	n.reader.at(file)
	for i := range ft.groups {
		at := i
		if !n.oldest {
			at = len(ft.groups) - 1 - i
		}
		g := ft.groups[at]
		if err := ctx.Err(); err != nil {
			return err
		}
		if n.hopeless(g.First, g.Last) {
			continue
		}
		clear(n.reader.dicts)
		spans, err := n.plan.spans(n.reader, g)
		if err != nil {
			return err
		}
		if !n.oldest {
			slices.Reverse(spans)
		}
		for _, sp := range spans {
			enough, err := n.lookAtSpan(seg, g, at, sp)
			if err != nil {
				return err
			}
			if enough {
				break
			}
		}
	}
	return nil
}

// lookAtSpan offers the rows of a span; true when the rows further on are too bad.
func (n *newest) lookAtSpan(seg *segment, g *group, at int, sp span) (enough bool, err error) {
	b, rows, err := n.plan.read(n.reader, seg.Kind, g, sp, n.filter, n.rows)
	if err != nil {
		return false, err
	}
	n.rows = rows
	if b == nil {
		return false, nil
	}
	times, seqs := b.Times(), b.Column(event.TocsinSequence)
	for i := range rows {
		row := rows[i]
		if !n.oldest {
			row = rows[len(rows)-1-i]
		}
		c := candidate{place: place{time: times[row], src: seg.ID, row: int64(at)<<32 | int64(row) + int64(sp.from)}, seg: seg, group: at, index: row + int32(sp.from)}
		if seqs != nil {
			if v, ok := seqs.Value(int(row)); ok {
				c.seq = seqs.Uint(v)
			}
		}
		if !n.offer(c) {
			return true, nil
		}
	}
	return false, nil
}

// show reads the rows whole, group by group, and shows them in the order of the list.
func (n *newest) show(ctx context.Context, list []candidate, fn Func) error {
	type source struct {
		seg   *segment
		group int
	}
	from := map[source][]int32{}
	for _, c := range list {
		if c.seg != nil {
			k := source{c.seg, c.group}
			from[k] = append(from[k], c.index)
		}
	}
	small := map[source]*event.Batch{}
	for k, rows := range from {
		if err := ctx.Err(); err != nil {
			return err
		}
		slices.Sort(rows)
		b, err := n.whole(k.seg, k.group, rows)
		if err != nil {
			return n.store.troubled(k.seg, fmt.Errorf("read %s: %w", k.seg.File, err))
		}
		small[k] = b
	}
	var one [1]int32
	for _, c := range list {
		b := c.batch
		one[0] = c.index
		if c.seg != nil {
			k := source{c.seg, c.group}
			b = small[k]
			at, _ := slices.BinarySearch(from[k], c.index)
			one[0] = int32(at)
		}
		if err := fn(b, one[:]); err != nil {
			return err
		}
	}
	return nil
}

// whole copies some rows of a row group with all they have.
func (n *newest) whole(seg *segment, at int, rows []int32) (*event.Batch, error) {
	ft, file, err := seg.open()
	if err != nil {
		return nil, err
	}
	defer seg.release()
	n.reader.at(file)
	g := ft.groups[at]
	builder := event.NewBuilder(seg.Kind)
	for len(rows) > 0 { // a page of codes at a time, so that few rows cost little
		from := int(rows[0]) / codePage * codePage
		to := min(from+codePage, g.rows)
		end, _ := slices.BinarySearch(rows, int32(to))
		some := make([]int32, end)
		for i, row := range rows[:end] {
			some[i] = row - int32(from)
		}
		columns := make([]event.Column, 0, len(g.chunks))
		for _, c := range g.chunks {
			col, err := n.reader.column(c, from, to, some)
			if err != nil {
				return nil, err
			}
			if col != nil {
				columns = append(columns, *col)
			}
		}
		labels, err := n.reader.labels(g, from, to)
		if err != nil {
			return nil, err
		}
		b := event.NewBatch(seg.Kind, to-from, columns, labels)
		for _, row := range some {
			builder.AppendRow(b, int(row))
		}
		rows = rows[end:]
	}
	return builder.Batch(), nil
}
