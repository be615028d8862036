package alerting_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// rules knows every rule below 100.
type rules struct{}

func (rules) Rule(id int64) (ledger.RuleRef, bool) {
	return ledger.RuleRef{ID: id, Version: 1, Name: "rule-" + strconv.FormatInt(id, 10), Severity: alert.High}, id < 100
}

func pos(seq int) event.Position {
	return event.Position{Epoch: "e", Seqs: map[uint16]uint64{0: uint64(seq)}} //nolint:gosec // small
}

func trigger(rule int64, entity string, second int) alert.Finding {
	return alert.Finding{
		Rule: rule, Entity: alert.Entity{{Field: "source.ip", Value: entity}}, Time: int64(second) * 1e9, Triggers: 1,
		Value: float64(10 + second%7), Limit: 10, Reason: "reason " + strconv.Itoa(second),
	}
}

func ended(rule int64, entity string, second int) alert.Finding {
	f := trigger(rule, entity, second)
	f.Ended, f.Triggers = true, 0
	return f
}

func judged(seq int, findings ...alert.Finding) alerting.Judged {
	return alerting.Judged{Position: pos(seq), Watermark: event.Watermark(seq), Findings: findings}
}

// spy is a ledger that counts what is written, and can be made to fail.
type spy struct {
	*ledger.Ledger
	mu      sync.Mutex
	commits []ledger.Commit
	fail    func() (before, after bool) // not called, or called and told otherwise
	dead    bool
}

var errAway = fault.New(fault.Unavailable, "the ledger is away")

func (s *spy) Commit(ctx context.Context, c ledger.Commit) (ledger.Result, error) {
	s.mu.Lock()
	before, after := s.dead, false
	if s.fail != nil && !s.dead {
		before, after = s.fail()
	}
	s.mu.Unlock()
	if before {
		return ledger.Result{}, errAway
	}
	r, err := s.Ledger.Commit(ctx, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.commits = append(s.commits, c)
	}
	if after && err == nil {
		return ledger.Result{}, errAway
	}
	return r, err
}

func (s *spy) set(fail func() (before, after bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *spy) written() []ledger.Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commits)
}

func open(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open("", dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A process is a service that runs.
type process struct {
	*alerting.Service
	spy  *spy
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, l *ledger.Ledger, o alerting.Options) *process {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &process{spy: &spy{Ledger: l}, stop: stop, done: make(chan struct{})}
	p.Service = alerting.New(p.spy, rules{}, page, o, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if _, err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	return p
}

// end stops the process well, crash as if it were killed: nothing more reaches the ledger.
func (p *process) end() {
	p.stop()
	<-p.done
}

func (p *process) crash() {
	p.spy.mu.Lock()
	p.spy.dead = true
	p.spy.mu.Unlock()
	p.end()
}

func page(ledger.Change) []ledger.Target { return []ledger.Target{{Channel: "page"}} }

func take(t *testing.T, p *process, j alerting.Judged) {
	t.Helper()
	if err := p.Take(context.Background(), j); err != nil {
		t.Errorf("Take(%s) = %v", j.Position, err)
	}
}

func alerts(t *testing.T, l *ledger.Ledger) []alert.Alert {
	t.Helper()
	all, err := l.Alerts(context.Background(), ledger.AlertQuery{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b alert.Alert) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// TestCoalescing: the first finding about an entity is written at once, and its row at most once a second from then on,
// whatever is written about others meanwhile. Nothing is lost by it.
func TestCoalescing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, alerting.Options{})
		began := time.Now()
		const outputs = 500 // one each 10 ms
		for i := 1; i <= outputs; i++ {
			findings := []alert.Finding{trigger(1, "hot", i)}
			if i%7 == 0 {
				findings = append(findings, trigger(1, "new"+strconv.Itoa(i), i)) // each is a first
			}
			take(t, p, judged(i, findings...))
			time.Sleep(10 * time.Millisecond)
		}
		p.end()
		last, writes, lag := map[string]time.Time{}, 0, time.Duration(0)
		for _, c := range p.spy.written() {
			for _, w := range c.Writes {
				name := w.Entity.String()
				if before, ok := last[name]; ok && c.Now.Sub(before) < time.Second && !c.Now.Equal(began.Add(5*time.Second)) {
					t.Errorf("%s written at %v and again %v later", name, before.Sub(began), c.Now.Sub(before))
				}
				if name == "hot" {
					writes++
				} else if _, ok := last[name]; !ok {
					n, _ := strconv.Atoi(name[3:])
					lag = max(lag, c.Now.Sub(began.Add(time.Duration(n-1)*10*time.Millisecond)))
				}
				last[name] = c.Now
			}
		}
		if writes < 5 || writes > 6 {
			t.Errorf("%d writes of the hot entity in 5 s, want one a second and perhaps one at the end", writes)
		}
		if lag > 10*time.Millisecond {
			t.Errorf("a first finding waited %v, want none to wait", lag)
		}
		all := alerts(t, l)
		if all[0].Triggers != outputs || len(all) != 1+outputs/7 {
			t.Errorf("%d alerts, %d triggers of the hot one, want %d and %d", len(all), all[0].Triggers, 1+outputs/7, outputs)
		}
		if !p.Committed().Covers(pos(outputs)) {
			t.Errorf("Committed = %s, want %d", p.Committed(), outputs)
		}
	})
}

// TestPositionWaitsForWhatIsHeld: the position never passes findings that are not in the ledger.
func TestPositionWaitsForWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, alerting.Options{})
		for i := 1; i <= 3; i++ {
			take(t, p, judged(i, trigger(1, "a", i)))
			synctest.Wait()
		}
		take(t, p, judged(4, trigger(1, "b", 4))) // written at once
		synctest.Wait()
		if got := p.Committed(); !got.Covers(pos(1)) || got.Covers(pos(2)) {
			t.Errorf("Committed = %s, want 1: findings at 2 and 3 are held back", got)
		}
		take(t, p, judged(5)) // nothing found
		time.Sleep(2 * time.Second)
		if got := p.Committed(); !got.Covers(pos(5)) {
			t.Errorf("Committed = %s a while later, want 5", got)
		}
		quiet := len(p.spy.written())
		time.Sleep(time.Hour)
		if n := len(p.spy.written()); n != quiet {
			t.Errorf("%d commits in an hour without events, want none", n-quiet)
		}
		p.end()
	})
}

// TestReplaysCountOnce: however the process dies, whatever the ledger says about its commits, and from wherever the
// journal is judged again, the rows are those of an undisturbed run.
func TestReplaysCountOnce(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			outputs := makeOutputs(rand.New(rand.NewPCG(seed, 1)), 60)
			want := undisturbed(t, outputs)
			got := disturbed(t, outputs, rand.New(rand.NewPCG(seed, 2)))
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("seed %d: rows differ from those of an undisturbed run (-want +got):\n%s", seed, diff)
			}
		})
	}
}

// makeOutputs makes findings that a detector could have made, at positions from 1.
func makeOutputs(rnd *rand.Rand, n int) []alerting.Judged {
	open := map[string]bool{}
	outputs := make([]alerting.Judged, n)
	second := 0
	for i := range outputs {
		var findings []alert.Finding
		for range rnd.IntN(4) {
			second++
			rule, name := int64(1+rnd.IntN(2)), string(rune('a'+rnd.IntN(12)))
			key := fmt.Sprint(rule, name)
			if open[key] && rnd.IntN(3) == 0 {
				findings = append(findings, ended(rule, name, second))
				open[key] = false
			} else {
				f := trigger(rule, name, second)
				f.Samples = append(f.Samples, []byte(strconv.Itoa(second)))
				findings = append(findings, f)
				open[key] = true
			}
		}
		outputs[i] = judged(i+1, findings...)
		outputs[i].Watermark = event.Watermark(int64(second) * 1e9)
	}
	return outputs
}

// comparableRows leaves out what may differ: numbers, and when rows were written.
func comparableRows(all []alert.Alert) []alert.Alert {
	for i := range all {
		all[i].ID, all[i].Updated, all[i].Change, all[i].Born = 0, time.Time{}, 0, 0
	}
	slices.SortFunc(all, func(a, b alert.Alert) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Entity.Key(), b.Entity.Key()), a.First.Compare(b.First))
	})
	return all
}

// lively are options with which what makeOutputs makes is opened again, flaps and is steady again.
func lively(o alerting.Options) alerting.Options {
	o.Reopen, o.Flapping = time.Minute, ledger.Flapping{Changes: 3, Within: 40 * time.Second}
	return o
}

func undisturbed(t *testing.T, outputs []alerting.Judged) []alert.Alert {
	l := open(t, t.TempDir())
	defer l.Close()
	p := start(t, l, lively(alerting.Options{}))
	for _, j := range outputs {
		take(t, p, j)
	}
	if err := p.Flush(context.Background()); err != nil { // not left to the end, which does not wait for a slow disk
		t.Errorf("Flush = %v", err)
	}
	p.end()
	return comparableRows(alerts(t, l))
}

func disturbed(t *testing.T, outputs []alerting.Judged, rnd *rand.Rand) []alert.Alert {
	l := open(t, t.TempDir())
	defer l.Close()
	disturb(t, l, outputs, rnd, lively(alerting.Options{}))
	return comparableRows(alerts(t, l))
}

// disturb brings outputs into a ledger that fails, by processes that die and judge again.
func disturb(t *testing.T, l *ledger.Ledger, outputs []alerting.Judged, rnd *rand.Rand, o alerting.Options) {
	luck := rand.New(rand.NewPCG(rnd.Uint64(), 4)) // of the ledger, which runs beside
	flaky := func() (before, after bool) { return luck.IntN(4) == 0, luck.IntN(4) == 0 }
	p := start(t, l, o)
	p.spy.set(flaky)
	for next := 0; next < len(outputs); {
		take(t, p, outputs[next])
		next++
		switch rnd.IntN(8) {
		case 0:
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		case 1:
			synctest.Wait()
		case 2, 3:
			if rnd.IntN(2) == 0 {
				p.crash()
			} else {
				p.end()
			}
			p = start(t, l, o)
			p.spy.set(flaky)
			// Judging resumes at a snapshot, which stands at the committed position or before.
			committed := int(p.Committed().Seq(0)) //nolint:gosec // small
			next = committed - rnd.IntN(committed+1)
		}
	}
	p.spy.set(nil)
	if err := p.Flush(context.Background()); err != nil {
		t.Errorf("Flush = %v", err)
	}
	p.end()
}

// TestCapCountsOnce: over the cap no trigger is lost or counted twice either.
func TestCapCountsOnce(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			l := open(t, t.TempDir())
			defer l.Close()
			options := alerting.Options{Cap: 3}
			p := start(t, l, options)
			var outputs []alerting.Judged
			total := int64(0)
			for i := range 40 {
				var findings []alert.Finding
				for range rnd.IntN(3) {
					findings = append(findings, trigger(1, strconv.Itoa(rnd.IntN(8)), i))
					total++
				}
				if rnd.IntN(2) == 0 { // of a rule that is not over its cap, and holds the position back
					findings = append(findings, trigger(2, strconv.Itoa(rnd.IntN(2)), i))
					total++
				}
				outputs = append(outputs, judged(i+1, findings...))
			}
			for next := 0; next < len(outputs); {
				take(t, p, outputs[next])
				next++
				if rnd.IntN(3) == 0 {
					time.Sleep(time.Duration(rnd.IntN(700)) * time.Millisecond)
				}
				if rnd.IntN(6) == 0 {
					p.crash()
					p = start(t, l, options)
					next = int(p.Committed().Seq(0)) //nolint:gosec // small
				}
			}
			p.end()
			sum, n := int64(0), 0
			for _, a := range alerts(t, l) {
				sum += a.Triggers
				n++
			}
			if sum != total || n > 6 {
				t.Errorf("seed %d: %d triggers in %d alerts, want %d in at most 6", seed, sum, n, total)
			}
		})
	}
}

// TestLedgerAway: nothing is dropped and memory is bounded, as Take blocks; all is written when the ledger is back.
func TestLedgerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, alerting.Options{MaxHeld: 10})
		take(t, p, judged(1, trigger(1, "first", 1)))
		synctest.Wait()
		p.spy.set(func() (bool, bool) { return true, false })
		blocked, taken := make(chan struct{}), 1
		go func() {
			defer close(blocked)
			for i := 2; i <= 100; i++ {
				take(t, p, judged(i, trigger(1, "e"+strconv.Itoa(i), i)))
				taken = i
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if taken > 25 {
			t.Errorf("%d outputs taken while the ledger was away, want about 10 and then none", taken)
		}
		if got := p.Committed(); got.Covers(pos(2)) {
			t.Errorf("Committed = %s, want it to stand still at 1", got)
		}
		if p.Problem() == "" {
			t.Error("Problem is empty while the ledger is away")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush while the ledger is away = %v, want it to wait", err)
		}
		p.spy.set(nil)
		<-blocked
		p.end()
		if n := len(alerts(t, l)); n != 100 || p.Problem() != "" {
			t.Errorf("%d alerts after the ledger came back, want 100; problem %q", n, p.Problem())
		}
	})
}

// TestStopWhileAway: the process stops in bounded time, and what it could not write is found again.
func TestStopWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, alerting.Options{})
		p.spy.set(func() (bool, bool) { return true, false })
		take(t, p, judged(1, trigger(1, "a", 1)))
		time.Sleep(time.Minute)
		before := time.Now()
		p.end()
		if took := time.Since(before); took > 10*time.Second {
			t.Errorf("stop took %v", took)
		}
		p = start(t, l, alerting.Options{})
		if got := p.Committed(); got.Covers(pos(1)) {
			t.Errorf("Committed = %s, want nothing", got)
		}
		take(t, p, judged(1, trigger(1, "a", 1)))
		p.end()
		if all := alerts(t, l); len(all) != 1 || all[0].Triggers != 1 {
			t.Errorf("alerts = %+v, want one", all)
		}
	})
}

// TestLedgerAwayAtStart: Start waits for a ledger that is down, says so, and goes on when it is up.
func TestLedgerAwayAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "later")
		l := open(t, dir)
		defer l.Close()
		s := alerting.New(l, rules{}, nil, alerting.Options{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		started := make(chan error, 1)
		go func() {
			_, err := s.Start(t.Context())
			started <- err
		}()
		time.Sleep(time.Minute)
		if s.Problem() == "" || len(started) > 0 {
			t.Errorf("Start with a ledger that is down: problem %q, returned %v; want it to wait and say why", s.Problem(), len(started) > 0)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := <-started; err != nil || s.Problem() != "" {
			t.Errorf("Start = %v, problem %q after the ledger came up", err, s.Problem())
		}
	})
}

func TestTakeBeforeStart(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	s := alerting.New(l, rules{}, nil, alerting.Options{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err := s.Take(t.Context(), judged(1)); !errors.Is(err, fault.Conflict) {
		t.Errorf("Take before Start = %v, want a conflict", err)
	}
}

// TestRetire: the alerts of a rule that is gone end, and late findings of it are left out.
func TestRetire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, alerting.Options{})
		take(t, p, judged(1, trigger(1, "a", 1), trigger(2, "a", 1), trigger(100, "a", 1)))
		if err := p.Retire(t.Context(), 1, time.Unix(60, 0)); err != nil {
			t.Fatal(err)
		}
		all := alerts(t, l)
		if len(all) != 2 || all[0].State != alert.Ended || all[1].State != alert.Open {
			t.Errorf("alerts = %+v, want that of rule 1 ended, that of rule 2 open, none of rule 100", all)
		}
		p.end()
		if !p.Committed().Covers(pos(1)) {
			t.Errorf("Committed = %s, want 1", p.Committed())
		}
	})
}

func TestHistory(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	s := alerting.New(l, rules{}, page, alerting.Options{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	var findings []alert.Finding
	for i := range 1200 {
		findings = append(findings, trigger(1, strconv.Itoa(i), 10), trigger(1, strconv.Itoa(i), 20))
	}
	findings = append(findings, ended(1, "7", 30), trigger(1, "7", 40))
	if got, _, err := s.History(t.Context(), findings, alerting.HistoryOptions{DryRun: true}); err != nil || len(got) != 1201 || len(alerts(t, l)) != 0 {
		t.Errorf("dry run: %d alerts, %v, want 1,201 and none written", len(got), err)
	}
	for i, want := range []int{1201, 0, 0} {
		got, _, err := s.History(t.Context(), findings, alerting.HistoryOptions{Notify: i == 2})
		if err != nil || len(got) != want {
			t.Errorf("History, time %d: %d alerts, %v, want %d", i+1, len(got), err, want)
		}
	}
	all := alerts(t, l)
	if len(all) != 1201 || all[0].State != alert.Ended || all[0].Origin != ledger.History || all[0].Triggers != 2 {
		t.Errorf("%d alerts, first %+v", len(all), all[0])
	}
	if _, _, err := s.History(t.Context(), []alert.Finding{trigger(1, "told", 50)}, alerting.HistoryOptions{Notify: true}); err != nil {
		t.Fatal(err)
	}
	d, err := l.Deliveries(t.Context(), ledger.DeliveryQuery{})
	if err != nil || len(d) != 1 || d[0].Change != notifier.Create {
		t.Errorf("notices = %+v, %v, want one", d, err)
	}
	if _, _, err := s.History(t.Context(), []alert.Finding{trigger(100, "x", 1)}, alerting.HistoryOptions{}); err == nil {
		t.Error("History of an unknown rule succeeded")
	}
}
