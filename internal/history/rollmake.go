package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/rollup"
)

const (
	// rollQuiet is how long an hour must be over, and nothing have come of it, before it is rolled up: what still comes then makes
	// the work be done again.
	rollQuiet = 5 * time.Minute
	// rollRows is about how many flows are read in one go.
	rollRows = 1 << 20
	// rolledHours is for how long hours are kept besides their days where the flows themselves are gone.
	rolledHours = 90 * 24 * time.Hour
)

// Roll makes the rollups of flows that are due: of hours that are over and of which nothing came for a while, and of days of
// which all hours are there.
func (s *Store) Roll(ctx context.Context, now time.Time) error {
	if s.opts.Rollups <= 0 {
		return nil
	}
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	if err := s.discover(ctx, now); err != nil {
		return fmt.Errorf("roll up flows: %w", err)
	}
	if err := s.rollHours(ctx, now); err != nil {
		return fmt.Errorf("roll up flows: %w", err)
	}
	if err := s.rollDays(ctx, now); err != nil {
		return fmt.Errorf("roll up flows: %w", err)
	}
	return nil
}

// discover finds the hours that have flows, once, in a history that knows nothing of rollups.
func (s *Store) discover(ctx context.Context, now time.Time) error {
	w, err := s.Pin()
	if err != nil {
		return err
	}
	defer w.Close()
	if w.v.layout.manifest.RolledFrom != 0 {
		return nil
	}
	from := max(1, hourOf(now.Add(-s.opts.Rollups).UnixNano()))
	seen := map[int64]bool{}
	w.v.memory = nil
	q := Query{Kinds: []event.Kind{event.Flow}, Since: from * hourLength, Fields: []event.FieldID{event.Timestamp}}
	err = s.scanOne(ctx, w, q, func(b *event.Batch, rows []int32) error {
		times, last := b.Times(), int64(math.MinInt64)
		for _, row := range rows {
			if h := hourOf(times[row]); h != last {
				seen[h], last = true, h
			}
		}
		return nil
	})
	if err != nil || len(seen) > maxUnrolled {
		return err
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	return s.change(nil, nil, func(m *manifest) {
		r := m.rolls()
		r.from = from
		r.wait(slices.Collect(maps.Keys(seen))...)
		r.wait(s.touchedSince(w.v.layout.number)...)
		r.into(m)
	}, func(bool) {})
}

// A touch says when flows of an hour were last written, and with which layout.
type touch struct {
	at     time.Time
	layout uint64
}

// touchedSince lists the hours of which flows were written after a layout.
func (s *Store) touchedSince(layout uint64) (hours []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, t := range s.touches {
		if t.layout > layout {
			hours = append(hours, h)
		}
	}
	return hours
}

// dueHours lists the hours that are to be rolled up, ascending.
func (s *Store) dueHours(m *manifest, now time.Time) (hours []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.touches, func(_ int64, t touch) bool { return now.Sub(t.at) > 2*rollQuiet })
	last := hourOf(now.Add(-rollQuiet).UnixNano())
	for _, h := range m.Unrolled {
		if t, ok := s.touches[h]; h < last && (!ok || now.Sub(t.at) >= rollQuiet) {
			hours = append(hours, h)
		}
	}
	return hours
}

// rollHours rolls hours up, several in one go where they have few flows.
func (s *Store) rollHours(ctx context.Context, now time.Time) error {
	for {
		w, err := s.Pin()
		if err != nil {
			return err
		}
		hours := s.dueHours(w.v.layout.manifest, now)
		if len(hours) > 0 {
			hours = together(hours, w.v.layout.segments)
			err = s.rollSome(ctx, w, hours)
		}
		w.Close()
		if err != nil || len(hours) == 0 {
			return err
		}
	}
}

// together returns how many of the first hours are read in one go: adjoining ones of one day.
func together(hours []int64, segments []*segment) []int64 {
	rows := 0.0
	for i, h := range hours {
		if i > 0 && (h != hours[i-1]+1 || h%dayHours == 0) {
			return hours[:i]
		}
		for _, seg := range segments {
			if from, to := max(seg.First, h*hourLength), min(seg.Last, (h+1)*hourLength-1); seg.Kind == event.Flow && from <= to {
				rows += float64(seg.Rows) * float64(to-from+1) / float64(seg.Last-seg.First+1)
			}
		}
		if i > 0 && rows > rollRows {
			return hours[:i]
		}
	}
	return hours
}

// rollSome reads the flows of adjoining hours from segments and puts the rollup of each into the manifest, except of those of
// which more flows were written meanwhile.
func (s *Store) rollSome(ctx context.Context, w *View, hours []int64) error {
	made := make([]*rollup.Rollup, len(hours))
	for i := range made {
		made[i] = rollup.New(rollup.Limits{})
	}
	w.v.memory = nil
	q := Query{Kinds: []event.Kind{event.Flow}, Since: hours[0] * hourLength, Until: (hours[len(hours)-1] + 1) * hourLength, Fields: append(made[0].Fields(), event.Timestamp)}
	err := s.scanOne(ctx, w, q, func(b *event.Batch, rows []int32) error {
		times := b.Times()
		for len(rows) > 0 {
			hour, n := hourOf(times[rows[0]]), 1
			for n < len(rows) && hourOf(times[rows[n]]) == hour {
				n++
			}
			made[hour-hours[0]].Fold(b, rows[:n])
			rows = rows[n:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	entries := map[string]rollEntry{}
	for i, h := range hours {
		if made[i].Totals().Flows == 0 {
			continue
		}
		e, err := s.writeRollup(rollEntry{From: h, Hours: 1}, made[i].Encode())
		if err != nil {
			s.discardRollups(entries)
			return err
		}
		entries[e.File] = e
	}
	s.opts.Crash("after-rollup-before-manifest")
	return s.putRollups(entries, hours, w.v.layout.number)
}

// putRollups puts rollups of hours into the manifest that were made of a layout.
func (s *Store) putRollups(made map[string]rollEntry, hours []int64, layout uint64) error {
	s.rolling.Lock()
	defer s.rolling.Unlock()
	stale := s.touchedSince(layout)
	for file, e := range made {
		if slices.ContainsFunc(stale, e.covers) {
			s.discardRollups(map[string]rollEntry{file: e})
			delete(made, file)
		}
	}
	err := s.change(nil, nil, func(m *manifest) {
		r := m.rolls()
		r.unrolled = slices.DeleteFunc(r.unrolled, func(h int64) bool { return slices.Contains(hours, h) && !slices.Contains(stale, h) })
		r.entries = slices.AppendSeq(r.entries, maps.Values(made))
		r.into(m)
	}, func(bool) {})
	if err != nil {
		s.discardRollups(made)
	}
	return err
}

// rollDays adds the hours of each day up that is over and has all its rollups.
func (s *Store) rollDays(ctx context.Context, now time.Time) error {
	w, err := s.Pin()
	if err != nil {
		return err
	}
	defer w.Close()
	m := w.v.layout.manifest
	days, no := map[int64][]rollEntry{}, map[int64]bool{}
	for _, e := range m.Rollups {
		if e.Hours == 1 {
			days[e.From/dayHours] = append(days[e.From/dayHours], e)
		} else {
			no[e.From/dayHours] = true
		}
	}
	for _, h := range m.Unrolled {
		no[h/dayHours] = true
	}
	last := hourOf(now.Add(-rollQuiet).UnixNano()) / dayHours
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if no[day] || day >= last || day*dayHours < m.RolledFrom || len(days[day]) < 2 {
			continue
		}
		if err := s.rollDay(ctx, day, days[day]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) rollDay(ctx context.Context, day int64, hours []rollEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sum := rollup.New(rollup.Limits{})
	for i := range hours {
		data, err := s.readRollup(&hours[i])
		if err == nil {
			err = sum.Add(data)
		}
		if isDamaged(err) || errors.Is(err, rollup.ErrDamaged) {
			return s.dropRollups(err, hours[i].File)
		}
		if err != nil {
			return err
		}
	}
	e, err := s.writeRollup(rollEntry{From: day * dayHours, Hours: dayHours}, sum.Encode())
	if err != nil {
		return err
	}
	s.opts.Crash("after-day-before-manifest")
	s.rolling.Lock()
	defer s.rolling.Unlock()
	used := false
	err = s.change(nil, nil, func(m *manifest) {
		r := m.rolls()
		same := 0
		for _, have := range r.entries {
			if slices.ContainsFunc(hours, func(h rollEntry) bool { return h.File == have.File }) {
				same++
			}
		}
		waits := slices.ContainsFunc(r.unrolled, e.covers)
		if used = same == len(hours) && !waits; used {
			r.entries = append(r.entries, e)
		}
		r.into(m)
	}, func(bool) {})
	if err != nil || !used {
		s.discardRollups(map[string]rollEntry{e.File: e})
	}
	return err
}

// expireRollups drops what has outlived its retention: days and hours by the setting, hours sooner where their day and nothing
// else is left of them.
func (s *Store) expireRollups(now time.Time) error {
	s.rolling.Lock()
	defer s.rolling.Unlock()
	s.mu.Lock()
	old := s.layout.manifest
	s.mu.Unlock()
	edit := func(m *manifest) {
		r := m.rolls()
		if s.opts.Rollups <= 0 {
			*r = rolls{}
		}
		r.cut(hourOf(now.Add(-s.opts.Rollups).UnixNano()))
		early := hourOf(now.Add(-rolledHours).UnixNano())
		var gone []string
		for i := range r.entries {
			day := &r.entries[i]
			if day.Hours == 1 || day.From+day.Hours > early {
				continue
			}
			for _, e := range r.entries {
				if e.Hours == 1 && day.covers(e.From) {
					gone = append(gone, e.File)
					day.Kept = day.Kept || e.Kept
				}
			}
		}
		r.entries = slices.DeleteFunc(r.entries, func(e rollEntry) bool { return slices.Contains(gone, e.File) })
		r.into(m)
	}
	next := *old
	edit(&next)
	if slices.Equal(old.Rollups, next.Rollups) && slices.Equal(old.Unrolled, next.Unrolled) && (old.RolledFrom == 0 || next.RolledFrom-old.RolledFrom < dayHours) {
		return nil
	}
	if err := s.change(nil, nil, edit, func(bool) {}); err != nil {
		return fmt.Errorf("expire rollups: %w", err)
	}
	return nil
}

// verifyRollups reads every rollup and drops those that are damaged.
func (s *Store) verifyRollups(ctx context.Context, entries []rollEntry) error {
	var faults []error
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(faults, err)...)
		}
		data, err := s.readRollup(&entries[i])
		if err == nil {
			err = rollup.New(rollup.Limits{}).Add(data)
		}
		if isDamaged(err) || errors.Is(err, rollup.ErrDamaged) {
			err = errors.Join(fmt.Errorf("%s: %w", entries[i].File, err), s.dropRollups(err, entries[i].File))
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// noHour is behind every hour.
const noHour = int64(math.MaxInt64) / hourLength
