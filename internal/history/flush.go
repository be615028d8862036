package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Flush writes all of memory to segments, in one change of the manifest, and returns when that is durable.
func (s *Store) Flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	memory := maps.Clone(s.memory)
	position := event.Position{Epoch: s.position.Epoch, Seqs: maps.Clone(s.position.Seqs)}
	idle := s.memRows == 0 && position.Epoch == s.durable.Epoch && s.durable.Covers(position)
	var sources []sourceEntry
	if !idle {
		s.forget()
		sources = slices.SortedFunc(maps.Values(s.sources), cmpSeen)
	}
	s.mu.Unlock()
	if idle {
		return nil
	}
	var made []*segment
	for _, kind := range event.Kinds() {
		if len(memory[kind]) == 0 {
			continue
		}
		seg, err := s.writeMemory(ctx, kind, memory[kind])
		if err != nil {
			s.discard(made)
			return flushFault(err)
		}
		made = append(made, seg)
	}
	s.opts.Crash("after-rename-before-manifest")
	hours := hoursOf(memory[event.Flow])
	s.rolling.Lock()
	defer s.rolling.Unlock()
	added, err := s.addLate(hours, memory[event.Flow])
	if err != nil {
		s.discard(made)
		return flushFault(err)
	}
	err = s.change(made, nil, func(m *manifest) {
		if len(hours) > 0 {
			r := m.rolls()
			r.touch(hours, added)
			r.into(m)
		}
		m.Epoch, m.Sources = position.Epoch, sources
		m.Applied = maps.Clone(m.Applied)
		m.Applied[position.Epoch] = position.Seqs
	}, func(durable bool) {
		for kind, flushed := range memory {
			for _, b := range flushed {
				s.memRows -= b.Rows
				s.memBytes -= batchBytes(b)
			}
			s.memory[kind] = slices.Clone(s.memory[kind][len(flushed):])
		}
		s.oldest = time.Now()
		for _, h := range hours {
			s.touches[h] = touch{s.oldest, s.layout.number}
		}
		if durable && s.durable.Epoch == position.Epoch {
			s.durable = position
		}
	})
	if err != nil {
		s.discardRollups(added)
		return flushFault(err)
	}
	s.metrics.flushed(made)
	return nil
}

// flushFault says of a flush that failed for want of room that asking again later may help.
func flushFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.New(fault.Full, "flush history: %w", err)
	}
	return fmt.Errorf("flush history: %w", err)
}

// discard removes segments that were written and never named by a manifest.
func (s *Store) discard(made []*segment) {
	for _, seg := range made {
		_ = os.Remove(seg.path) // if it stays, the next start removes it
	}
}

// change replaces the manifest: made segments are added and gone ones dropped, edit sets the rest. swap runs with the lock
// held at the moment at which queries begin to see the new layout; durable says whether both files of the manifest were
// replaced. If the first file was not, nothing changes, the made segments are removed and the error says why.
func (s *Store) change(made, gone []*segment, edit func(m *manifest), swap func(durable bool)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	old := s.layout
	nextID := s.nextID
	s.mu.Unlock()
	drop := make(map[*segment]bool, len(gone))
	for _, seg := range gone {
		drop[seg] = true
	}
	m := *old.manifest
	m.Format, m.Generation, m.NextID = formatVersion, m.Generation+1, nextID
	next := &layout{number: old.number + 1, manifest: &m}
	m.Segments = nil
	for _, seg := range slices.Concat(old.segments, made) {
		if !drop[seg] {
			next.segments = append(next.segments, seg)
			m.Segments = append(m.Segments, seg.entry)
		}
	}
	edit(&m)
	committed, err := m.save(s.opts.Dir, s.opts.Crash)
	if !committed {
		s.discard(made)
		return err
	}
	s.pending = append(append(s.pending, gone...), s.replacedRollups(old.manifest, &m)...)
	if len(gone) > 0 {
		s.opts.Crash("after-merge-before-unlink")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout = next
	if err != nil { // the new manifest counts, but what the old one names must stay
		s.log.Warn("history manifest has no copy now", "fault", err)
	} else {
		for _, seg := range s.pending {
			s.dying = append(s.dying, dying{seg: seg, number: old.number})
		}
		s.pending = nil
	}
	swap(err == nil)
	s.reap()
	return nil
}

// reap retires the dying segments that no query holds any more. The lock is held.
func (s *Store) reap() {
	lowest := uint64(math.MaxUint64)
	for n := range s.pins {
		lowest = min(lowest, n)
	}
	s.dying = slices.DeleteFunc(s.dying, func(d dying) bool {
		if d.number >= lowest {
			return false
		}
		d.seg.retire(true)
		return true
	})
}

// newSegment gives the next segment its number and name.
func (s *Store) newSegment(kind event.Kind) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextID
	s.nextID++
	name := fmt.Sprintf("%s-%010d%s", kind, id, segmentSuffix)
	return &segment{entry: entry{ID: id, File: name, Kind: kind}, path: filepath.Join(s.opts.Dir, name)}
}

// A rowKey is one row of several batches.
type rowKey struct {
	time int64
	part int32
	row  int32
}

// sortRows returns the rows of batches in order of (time, sequence, row) as runs, with the time of each row in order.
func sortRows(batches []*event.Batch) (runs []run, times []int64) {
	n := 0
	for _, b := range batches {
		n += b.Rows
	}
	keys := make([]rowKey, 0, n)
	sorted := true
	for i, b := range batches {
		for row, t := range b.Times() {
			if len(keys) > 0 && keys[len(keys)-1].time > t {
				sorted = false
			}
			keys = append(keys, rowKey{time: t, part: int32(i), row: int32(row)})
		}
	}
	if !sorted {
		keys = byTime(keys)
	}
	times = make([]int64, n)
	for i, k := range keys {
		times[i] = k.time
		runs = appendRow(runs, k.part, k.row)
	}
	return runs, times
}

// byTime sorts keys by their time; those of one time stay in their order. It goes by the digits of the time, the last first: what
// is written at once spans little time, which has few of them.
func byTime(keys []rowKey) []rowKey {
	const digit, base = 11, 1 << 11
	least, most := keys[0].time, keys[0].time
	for _, k := range keys {
		least, most = min(least, k.time), max(most, k.time)
	}
	other := make([]rowKey, len(keys))
	for shift := 0; shift < 64 && (uint64(most)-uint64(least))>>shift > 0; shift += digit {
		var ends [base]int // first how many have a digit, then where the next one of these goes
		for _, k := range keys {
			ends[(uint64(k.time)-uint64(least))>>shift%base]++
		}
		at := 0
		for d, n := range ends {
			ends[d], at = at, at+n
		}
		for _, k := range keys {
			d := (uint64(k.time) - uint64(least)) >> shift % base
			other[ends[d]] = k
			ends[d]++
		}
		keys, other = other, keys
	}
	return keys
}

// appendRow puts one row behind the runs, into the last one where it follows on it.
func appendRow(runs []run, part, row int32) []run {
	if n := len(runs); n > 0 && runs[n-1].part == part && runs[n-1].to == row {
		runs[n-1].to++
		return runs
	}
	return append(runs, run{part: part, from: row, to: row + 1})
}

// cutRuns takes the first n rows off runs.
func cutRuns(runs []run, n int) (head, rest []run) {
	for i, r := range runs {
		have := int(r.to - r.from)
		if have > n {
			head = append(slices.Clone(runs[:i]), run{part: r.part, from: r.from, to: r.from + int32(n)})
			rest = slices.Clone(runs[i:])
			rest[0].from += int32(n)
			return slices.DeleteFunc(head, func(r run) bool { return r.from == r.to }), rest
		}
		n -= have
	}
	return runs, nil
}

// bySequence sorts batches by their place in the journal.
func bySequence(batches []*event.Batch) []*event.Batch {
	return slices.SortedStableFunc(slices.Values(batches), func(a, b *event.Batch) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Partition, b.Partition))
	})
}

// writeMemory writes the batches of one kind as a segment.
func (s *Store) writeMemory(ctx context.Context, kind event.Kind, batches []*event.Batch) (_ *segment, err error) {
	defer noPanic(&err)
	batches = bySequence(batches)
	runs, times := sortRows(batches)
	labels := false
	have := map[event.FieldID]bool{}
	for _, b := range batches {
		labels = labels || len(b.Labels.Keys) > 0
		for _, c := range b.Columns() {
			have[c.Field.ID] = true
		}
	}
	seg := s.newSegment(kind)
	for _, b := range batches {
		seg.Ingested = max(seg.Ingested, latestIngested(b))
		seg.SeqLow, seg.SeqHigh = min(seg.SeqLow-1, b.Sequence-1)+1, max(seg.SeqHigh, b.Sequence) // 0 counts as none
	}
	err = s.write(seg, fieldsOf(have), labels, func(w *segmentWriter) error {
		for len(times) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(groupRows, len(times)) // full ones cost least and are merged as they are; what is left over is put together then
			var head []run
			head, runs = cutRuns(runs, n)
			err := w.group(n, times[0], times[n-1], func(f *event.Field) (event.Column, bool) {
				parts := make([]part, len(batches))
				for i, b := range batches {
					parts[i].col = b.Column(f.ID)
				}
				return gather(f, parts, head)
			}, func() event.Labels {
				parts := make([]labelPart, len(batches))
				for i, b := range batches {
					parts[i].labels = &b.Labels
				}
				return gatherLabels(parts, head)
			})
			if err != nil {
				return err
			}
			times = times[n:]
		}
		return nil
	})
	return seg, err
}

// fieldsOf lists the fields of a set in the order of the schema.
func fieldsOf(have map[event.FieldID]bool) (list []*event.Field) {
	for _, f := range event.Fields() {
		if field, ok := event.FieldByID(f.ID); ok && have[f.ID] {
			list = append(list, field)
		}
	}
	return list
}

// write makes the file of a segment: beside, synced, renamed, with the directory synced. fill writes the row groups. The
// entry of the segment is complete afterwards.
func (s *Store) write(seg *segment, fields []*event.Field, labels bool, fill func(w *segmentWriter) error) (err error) {
	p, err := s.pools.pager()
	if err != nil {
		return err
	}
	defer s.pools.putPager(p)
	tmp := seg.path + ".tmp"
	w, err := newSegmentWriter(tmp, seg.Kind, fields, labels, p)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = w.file.Close()
			_ = os.Remove(tmp)
		}
	}()
	if err := fill(w); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	s.opts.Crash("during-segment")
	if err := w.close(); err != nil {
		return err
	}
	w.describe(&seg.entry)
	if err := os.Rename(tmp, seg.path); err != nil {
		return fmt.Errorf("name segment: %w", err)
	}
	if err := syncDir(s.opts.Dir); err != nil {
		_ = os.Remove(seg.path)
		return err
	}
	return nil
}

// describe completes the entry of the segment that was written.
func (w *segmentWriter) describe(e *entry) {
	e.Rows, e.Bytes, e.Sum, e.Tail, e.TailSum, e.Labels = w.rows, w.at, w.sum, w.tail, w.tailSum, w.labels
	e.First, e.Last = math.MaxInt64, math.MinInt64
	groups := make([]*group, len(w.meta.Groups))
	for i, g := range w.meta.Groups {
		e.First, e.Last = min(e.First, g.First), max(e.Last, g.Last)
		groups[i] = &group{groupMeta: g}
	}
	e.Lanes = len(lanes(groups))
	for i, f := range w.fields {
		sum := fieldSummary{ID: f.ID}
		some := false
		for _, g := range w.groups {
			st := &g.Columns[i].MetaData.Statistics
			if st.NullCount == g.NumRows {
				continue
			}
			some = true
			if (f.Type == event.Int || f.Type == event.Time) && st.MinValue != nil {
				low, high := int64(le64(st.MinValue)), int64(le64(st.MaxValue))
				if sum.Min == nil {
					sum.Min, sum.Max = &low, &high
				}
				*sum.Min, *sum.Max = min(*sum.Min, low), max(*sum.Max, high)
			}
		}
		if some {
			e.Fields = append(e.Fields, sum)
		}
	}
}
