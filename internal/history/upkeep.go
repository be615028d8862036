package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

const (
	scrubEvery  = 7 * 24 * time.Hour
	expireEvery = time.Hour
	mergeEvery  = 10 * time.Second
	rollEvery   = time.Minute
	retryAfter  = 5 * time.Second
)

// Run does the background work until ctx ends: it writes memory out in time, merges, drops what has outlived its
// retention, and holds all files against their checksums once a week and after an unclean end. It returns nil when ctx
// ends; a fault is logged and the work tried again.
func (s *Store) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { s.runFlush(ctx); return nil })
	g.Go(func() error { s.runUpkeep(ctx); return nil })
	return g.Wait()
}

func (s *Store) runFlush(ctx context.Context) {
	tick := time.NewTicker(max(s.opts.FlushAge/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
		if !s.due(time.Now()) {
			continue
		}
		if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("flush failed, events stay in memory", "fault", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(retryAfter):
			}
		}
	}
}

// due reports whether memory should be written out.
func (s *Store) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memRows >= s.opts.FlushRows || s.memBytes >= s.opts.FlushBytes || s.memRows > 0 && now.Sub(s.oldest) >= s.opts.FlushAge
}

func (s *Store) runUpkeep(ctx context.Context) {
	if s.unclean {
		s.log.Info("the history was not closed, its files are held against their checksums")
		s.scrub(ctx)
	}
	merge, expire, scrub := time.NewTicker(mergeEvery), time.NewTicker(expireEvery), time.NewTicker(scrubEvery)
	roll := time.NewTicker(rollEvery)
	defer roll.Stop()
	defer merge.Stop()
	defer expire.Stop()
	defer scrub.Stop()
	expired := func(now time.Time) {
		s.upkeepStep(ctx, "roll up", func() error { return s.Roll(ctx, now) }) // so that no flows go that no rollup knows
		s.upkeepStep(ctx, "expire", func() error { return s.Expire(now) })
	}
	expired(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-merge.C:
			s.upkeepStep(ctx, "merge", func() error { return s.Merge(ctx) })
		case now := <-roll.C:
			s.upkeepStep(ctx, "roll up", func() error { return s.Roll(ctx, now) })
		case now := <-expire.C:
			expired(now)
		case <-scrub.C:
			s.scrub(ctx)
		}
	}
}

func (s *Store) upkeepStep(ctx context.Context, what string, do func() error) {
	if err := do(); err != nil && ctx.Err() == nil {
		s.log.Error("upkeep of the history failed, it is tried again", "step", what, "fault", err)
	}
}

func (s *Store) scrub(ctx context.Context) {
	if err := s.Verify(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("history has damaged segments", "fault", err)
	}
}

// Verify holds every live segment against its checksum. Damaged ones are set aside and named in the error.
func (s *Store) Verify(ctx context.Context) error {
	v, err := s.pin(0)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	var faults []error
	for _, seg := range v.layout.segments {
		err := seg.verify(ctx)
		if err == nil {
			continue
		}
		if isDamaged(err) {
			err = errors.Join(fmt.Errorf("%s: %w", seg.File, err), s.setAside(seg, err))
		}
		faults = append(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		faults = append(faults, s.verifyRollups(ctx, v.layout.manifest.Rollups))
	}
	return errors.Join(faults...)
}

// Expire drops the segments of which every event has outlived the retention of its kind: it ends with the UTC day on which
// the newest event, or the receipt of the last one where that was later, is so old. Backfilled events of long ago are thus
// kept for as long as others are.
func (s *Store) Expire(now time.Time) error {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	v, err := s.pin(0)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	var gone []*segment
	rows := int64(0)
	for _, seg := range v.layout.segments {
		keep := s.opts.Retention[seg.Kind]
		if keep <= 0 {
			continue
		}
		if dayOf(max(seg.Last, seg.Ingested)) < dayOf(now.Add(-keep).UnixNano()) {
			gone = append(gone, seg)
			rows += seg.Rows
		}
	}
	if err := s.expireRollups(now); err != nil {
		return fmt.Errorf("expire history: %w", err)
	}
	if len(gone) == 0 {
		return nil
	}
	s.rolling.Lock()
	defer s.rolling.Unlock()
	err = s.change(nil, gone, func(m *manifest) {
		r := m.rolls()
		for _, seg := range gone {
			if seg.Kind == event.Flow {
				r.keep(seg.First, seg.Last)
			}
		}
		r.into(m)
	}, func(bool) {})
	if err != nil {
		return fmt.Errorf("expire history: %w", err)
	}
	s.metrics.expired.Add(float64(rows))
	s.log.Info("history expired", "segments", len(gone), "rows", rows)
	return nil
}

// Backup writes a whole copy of the history to a directory, which must be empty or not exist; the store stays at work.
// Segments are linked where the file system allows it, and each is held against its checksum. Open opens the copy.
func (s *Store) Backup(ctx context.Context, dir string) error {
	if err := s.Flush(ctx); err != nil {
		return fmt.Errorf("back up history: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("back up history: %w", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		if err == nil {
			err = fault.New(fault.Conflict, "directory %s is not empty", dir)
		}
		return fmt.Errorf("back up history: %w", err)
	}
	v, err := s.pin(0)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	for _, seg := range v.layout.segments {
		to := &segment{entry: seg.entry, path: filepath.Join(dir, seg.File)}
		if err := os.Link(seg.path, to.path); err != nil {
			if err := copyFile(ctx, seg.path, to.path); err != nil {
				return fmt.Errorf("back up history: %w", err)
			}
		}
		if err := to.verify(ctx); err != nil {
			return fmt.Errorf("back up history: segment %s: %w", seg.File, err)
		}
	}
	for _, e := range v.layout.manifest.Rollups {
		from, to := filepath.Join(s.opts.Dir, e.File), filepath.Join(dir, e.File)
		if err := os.Link(from, to); err != nil {
			if err := copyFile(ctx, from, to); err != nil {
				return fmt.Errorf("back up history: %w", err)
			}
		}
	}
	if _, err := v.layout.manifest.save(dir, func(string) {}); err != nil {
		return fmt.Errorf("back up history: %w", err)
	}
	_, err = replaceFile(dir, cleanFile, nil)
	return err
}

func copyFile(ctx context.Context, from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy segment: %w", err)
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy segment: %w", err)
	}
	defer func() {
		if cerr := dst.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("copy segment: %w", cerr)
		}
	}()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(dst, src, 16<<20); errors.Is(err, io.EOF) {
			return dst.Sync()
		} else if err != nil {
			return fmt.Errorf("copy segment: %w", err)
		}
	}
}
