// Package ingest runs the sources, parses what they bring into batches and hands the batches to the journal. What it
// acknowledges is synced; what it cannot read it counts, with its place and reason.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/quarantine"
	"tocsin/internal/source"
)

// A Journal makes a batch durable. Append returns when the batch is synced. An error that wraps fault.Full or
// fault.Unavailable may pass; the same batch is then tried again.
type Journal interface {
	Append(ctx context.Context, b *event.Batch) error
}

// Options are the parts and limits of a Service.
type Options struct {
	Journal Journal
	Formats parser.Set // until SetFormats
	Log     *slog.Logger
	// Quarantine keeps the records that cannot be read; nil: they are counted alone.
	Quarantine *quarantine.Store
	// Enrich adds to a batch what is known of its addresses, before it is journalled. May be nil.
	Enrich func(*event.Batch) *event.Batch
	// Known are the furthest offsets that journal and history hold, by source id.
	Known map[string]int64
	// Rows ends a batch of live events; default 4,096. Delay is how long its first row waits for others; default 20 ms.
	Rows  int
	Delay time.Duration
	// Drain bounds how long a stop waits for the journal to take what was read; default 10 s.
	Drain    time.Duration
	Registry prometheus.Registerer
	// Pace is called before each batch of an old file is journalled, and waits while the readers of the journal are too far
	// behind to get it from memory. May be nil.
	Pace func(ctx context.Context) error
	// Captures reads files of packets; nil: they are refused.
	Captures CaptureReader
	// Crash is called at named points, for tests that end the process there. May be nil.
	Crash func(point string)
	// OnTake is told of the rows that became durable.
	OnTake func(kind event.Kind, rows int)
}

// A Service takes events in.
type Service struct {
	options    Options
	positions  *positions
	stats      *statistics
	collectors map[event.Kind]*collector
	formats    atomic.Pointer[parser.Set]
	unique     *unique
	configured atomic.Pointer[map[string]Configured]
	retrying   sync.Mutex

	// gate is held for reading while a batch becomes durable and is noted, and for writing while all is forgotten.
	gate   sync.RWMutex
	pauses chan pause
	ended  chan struct{} // closed when no source runs any more
}

// New wires a service and starts nothing.
func New(o Options) *Service {
	if o.Rows <= 0 {
		o.Rows = 4096
	}
	if o.Delay <= 0 {
		o.Delay = 20 * time.Millisecond
	}
	if o.Drain <= 0 {
		o.Drain = 10 * time.Second
	}
	if o.Pace == nil {
		o.Pace = func(context.Context) error { return nil }
	}
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	if o.Enrich == nil {
		o.Enrich = func(b *event.Batch) *event.Batch { return b }
	}
	if o.OnTake == nil {
		o.OnTake = func(event.Kind, int) {}
	}
	s := &Service{
		options: o, positions: newPositions(o.Known), stats: newStatistics(o.Registry), collectors: map[event.Kind]*collector{},
		pauses: make(chan pause), ended: make(chan struct{}),
	}
	s.unique = newUnique()
	s.SetFormats(o.Formats)
	s.SetConfigured(nil) // until it is told
	for _, kind := range event.Kinds() {
		s.collectors[kind] = newCollector(s, kind)
	}
	return s
}

// SetFormats says which formats there are from now on.
func (s *Service) SetFormats(formats parser.Set) {
	s.formats.Store(&formats)
	s.unique.setFormats(formats)
}

// Formats returns the formats that there are. Nobody changes them.
func (s *Service) Formats() parser.Set { return *s.formats.Load() }

// Resume returns the offset behind the last durable record of a source; false when nothing of it was ever taken. It also
// answers about the content of files, as fingerprint.Index does.
func (s *Service) Resume(id string) (offset int64, ok bool) { return s.positions.Resume(id) }

// Run runs sources until ctx ends and then hands what they brought to the journal. Each set that comes over feed takes the
// place of the one before, which is ended first. A source that fails is started again, after a pause that grows from one
// second to one minute.
func (s *Service) Run(ctx context.Context, feed <-chan map[string]source.Source) error {
	// The collectors outlive the sources: they end when nothing can come any more.
	flush, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var collectors errgroup.Group
	intake := make(chan struct{})
	for _, c := range s.collectors {
		collectors.Go(func() error { return c.run(flush, intake) })
	}
	s.runSources(ctx, feed)
	close(intake)
	stop := time.AfterFunc(s.options.Drain, cut)
	defer stop.Stop()
	return collectors.Wait()
}

// runSources returns when ctx has ended and no source runs any more.
func (s *Service) runSources(ctx context.Context, feed <-chan map[string]source.Source) {
	defer close(s.ended)
	var sources map[string]source.Source
	for ctx.Err() == nil {
		sources = s.runSet(ctx, sources, feed)
		// The next set asks where to begin, which is behind what is durable: what the one before has brought must be.
		for _, c := range s.collectors {
			if err := c.settle(ctx); err != nil {
				return
			}
		}
	}
}

// runSet runs one set of sources until ctx ends or the next set comes, which it returns when all of the first have ended.
func (s *Service) runSet(ctx context.Context, sources map[string]source.Source, feed <-chan map[string]source.Source) map[string]source.Source {
	set, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	for name, src := range sources {
		running.Go(func() { s.keep(set, name, src) })
	}
	select {
	case <-ctx.Done():
		return nil
	case next := <-feed:
		return next
	case p := <-s.pauses:
		end()
		running.Wait()
		close(p.quiet)
		<-p.resume
		return sources
	}
}

// keep runs one source and starts it again when it fails.
func (s *Service) keep(ctx context.Context, name string, src source.Source) {
	pause := time.Second
	for {
		began := time.Now()
		err := src.Run(ctx, s.emit)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pause = time.Second
		}
		s.stats.problem(name, fmt.Sprint(err))
		s.options.Log.Error("source ended, starting it again", "source", name, "cause", err, "pause", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}

// emit takes the records of a source into the batch of their kind.
func (s *Service) emit(ctx context.Context, from *source.Stream, records ...source.Record) error {
	c := s.collectors[from.Kind]
	if c == nil {
		return fault.New(fault.Invalid, "source %s: no such kind of event: %d", from.Source, from.Kind)
	}
	return c.take(ctx, from, records)
}

// appendDurably hands a batch to the journal until it is in, ctx ends, or trying again is of no use.
func (s *Service) appendDurably(ctx context.Context, b *event.Batch) error {
	b = s.options.Enrich(b) // once, so that a batch that is tried again is the same
	pause := 20 * time.Millisecond
	for {
		err := s.append(ctx, b)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !errors.Is(err, fault.Full) && !errors.Is(err, fault.Unavailable) {
			return err
		}
		s.stats.refused()
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// append hands a batch to the journal once, and accounts for it when it is durable.
func (s *Service) append(ctx context.Context, b *event.Batch) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	err := s.options.Journal.Append(ctx, b)
	if err == nil {
		s.noteTaken(b)
	}
	return err
}

// noteTaken accounts for a batch that is durable.
func (s *Service) noteTaken(b *event.Batch) {
	s.positions.advance(b.Sources)
	s.unique.learn(b)
	s.stats.taken(b)
	s.options.OnTake(b.Kind, b.Rows)
}
