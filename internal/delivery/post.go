package delivery

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/message"
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
	name    string
	service *Service
	wake    chan struct{}
	stop    context.CancelFunc // ends run; nil while it does not run; guarded by the service's mu

	mu       sync.Mutex
	channel  Channel
	running  int           // attempts
	row      int           // failures since the last success
	rest     time.Duration // of the present or last rest
	until    time.Time     // end of the rest; zero when the channel is well
	ill      time.Time     // since when it only fails; zero when it is well
	refused  int           // notices given up for good since the last success
	proven   bool          // it has worked, or only failed, since it was made
	cause    string
	template string // why its own template is not used; "" when it is
}

// change goes over to other settings. Attempts that run end with those that they have.
func (p *post) change(c Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !same(p.channel.Notifier, c.Notifier) {
		p.row, p.rest, p.until, p.ill, p.refused, p.cause, p.template = 0, 0, time.Time{}, time.Time{}, 0, "", ""
		nudge(p.wake)
	}
	p.channel = c
}

// same reports whether two notifiers are one.
func same(a, b notifier.Notifier) bool {
	t := reflect.TypeOf(a)
	return t == reflect.TypeOf(b) && t != nil && t.Comparable() && a == b
}

func (p *post) now() Channel {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channel
}

// problems says why the channel rests, and what is wrong with its template.
func (p *post) problems() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.until.IsZero():
		list = append(list, fmt.Sprintf("channel %s failed %d times in a row and rests until %s: %s", p.name, p.row, p.until.UTC().Format(time.RFC3339), p.cause))
	case p.refused >= p.service.options.Trips:
		list = append(list, fmt.Sprintf("channel %s gave up the last %d notices: %s", p.name, p.refused, p.cause))
	}
	if p.template != "" {
		list = append(list, fmt.Sprintf("channel %s: %s", p.name, p.template))
	}
	return list
}

// fails says why the channel only fails, "" when it does not; ok is false while nothing is known.
func (p *post) fails() (cause string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.refused >= p.service.options.Trips || !p.until.IsZero() && p.rest > p.service.options.Rest:
		return p.cause, true
	case !p.until.IsZero(): // it rests for the first time: several notices at once may have met with one hiccup
		return "", false
	}
	return "", p.proven
}

// run claims and sends until ctx ends, which it does with whole at the latest, and returns when all attempts have ended.
func (p *post) run(ctx, whole context.Context) {
	// Attempts outlive ctx by the grace that is given.
	attempts, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var sending sync.WaitGroup
	defer func() {
		grace := p.service.options.Grace
		if whole.Err() == nil {
			grace = p.service.options.Timeout // the channel goes, not the process
		}
		cut := time.AfterFunc(grace, func() { stop(errStopping) })
		defer cut.Stop()
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
				nudge(p.wake)
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
			Channel: p.name, Holder: p.service.options.Holder, Lease: p.service.options.Lease, Limit: n, Now: time.Now(),
		})
		return err
	})
	return claimed
}

// look is how long to wait before the outbox is asked again.
func (p *post) look(ctx context.Context) time.Duration {
	now := time.Now()
	at, ok, err := p.service.outbox.NextDue(ctx, p.name)
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
	p.service.metrics.attempts.WithLabelValues(kind(p.name), string(outcome.State)).Inc()
	p.note(outcome, err)
	if outcome.Spare != "" {
		defer p.service.Wake() // the spare has something to send
	}
	// While the ledger is away the lease protects the notice from being sent by others; after it, keeping on is of no use.
	hold, cancel := context.WithDeadline(ctx, n.Until)
	defer cancel()
	p.service.persist(hold, "store outcome", func() error {
		err := p.service.outbox.Finish(hold, n, outcome)
		if errors.Is(err, fault.Conflict) {
			p.service.log.Warn("notice may have been sent twice", "key", n.Notice.Key, "channel", p.name, "err", err)
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
			err = fmt.Errorf("channel %s: %w: it panicked: %v", p.name, notifier.ErrPermanent, r)
		}
	}()
	return p.service.dress(p.now(), n).send(ctx)
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
		outcome.State, outcome.Spare = ledger.Dead, p.now().Spare
	case due.After(n.Created.Add(o.GiveUp)):
		outcome.State, outcome.Spare = ledger.Dead, p.now().Spare
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

// note keeps the health of the channel. A permanent failure is the notice's own, unless one follows another.
func (p *post) note(outcome ledger.Outcome, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer nudge(p.service.alarmed)
	o, log := p.service.options, p.service.log
	switch outcome.State {
	case ledger.Sent:
		if !p.until.IsZero() {
			log.Info("channel works again", "channel", p.name)
		}
		p.row, p.rest, p.until, p.ill, p.refused, p.cause, p.proven = 0, 0, time.Time{}, time.Time{}, 0, "", true
		p.noteTemplate(outcome.Answer)
	case ledger.Dead:
		log.Error("notice given up", "channel", p.name, "answer", outcome.Answer)
		if errors.Is(err, notifier.ErrPermanent) { // it answered
			p.row, p.rest, p.until, p.ill = 0, 0, time.Time{}, time.Time{}
		}
		p.refused++
		p.cause = outcome.Answer
	default:
		p.row++
		p.cause = outcome.Answer
		now := time.Now()
		if p.row < o.Trips || p.until.After(now) {
			break
		}
		if p.ill.IsZero() {
			p.ill = now
		}
		p.rest = min(max(2*p.rest, o.Rest), o.LongWait)
		p.until, p.proven = now.Add(p.rest), true
		log.Warn("channel only fails, and rests", "channel", p.name, "failures", p.row, "rest", p.rest, "answer", outcome.Answer)
	}
	resting := 0.0
	if !p.until.IsZero() {
		resting = 1
	}
	p.service.metrics.resting.WithLabelValues(kind(p.name)).Set(resting)
}

// noteTemplate keeps, and tells once, that a message was not put into the operator's own words.
func (p *post) noteTemplate(answer string) {
	_, problem, foul := strings.Cut(answer, message.NotUsed)
	if foul {
		problem = message.NotUsed + problem
	}
	if problem != p.template && foul {
		p.service.log.Error("template falls back to the shipped one", "channel", p.name, "problem", problem)
	}
	p.template = problem
}

// kind is the name of a channel in metrics: the channels of single users are one.
func kind(name string) string {
	kind, _, _ := strings.Cut(name, ":")
	return kind
}
