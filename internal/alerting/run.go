package alerting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tocsin/internal/ledger"
)

// Waits between attempts while the ledger is away, and how long the last write may take when the process stops.
const (
	firstWait = 100 * time.Millisecond
	longWait  = 10 * time.Second
	lastGrace = 5 * time.Second
)

// errStopped ends the attempts of the last write.
var errStopped = errors.New("the process is stopping")

// Run writes what Take took until ctx ends; then it writes the rest, unless the ledger is away: what is not written will be
// found again in the journal.
func (s *Service) Run(ctx context.Context) error {
	if s.own != nil {
		var own sync.WaitGroup
		defer own.Wait()
		own.Go(func() { s.own.run(ctx) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if s.writeOnce(ctx) != nil {
			break // only because ctx ended
		}
		s.mu.Lock()
		wait, ok := s.book.wait(time.Now(), s.committed.Position)
		s.mu.Unlock()
		if !ok {
			wait = time.Hour
		}
		timer.Reset(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), lastGrace, errStopped)
	defer cancel()
	for range 2 { // a load that was cut already, and the rest
		s.mu.Lock()
		s.flush = true
		s.mu.Unlock()
		if err := s.writeOnce(last); err != nil {
			s.log.Warn("alerts left to be judged again", "err", err)
			break
		}
	}
	return nil
}

// writeOnce writes what is due, and tries until the ledger takes it or ctx ends. A load, once cut, stays as it is: if the
// outcome of an attempt is unknown, the ledger can then tell that it has it already.
func (s *Service) writeOnce(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	if s.unwritten == nil {
		s.unwritten = s.book.next(time.Now(), s.flush, s.committed.Position)
		s.flush = false
	}
	l := s.unwritten
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	s.fill(l)
	var result ledger.Result
	err := s.insist(ctx, "write alerts", func() (err error) {
		result, err = s.ledger.Commit(ctx, l.commit)
		return err
	})
	if err != nil {
		return err
	}
	s.options.Point(AfterLedger)
	s.metrics.commits.Inc()
	s.mu.Lock()
	s.unwritten = nil
	s.book.done(l, result, time.Now())
	if !s.committed.Front.Covers(l.commit.Front) {
		s.committed.Front = l.commit.Front
	}
	s.committed.Position = l.commit.Position
	s.metrics.held.Set(float64(s.book.held))
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	for i := range result.Changes {
		s.metrics.changes.WithLabelValues(string(result.Changes[i].Kind)).Inc()
	}
	s.options.Written(result.Changes)
	return nil
}

// fill makes the load's writes, with the rules as they are now. Findings of a rule that is gone are left out.
func (s *Service) fill(l *load) {
	if l.commit.Writes != nil {
		return
	}
	l.commit.Route, l.commit.Reopen, l.commit.Flapping = s.route, s.options.Reopen, s.options.Flapping
	for _, p := range l.parts {
		ref, ok := s.refer(p)
		if !ok {
			s.metrics.orphans.Inc()
			s.log.Info("finding of a rule that is gone left out", "rule", p.key.rule)
			continue
		}
		l.commit.Writes = append(l.commit.Writes, ledger.Write{Rule: ref, Entity: p.entity, Episodes: p.episodes})
	}
}

// refer returns what an alert says about its rule.
func (s *Service) refer(p part) (ref ledger.RuleRef, ok bool) {
	if p.ref != nil {
		return *p.ref, true
	}
	return s.rules.Rule(p.key.rule)
}

// insist calls do until it succeeds or ctx ends, with longer and longer waits between.
func (s *Service) insist(ctx context.Context, act string, do func() error) error {
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		err := do()
		if err == nil {
			s.recovered()
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", act, errors.Join(context.Cause(ctx), err))
		}
		s.failed(act, err)
		select {
		case <-time.After(wait/2 + rand.N(wait/2)): //nolint:gosec // spread, not secrecy
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", act, errors.Join(context.Cause(ctx), err))
		}
	}
}

// failed notes that the ledger is away; the log has a line for each new cause.
func (s *Service) failed(act string, err error) {
	s.metrics.failures.Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	if problem := err.Error(); s.problem != problem {
		s.problem = problem
		s.log.Error("alerts wait for the ledger", "act", act, "err", err)
	}
}

func (s *Service) recovered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != "" {
		s.problem = ""
		s.log.Info("the ledger takes alerts again")
	}
}
