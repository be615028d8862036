package history

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/rollup"
)

// Hours and days are numbered from 1970 UTC on.
const (
	hourLength = int64(time.Hour)
	dayHours   = 24
)

const rollupSuffix = ".rollup"

// maxUnrolled bounds the list of hours that wait for a rollup. Where there are more, no hour is known not to have flows, and
// questions read the flows of all that have no rollup.
const maxUnrolled = 20_000

// hourOf returns the number of the hour of a time.
func hourOf(t int64) int64 {
	h := t / hourLength
	if t%hourLength < 0 {
		h--
	}
	return h
}

// A rollEntry is what the manifest says of one rollup: of an hour, or of a day, which is the sum of its hours.
type rollEntry struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	From  int64  `json:"from"` // number of its first hour
	Hours int64  `json:"hours"`
	// Kept says that what it was made of is gone, in part at least: it cannot be made again, and what comes late is added to it.
	Kept bool `json:"kept,omitempty"`
}

func (e *rollEntry) covers(hour int64) bool { return hour >= e.From && hour < e.From+e.Hours }

// anyOf reports whether the entry covers one of some hours, which ascend.
func (e *rollEntry) anyOf(hours []int64) bool {
	at, _ := slices.BinarySearch(hours, e.From)
	return at < len(hours) && e.covers(hours[at])
}

// rolls are the rollups of a manifest as they are changed.
type rolls struct {
	entries  []rollEntry // ascending by first hour
	unrolled []int64     // hours with flows that have no rollup, or wait for a new one; ascending
	from     int64       // hours from this one on are in one of both lists if they have flows; 0: nothing is known of any
}

func (m *manifest) rolls() *rolls {
	return &rolls{slices.Clone(m.Rollups), slices.Clone(m.Unrolled), m.RolledFrom}
}

func (r *rolls) into(m *manifest) {
	slices.SortFunc(r.entries, compareEntries)
	if len(r.unrolled) > maxUnrolled {
		r.unrolled, r.from = nil, 0
	}
	m.Rollups, m.Unrolled, m.RolledFrom = r.entries, r.unrolled, r.from
}

// wait puts hours on the list of those that want a rollup, unless there is one of theirs.
func (r *rolls) wait(hours ...int64) {
	if r.from == 0 {
		return
	}
	for _, h := range hours {
		if h >= r.from && !r.has(h) {
			r.unrolled = append(r.unrolled, h)
		}
	}
	slices.Sort(r.unrolled)
	r.unrolled = slices.Compact(r.unrolled)
}

// has reports whether an hour has a rollup, or its day one that cannot be made again.
func (r *rolls) has(hour int64) bool {
	find := func(from, length int64) (*rollEntry, bool) {
		at, ok := slices.BinarySearchFunc(r.entries, rollEntry{From: from, Hours: length}, compareEntries)
		if !ok {
			return nil, false
		}
		return &r.entries[at], true
	}
	if _, ok := find(hour, 1); ok {
		return true
	}
	day, ok := find(hour-hour%dayHours, dayHours)
	return ok && day.Kept
}

func compareEntries(a, b rollEntry) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Hours, b.Hours))
}

// drop takes out the entries that gone names. Hours of which flows may be left wait for new ones.
func (r *rolls) drop(gone func(e *rollEntry) bool) {
	var hours []int64
	r.entries = slices.DeleteFunc(r.entries, func(e rollEntry) bool {
		if !gone(&e) {
			return false
		}
		for h := e.From; h < e.From+e.Hours; h++ {
			hours = append(hours, h)
		}
		return true
	})
	r.wait(hours...)
}

// touch makes flows known that came in some hours: rollups that can be made again go, in place of the others stand those that
// added names by the file that they replace.
func (r *rolls) touch(hours []int64, added map[string]rollEntry) {
	for i, e := range r.entries {
		if more, ok := added[e.File]; ok && e.Kept {
			r.entries[i] = more
		}
	}
	r.drop(func(e *rollEntry) bool { return !e.Kept && e.anyOf(hours) })
	r.wait(hours...)
}

// keep says that flows of a range of time are gone that rollups were made of. Days are made of hours, not of flows.
func (r *rolls) keep(first, last int64) {
	for i := range r.entries {
		e := &r.entries[i]
		if e.From <= hourOf(last) && e.From+e.Hours > hourOf(first) && (e.Hours == 1 || !r.whole(e)) {
			e.Kept = true
		}
	}
}

// whole reports whether a day can be made again from its hours: each has a rollup, or there were no flows.
func (r *rolls) whole(day *rollEntry) bool {
	return slices.ContainsFunc(r.entries, func(e rollEntry) bool { return e.Hours == 1 && day.covers(e.From) })
}

// cut takes out what is before an hour, deleted or outlived. Nothing is known of the hours before it any more.
func (r *rolls) cut(hour int64) {
	if r.from == 0 {
		return
	}
	r.entries = slices.DeleteFunc(r.entries, func(e rollEntry) bool { return e.From+e.Hours <= hour })
	at, _ := slices.BinarySearch(r.unrolled, hour)
	r.unrolled = slices.Delete(r.unrolled, 0, at)
	r.from = max(r.from, hour)
}

// hoursOf lists the hours of the flows of batches, ascending.
func hoursOf(batches []*event.Batch) []int64 {
	seen := map[int64]bool{}
	var list []int64
	for _, b := range batches {
		last := int64(-1 << 62)
		for _, t := range b.Times() {
			if h := hourOf(t); h != last {
				if last = h; !seen[h] {
					seen[h] = true
					list = append(list, h)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// rowsOf selects the rows of a batch that lie in an entry.
func (e *rollEntry) rowsOf(b *event.Batch) (rows []int32) {
	for row, t := range b.Times() {
		if e.covers(hourOf(t)) {
			rows = append(rows, int32(row))
		}
	}
	return rows
}

// writeRollup writes the file of a rollup, synced; its name is durable with the manifest that names it, which stands in the same
// directory.
func (s *Store) writeRollup(e rollEntry, data []byte) (rollEntry, error) {
	s.mu.Lock()
	id := s.nextID
	s.nextID++
	s.mu.Unlock()
	e.File, e.Bytes = fmt.Sprintf("flow-%010d%s", id, rollupSuffix), int64(len(data))
	path := filepath.Join(s.opts.Dir, e.File)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return e, fmt.Errorf("write rollup: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(path)
		return e, fmt.Errorf("write rollup: %w", err)
	}
	return e, nil
}

// readRollup returns the bytes of a rollup, checked as far as their number goes; Add of the rollup checks the rest.
func (s *Store) readRollup(e *rollEntry) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(s.opts.Dir, e.File))
	switch {
	case os.IsNotExist(err):
		return nil, damaged("rollup %s: the file is gone", e.File)
	case err != nil:
		return nil, fmt.Errorf("read rollup: %w", err)
	case int64(len(data)) != e.Bytes:
		return nil, damaged("rollup %s: %d bytes long, want %d", e.File, len(data), e.Bytes)
	}
	return data, nil
}

// addLate adds what comes late to rollups that cannot be made again. It returns them by the file that they replace. s.rolling is
// held until they are in the manifest.
func (s *Store) addLate(hours []int64, batches []*event.Batch) (map[string]rollEntry, error) {
	s.mu.Lock()
	entries := s.layout.manifest.Rollups
	s.mu.Unlock()
	added := map[string]rollEntry{}
	for _, e := range entries {
		if !e.Kept || !e.anyOf(hours) {
			continue
		}
		data, err := s.readRollup(&e)
		r := rollup.New(rollup.Limits{})
		if err == nil {
			err = r.Add(data)
		}
		if err != nil {
			s.log.Error("rollup of flows is damaged, late flows are not added to it", "file", e.File, "fault", err)
			continue
		}
		for _, b := range batches {
			r.Fold(b, e.rowsOf(b))
		}
		made, err := s.writeRollup(e, r.Encode())
		if err != nil {
			s.discardRollups(added)
			return nil, err
		}
		added[e.File] = made
	}
	return added, nil
}

// discardRollups removes rollups that were written and never named by a manifest.
func (s *Store) discardRollups(made map[string]rollEntry) {
	for _, e := range made {
		_ = os.Remove(filepath.Join(s.opts.Dir, e.File)) // if it stays, the next start removes it
	}
}

// replacedRollups lists what an old manifest names and a new one does not, so that it goes with the last query.
func (s *Store) replacedRollups(old, next *manifest) (gone []*segment) {
	if slices.Equal(old.Rollups, next.Rollups) {
		return nil
	}
	named := make(map[string]bool, len(next.Rollups))
	for i := range next.Rollups {
		named[next.Rollups[i].File] = true
	}
	for i := range old.Rollups {
		if file := old.Rollups[i].File; !named[file] {
			gone = append(gone, &segment{entry: entry{File: file}, path: filepath.Join(s.opts.Dir, file)})
		}
	}
	return gone
}

// dropRollups takes damaged rollups out of the manifest. Those that can be made again will be.
func (s *Store) dropRollups(reason error, files ...string) error {
	if len(files) == 0 {
		return nil
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	lost := 0
	err := s.change(nil, nil, func(m *manifest) {
		r := m.rolls()
		r.drop(func(e *rollEntry) bool {
			if !slices.Contains(files, e.File) {
				return false
			}
			if e.Kept {
				lost++
			}
			return true
		})
		r.into(m)
	}, func(bool) {})
	if err != nil {
		return fmt.Errorf("drop rollup: %w", err)
	}
	s.log.Error("rollups of flows are damaged and were dropped", "files", files, "lost", lost, "made_again", len(files)-lost, "fault", reason)
	return nil
}
