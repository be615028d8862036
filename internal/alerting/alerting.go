// Package alerting turns findings into alerts: it opens, merges and ends them, holds back what comes too often, and brings
// each finding into the ledger exactly once.
//
// Findings about an entity that has been quiet are written at once; after that its row is written at most once a second,
// with everything that came meanwhile summed up, or earlier when more is held back than memory is meant for. What is held back is in memory only. It is not lost with the process:
// the position that the ledger keeps stands before the oldest finding held back, so that the journal is judged again from
// there, and each alert remembers how far it has counted, so that nothing is counted twice. Everything above holds if the
// journal, judged again, gives the same findings at the same positions.
//
// While the ledger is away nothing is dropped: positions stand still, memory is bounded, and Take blocks its caller.
package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Name is under which the ledger keeps alerting's position when Options give none.
const Name = "alerting"

// AfterLedger is the point at which findings are in the ledger and whoever judges has not saved his state yet.
const AfterLedger = "after-ledger-before-snapshot"

// A Ledger is where alerts are kept.
type Ledger interface {
	Progress(ctx context.Context, name string) (ledger.Progress, error)
	OpenAlerts(ctx context.Context) (map[int64]int, error)
	Commit(ctx context.Context, c ledger.Commit) (ledger.Result, error)
	Record(ctx context.Context, p ledger.Past) ([]alert.Alert, error)
	EndRule(ctx context.Context, rule int64, at, now time.Time, route ledger.Route) ([]ledger.Change, error)
	Act(ctx context.Context, a ledger.Act) (alert.Alert, []ledger.Change, error)
	OwnRule(ctx context.Context, name string, now time.Time) (ledger.Rule, error)
	Rules(ctx context.Context, q ledger.RuleQuery) ([]ledger.Rule, error)
	Alerts(ctx context.Context, q ledger.AlertQuery) ([]alert.Alert, error)
}

// Rules knows the rules that run. It is called from several goroutines.
type Rules interface {
	// Rule returns what alerts say about a rule; ok is false when there is none of this number any more.
	Rule(id int64) (ref ledger.RuleRef, ok bool)
}

// Options are settings; zero means the default of each.
type Options struct {
	Name     string        // under which the ledger keeps the position; "alerting"
	Every    time.Duration // shortest time between two writes of one alert; 1 s
	Cap      int           // open alerts a rule; 1,000
	Reopen   time.Duration // for how long an alert that ended is opened again rather than another; 0 is never
	Flapping ledger.Flapping
	MaxHeld  int // entities held back before Take blocks; 10,000
	MaxBytes int // estimated memory of findings held back before Take blocks; 64 MiB
	// Excluded tells the number of the exclusion by which a finding is not to become an alert, given the alert that it would
	// begin. nil excludes nothing.
	Excluded func(a *alert.Alert, now time.Time) (mute int64, ok bool)
	// Point is called at named points, for tests that end the process there; nil does nothing.
	Point func(name string)
	// Written is told of the changes after they were committed; it must not block. nil tells nobody.
	Written func([]ledger.Change)
}

// Judged is what was found up to a position. Positions come in order, each once: all that is found at a position is in one
// Judged.
type Judged struct {
	Position  event.Position
	Watermark event.Watermark
	Findings  []alert.Finding // about rules by number, in order of time for each entity

	refs []ledger.RuleRef // of tocsin's own alerts, what they say about the rule of each finding
}

// A Service is the alerting of one process. Start comes first, then Take, while Run writes.
type Service struct {
	ledger  Ledger
	rules   Rules
	route   ledger.Route
	options Options
	log     *slog.Logger
	metrics *metrics
	own     *owns // nil in the service that writes them

	taking  sync.Mutex    // held by Take, so that outputs stay in order
	writing sync.Mutex    // held while the ledger is written for live findings
	wake    chan struct{} // there is something to do for Run

	mu        sync.Mutex
	started   bool
	book      book
	committed ledger.Progress
	flush     bool          // write everything held back now
	changed   chan struct{} // closed and replaced after each commit
	unwritten *load         // cut, and not known to be in the ledger
	problem   string        // why the ledger cannot be written, "" when it can
}

// New returns a service that is not running yet. Route says who is told of a change; nil tells nobody.
func New(l Ledger, rules Rules, route ledger.Route, o Options, log *slog.Logger, registry prometheus.Registerer) *Service {
	if o.Name == "" {
		o.Name = Name
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Cap <= 0 {
		o.Cap = ledger.DefaultCap
	}
	if o.MaxHeld <= 0 {
		o.MaxHeld = 10_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Point == nil {
		o.Point = func(string) {}
	}
	if o.Written == nil {
		o.Written = func([]ledger.Change) {}
	}
	s := newService(l, rules, route, o, log, newMetrics(registry))
	s.own = newOwns(s)
	return s
}

func newService(l Ledger, rules Rules, route ledger.Route, o Options, log *slog.Logger, m *metrics) *Service {
	return &Service{
		ledger: l, rules: rules, route: route, options: o, log: log, metrics: m,
		wake: make(chan struct{}, 1), changed: make(chan struct{}), book: newBook(o.Name, o.Every, o.Cap),
	}
}

// Start learns from the ledger how far it is, and returns that position: judging resumes there. It waits for a ledger that
// is away, until ctx ends.
func (s *Service) Start(ctx context.Context) (event.Position, error) {
	var progress ledger.Progress
	var open map[int64]int
	err := s.insist(ctx, "start alerting", func() (err error) {
		if progress, err = s.ledger.Progress(ctx, s.options.Name); err != nil {
			return err
		}
		open, err = s.ledger.OpenAlerts(ctx)
		return err
	})
	if err != nil {
		return event.Position{}, err
	}
	s.begin(progress, open)
	return progress.Position, nil
}

// begin goes on from where the ledger is.
func (s *Service) begin(progress ledger.Progress, open map[int64]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started, s.committed = true, progress
	s.book.start(progress, open)
}

// Committed is the position up to which everything is in the ledger. State saved by whoever judges may stand there or
// before, never behind.
func (s *Service) Committed() event.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed.Position
}

// Problem says why alerts cannot be written now, "" when they can.
func (s *Service) Problem() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// Take takes findings over; Run writes them. It returns at once unless too much is held back already, which is so when the
// ledger is away or slow. What lies at or below a position that was taken before is ignored. The findings must not be
// changed afterwards.
func (s *Service) Take(ctx context.Context, j Judged) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	if err := s.makeRoom(ctx); err != nil {
		return fmt.Errorf("take findings at %s: %w", j.Position, err)
	}
	found, now := len(j.Findings), time.Now()
	kept, hits := s.withoutExcluded(j.Findings, now)
	j.Findings = kept
	s.mu.Lock()
	if !s.started {
		s.mu.Unlock()
		return fault.New(fault.Conflict, "take findings: alerting has not started")
	}
	if s.book.taken.Covers(j.Position) {
		s.mu.Unlock()
		return nil
	}
	// Behind a restart some alerts may have counted these findings already. They are written one output at a time, so that
	// the ledger can tell.
	again := s.committed.Front.Covers(j.Position)
	if !again { // else they were counted with what was found then
		s.book.count(hits)
	}
	s.book.take(j, now)
	s.flush = s.flush || again
	s.mu.Unlock()
	s.metrics.findings.Add(float64(found))
	s.metrics.excluded.Add(float64(found - len(j.Findings)))
	s.nudge()
	if !again {
		return nil
	}
	return s.waitUntil(ctx, func() bool { return s.committed.Position.Covers(j.Position) })
}

// makeRoom returns when not too much is held back. Rather than wait for findings to become due it has them written early.
func (s *Service) makeRoom(ctx context.Context) error {
	s.mu.Lock()
	room := s.hasRoom()
	s.flush = s.flush || !room
	s.mu.Unlock()
	if room {
		return nil
	}
	s.nudge()
	return s.waitUntil(ctx, s.hasRoom)
}

// hasRoom is called with mu held.
func (s *Service) hasRoom() bool {
	return s.book.held < s.options.MaxHeld && s.book.bytes < s.options.MaxBytes
}

// Flush returns when everything taken and raised so far is in the ledger. Run must be running.
func (s *Service) Flush(ctx context.Context) error {
	if s.own != nil {
		if err := s.own.flush(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	target := s.book.taken
	s.flush = true
	s.mu.Unlock()
	s.nudge()
	return s.waitUntil(ctx, func() bool { return s.committed.Position.Covers(target) })
}

// waitUntil returns when ok holds, which is asked with mu held after each commit.
func (s *Service) waitUntil(ctx context.Context, ok func() bool) error {
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}
