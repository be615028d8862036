// Package quarantine keeps the records that could not be read, with the reason, so that people can look at them and have
// them read again when the reason is gone.
package quarantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/fault"
)

// Options say where and how much is kept.
type Options struct {
	Dir string
	// MaxBytes bounds the files; default 64 MiB. A quarter of it is for one group at most.
	MaxBytes int64
	// MaxLines bounds the entries of one group; default 100,000.
	MaxLines int64
	// Keep is after how long entries are removed; 0: never.
	Keep     time.Duration
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not measured
}

// Limits that nobody sets.
const (
	maxQueue   = 8 << 20 // bytes that wait to be written
	maxGroups  = 1000    // what comes of more is counted as one group and not kept
	perSegment = 16      // part of MaxBytes that one segment takes
	delay      = 50 * time.Millisecond
	saveEvery  = 5 * time.Second // counts of what was not kept; those of the last seconds are lost in a crash
	rest       = 10 * time.Second
)

// A Store keeps entries in files of a directory of its own. What Add was given is on disk soon after, not at once: who adds
// never waits for the disk, and what the disk cannot take is counted. Its methods may be called from several goroutines.
type Store struct {
	options Options
	stats   *statistics

	mu      sync.Mutex // guards what Add needs; taken after disk where both are
	groups  map[Key]*tally
	bytes   int64 // of entries, written or waiting
	next    uint64
	queue   []byte // frames that wait
	spare   []byte // memory for the next queue
	dirty   bool   // counts have changed since the state was saved
	problem error  // why the disk took nothing last time
	wake    chan struct{}

	disk     sync.Mutex // guards the files and what is known of them
	loaded   bool
	state    state
	segments []*segment
	active   *os.File // the last segment, opened to append; nil: the next write begins a new one
	failedAt time.Time
}

// Open reads what is there. A directory that cannot be used is tried again later and does not keep anybody from working:
// until then records are counted and not kept.
func Open(o Options) *Store {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxLines <= 0 {
		o.MaxLines = 100_000
	}
	s := &Store{options: o, stats: newStatistics(o.Registry), groups: map[Key]*tally{}, next: 1, wake: make(chan struct{}, 1)}
	s.disk.Lock()
	defer s.disk.Unlock()
	s.failed(s.load())
	return s
}

// Add keeps an entry, or counts it where there is no room. It copies what it needs and waits for nobody.
func (s *Store) Add(e *Entry) {
	for _, text := range [...]*string{&e.Source, &e.Format, &e.Reason} { // as they are written
		*text = (*text)[:min(len(*text), maxText)]
	}
	s.mu.Lock()
	g := s.group(e.Key())
	g.saw(e.Received)
	size := e.size()
	if g.Source == others || g.kept >= s.options.MaxLines || g.bytes+size > s.options.MaxBytes/4 || s.bytes+size > s.options.MaxBytes ||
		len(s.queue)+int(size) > maxQueue || s.problem != nil {
		g.NotKept++
		s.dirty = true
		s.mu.Unlock()
		s.stats.notKept.Inc()
		return
	}
	e.ID = s.next
	s.next++
	if e.Why != nil {
		e.Detail = e.Why.Error()
	}
	before := len(s.queue)
	s.queue = appendFrame(s.queue, e)
	g.add(int64(len(s.queue) - before))
	s.bytes += int64(len(s.queue) - before)
	s.mu.Unlock()
	s.stats.kept.Inc()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run writes what is added until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	upkeep := time.NewTicker(saveEvery)
	defer upkeep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-upkeep.C:
			s.upkeep(now)
			continue
		case <-s.wake:
		}
		select { // for others to be written together with it
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
		s.disk.Lock()
		s.flush()
		s.disk.Unlock()
	}
}

// Close writes what waits.
func (s *Store) Close() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.flush()
	var err error
	if s.loaded {
		err = s.saveState()
	}
	if s.active != nil {
		err = errors.Join(err, s.active.Close())
		s.active = nil
	}
	return err
}

// Problem returns why records are not kept at the moment, nil when they are.
func (s *Store) Problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil {
		return nil
	}
	return fmt.Errorf("rejected lines are counted and not kept: %w", s.problem)
}

// Full reports whether there is hardly any room left, less than a hundredth, so that most of what comes is counted and not kept.
func (s *Store) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes > s.options.MaxBytes-s.options.MaxBytes/100
}

// failed notes the outcome of work on the disk; disk is held.
func (s *Store) failed(err error) {
	s.mu.Lock()
	known := s.problem != nil
	s.problem = err
	s.mu.Unlock()
	if err != nil {
		s.failedAt = time.Now()
		if !known {
			s.options.Log.Warn("rejected lines cannot be kept; it is tried again", "cause", err, "pause", rest)
		}
	}
}

// ready reports why the files cannot be used; disk is held.
func (s *Store) ready() error {
	if s.loaded {
		return nil
	}
	err := s.load()
	s.failed(err)
	if err != nil {
		return fault.New(fault.Unavailable, "read the quarantine: %w", err)
	}
	return nil
}

// upkeep saves counts, removes what is too old, and tries again what failed.
func (s *Store) upkeep(now time.Time) {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	dirty, problem := s.dirty, s.problem
	s.mu.Unlock()
	if problem != nil {
		if now.Sub(s.failedAt) < rest {
			return
		}
		if s.ready() != nil {
			return
		}
		s.failed(s.saveState()) // which shows whether the disk takes anything
		return
	}
	if dirty {
		s.failed(s.saveState())
	}
	if err := s.expire(now); err != nil {
		s.options.Log.Warn("old rejected lines cannot be removed", "cause", err)
	}
}

// load finds out what the files hold and mends what a crash left; disk is held.
func (s *Store) load() error {
	if err := os.MkdirAll(s.options.Dir, 0o700); err != nil {
		return err
	}
	list, err := s.list()
	if err != nil {
		return err
	}
	if err := s.loadState(); err != nil {
		return err
	}
	groups := map[Key]*tally{}
	next, total := max(s.state.Next, 1), int64(0)
	for _, g := range list {
		text, err := s.read(g)
		if err != nil {
			return err
		}
		salt, good, damaged, _ := walk(text, func(e *Entry) error {
			g.note(e)
			tallyOf(groups, e.Key()).take(e)
			next = max(next, e.ID+1)
			return nil
		})
		g.salt = salt
		if damaged > 0 {
			s.stats.damaged.Add(float64(damaged))
			s.options.Log.Warn("rejected lines that were kept are damaged and left out", "file", s.path(g.number), "places", damaged)
		}
		g.size = good
		total += good
	}
	s.segments = list
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, g := range s.groups { // counted while there were no files
		tallyOf(groups, key).Group.NotKept += g.NotKept
		tallyOf(groups, key).span(g.First, g.Last)
	}
	for _, g := range s.state.NotKept {
		t := tallyOf(groups, g.Key)
		t.NotKept += g.NotKept
		t.span(g.First, g.Last)
	}
	s.groups, s.next, s.bytes, s.loaded = groups, next, total, true
	return nil
}
