package history

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Clear drops every event that was applied so far, in memory, in segments and set aside, and forgets how far outside sources
// were read, all in one change of the manifest. The position in the journal stays: what was dropped does not come back with
// a replay. Queries see all of it or nothing. It returns how many events that were.
func (s *Store) Clear(_ context.Context) (rows int64, err error) {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, errClosed
	}
	memory, sources, gone := maps.Clone(s.memory), maps.Clone(s.sources), s.layout.segments
	position := event.Position{Epoch: s.position.Epoch, Seqs: maps.Clone(s.position.Seqs)}
	s.mu.Unlock()
	for _, seg := range gone {
		rows += seg.Rows
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	var aside []Quarantined
	err = s.change(nil, gone, func(m *manifest) {
		aside = m.Quarantined
		m.Sources, m.Quarantined = nil, nil
		m.Rollups, m.Unrolled = nil, nil
		if position.Epoch != "" {
			m.Epoch, m.Applied = position.Epoch, maps.Clone(m.Applied)
			m.Applied[position.Epoch] = position.Seqs
		}
	}, func(durable bool) {
		for kind, cleared := range memory {
			for _, b := range cleared {
				rows += int64(b.Rows)
				s.memRows -= b.Rows
				s.memBytes -= batchBytes(b)
			}
			// In memory of its own, so that what was dropped is not held by what comes.
			s.memory[kind] = append([]*event.Batch(nil), s.memory[kind][len(cleared):]...)
		}
		for id, was := range sources {
			if s.sources[id] == was { // else it was read on meanwhile
				delete(s.sources, id)
			}
		}
		if durable && s.durable.Epoch == position.Epoch {
			s.durable = position
		}
	})
	if err != nil {
		return 0, fmt.Errorf("clear history: %w", err)
	}
	for _, q := range aside {
		if q.File != "" {
			_ = os.Remove(filepath.Join(s.opts.Dir, quarantineDir, filepath.Base(q.File))) // it is no part of the history
		}
	}
	s.log.Info("history cleared", "segments", len(gone), "rows", rows)
	return rows, nil
}

// DeleteBefore drops the events with an earlier time, in nanoseconds since 1970 UTC, of those that were applied before the
// call. Segments that are older as a whole go, those that the time falls into are written anew without what is older, and
// all that is one change of the manifest: queries see all of it or nothing. It returns how many events were dropped.
func (s *Store) DeleteBefore(ctx context.Context, before int64) (rows int64, err error) {
	if err := s.Flush(ctx); err != nil {
		return 0, fmt.Errorf("delete from history: %w", err)
	}
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	v, err := s.pin(0)
	if err != nil {
		return 0, err
	}
	defer s.unpin(v)
	var made, gone []*segment
	for _, seg := range v.layout.segments {
		switch {
		case seg.First >= before:
		case seg.Last < before:
			gone = append(gone, seg)
			rows += seg.Rows
		default:
			rest, err := s.tail(ctx, seg, before)
			if isDamaged(err) { // its events are no longer found either way
				if err = s.setAside(seg, err); err == nil {
					continue
				}
			}
			if err != nil {
				s.discard(made)
				return 0, fmt.Errorf("delete from history: segment %s: %w", seg.File, flushFault(err))
			}
			gone, made = append(gone, seg), append(made, rest)
			rows += seg.Rows - rest.Rows
		}
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	older := func(e rollEntry) bool { return e.From*hourLength < before }
	if len(gone) == 0 && !slices.ContainsFunc(v.layout.manifest.Rollups, older) {
		return 0, nil
	}
	s.opts.Crash("after-delete-before-manifest")
	edit := func(m *manifest) {
		r := m.rolls()
		r.drop(func(e *rollEntry) bool { return older(*e) })
		r.into(m)
	}
	if err := s.change(made, gone, edit, func(bool) {}); err != nil {
		return 0, fmt.Errorf("delete from history: %w", flushFault(err))
	}
	s.log.Info("events deleted from the history", "segments", len(gone), "rewritten", len(made), "rows", rows)
	return rows, nil
}

// tail writes the events of a segment from a time on as a segment of its own.
func (s *Store) tail(ctx context.Context, seg *segment, from int64) (out *segment, err error) {
	defer noPanic(&err)
	if err := seg.verify(ctx); err != nil { // what is copied as it is must not be wrong
		return nil, err
	}
	ft, file, err := seg.open()
	if err != nil {
		return nil, err
	}
	defer seg.release()
	if ft.foreign {
		return nil, fault.New(fault.Conflict, "it was written by a newer version, and would lose what this one does not know: use that version")
	}
	r, err := s.pools.reader()
	if err != nil {
		return nil, err
	}
	defer s.pools.putReader(r)
	r.at(file)
	older := int64(0)
	have := make(map[event.FieldID]bool, len(seg.Fields))
	for _, f := range seg.Fields {
		have[f.ID] = true
	}
	out = s.newSegment(seg.Kind)
	out.Ingested, out.SeqLow, out.SeqHigh = seg.Ingested, seg.SeqLow, seg.SeqHigh
	err = s.write(out, fieldsOf(have), seg.Labels, func(w *segmentWriter) error {
		for _, g := range ft.groups {
			skipped, err := groupTail(ctx, w, &mergeCursor{seg: seg, groups: []*group{g}, reader: r}, wholeCopy{g, file}, from)
			if err != nil {
				return err
			}
			older += skipped
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if out.Rows+older != seg.Rows {
		s.discard([]*segment{out})
		return nil, damaged("%d rows, of which %d older ones left %d", seg.Rows, older, out.Rows)
	}
	return out, nil
}

// groupTail writes the rows of a row group from a time on, and returns how many are older.
func groupTail(ctx context.Context, w *segmentWriter, c *mergeCursor, g wholeCopy, from int64) (older int64, err error) {
	switch {
	case g.group.Last < from:
		return int64(g.group.rows), nil
	case g.group.First >= from:
		return 0, w.copyGroup(g.group, g.file)
	}
	if _, err := c.load(); err != nil {
		return 0, err
	}
	c.row = sort.Search(len(c.times), func(i int) bool { return c.times[i] >= from })
	older = int64(c.row)
	return older, (&mergeJob{w: w, cursors: []*mergeCursor{c}}).run(ctx)
}
