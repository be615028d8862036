package history

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sort"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// A Query says which events are asked for and what is to be known of them.
type Query struct {
	Kinds  []event.Kind // none means all
	Since  int64        // earliest time, nanoseconds since 1970 UTC; 0 is the beginning
	Until  int64        // the first time that is too late; 0 is the end
	Where  *filter.Expr // nil selects everything
	Fields []event.FieldID
	Labels bool
	All    bool // every field and the labels
	// Passing says that a scan keeps nothing of what it is shown, so that its memory is used again: batches are good until the
	// Func returns, as rows always are.
	Passing bool
}

// A Func is shown batches and in each the rows that were asked for, ascending. Columns of other fields may be there or
// not. What it is shown may be kept, unless the query says Passing, and must not be changed, but rows are good until it
// returns. An error ends the query and is what the query returns.
type Func func(b *event.Batch, rows []int32) error

// A plan is a query made ready.
type plan struct {
	pruner
	kinds       event.KindSet
	where       *filter.Expr
	first       []event.FieldID // what the filter looks at
	rest        []event.FieldID // what else is wanted
	firstLabels bool
	restLabels  bool
	all         bool
	passing     bool // see Query
	text        bool // the filter looks at plain text
	step        int  // rows that are looked at in one go
}

func newPlan(q Query, always ...event.FieldID) *plan {
	p := &plan{pruner: pruner{since: q.Since, until: q.Until}, where: q.Where, all: q.All, passing: q.Passing, restLabels: q.Labels || q.All, step: groupRows}
	if p.since == 0 {
		p.since = math.MinInt64
	}
	if p.until == 0 {
		p.until = math.MaxInt64
	}
	p.kinds = event.Of(q.Kinds...)
	if len(q.Kinds) == 0 {
		p.kinds = event.Of(event.Kinds()...)
	}
	add := func(list []event.FieldID, ids ...event.FieldID) []event.FieldID {
		for _, id := range ids {
			for _, one := range stored(id) {
				if !slices.Contains(list, one) {
					list = append(list, one)
				}
			}
		}
		return list
	}
	if q.Where != nil {
		p.needs = q.Where.Needs()
		p.first = add(nil, q.Where.Fields()...)
		p.firstLabels = len(q.Where.Labels()) > 0
	}
	p.rest = add(nil, append(slices.Clone(q.Fields), always...)...)
	for _, id := range p.first {
		if f, ok := event.FieldByID(id); ok && f.Type == event.String && f.Plain {
			p.text = true
		}
	}
	return p
}

// A span is a stretch of rows of a row group that is looked at in one go.
type span struct{ from, to int }

// spans lists the stretches of a group that selected rows can be in, in order; none when there are no such rows.
func (p *plan) spans(r *reader, g *group) ([]span, error) {
	ok, err := p.group(r, g)
	if err != nil || !ok {
		return nil, err
	}
	from, to := 0, g.rows
	if g.First < p.since || g.Last >= p.until {
		times, err := r.times(g, 0, g.rows)
		if err != nil {
			return nil, err
		}
		from = sort.Search(len(times), func(i int) bool { return times[i] >= p.since })
		to = sort.Search(len(times), func(i int) bool { return times[i] >= p.until })
	}
	if from >= to {
		return nil, nil
	}
	can, err := p.grains(r, g)
	if err != nil {
		return nil, err
	}
	var list []span
	if can == nil {
		step := p.step
		if p.text {
			step = min(step, codePage)
		}
		for at := from; at < to; {
			next := min(at/step*step+step, to)
			list = append(list, span{at, next})
			at = next
		}
		return list, nil
	}
	for i, ok := range can {
		if s := (span{max(from, i*grainRows), min(to, (i+1)*grainRows)}); ok && s.from < s.to {
			list = append(list, s)
		}
	}
	return list, nil
}

// times returns the time of rows from up to to of a group.
func (r *reader) times(g *group, from, to int) ([]int64, error) {
	c := g.chunks[event.Timestamp]
	if c == nil {
		return make([]int64, to-from), nil
	}
	col, err := r.column(c, from, to, nil)
	if err != nil {
		return nil, err
	}
	if col == nil {
		return make([]int64, to-from), nil
	}
	return event.NewBatch(event.Log, to-from, []event.Column{*col}, event.Labels{}).Times(), nil
}

// read returns a span of a group and its selected rows; a nil batch when there are none.
func (p *plan) read(r *reader, kind event.Kind, g *group, s span, f *filter.Filter, rows []int32) (*event.Batch, []int32, error) {
	n := s.to - s.from
	var columns []event.Column
	var labels event.Labels
	load := func(id event.FieldID, rows []int32) error {
		c := g.chunks[id]
		if c == nil || slices.ContainsFunc(columns, func(have event.Column) bool { return have.Field.ID == id }) {
			return nil
		}
		col, err := r.column(c, s.from, s.to, rows)
		if err == nil && col != nil {
			columns = append(columns, *col)
		}
		return err
	}
	for _, id := range p.first {
		if err := load(id, nil); err != nil {
			return nil, nil, err
		}
	}
	var err error
	if p.firstLabels {
		if labels, err = r.labels(g, s.from, s.to); err != nil {
			return nil, nil, err
		}
	}
	rows = f.Select(event.NewBatch(kind, n, columns, labels), rows[:0])
	if len(rows) == 0 {
		return nil, rows, nil
	}
	matter := rows
	if len(rows) == n {
		matter = nil
	}
	if p.all {
		for id := range g.chunks {
			if err := load(id, matter); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, id := range p.rest {
		if err := load(id, matter); err != nil {
			return nil, nil, err
		}
	}
	if p.restLabels && !p.firstLabels {
		if labels, err = r.labels(g, s.from, s.to); err != nil {
			return nil, nil, err
		}
	}
	return event.NewBatch(kind, n, columns, labels), rows, nil
}

// memory returns the selected rows of a batch that is in no segment yet.
func (p *plan) memory(b *event.Batch, f *filter.Filter, rows []int32) []int32 {
	rows = f.Select(b, rows[:0])
	if p.since == math.MinInt64 && p.until == math.MaxInt64 {
		return rows
	}
	times := b.Times()
	return slices.DeleteFunc(rows, func(row int32) bool { return times[row] < p.since || times[row] >= p.until })
}

// A version is what one query sees: segments and memory of one moment.
type version struct {
	layout *layout
	memory []*event.Batch // of the kinds asked for, in the order applied
}

// pin returns the present version; unpin must follow.
func (s *Store) pin(kinds event.KindSet) (*version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	v := &version{layout: s.layout}
	s.pins[v.layout.number]++
	for _, k := range event.Kinds() {
		if kinds.Has(k) {
			v.memory = append(v.memory, s.memory[k]...)
		}
	}
	return v, nil
}

func (s *Store) unpin(v *version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := v.layout.number
	if s.pins[n]--; s.pins[n] == 0 {
		delete(s.pins, n)
		s.reap()
	}
}

// live lists the segments of a version that selected rows can be in.
func (p *plan) live(v *version) (list []*segment) {
	for _, seg := range v.layout.segments {
		if p.kinds.Has(seg.Kind) && p.segment(&seg.entry) {
			list = append(list, seg)
		}
	}
	return list
}

// maxOpen is how many segments keep their file open and their footer in memory while nobody reads them.
const maxOpen = 256

// used notes the use of a segment, and shuts those that were not used for longest when many are open.
func (s *Store) used(seg *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	seg.last = s.clock
	if s.clock%64 != 0 {
		return
	}
	var open []*segment
	for _, seg := range s.layout.segments {
		if seg.isOpen() {
			open = append(open, seg)
		}
	}
	slices.SortFunc(open, func(a, b *segment) int { return int(a.last - b.last) })
	for _, seg := range open[:max(0, len(open)-maxOpen)] {
		seg.shut()
	}
}

// guard turns a panic in the decoders of foreign code, as some foul input causes, into a fault of the segment.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = damaged("decoder gave up: %v", p)
	}
}

// noPanic turns a panic of our own code, or of a function that was handed in, into an error, so that a fault in one query
// or one batch does not end the daemon.
func noPanic(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("history: panic: %v at %s", p, debug.Stack())
	}
}

func checkQuery(q Query) error {
	if q.Until != 0 && q.Since > q.Until {
		return fault.New(fault.Invalid, "query ends %s before it begins", fmt.Sprint(q.Since-q.Until, "ns"))
	}
	return nil
}
