// Package delivery sends the notices in the outbox: it tries again with longer and longer waits, gives up in the end, rests a
// channel that only fails, and keeps each attempt with its answer.
//
// A notice is sent at least once. Its sender holds a lease on it; when the process dies between sending and noting that it
// did, the lease runs out and the notice is sent again, with the same idempotency key. Each channel has its own workers, so
// that one that hangs holds up no other. Notices about one alert over one channel keep their order.
package delivery

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// AfterSend is the point at which a notice was sent and the outbox does not say so yet.
const AfterSend = "after-send-before-outbox"

// An Outbox is where notices wait.
type Outbox interface {
	Claim(ctx context.Context, c ledger.Claim) ([]ledger.LeasedNotice, error)
	Finish(ctx context.Context, n ledger.LeasedNotice, o ledger.Outcome) error
	NextDue(ctx context.Context, channel string) (at time.Time, ok bool, err error)
	Release(ctx context.Context, holder string) error
	GiveUp(ctx context.Context, before, now time.Time, why string) (int64, error)
	Prune(ctx context.Context, before time.Time) (int64, error)
}

// A Channel is one way out.
type Channel struct {
	Name        string
	MinSeverity alert.Severity // what is below goes elsewhere; zero lets all pass
	Notifier    notifier.Notifier
}

// Options are settings; zero means the default of each.
type Options struct {
	Holder    string        // name of this process in leases, the same after its restart; "tocsin"
	Workers   int           // attempts at once in each channel; 4
	Timeout   time.Duration // of one attempt; 1 min
	Lease     time.Duration // of a claim; twice Timeout
	FirstWait time.Duration // before the second attempt, and doubled from there; 2 s
	LongWait  time.Duration // the longest wait between attempts; 10 min
	GiveUp    time.Duration // age at which a notice is given up; 24 h
	Keep      time.Duration // for how long finished notices can be looked up; 90 days
	Trips     int           // failures in a row after which a channel rests; 5
	Rest      time.Duration // of a channel at first, doubled up to LongWait; 30 s
	Grace     time.Duration // for attempts that run when the process stops; 10 s
	Node      string        // the name of this tocsin in notices; "" tells none
	// Link returns the address of the page of an alert, "" when there is none; nil is none.
	Link func(alert int64) string
	// Jitter returns a number of 0 up to 1 that spreads waits; nil is random.
	Jitter func() float64
	// Point is called at named points, for tests that end the process there; nil does nothing.
	Point func(name string)
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Timeout, time.Minute)
	set(&o.Lease, 2*o.Timeout)
	set(&o.FirstWait, 2*time.Second)
	set(&o.LongWait, 10*time.Minute)
	set(&o.GiveUp, 24*time.Hour)
	set(&o.Keep, 90*24*time.Hour)
	set(&o.Rest, 30*time.Second)
	set(&o.Grace, 10*time.Second)
	if o.Holder == "" {
		o.Holder = "tocsin"
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Trips <= 0 {
		o.Trips = 5
	}
	if o.Link == nil {
		o.Link = func(int64) string { return "" }
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Point == nil {
		o.Point = func(string) {}
	}
	return o
}

// A Service is the delivery of one process.
type Service struct {
	outbox   Outbox
	channels []*post
	options  Options
	log      *slog.Logger
	metrics  *metrics
}

// New returns a service that is not running yet.
func New(outbox Outbox, channels []Channel, o Options, log *slog.Logger, registry prometheus.Registerer) *Service {
	s := &Service{outbox: outbox, options: o.withDefaults(), log: log, metrics: newMetrics(registry)}
	for _, c := range channels {
		s.channels = append(s.channels, &post{Channel: c, service: s, wake: make(chan struct{}, 1)})
	}
	return s
}

// Wake says that there may be new notices. It does not block.
func (s *Service) Wake() {
	for _, p := range s.channels {
		p.nudge()
	}
}

// Problems names the channels that rest because they only fail, with the last cause.
func (s *Service) Problems() []string {
	var problems []string
	for _, p := range s.channels {
		if text := p.problem(); text != "" {
			problems = append(problems, text)
		}
	}
	return problems
}

// Run sends until ctx ends. Attempts that run then get a while to end, and are tried again by the next process if they do
// not.
func (s *Service) Run(ctx context.Context) error {
	// Whoever held leases under our name is gone: the data directory is ours alone.
	s.persist(ctx, "release notices", func() error { return s.outbox.Release(ctx, s.options.Holder) })
	var all sync.WaitGroup
	for _, p := range s.channels {
		all.Go(func() { p.run(ctx) })
	}
	all.Go(func() { s.tidy(ctx) })
	all.Wait()
	return nil
}

// tidy gives up what is too old, which also covers channels that are configured no more, and forgets what was finished long
// ago.
func (s *Service) tidy(ctx context.Context) {
	const every = time.Minute
	for {
		now := time.Now()
		n, err := s.outbox.GiveUp(ctx, now.Add(-s.options.GiveUp), now, "given up: not delivered within "+s.options.GiveUp.String())
		if n > 0 {
			s.log.Error("notices given up", "count", n, "age", s.options.GiveUp)
			s.metrics.attempts.WithLabelValues("", "expired").Add(float64(n))
		}
		if err == nil {
			_, err = s.outbox.Prune(ctx, now.Add(-s.options.Keep))
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("outbox not tidied", "err", err)
		}
		if !pause(ctx, every, nil) {
			return
		}
	}
}

// persist calls do, with longer and longer waits, until it succeeds or ctx ends.
func (s *Service) persist(ctx context.Context, act string, do func() error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := do()
		if err == nil || ctx.Err() != nil {
			return
		}
		if wait == 100*time.Millisecond {
			s.log.Warn("delivery waits for the ledger", "act", act, "err", err)
		}
		if !pause(ctx, wait, nil) {
			return
		}
	}
}

// pause waits for d or until wake gives; it is false when ctx ended.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// errStopping ends an attempt that runs when the process stops.
var errStopping = errors.New("the process is stopping")
