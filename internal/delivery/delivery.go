// Package delivery sends the notices in the outbox: it tries again with longer and longer waits, gives up in the end, rests a
// channel that only fails, and keeps each attempt with its answer.
//
// What is held for a summary it lets go in time, and what one channel cannot send for long it hands to the one that stands in
// for it. Channels can be changed while it runs.
//
// A notice is sent at least once. Its sender holds a lease on it; when the process dies between sending and noting that it
// did, the lease runs out and the notice is sent again, with the same idempotency key. Each channel has its own workers, so
// that one that hangs holds up no other. Notices about one alert over one channel keep their order.
package delivery

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// Points for tests: a notice was sent and the outbox does not say so yet; a summary is in the outbox and nobody sends it yet.
const (
	AfterSend   = "after-send-before-outbox"
	AfterBundle = "after-bundle-before-send"
)

// An Outbox is where notices wait.
type Outbox interface {
	Claim(ctx context.Context, c ledger.Claim) ([]ledger.LeasedNotice, error)
	Finish(ctx context.Context, n ledger.LeasedNotice, o ledger.Outcome) error
	NextDue(ctx context.Context, channel string) (at time.Time, ok bool, err error)
	NextHeld(ctx context.Context) (at time.Time, ok bool, err error)
	Bundle(ctx context.Context, now time.Time) (int, error)
	Storms(ctx context.Context) ([]ledger.Raging, error)
	SpareWaiting(ctx context.Context, from, to string, before, now time.Time, why string) (int64, error)
	Release(ctx context.Context, holder string) error
	GiveUp(ctx context.Context, before, now time.Time, why string) (int64, error)
	Prune(ctx context.Context, before time.Time) (int64, error)
}

// A Channel is one way out.
type Channel struct {
	Name     string
	Notifier notifier.Notifier
	// Spare is the channel through which goes what this one gives up, or cannot send for long; "" is none.
	Spare string
}

// Options are settings; zero means the default of each.
type Options struct {
	Holder    string        // name of this process in leases, the same after its restart; "tocsin"
	Workers   int           // attempts at once in each channel; 4
	Timeout   time.Duration // of one attempt; 1 min
	Lease     time.Duration // of a claim; twice Timeout
	FirstWait time.Duration // before the second attempt, and doubled from there; 2 s
	LongWait  time.Duration // the longest wait between attempts; 10 min
	GiveUp    time.Duration // age at which a notice is given up; 72 h
	Keep      time.Duration // for how long finished notices can be looked up; 90 days
	Trips     int           // failures in a row after which a channel rests; 5
	Rest      time.Duration // of a channel at first, doubled up to LongWait; 30 s
	Patience  time.Duration // for which a channel may fail until its spare helps out; 5 min
	Grace     time.Duration // for attempts that run when the process stops; 10 s
	Node      string        // the name of this tocsin in notices; "" tells none
	// Link returns the address of the page of an alert, "" when there is none; nil is none.
	Link func(alert int64) string
	// Show puts names into an alert that a notice tells of, as it is sent; nil puts none. It must not block.
	Show func(a *alert.Alert)
	// Alarm is told, apart from all sending, that a channel only fails, and why, and with an empty cause that it works. It is
	// told again when it returns an error. nil is not told.
	Alarm func(ctx context.Context, channel, cause string) error
	// Storm is told each minute of a storm that goes on, and that it is over. It must not block; nil is not told.
	Storm func(ctx context.Context, storm ledger.Raging, over bool)
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
	set(&o.GiveUp, 72*time.Hour)
	set(&o.Patience, 5*time.Minute)
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
	if o.Alarm == nil {
		o.Alarm = func(context.Context, string, string) error { return nil }
	}
	if o.Storm == nil {
		o.Storm = func(context.Context, ledger.Raging, bool) {}
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
	outbox  Outbox
	options Options
	log     *slog.Logger
	metrics *metrics
	summing chan struct{} // something may be held
	alarmed chan struct{} // a channel fails, or works again

	mu     sync.Mutex
	posts  map[string]*post
	gone   map[string]bool // names of posts that were taken away, until the alarm knows
	launch func(*post)     // of Run: runs a post; nil before and after
}

// New returns a service that is not running yet.
func New(outbox Outbox, channels []Channel, o Options, log *slog.Logger, registry prometheus.Registerer) *Service {
	s := &Service{
		outbox: outbox, options: o.withDefaults(), log: log, metrics: newMetrics(registry),
		summing: make(chan struct{}, 1), alarmed: make(chan struct{}, 1), posts: map[string]*post{}, gone: map[string]bool{},
	}
	s.SetChannels(channels)
	return s
}

// SetChannels makes these the channels. One that stays keeps its health, but where its notifier is another; one that goes lets
// its attempts end, and what waits for it stays in the outbox. It may be called at any time.
func (s *Service) SetChannels(channels []Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := map[string]bool{}
	for _, c := range channels {
		keep[c.Name] = true
		delete(s.gone, c.Name)
		if p := s.posts[c.Name]; p != nil {
			p.change(c)
			continue
		}
		p := &post{channel: c, name: c.Name, service: s, wake: make(chan struct{}, 1)}
		s.posts[c.Name] = p
		if s.launch != nil {
			s.launch(p)
		}
	}
	for name, p := range s.posts {
		if !keep[name] {
			s.gone[name] = true
			delete(s.posts, name)
			if p.stop != nil {
				p.stop()
			}
		}
	}
	nudge(s.alarmed)
}

// list returns the posts by name.
func (s *Service) list() []*post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.posts), func(a, b *post) int { return strings.Compare(a.name, b.name) })
}

// Wake says that there may be new notices. It does not block.
func (s *Service) Wake() {
	nudge(s.summing)
	for _, p := range s.list() {
		nudge(p.wake)
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look anyway
	}
}

// Problems names the channels that only fail, with the last cause, and those whose templates cannot be used.
func (s *Service) Problems() []string {
	var problems []string
	for _, p := range s.list() {
		problems = append(problems, p.problems()...)
	}
	return problems
}

// Run sends until ctx ends. Attempts that run then get a while to end, and are tried again by the next process if they do
// not.
func (s *Service) Run(ctx context.Context) error {
	// Whoever held leases under our name is gone: the data directory is ours alone.
	s.persist(ctx, "release notices", func() error { return s.outbox.Release(ctx, s.options.Holder) })
	var all sync.WaitGroup
	launch := func(p *post) {
		own, stop := context.WithCancel(ctx)
		p.stop = stop
		all.Go(func() {
			defer stop()
			p.run(own, ctx)
		})
	}
	s.mu.Lock()
	s.launch = launch
	for _, p := range s.posts {
		launch(p)
	}
	s.mu.Unlock()
	all.Go(func() { s.tidy(ctx) })
	all.Go(func() { s.sumUp(ctx) })
	all.Go(func() { s.raiseAlarms(ctx) })
	<-ctx.Done()
	s.mu.Lock()
	s.launch = nil
	s.mu.Unlock()
	all.Wait()
	return nil
}

// tidy gives up what is too old, which also covers channels that are configured no more, and forgets what was finished long
// ago.
func (s *Service) tidy(ctx context.Context) {
	const every = time.Minute
	for {
		now := time.Now()
		s.helpOut(ctx, now)
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
