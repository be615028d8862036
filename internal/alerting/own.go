package alerting

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// An Own is something that tocsin has to tell of itself, such as a channel that fails or a source that is silent.
type Own struct {
	// Name is that of its rule: alert.OwnPrefix, small letters, digits and hyphens, 64 bytes at most. The rule has the same
	// number for ever.
	Name     string
	Title    string       // for people; empty is Name
	Owner    string       // the account whose alert it is; empty is everybody's
	Entity   alert.Entity // which channel, which source; of each value 256 bytes count
	Severity alert.Severity
	Reason   string  // one sentence for people that names what is wrong and what to do
	Value    float64 // what was measured, and what it was held against
	Limit    float64
}

var ownName = regexp.MustCompile(`^` + alert.OwnPrefix + `[a-z0-9][a-z0-9-]{0,56}$`)

// Bounds of what is held of tocsin's own alerts while they cannot be written.
const (
	maxOwnSteps = 10_000
	maxOwnValue = 256
)

// Raise opens an alert of tocsin's own, or says of the one that stands that its cause goes on: what is raised again and again
// stays one alert, of which people are told once and its row is written once a second. It returns at once. Run writes it, as
// soon as the ledger is there, with notices as for any alert, and never holds the alerts of rules up. What is not written
// when the process is killed is lost, so its cause must be raised again after a restart if it goes on; the alert is then the
// same. The error is an Invalid, or Full when the ledger has been away for very long.
func (s *Service) Raise(_ context.Context, o Own) error {
	if !ownName.MatchString(o.Name) || o.Severity < alert.Info || o.Severity > alert.Critical || o.Reason == "" {
		return fault.New(fault.Invalid, "raise alert %q: want a name that begins with %s, a severity and a reason", o.Name, alert.OwnPrefix)
	}
	o.Entity = ownEntity(o.Entity)
	return s.own.add(ownStep{Own: o, at: time.Now(), triggers: 1})
}

// Clear ends an alert that Raise opened, in this process or an earlier one; when there is none it does nothing. It returns at
// once, as Raise does.
func (s *Service) Clear(_ context.Context, name string, entity alert.Entity) error {
	if !ownName.MatchString(name) {
		return fault.New(fault.Invalid, "clear alert %q: want a name that begins with %s", name, alert.OwnPrefix)
	}
	return s.own.add(ownStep{Own: Own{Name: name, Entity: ownEntity(entity)}, at: time.Now()})
}

// ownEntity cuts an entity to what the ledger keeps unchanged, so that an alert that was read back has the same.
func ownEntity(e alert.Entity) alert.Entity {
	cut := make(alert.Entity, len(e))
	for i, p := range e {
		value := strings.ReplaceAll(strings.ToValidUTF8(p.Value, "\uFFFD"), "\x00", "\uFFFD")
		if end := maxOwnValue; len(value) > end {
			for !utf8.RuneStart(value[end]) {
				end--
			}
			value = value[:end]
		}
		cut[i] = alert.Pair{Field: p.Field, Value: value}
	}
	return cut
}

// An ownStep is one Raise or Clear, or several alike in a row.
type ownStep struct {
	Own
	at       time.Time // the newest
	triggers int       // 0 ends the alert
}

func (s *ownStep) key() ownKey { return ownKey{s.Name, s.Entity.Key()} }

type ownKey struct{ rule, entity string }

// owns brings tocsin's own alerts into the ledger. They are findings like all others, in a journal that is only in memory: a
// service of their own writes them, with positions of an epoch that ends with the process.
type owns struct {
	service *Service
	epoch   string

	wake    chan struct{}    // there is something to do for run
	numbers map[string]int64 // of rules; for run alone
	seq     uint64           // of the newest finding; for run alone

	mu       sync.Mutex
	steps    []*ownStep          // not handed on yet
	last     map[ownKey]*ownStep // of steps, the newest about each alert
	standing map[ownKey]bool     // alerts that may stand; nil while that is not known
	added    uint64              // steps that came, and those that were handed on
	handed   uint64
	moved    chan struct{} // closed and replaced when steps were handed on
}

func newOwns(s *Service) *owns {
	m := *s.metrics
	m.held = prometheus.NewGauge(prometheus.GaugeOpts{Name: "unused"}) // that of the findings of rules is shown
	o := s.options
	o.Name, o.Excluded = o.Name+"-own", nil
	return &owns{
		service: newService(s.ledger, nil, s.route, o, s.log, &m), epoch: rand.Text(),
		last: map[ownKey]*ownStep{}, wake: make(chan struct{}, 1), moved: make(chan struct{}),
	}
}

// add puts a step behind the others, or into the last one about the same alert if that says the same.
func (o *owns) add(step ownStep) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := step.key()
	raised := step.triggers > 0
	if !raised && o.standing != nil && !o.standing[key] {
		return nil
	}
	if last := o.last[key]; last != nil && (last.triggers > 0) == raised {
		step.triggers += last.triggers
		*last = step
		return nil
	}
	if len(o.steps) >= maxOwnSteps {
		return fault.New(fault.Full, "raise alert %s: %d of tocsin's own alerts wait for the ledger", step.Name, len(o.steps))
	}
	o.steps, o.added = append(o.steps, &step), o.added+1
	o.last[key] = &step
	if o.standing != nil && raised {
		o.standing[key] = true
	} else if o.standing != nil {
		delete(o.standing, key)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// next takes the first step off, nil when there is none.
func (o *owns) next() *ownStep {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.steps) == 0 {
		return nil
	}
	step := o.steps[0]
	o.steps = o.steps[1:]
	if key := step.key(); o.last[key] == step {
		delete(o.last, key)
	}
	return step
}

// run hands steps on until ctx ends, then those that are left. Nothing is asked of the ledger before there is a first one.
func (o *owns) run(ctx context.Context) {
	o.wait(ctx)
	if o.begin(ctx) != nil {
		return // ctx has ended
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writer sync.WaitGroup
	defer writer.Wait()
	defer stop()
	writer.Go(func() { _ = o.service.Run(writing) }) // it has no errors
	for ctx.Err() == nil {
		o.takeAll(ctx)
		o.wait(ctx)
	}
	last, cancel := context.WithTimeoutCause(writing, lastGrace, errStopped)
	defer cancel()
	o.takeAll(last)
}

func (o *owns) takeAll(ctx context.Context) {
	for step := o.next(); step != nil; step = o.next() {
		o.take(ctx, step)
		o.mu.Lock()
		o.handed++
		close(o.moved)
		o.moved = make(chan struct{})
		o.mu.Unlock()
	}
}

// flush returns when everything that was raised and cleared so far is in the ledger.
func (o *owns) flush(ctx context.Context) error {
	o.mu.Lock()
	target := o.added
	o.mu.Unlock()
	if target == 0 {
		return nil
	}
	for {
		o.mu.Lock()
		done, moved := o.handed >= target, o.moved
		o.mu.Unlock()
		if done {
			return o.service.Flush(ctx)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (o *owns) wait(ctx context.Context) {
	select {
	case <-o.wake:
	case <-ctx.Done():
	}
}

// begin learns which of tocsin's own alerts stand.
func (o *owns) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := o.service
	return s.insist(ctx, "start alerting of tocsin itself", func() error {
		open, err := s.ledger.OpenAlerts(ctx)
		if err != nil {
			return err
		}
		rules, err := s.ledger.Rules(ctx, ledger.RuleQuery{Origin: ledger.InTocsin})
		if err != nil {
			return err
		}
		standing, numbers, counts := map[ownKey]bool{}, map[string]int64{}, map[int64]int{}
		for _, r := range rules {
			numbers[r.Name], counts[r.ID] = r.ID, open[r.ID]
			found, err := s.ledger.Alerts(ctx, ledger.AlertQuery{RuleID: r.ID, States: []alert.State{alert.Open, alert.Acknowledged}, Limit: 1 << 20})
			if err != nil {
				return err
			}
			for i := range found {
				standing[ownKey{r.Name, found[i].Entity.Key()}] = true
			}
		}
		o.numbers = numbers
		o.stand(standing)
		s.begin(ledger.Progress{Position: event.Position{Epoch: o.epoch}}, counts)
		return nil
	})
}

// stand takes over which alerts stand by what the ledger has and what was raised and cleared meanwhile.
func (o *owns) stand(standing map[ownKey]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, step := range o.steps {
		if step.triggers > 0 {
			standing[step.key()] = true
		} else {
			delete(standing, step.key())
		}
	}
	o.standing = standing
}

// take hands a step on as a finding, when its rule has a number. What has none has no alert that could end.
func (o *owns) take(ctx context.Context, step *ownStep) {
	s := o.service
	if step.triggers == 0 && o.numbers[step.Name] == 0 {
		return
	}
	var id int64
	err := s.insist(ctx, "number rule "+step.Name, func() (err error) {
		id, err = o.number(ctx, step.Name)
		if errors.Is(err, fault.Conflict) {
			s.log.Error("an alert of tocsin's own has no rule", "reason", step.Reason, "err", err)
			id, err = 0, nil
		}
		return err
	})
	if err != nil || id == 0 {
		return // said already
	}
	o.seq++
	position, at := event.Position{Epoch: o.epoch}.With(0, o.seq), step.at.UnixNano()
	f := alert.Finding{
		Rule: id, Entity: step.Entity, Time: at, Since: at, Value: step.Value, Limit: step.Limit, Triggers: step.triggers,
		Ended: step.triggers == 0, Reason: step.Reason,
	}
	ref := ledger.RuleRef{ID: id, Version: 1, Name: step.Name, Owner: step.Owner, Title: step.Title, Severity: step.Severity}
	err = s.Take(ctx, Judged{Position: position, Watermark: event.Watermark(at), Findings: []alert.Finding{f}, refs: []ledger.RuleRef{ref}})
	if err != nil {
		s.log.Warn("an alert of tocsin's own is not written", "rule", step.Name, "reason", step.Reason, "err", err)
	}
}

// number returns the number of a rule.
func (o *owns) number(ctx context.Context, name string) (int64, error) {
	if id := o.numbers[name]; id != 0 {
		return id, nil
	}
	r, err := o.service.ledger.OwnRule(ctx, name, time.Now())
	if err != nil {
		return 0, err
	}
	o.numbers[name] = r.ID
	return r.ID, nil
}

// empty calls remove, which deletes all alerts, at a moment at which none of tocsin's own is being written.
func (o *owns) empty(ctx context.Context, remove func(context.Context) error) error {
	o.mu.Lock()
	known := o.added > 0
	o.mu.Unlock()
	if !known {
		return remove(ctx)
	}
	if err := o.flush(ctx); err != nil {
		return err
	}
	return o.service.Empty(ctx, func(ctx context.Context) error {
		if err := remove(ctx); err != nil {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		clear(o.standing)
		return nil
	})
}
