package history

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// maxWorkers is how many goroutines one query reads with, at most.
const maxWorkers = 2

// Scan shows fn every selected event, in no particular order. It reads with several goroutines; fn is called by one at
// a time.
func (s *Store) Scan(ctx context.Context, q Query, fn Func) error {
	var mu sync.Mutex
	return s.ScanParallel(ctx, q, func() Func {
		return func(b *event.Batch, rows []int32) error {
			mu.Lock()
			defer mu.Unlock()
			return fn(b, rows)
		}
	})
}

// ScanParallel shows every selected event to one of several functions, each made by worker and called by one goroutine, so
// that each can fold into a state of its own. worker itself is called before the scan begins, by one goroutine.
func (s *Store) ScanParallel(ctx context.Context, q Query, worker func() Func) error {
	if err := checkQuery(q); err != nil {
		return err
	}
	p := newPlan(q)
	v, err := s.pin(p.kinds)
	if err != nil {
		return err
	}
	defer s.unpin(v)
	return s.scan(ctx, p, v, q, worker)
}

// scan is ScanParallel of one version.
func (s *Store) scan(ctx context.Context, p *plan, v *version, q Query, worker func() Func) error {
	compiled := filter.Compile(q.Where)
	g, gctx := errgroup.WithContext(ctx)
	jobs := make(chan job)
	g.Go(func() error {
		defer close(jobs)
		return s.feed(gctx, p, v, jobs)
	})
	for range min(maxWorkers, runtime.GOMAXPROCS(0)) {
		fn, f := worker(), compiled.Clone()
		g.Go(func() error { return s.work(gctx, p, jobs, f, fn) })
	}
	return g.Wait()
}

// A job is one row group, or one batch of memory.
type job struct {
	batch *event.Batch
	seg   *reading
	group *group
}

// reading is a segment that several jobs read; the last one releases it.
type reading struct {
	*segment
	file *os.File
	left atomic.Int32
}

func (r *reading) done() {
	if r.left.Add(-1) == 0 {
		r.release()
	}
}

// feed hands out the work of a scan.
func (s *Store) feed(ctx context.Context, p *plan, v *version, jobs chan<- job) error {
	for _, b := range v.memory {
		select {
		case jobs <- job{batch: b}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, seg := range p.live(v) {
		ft, file, err := seg.open()
		if err != nil {
			return s.troubled(seg, err)
		}
		s.used(seg)
		r := &reading{segment: seg, file: file}
		r.left.Store(int32(len(ft.groups)))
		for i, g := range ft.groups {
			select {
			case jobs <- job{seg: r, group: g}:
			case <-ctx.Done():
				if r.left.Add(-int32(len(ft.groups)-i)) == 0 {
					r.release()
				}
				return ctx.Err()
			}
		}
	}
	return nil
}

func (s *Store) work(ctx context.Context, p *plan, jobs <-chan job, f *filter.Filter, fn Func) (err error) {
	defer noPanic(&err)
	r, err := s.pools.reader()
	if err != nil {
		return err
	}
	defer s.pools.putReader(r)
	var rows []int32
	var at *reading
	for j := range jobs {
		if j.batch != nil {
			if rows = p.memory(j.batch, f, rows); len(rows) > 0 {
				if err := fn(j.batch, rows); err != nil {
					return err
				}
			}
			continue
		}
		if at != j.seg {
			at = j.seg
			r.at(at.file)
		}
		clear(r.dicts)
		if rows, err = s.scanGroup(ctx, p, r, j, f, fn, rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) scanGroup(ctx context.Context, p *plan, r *reader, j job, f *filter.Filter, fn Func, rows []int32) ([]int32, error) {
	defer j.seg.done()
	spans, err := p.spans(r, j.group)
	if err != nil {
		return rows, s.troubled(j.seg.segment, fmt.Errorf("scan %s: %w", j.seg.File, err))
	}
	for _, sp := range spans {
		if err := ctx.Err(); err != nil {
			return rows, err
		}
		b, selected, err := p.read(r, j.seg.Kind, j.group, sp, f, rows)
		if err != nil {
			return rows, s.troubled(j.seg.segment, fmt.Errorf("scan %s: %w", j.seg.File, err))
		}
		rows = selected
		if b == nil {
			continue
		}
		if err := fn(b, rows); err != nil {
			return rows, err
		}
		if p.passing {
			r.spare.put(b.Columns())
		}
	}
	return rows, nil
}
