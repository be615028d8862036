package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/alerting"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/history"
	"tocsin/internal/journal"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
)

// warmFor is how much history a new rule is shown: the week that novelty learns from by default, and a day.
const warmFor = 8 * 24 * time.Hour

// A judge shows one class of the journal to the rules and hands what they find to alerting. The classes are judged apart, so
// that what is found at a position of one does not depend on how far the other is.
type judge struct {
	app      *App
	class    journal.Class
	part     uint16
	engine   *detect.Engine
	alerting *alerting.Service
	saver    saver
	changing sync.Mutex // one change of rules at a time
	ready    atomic.Bool
	handed   atomic.Pointer[event.Position] // up to which alerting has what was found
}

func newJudge(a *App, class journal.Class, registry prometheus.Registerer) (*judge, error) {
	lateness := max(a.setup.Config.Detect.Lateness, 1) // of none the least there is: to the engine 0 is its default
	engine, err := detect.New(detect.Options{Lateness: lateness, Files: a.lists(), Lists: a.listed}, nil)
	if err != nil {
		return nil, err
	}
	j := &judge{
		app: a, class: class, part: journal.Partition(a.setup.Config.Node, class), engine: engine,
	}
	name := alerting.Name
	if class != journal.Events {
		name += "-" + class.String()
	}
	j.alerting = alerting.New(a.ledger, a.rules, a.told, alerting.Options{
		Name: name, Cap: a.setup.Config.Alerts.MaxOpen, Reopen: a.setup.Config.Alerts.Reopen,
		Flapping: ledger.Flapping(a.setup.Config.Alerts.Flapping), Point: a.options.Crash,
		Excluded: a.excluded,
		Written: func(changes []ledger.Change) {
			a.unmuted(changes)
			a.delivery.Wake()
			a.desk.AlertsWritten()
			a.options.Changed(changes)
		},
	}, a.log, registry)
	j.saver = saver{
		engine: engine, file: filepath.Join(a.setup.Config.Data, fmt.Sprintf("detect-%s.state", class)), point: a.options.Crash, log: a.log,
		found:  j.alerting.Committed,
		commit: func(at event.Position) error { return a.commit(judgeCursor, at) },
		held:   j.held,
	}
	return j, nil
}

// held returns how much of its room in the journal the class takes, from 0 to 1.
func (j *judge) held() float64 {
	for _, c := range j.app.journal.Health().Classes {
		if c.Class == j.class && c.MaxBytes > 0 {
			return float64(c.Bytes) / float64(c.MaxBytes)
		}
	}
	return 0
}

// lists is where rules find the files that they name: below lists/ in the data directory.
func (a *App) lists() fs.FS { return os.DirFS(a.setup.Config.Data) }

// judgeAll runs the judges until they have read a sealed journal, and alerting until it has written what they found. When
// stopping ends before the ledger has told the rules there is nothing to wait for: the journal keeps what is not judged.
func (a *App) judgeAll(ctx, stopping context.Context) error {
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stopping, cancel)()
	if err := a.insist(loading, "load rules", func() error { return a.rules.Load(ctx) }); err != nil {
		if loading.Err() != nil {
			return nil
		}
		return err
	}
	if err := a.insist(loading, "load preferences and mutes", func() error { return errors.Join(a.policy.Load(ctx), a.mutes.Load(ctx)) }); err != nil {
		if loading.Err() != nil {
			return nil
		}
		return err
	}
	muting, stopMuting := context.WithCancel(ctx)
	var muter errgroup.Group
	if a.options.Live {
		muter.Go(func() error { return a.mute(muting) })
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, j := range a.judges {
		g.Go(func() error { return j.run(ctx) })
	}
	err := g.Wait()
	stopMuting()
	return errors.Join(err, muter.Wait())
}

// insist calls do until it succeeds, as long as its failure can pass. The log tells of each new cause.
func (a *App) insist(ctx context.Context, act string, do func() error) error {
	told := ""
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := do()
		if err == nil || !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.Full) {
			return err
		}
		if cause := err.Error(); cause != told {
			told = cause
			a.log.Error("waiting to try again", "act", act, "cause", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (j *judge) run(ctx context.Context) error {
	writing, stopWriting := context.WithCancel(ctx)
	var writer errgroup.Group
	defer stopWriting()
	at, err := j.alerting.Start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	writer.Go(func() error { return j.alerting.Run(writing) })
	defer func() {
		stopWriting()
		_ = writer.Wait() // it has written what it could; who did not ask for its error before has one of his own
	}()
	if err := j.begin(ctx, at); err != nil {
		return err
	}
	if err := j.retireGone(ctx); err != nil {
		return err
	}
	j.app.options.Crash("after-begin-before-ready")
	j.tellDisabled(ctx, nil)
	begun := j.engine.Position()
	j.handed.Store(&begun)
	j.ready.Store(true)
	if err := j.change(ctx); err != nil { // what changed since it began
		return err
	}
	j.app.reach.moved()
	err = j.judge(ctx)
	stopWriting()
	if err := errors.Join(err, writer.Wait()); err != nil {
		return errors.Join(err, j.saver.abandon())
	}
	return j.saver.finish()
}

// begin takes the saved state up, or starts anew, and shows history to rules that have seen none.
func (j *judge) begin(ctx context.Context, at event.Position) error {
	if err := j.engine.SetRules(j.own()); err != nil {
		return err
	}
	had, err := j.restore(at)
	if err != nil {
		return err
	}
	if j.engine.Begin(j.app.journal.Epoch()) && had {
		j.app.log.Warn("the journal is another one; rules judge it from its start", "class", j.class.String())
	}
	// What the journal has no more, because all cursors were behind it, is history to the rules.
	if start := j.app.journal.Cursor(judgeCursor); !had && start.Seq(j.part) > 0 {
		j.engine.StartAt(event.Position{Epoch: start.Epoch}.With(j.part, start.Seq(j.part)))
	}
	return j.warm(ctx)
}

// restore takes the saved state up, which may stand where the ledger does or before, and reports whether there is a file of it.
func (j *judge) restore(at event.Position) (had bool, err error) {
	file := j.saver.file
	if err := detect.DropDrafts(file); err != nil {
		j.app.log.Error("half a state of the rules stays behind", "cause", err)
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read state of the rules: %w", err)
	}
	defer f.Close()
	began := time.Now()
	lost, err := j.engine.Restore(f)
	switch {
	case errors.Is(err, detect.ErrSnapshot):
		j.app.log.Error("saved state of the rules cannot be read, they start anew", "file", file, "cause", err)
		return true, nil
	case err != nil:
		return true, fmt.Errorf("read state of the rules: %w", err)
	case !at.Covers(j.engine.Position()):
		return true, fault.New(fault.Conflict, "saved state of the rules stands at %s, the ledger only at %s: the ledger is an older one (remove %s to start the rules anew)",
			j.engine.Position(), at, file)
	case len(lost) > 0:
		j.app.log.Info("rules start anew", "rules", strings.Join(lost, ", "))
	}
	j.app.log.Debug("saved state of the rules is read", "file", file, "took", time.Since(began))
	return true, nil
}

// retireGone ends the alerts of rules that went away while nothing ran. One judge does it for all.
func (j *judge) retireGone(ctx context.Context) error {
	if j.class != journal.Events {
		return nil
	}
	own, err := j.app.ownRules(ctx)
	open, openErr := j.app.ledger.OpenAlerts(ctx)
	if err = errors.Join(err, openErr); err != nil {
		j.app.log.Error("alerts of rules that are gone stay open", "cause", err)
		return nil
	}
	for _, r := range j.app.rules.Running() {
		delete(open, r.ID)
	}
	maps.DeleteFunc(open, func(id int64, _ int) bool { return own[id] })
	for id := range open {
		if err := j.alerting.Retire(ctx, id, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// own lists the rules about kinds of this class.
func (j *judge) own() []rule.Rule {
	var list []rule.Rule
	for _, r := range append(j.app.rules.Running(), j.app.rules.Trial()...) {
		for _, k := range r.Kinds() {
			if journal.ClassOf(k) == j.class {
				list = append(list, r)
				break
			}
		}
	}
	return list
}

// warm shows history to the rules that have seen none.
func (j *judge) warm(ctx context.Context) error {
	cold := j.engine.Cold()
	if len(cold) == 0 {
		return nil
	}
	var kinds event.KindSet
	for i := range cold {
		kinds |= cold[i].From
	}
	q := history.Query{Since: time.Now().Add(-warmFor).UnixNano(), All: true}
	for _, k := range event.Kinds() {
		if kinds.Has(k) {
			q.Kinds = append(q.Kinds, k)
		}
	}
	err := j.engine.Warm(ctx, cold, func(yield func(*event.Batch, []int32) error) error {
		return j.app.history.Ordered(ctx, q, yield)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("show history to new rules: %w", err)
	}
	return nil
}

// judge reads the journal until it is sealed and read, or ctx ends.
func (j *judge) judge(ctx context.Context) error {
	r, err := j.app.journal.Reader(j.engine.Position(), j.part)
	if err != nil {
		return err
	}
	defer r.Close()
	saving := time.NewTicker(j.app.setup.Config.Detect.SaveEvery)
	defer saving.Stop()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read journal for judging: %w", err)
		}
		began := time.Now()
		out := j.engine.Apply(b)
		for _, s := range b.Sources {
			if strings.HasPrefix(s.ID, clockSource) || strings.HasPrefix(s.ID, workSource) { // a heartbeat keeps the clock from being told
				later := j.engine.Tick(s.To)
				later.Findings = append(out.Findings, later.Findings...)
				out = later
			}
		}
		j.saver.judged += time.Since(began)
		j.app.options.Crash("after-apply-before-take")
		found := len(out.Findings)
		out.Findings = slices.DeleteFunc(out.Findings, disables)
		if len(out.Findings) < found {
			j.tellDisabled(ctx, nil)
		}
		err = j.alerting.Take(ctx, alerting.Judged{Position: out.Position, Watermark: out.Watermark, Findings: out.Findings})
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		j.handed.Store(&out.Position)
		j.app.reach.moved()
		select {
		case <-saving.C:
			j.saver.save(true)
		default:
			j.saver.save(false)
		}
	}
}

// caughtUp returns when everything up to head was judged and written, or the ledger is away.
func (j *judge) caughtUp(ctx context.Context, head event.Position) error {
	want := event.Position{Epoch: head.Epoch}.With(j.part, head.Seq(j.part))
	if want.Seq(j.part) == 0 {
		return nil
	}
	err := j.app.reach.until(ctx, func() bool {
		return j.alerting.Problem() != "" || j.ready.Load() && j.handed.Load().Covers(want)
	})
	if err != nil || j.alerting.Problem() != "" {
		return err
	}
	return j.alerting.Flush(ctx)
}

// rulesChanged makes the rules that run those of the rulebook, ends the alerts of those that no longer do, and shows history
// to the new ones.
func (a *App) rulesChanged(ctx context.Context) error {
	for _, j := range a.judges {
		if err := j.change(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) change(ctx context.Context) error {
	j.changing.Lock()
	defer j.changing.Unlock()
	if !j.ready.Load() {
		return nil // run looks at the rules again once it is
	}
	before := j.engine.Rules()
	next := j.own()
	if err := j.engine.SetRules(next); err != nil {
		return err
	}
	runs := map[int64]bool{}
	for _, r := range next {
		runs[r.ID] = true
	}
	for _, was := range before {
		if !runs[was.Rule.ID] {
			if err := j.alerting.Retire(ctx, was.Rule.ID, time.Now()); err != nil {
				return err
			}
		}
	}
	j.tellDisabled(ctx, before)
	return j.warm(ctx)
}

// engines are what judges, and whether time goes on for them.
func (a *App) engines() (all []*detect.Engine, live bool) {
	for _, j := range a.judges {
		all = append(all, j.engine)
	}
	return all, a.options.Live
}

// problems tells what someone must act on.
func (j *judge) problems() []string {
	var list []string
	if p := j.alerting.Problem(); p != "" {
		list = append(list, "ledger: "+p)
	}
	if p := j.saver.problem(); p != "" {
		list = append(list, "state of the rules cannot be saved: "+p)
	}
	for _, r := range j.engine.Rules() {
		if r.Disabled != "" {
			list = append(list, fmt.Sprintf("rule %s was switched off: %s", r.Rule.Name, r.Disabled))
		}
	}
	return list
}
