package history

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/bits"
	"os"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

const (
	// fanIn is how many segments of like size are merged into one. Each event is then written again about once for every
	// factor of eight between a flush and a full segment.
	fanIn = 8
	// wholeGroup is how many rows a row group needs to be copied as it is. What is copied costs next to nothing, but does not get
	// smaller by being put together, and remains beside others of the same time.
	wholeGroup = groupRows / 2
	// maxGroupBytes is about how much a row group that is put together takes unpacked, so that long texts cost no more
	// memory than short ones; maxMergeBytes is how large a merged segment becomes.
	maxGroupBytes = 64 << 20
	maxMergeBytes = 1 << 30
)

// Merge replaces small segments by larger ones until none is left that is worth it. Queries see either the old or the new
// ones.
func (s *Store) Merge(ctx context.Context) error {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	for {
		v, err := s.pin(0)
		if err != nil {
			return err
		}
		inputs := s.mergeable(v.layout.segments)
		if len(inputs) > 0 {
			err = s.merge(ctx, inputs)
		}
		s.unpin(v)
		if err != nil || len(inputs) == 0 {
			return err
		}
	}
}

// mergeable picks segments of one kind, last day and size class that together make a larger one.
func (s *Store) mergeable(segments []*segment) []*segment {
	type class struct {
		kind event.Kind
		day  int64
		size int
	}
	classes := map[class][]*segment{}
	for _, seg := range segments {
		if seg.Rows < s.opts.MergeRows/2 && seg.Bytes < maxMergeBytes/2 && !seg.foreign.Load() {
			c := class{seg.Kind, dayOf(seg.Last), bits.Len64(uint64(seg.Rows)) / 3}
			classes[c] = append(classes[c], seg)
		}
	}
	for _, list := range classes {
		if len(list) < fanIn {
			continue
		}
		slices.SortFunc(list, func(a, b *segment) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.ID, b.ID)) })
		rows, size := int64(0), int64(0)
		for i, seg := range list {
			rows, size = rows+seg.Rows, size+seg.Bytes
			if i+1 == fanIn || rows >= s.opts.MergeRows || size >= maxMergeBytes {
				if i > 0 {
					return list[:i+1]
				}
				break
			}
		}
	}
	return nil
}

// dayOf numbers the days of UTC.
func dayOf(t int64) int64 {
	d := t / int64(24*time.Hour)
	if t < 0 && t%int64(24*time.Hour) != 0 {
		d--
	}
	return d
}

// merge writes the rows of inputs as one segment and puts it in their place.
func (s *Store) merge(ctx context.Context, inputs []*segment) (err error) {
	defer noPanic(&err)
	labels := false
	have := map[event.FieldID]bool{}
	m := &mergeJob{}
	defer func() { m.close(s.pools) }()
	out := s.newSegment(inputs[0].Kind)
	for _, seg := range inputs {
		if err := seg.verify(ctx); err != nil { // what is copied as it is must not be wrong
			return s.asideOrFail(seg, err)
		}
		ft, file, err := seg.open()
		if err != nil {
			return s.asideOrFail(seg, err)
		}
		if ft.foreign {
			seg.foreign.Store(true) // written by a newer version; merging would lose what this one does not know
			seg.release()
			return nil
		}
		m.opened = append(m.opened, seg)
		if err := m.add(s.pools, seg, ft, file); err != nil {
			return err
		}
		labels = labels || seg.Labels
		for _, f := range seg.Fields {
			have[f.ID] = true
		}
		out.Ingested = max(out.Ingested, seg.Ingested)
		out.SeqLow, out.SeqHigh = min(out.SeqLow-1, seg.SeqLow-1)+1, max(out.SeqHigh, seg.SeqHigh)
	}
	err = s.write(out, fieldsOf(have), labels, func(w *segmentWriter) error {
		m.w = w
		return m.run(ctx)
	})
	if err != nil {
		if m.bad != nil {
			return s.asideOrFail(m.bad, err)
		}
		return fmt.Errorf("merge history: %w", err)
	}
	want := int64(0)
	for _, seg := range inputs {
		want += seg.Rows
	}
	if out.Rows != want {
		s.discard([]*segment{out})
		return fmt.Errorf("merge history: %d rows became %d", want, out.Rows)
	}
	s.opts.Crash("after-merge-before-manifest")
	if err := s.change([]*segment{out}, inputs, func(*manifest) {}, func(bool) {}); err != nil {
		return fmt.Errorf("merge history: %w", err)
	}
	s.metrics.merges.Inc()
	return nil
}

// asideOrFail sets a damaged segment aside, so that upkeep can go on with the others; other faults it returns.
func (s *Store) asideOrFail(seg *segment, err error) error {
	if !isDamaged(err) {
		return fmt.Errorf("merge history: %w", err)
	}
	return s.setAside(seg, err)
}

// A mergeCursor is how far one lane of an input has been put together with others.
type mergeCursor struct {
	seg    *segment
	groups []*group
	reader *reader
	group  int
	row    int
	times  []int64
	seqs   []uint64
}

// load reads the order of the rows of the group at hand; false when there is none any more.
func (c *mergeCursor) load() (bool, error) {
	for c.group < len(c.groups) && c.row == c.groups[c.group].rows {
		c.group, c.row, c.times = c.group+1, 0, nil
	}
	if c.group == len(c.groups) {
		return false, nil
	}
	if c.times != nil {
		return true, nil
	}
	g := c.groups[c.group]
	clear(c.reader.dicts)
	var err error
	if c.times, err = c.reader.times(g, 0, g.rows); err != nil {
		return false, err
	}
	if len(c.times) != g.rows || !slices.IsSorted(c.times) {
		return false, damaged("rows are not in order of time")
	}
	c.seqs = make([]uint64, g.rows)
	if ch := g.chunks[event.TocsinSequence]; ch != nil {
		col, err := c.reader.column(ch, 0, g.rows, nil)
		if err != nil {
			return false, err
		}
		for i := range c.seqs {
			if v, ok := col.Value(i); ok {
				c.seqs[i] = col.Uint(v)
			}
		}
	}
	return true, nil
}

func (c *mergeCursor) at(row int) place {
	return place{time: c.times[row], seq: c.seqs[row], src: c.seg.ID, row: int64(c.groups[c.group].number)<<32 | int64(row)}
}

// A wholeCopy is a row group that is copied as it is.
type wholeCopy struct {
	group *group
	file  *os.File
}

// A mergeJob writes the rows of several segments as one: first large row groups as they are, whatever their time, and then the
// small ones put together in order.
type mergeJob struct {
	w       *segmentWriter
	opened  []*segment
	whole   []wholeCopy
	cursors []*mergeCursor
	bad     *segment // the input that could not be read

	parts []mergePart
	runs  []run
	rows  int
	bytes int      // what they take unpacked, about
	times [2]int64 // first and last of the group that is being put together
}

// A mergePart is a row group of an input, as far as the group that is being put together has rows of it.
type mergePart struct {
	cursor   *mergeCursor
	group    *group
	from, to int
}

// add takes in a segment that is open. Its last row groups are put together with others if they are small; one that stands before a
// large one is copied as well, so that rows of one time and batch stay in their order.
func (m *mergeJob) add(p *pools, seg *segment, ft *footer, file *os.File) error {
	small := len(ft.groups)
	for small > 0 && ft.groups[small-1].rows < wholeGroup {
		small--
	}
	for _, g := range ft.groups[:small] {
		m.whole = append(m.whole, wholeCopy{g, file})
	}
	for _, lane := range lanes(ft.groups[small:]) {
		r, err := p.reader()
		if err != nil {
			return err
		}
		r.at(file)
		m.cursors = append(m.cursors, &mergeCursor{seg: seg, groups: lane, reader: r})
	}
	return nil
}

func (m *mergeJob) close(p *pools) {
	for _, c := range m.cursors {
		p.putReader(c.reader)
	}
	for _, seg := range m.opened {
		seg.release()
	}
}

func (m *mergeJob) run(ctx context.Context) error {
	for _, c := range m.whole {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.w.copyGroup(c.group, c.file); err != nil {
			return err
		}
	}
	live := slices.Clone(m.cursors)
	for {
		live = slices.DeleteFunc(live, func(c *mergeCursor) bool {
			more, err := c.load()
			if err != nil && m.bad == nil {
				m.bad = c.seg
			}
			return err == nil && !more
		})
		if m.bad != nil {
			return damaged("read %s", m.bad.File)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(live) == 0 {
			return m.flush()
		}
		if err := m.step(live); err != nil {
			return err
		}
	}
}

// step takes the longest stretch that the input with the earliest row has before another one's turn.
func (m *mergeJob) step(live []*mergeCursor) error {
	first := slices.MinFunc(live, func(a, b *mergeCursor) int { return a.at(a.row).compare(b.at(b.row)) })
	g := first.groups[first.group]
	end := g.rows
	for _, c := range live {
		if c == first {
			continue
		}
		if next := c.at(c.row); first.at(end-1).compare(next) > 0 {
			end = first.row + sort.Search(end-first.row, func(i int) bool { return first.at(first.row+i).compare(next) > 0 })
		}
	}
	each := int(g.raw.TotalByteSize)/g.rows + 1
	end = min(end, first.row+groupRows-m.rows, first.row+(maxGroupBytes-m.bytes)/each+1)
	m.bytes += (end - first.row) * each
	m.take(first, g, end)
	if m.rows == groupRows || m.bytes >= maxGroupBytes {
		return m.flush()
	}
	return nil
}

// take puts rows of the group of a cursor into the group that is being put together.
func (m *mergeJob) take(c *mergeCursor, g *group, end int) {
	at := slices.IndexFunc(m.parts, func(p mergePart) bool { return p.group == g })
	if at < 0 {
		at = len(m.parts)
		m.parts = append(m.parts, mergePart{cursor: c, group: g, from: c.row})
	}
	m.parts[at].to = end
	if n := len(m.runs); n > 0 && m.runs[n-1].part == int32(at) && m.runs[n-1].to == int32(c.row) {
		m.runs[n-1].to = int32(end)
	} else {
		m.runs = append(m.runs, run{part: int32(at), from: int32(c.row), to: int32(end)})
	}
	if m.rows == 0 {
		m.times[0] = c.times[c.row]
	}
	m.times[1] = c.times[end-1]
	m.rows += end - c.row
	c.row = end
}

// flush writes the group that was put together.
func (m *mergeJob) flush() error {
	if m.rows == 0 {
		return nil
	}
	var fault error
	fail := func(p mergePart, err error) {
		if fault == nil {
			m.bad, fault = p.cursor.seg, err
		}
	}
	for _, p := range m.parts {
		clear(p.cursor.reader.dicts)
	}
	err := m.w.group(m.rows, m.times[0], m.times[1], func(f *event.Field) (event.Column, bool) {
		parts := make([]part, len(m.parts))
		for i, p := range m.parts {
			parts[i].base = int32(p.from)
			if c := p.group.chunks[f.ID]; c != nil {
				col, err := p.cursor.reader.column(c, p.from, p.to, nil)
				if err != nil {
					fail(p, err)
				}
				parts[i].col = col
			}
		}
		return gather(f, parts, m.runs)
	}, func() event.Labels {
		parts := make([]labelPart, len(m.parts))
		for i, p := range m.parts {
			l, err := p.cursor.reader.labels(p.group, p.from, p.to)
			if err != nil {
				fail(p, err)
			}
			parts[i] = labelPart{labels: &l, base: int32(p.from)}
		}
		return gatherLabels(parts, m.runs)
	})
	m.parts, m.runs, m.rows, m.bytes = m.parts[:0], m.runs[:0], 0, 0
	if fault != nil {
		return fault
	}
	return err
}

// copyGroup appends a row group of another segment as it is; fields that it lacks are written as missing.
func (w *segmentWriter) copyGroup(g *group, file *os.File) error {
	at, err := w.copyFrom(file, g.at, g.end-g.at)
	if err != nil {
		return fmt.Errorf("copy row group: %w", err)
	}
	shift := at - g.at
	byName := make(map[string]int, len(g.raw.Columns))
	for i := range g.raw.Columns {
		path := g.raw.Columns[i].MetaData.PathInSchema
		byName[path[len(path)-1]+strconv.Itoa(len(path))] = i
	}
	out := newGroupRecord(w, g.rows)
	out.row.FileOffset = at
	out.meta = groupMeta{First: g.First, Last: g.Last, Words: shifted(g.Words, shift), Blooms: shifted(g.Blooms, shift)}
	moved := func(to int, name string) bool {
		from, ok := byName[name]
		if !ok {
			return false
		}
		cc := g.raw.Columns[from]
		cc.MetaData.DataPageOffset += shift
		if cc.MetaData.DictionaryPageOffset > 0 {
			cc.MetaData.DictionaryPageOffset += shift
		}
		if cc.MetaData.BloomFilterOffset > 0 {
			cc.MetaData.BloomFilterOffset += shift
		}
		cc.OffsetIndexOffset, cc.ColumnIndexOffset, cc.ColumnIndexLength = 0, 0, 0
		locations := slices.Clone(g.offs[from].PageLocations)
		for i := range locations {
			locations[i].Offset += shift
		}
		out.row.Columns[to], out.offsets[to], out.indexes[to] = cc, format.OffsetIndex{PageLocations: locations}, g.index[from]
		return true
	}
	for i, f := range w.fields {
		if !moved(i, f.Name+"1") {
			if err := w.noValues(out, i, f); err != nil {
				return err
			}
		}
	}
	if n := len(w.fields); w.labels && (!moved(n, "key2") || !moved(n+1, "value2")) {
		if err := w.labelChunks(out.row.Columns[n:], out.offsets[n:], &event.Labels{}, g.rows); err != nil {
			return err
		}
	}
	return w.finishGroup(out)
}

func shifted(refs map[event.FieldID]blobRef, by int64) map[event.FieldID]blobRef {
	out := maps.Clone(refs)
	for id, ref := range out {
		ref.At += by
		out[id] = ref
	}
	return out
}
