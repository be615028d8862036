package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/delivery"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/leaktest"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

func TestMain(m *testing.M) {
	if crashChild() {
		return
	}
	os.Exit(leaktest.Run(m))
}

// A far side that notes what it gets; answer says how it takes it.
type far struct {
	mu     sync.Mutex
	got    []notifier.Notice
	times  []time.Time
	answer func(n notifier.Notice, call int) (string, error)
	hang   time.Duration
}

func (f *far) Send(ctx context.Context, n notifier.Notice) (string, error) {
	f.mu.Lock()
	f.got = append(f.got, n)
	f.times = append(f.times, time.Now())
	call, answer := len(f.got), f.answer
	f.mu.Unlock()
	if f.hang > 0 {
		select {
		case <-time.After(f.hang):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	if answer == nil {
		return "ok", nil
	}
	return answer(n, call)
}

func (f *far) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

func open(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open("", dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// raise opens an alert for each name, with a notice to each of the channels.
func raise(t *testing.T, l *ledger.Ledger, seq int, channels []delivery.Channel, names ...string) {
	t.Helper()
	at := event.Position{Epoch: "e", Seqs: map[uint16]uint64{0: uint64(seq)}} //nolint:gosec // small
	c := ledger.Commit{Name: "test", Position: at, Front: at, Now: time.Now(), Route: to(channels)}
	for _, name := range names {
		var e ledger.Episode
		e.Add(alert.Finding{Time: time.Now().UnixNano(), Triggers: 1, Value: 2, Limit: 1})
		c.Writes = append(c.Writes, ledger.Write{
			Rule: ledger.RuleRef{ID: 1, Name: "r", Severity: alert.Medium}, Entity: alert.Entity{{Field: "host.name", Value: name}}, Episodes: []ledger.Episode{e},
		})
	}
	if _, err := l.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

type process struct {
	*delivery.Service
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, outbox delivery.Outbox, channels []delivery.Channel, o delivery.Options) *process {
	t.Helper()
	o.Jitter = func() float64 { return 0 }
	ctx, stop := context.WithCancel(context.Background())
	p := &process{stop: stop, done: make(chan struct{})}
	p.Service = delivery.New(outbox, channels, o, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	go func() {
		defer close(p.done)
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	return p
}

func (p *process) end() {
	p.stop()
	<-p.done
}

func deliveries(t *testing.T, l *ledger.Ledger) []ledger.Delivery {
	t.Helper()
	all, err := l.Deliveries(context.Background(), ledger.DeliveryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bubble runs a test with one ledger in a bubble of its own time.
func bubble(t *testing.T, test func(*testing.T, *ledger.Ledger)) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		test(t, l)
	})
}

// TestBackoff: failures are tried again after 2, 4, 8 s, with the same key, and each answer is kept.
func TestBackoff(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := &far{answer: func(_ notifier.Notice, call int) (string, error) {
			if call < 4 {
				return "line " + fmt.Sprint(call), errors.New("busy")
			}
			return "thanks", nil
		}}
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		raise(t, l, 1, channels, "a")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(time.Minute)
		p.end()
		var waits []time.Duration
		for i := 1; i < len(page.times); i++ {
			waits = append(waits, page.times[i].Sub(page.times[i-1]))
		}
		if want := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}; !reflect.DeepEqual(waits, want) {
			t.Errorf("waits = %v, want %v", waits, want)
		}
		keys := map[string]bool{}
		for i, n := range page.got {
			keys[n.Key] = true
			if n.Attempt != i+1 || n.Alert.Title != "r: a" || n.Change != notifier.Create {
				t.Errorf("notice %d = %+v", i, n)
			}
		}
		d := deliveries(t, l)[0]
		if len(keys) != 1 || d.State != ledger.Sent || len(d.Attempts) != 4 || d.Attempts[1].Answer != "busy: line 2" || d.Attempts[3].Answer != "thanks" {
			t.Errorf("delivery = %+v, keys %v", d, keys)
		}
	})
}

// TestLater: when the other side says how long to wait, that is waited, if it is longer than ours.
func TestLater(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := &far{answer: func(_ notifier.Notice, call int) (string, error) {
			switch call {
			case 1:
				return "", &notifier.Later{After: time.Minute, Cause: errors.New("busy")}
			case 2:
				return "", fmt.Errorf("post: %w", &notifier.Later{After: time.Second, Cause: errors.New("busy")})
			}
			return "ok", nil
		}}
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		raise(t, l, 1, channels, "a")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(2 * time.Minute)
		p.end()
		if len(page.times) != 3 || page.times[1].Sub(page.times[0]) != time.Minute || page.times[2].Sub(page.times[1]) != 4*time.Second {
			t.Errorf("attempts at %v, want one after a minute and one after our own 4 s", page.times)
		}
	})
}

func TestPermanentAndPanic(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := &far{answer: func(n notifier.Notice, _ int) (string, error) {
			if strings.HasSuffix(n.Alert.Title, "panic") {
				panic("oops")
			}
			return "", fmt.Errorf("no such number: %w", notifier.ErrPermanent)
		}}
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		raise(t, l, 1, channels, "a", "panic")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(time.Hour)
		p.end()
		for _, d := range deliveries(t, l) {
			if d.State != ledger.Dead || len(d.Attempts) != 1 || d.Attempts[0].Outcome != "given up" {
				t.Errorf("delivery = %+v, want it given up after one attempt", d)
			}
		}
		if page.calls() != 2 {
			t.Errorf("%d attempts, want 2", page.calls())
		}
	})
}

// TestChannelsAreApart: one channel that hangs and one that fails hold up no other.
func TestChannelsAreApart(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		hangs, fails, well := &far{hang: time.Hour}, &far{answer: func(notifier.Notice, int) (string, error) { return "", errors.New("no") }}, &far{}
		channels := []delivery.Channel{{Name: "hangs", Notifier: hangs}, {Name: "fails", Notifier: fails}, {Name: "well", Notifier: well}}
		p := start(t, l, channels, delivery.Options{})
		began := time.Now()
		for i := range 20 {
			raise(t, l, i+1, channels, fmt.Sprint(i))
			p.Wake()
			time.Sleep(time.Second)
		}
		if well.calls() != 20 {
			t.Errorf("%d notices over the channel that is well, want 20", well.calls())
		}
		for i, at := range well.times {
			if late := at.Sub(began.Add(time.Duration(i) * time.Second)); late > 200*time.Millisecond {
				t.Errorf("notice %d over the channel that is well came %v late", i, late)
			}
		}
		p.end()
	})
}

// TestBreaker: a channel that only fails rests, and is tried with one notice at a time until it works.
func TestBreaker(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		var broken sync.Mutex
		up := false
		page := &far{answer: func(notifier.Notice, int) (string, error) {
			broken.Lock()
			defer broken.Unlock()
			if up {
				return "ok", nil
			}
			return "", errors.New("connection refused")
		}}
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		var names []string
		for i := range 50 {
			names = append(names, fmt.Sprint(i))
		}
		raise(t, l, 1, channels, names...)
		p := start(t, l, channels, delivery.Options{Workers: 2})
		time.Sleep(10 * time.Minute)
		calls := page.calls()
		if calls < 8 || calls > 15 {
			t.Errorf("%d attempts in ten minutes of failure, want about 5 and then one a rest", calls)
		}
		if got := p.Problems(); len(got) != 1 || !strings.Contains(got[0], "page") || !strings.Contains(got[0], "connection refused") {
			t.Errorf("Problems = %v, want the channel and the cause", got)
		}
		broken.Lock()
		up = true
		broken.Unlock()
		time.Sleep(12 * time.Minute)
		if got := p.Problems(); len(got) != 0 {
			t.Errorf("Problems = %v after it works again", got)
		}
		p.end()
		for _, d := range deliveries(t, l) {
			if d.State != ledger.Sent {
				t.Errorf("delivery = %+v, want it sent", d)
			}
		}
	})
}

// TestGivesUp: what cannot be delivered for three days is given up, and so is what goes to a channel that is gone.
func TestGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := &far{answer: func(notifier.Notice, int) (string, error) { return "", errors.New("no") }}
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		raise(t, l, 1, append(channels, delivery.Channel{Name: "gone"}), "a")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(74 * time.Hour)
		p.end()
		for _, d := range deliveries(t, l) {
			last := d.Attempts[len(d.Attempts)-1]
			if d.State != ledger.Dead || !strings.Contains(last.Answer, "72h") {
				t.Errorf("delivery to %s = %s, last answer %q, want it given up after 72 h", d.Channel, d.State, last.Answer)
			}
		}
	})
}

// away is an outbox that can be out of reach.
type away struct {
	*ledger.Ledger
	mu   sync.Mutex
	gone bool
}

func (a *away) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return fault.New(fault.Unavailable, "the ledger is away")
	}
	return nil
}

func (a *away) set(gone bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = gone
}

func (a *away) Claim(ctx context.Context, c ledger.Claim) ([]ledger.LeasedNotice, error) {
	if err := a.err(); err != nil {
		return nil, err
	}
	return a.Ledger.Claim(ctx, c)
}

func (a *away) Finish(ctx context.Context, n ledger.LeasedNotice, o ledger.Outcome) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Ledger.Finish(ctx, n, o)
}

// TestLedgerAway: a notice that was sent while the ledger is away is noted when it is back within the lease, and sent again
// under its key when it is not.
func TestLedgerAway(t *testing.T) {
	for name, test := range map[string]struct {
		away  time.Duration
		calls int
	}{"short": {30 * time.Second, 1}, "long": {5 * time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, l *ledger.Ledger) {
				outbox := &away{Ledger: l}
				page := &far{answer: func(notifier.Notice, int) (string, error) { outbox.set(true); return "ok", nil }}
				channels := []delivery.Channel{{Name: "page", Notifier: page}}
				raise(t, l, 1, channels, "a")
				p := start(t, outbox, channels, delivery.Options{})
				time.Sleep(test.away)
				page.mu.Lock()
				page.answer = nil
				page.mu.Unlock()
				outbox.set(false)
				time.Sleep(10 * time.Minute)
				p.end()
				d := deliveries(t, l)[0]
				if page.calls() != test.calls || d.State != ledger.Sent || page.got[0].Key != page.got[len(page.got)-1].Key {
					t.Errorf("%d calls, delivery %+v, want %d calls with one key, and sent", page.calls(), d, test.calls)
				}
			})
		})
	}
}

// TestStop: an attempt that runs when the process stops may end; one that hangs is cut and tried again by the next process,
// at once.
func TestStop(t *testing.T) {
	for name, test := range map[string]struct {
		hang time.Duration
		took time.Duration
		sent bool
	}{"ends": {3 * time.Second, 2 * time.Second, true}, "hangs": {time.Hour, 10 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, l *ledger.Ledger) {
				page := &far{hang: test.hang}
				channels := []delivery.Channel{{Name: "page", Notifier: page}}
				raise(t, l, 1, channels, "a")
				p := start(t, l, channels, delivery.Options{Timeout: 2 * time.Hour})
				time.Sleep(time.Second)
				before := time.Now()
				p.end()
				if took := time.Since(before); took != test.took {
					t.Errorf("stop took %v, want %v", took, test.took)
				}
				if d := deliveries(t, l)[0]; (d.State == ledger.Sent) != test.sent {
					t.Errorf("delivery = %+v, want sent: %v", d, test.sent)
				}
				if test.sent {
					return
				}
				next := &far{}
				channels[0].Notifier = next
				p = start(t, l, channels, delivery.Options{})
				time.Sleep(5 * time.Second)
				p.end()
				if next.calls() != 1 || next.got[0].Key != page.got[0].Key || next.got[0].Attempt != 2 {
					t.Errorf("next process sent %+v, want the same notice", next.got)
				}
			})
		})
	}
}

// to routes every change to all channels.
func to(channels []delivery.Channel) ledger.Route {
	return func(ledger.Change) (targets []ledger.Target) {
		for _, c := range channels {
			targets = append(targets, ledger.Target{Channel: c.Name})
		}
		return targets
	}
}
