package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// Bounds of the wait between two looks into the outbox. Wake cuts it short; the upper bound finds what another process put
// there.
const (
	shortLook = 100 * time.Millisecond
	longLook  = 15 * time.Second
)

// A post runs one channel.
type post struct {
	Channel
	service *Service
	wake    chan struct{}

	mu      sync.Mutex
	running int           // attempts
	row     int           // failures since the last success
	rest    time.Duration // of the present or last rest
	until   time.Time     // end of the rest; zero when the channel is well
	cause   string
}

func (p *post) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// problem says why the channel rests, "" when it does not.
func (p *post) problem() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.IsZero() {
		return ""
	}
	return fmt.Sprintf("channel %s failed %d times in a row and rests until %s: %s", p.Name, p.row, p.until.UTC().Format(time.RFC3339), p.cause)
}

// run claims and sends until ctx ends, and returns when all attempts have ended.
func (p *post) run(ctx context.Context) {
	// Attempts outlive ctx by the grace that is given.
	attempts, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var sending sync.WaitGroup
	defer func() {
		grace := time.AfterFunc(p.service.options.Grace, func() { stop(errStopping) })
		defer grace.Stop()
		sending.Wait()
	}()
	for ctx.Err() == nil {
		n := p.free(time.Now())
		var claimed []ledger.LeasedNotice
		if n > 0 {
			claimed = p.claim(ctx, n)
		}
		for _, notice := range claimed {
			p.mu.Lock()
			p.running++
			p.mu.Unlock()
			sending.Go(func() {
				p.attempt(attempts, notice)
				p.mu.Lock()
				p.running--
				p.mu.Unlock()
				p.nudge()
			})
		}
		if len(claimed) < n || n == 0 {
			pause(ctx, p.look(ctx), p.wake)
		}
	}
}

// free is how many notices may be claimed now: none while the channel rests, one to try a channel that rested.
func (p *post) free(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.until.IsZero():
		return p.service.options.Workers - p.running
	case p.until.After(now) || p.running > 0:
		return 0
	default:
		return 1
	}
}

func (p *post) claim(ctx context.Context, n int) []ledger.LeasedNotice {
	var claimed []ledger.LeasedNotice
	p.service.persist(ctx, "claim notices", func() (err error) {
		claimed, err = p.service.outbox.Claim(ctx, ledger.Claim{
			Channel: p.Name, Holder: p.service.options.Holder, Lease: p.service.options.Lease, Limit: n, Now: time.Now(),
		})
		return err
	})
	return claimed
}

// look is how long to wait before the outbox is asked again.
func (p *post) look(ctx context.Context) time.Duration {
	now := time.Now()
	at, ok, err := p.service.outbox.NextDue(ctx, p.Name)
	if err != nil || !ok {
		at = now.Add(longLook)
	}
	p.mu.Lock()
	if p.until.After(at) {
		at = p.until
	}
	p.mu.Unlock()
	return min(max(at.Sub(now), shortLook), longLook)
}

// attempt sends one notice and stores what became of it.
func (p *post) attempt(ctx context.Context, n ledger.LeasedNotice) {
	answer, err := p.send(ctx, n.Notice)
	p.service.options.Point(AfterSend)
	outcome := p.judge(n.Notice, answer, err, time.Now())
	p.service.metrics.attempts.WithLabelValues(p.Name, string(outcome.State)).Inc()
	p.note(outcome, err)
	// While the ledger is away the lease protects the notice from being sent by others; after it, keeping on is of no use.
	hold, cancel := context.WithDeadline(ctx, n.Until)
	defer cancel()
	p.service.persist(hold, "store outcome", func() error {
		err := p.service.outbox.Finish(hold, n, outcome)
		if errors.Is(err, fault.Conflict) {
			p.service.log.Warn("notice may have been sent twice", "key", n.Notice.Key, "channel", p.Name, "err", err)
			return nil
		}
		return err
	})
}

// send makes one attempt. A notifier that panics has failed like any other.
func (p *post) send(ctx context.Context, n notifier.Notice) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.service.options.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("channel %s: %w: it panicked: %v", p.Name, notifier.ErrPermanent, r)
		}
	}()
	n.Node = p.service.options.Node
	if n.Alert.ID != 0 {
		n.Link = p.service.options.Link(n.Alert.ID)
	}
	return p.Notifier.Send(ctx, n)
}

// judge decides what becomes of a notice after an attempt.
func (p *post) judge(n notifier.Notice, answer string, err error, now time.Time) ledger.Outcome {
	o := p.service.options
	outcome := ledger.Outcome{State: ledger.Sent, Answer: answer, Ended: now}
	if err == nil {
		return outcome
	}
	outcome.Answer = err.Error()
	if answer != "" {
		outcome.Answer += ": " + answer
	}
	wait := backoff(n.Attempt, o.FirstWait, o.LongWait, o.Jitter())
	if later, ok := errors.AsType[*notifier.Later](err); ok {
		wait = max(wait, later.After)
	}
	due := now.Add(wait)
	switch {
	case errors.Is(err, notifier.ErrPermanent):
		outcome.State = ledger.Dead
	case due.After(n.Created.Add(o.GiveUp)):
		outcome.State = ledger.Dead
		outcome.Answer = "given up after " + o.GiveUp.String() + ": " + outcome.Answer
	default:
		outcome.State, outcome.Due = ledger.Pending, due
	}
	return outcome
}

// backoff is the wait after an attempt, counted from 1: doubled each time, up to long, and spread by up to a quarter so that
// notices that failed together do not come back together.
func backoff(attempt int, first, long time.Duration, jitter float64) time.Duration {
	wait := first
	for i := 1; i < attempt && wait < long; i++ {
		wait *= 2
	}
	wait = min(wait, long)
	return wait + time.Duration(jitter*float64(wait)/4)
}

// note keeps the health of the channel. A permanent failure is the notice's own and says nothing about the channel.
func (p *post) note(outcome ledger.Outcome, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.service.options
	switch outcome.State {
	case ledger.Sent:
		if !p.until.IsZero() {
			p.service.log.Info("channel works again", "channel", p.Name)
		}
		p.row, p.rest, p.until, p.cause = 0, 0, time.Time{}, ""
	case ledger.Dead:
		p.service.log.Error("notice given up", "channel", p.Name, "answer", outcome.Answer)
		if !p.until.IsZero() && errors.Is(err, notifier.ErrPermanent) {
			p.row, p.rest, p.until, p.cause = 0, 0, time.Time{}, "" // it answered
		}
	default:
		p.row++
		p.cause = outcome.Answer
		if p.row < o.Trips || p.until.After(time.Now()) {
			break
		}
		p.rest = min(max(2*p.rest, o.Rest), o.LongWait)
		p.until = time.Now().Add(p.rest)
		p.service.log.Warn("channel only fails, and rests", "channel", p.Name, "failures", p.row, "rest", p.rest, "answer", outcome.Answer)
	}
	resting := 0.0
	if !p.until.IsZero() {
		resting = 1
	}
	p.service.metrics.resting.WithLabelValues(p.Name).Set(resting)
}
