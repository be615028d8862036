package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

const quarantineDir = "quarantine"

// maxQuarantined bounds the list of damaged segments; the oldest go first.
const maxQuarantined = 1000

// setAside takes a damaged segment out of the manifest and moves its file to the quarantine. The daemon goes on without
// its rows.
func (s *Store) setAside(seg *segment, reason error) error {
	if !s.live(seg) {
		return nil // another query was quicker
	}
	q := Quarantined{Kind: seg.Kind, Rows: seg.Rows, First: seg.First, Last: seg.Last, SeqLow: seg.SeqLow, SeqHigh: seg.SeqHigh, Reason: reason.Error()}
	dir := filepath.Join(s.opts.Dir, quarantineDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("set segment aside: %w", err)
	}
	to := filepath.Join(quarantineDir, seg.File)
	// The link comes first and the name in the history goes with the last query, so that a crash in between loses nothing.
	err := os.Link(seg.path, filepath.Join(s.opts.Dir, to))
	linked := err == nil
	switch {
	case err == nil || errors.Is(err, os.ErrExist):
		q.File = to
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("set segment aside: %w", err)
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	live, named := false, false
	err = s.change(nil, []*segment{seg}, func(m *manifest) {
		if live = s.live(seg); !live { // another query was quicker after all, or it was merged or deleted meanwhile
			named = slices.ContainsFunc(m.Quarantined, func(other Quarantined) bool { return other.File == to })
			return
		}
		m.Quarantined = append(slices.Clone(m.Quarantined), q)
		m.Quarantined = m.Quarantined[max(0, len(m.Quarantined)-maxQuarantined):]
		if seg.Kind == event.Flow {
			r := m.rolls()
			r.keep(seg.First, seg.Last)
			r.into(m)
		}
	}, func(bool) {})
	if err != nil {
		return fmt.Errorf("set segment aside: %w", err)
	}
	if !live {
		if linked && !named {
			_ = os.Remove(filepath.Join(s.opts.Dir, to)) // what was deleted is not kept in this way
		}
		return nil
	}
	if s.metrics != nil {
		s.metrics.damages.Inc()
	}
	s.log.Error("history segment is damaged and was set aside", "file", seg.File, "now", q.File, "kind", q.Kind.String(), "rows", q.Rows,
		"first", q.First, "last", q.Last, "sequences", [2]uint64{q.SeqLow, q.SeqHigh}, "fault", reason)
	return nil
}

// live reports whether a segment is one of those that queries look at now.
func (s *Store) live(seg *segment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.layout != nil && slices.Contains(s.layout.segments, seg)
}

// troubled turns the fault that a query met in a segment into what the asker is told, and sets the segment aside if it
// is damaged.
func (s *Store) troubled(seg *segment, err error) error {
	if !errors.Is(err, errDamaged) {
		return err
	}
	if aside := s.setAside(seg, err); aside != nil {
		return errors.Join(err, aside)
	}
	return fault.New(fault.Unavailable, "segment %s with %d events is damaged and was set aside, ask again: %w", seg.File, seg.Rows, err)
}
