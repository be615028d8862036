// Package detect shows batches to the detectors of all rules, live and over history, and keeps their states over restarts.
package detect

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/list"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

// Options are what an Engine is made with.
type Options struct {
	// Lateness is how far an event may lie behind the newest of its source and still be judged live. 0 is 5m.
	Lateness time.Duration
	// Files is where rules find their lists; nil when there are none.
	Files fs.FS
	// Lists are the lists of addresses that filters name. nil: those below Files, as they are when a rule is started.
	Lists *list.Shelf
}

// DefaultLateness is taken where Options say none.
const DefaultLateness = 5 * time.Minute

// Output is what one batch led to.
type Output struct {
	Position event.Position
	// Watermark is the one of the rule that is furthest behind; math.MinInt64 as long as no rule has one.
	Watermark event.Watermark
	// Findings are in order of time within each call; over calls they may step back, as early ones come before their time.
	Findings []alert.Finding
}

// An Engine runs rules over the journal. What it answers depends on the batches alone, in their order: not on the wall
// clock, and not on where it was stopped, saved and started again. Its methods may be called by several goroutines, one at
// a time inside.
type Engine struct {
	turn     sync.Mutex // before mu: of whoever changes what rules have seen, or needs that it stays as it is
	mu       sync.Mutex
	options  Options
	rules    []*running
	plans    map[event.Kind]*plan
	position event.Position
	clocks   clocks
	ready    []alert.Finding // of rules that were shown history, for the next output
}

// running is a rule with its detector.
type running struct {
	rule     rule.Rule
	detector detector.Detector
	key      string
	judged   int64 // last watermark judged
	panics   int
	disabled string // why it no longer runs
	cold     bool   // it has seen neither history nor a saved state
	folded   bool   // it got rows of the batch at hand
	waiting  *queue // what came while it is shown history; nil when it is not
	lists    []*list.List
}

// plan is all rules over one kind of event.
type plan struct {
	rules []*running
	set   *filter.Set
}

// New returns an engine that stands before the first batch. Rules that are not enabled are left out.
func New(options Options, rules []rule.Rule) (*Engine, error) {
	if options.Lateness <= 0 {
		options.Lateness = DefaultLateness
	}
	if options.Lists == nil {
		options.Lists = list.NewShelf(options.Files)
	}
	e := &Engine{options: options, clocks: newClocks(int64(options.Lateness))}
	if err := e.SetRules(rules); err != nil {
		return nil, err
	}
	return e, nil
}

// SetRules changes the rules from the next batch on. A rule that judges as before keeps its state; all others begin anew,
// see Cold. When a rule cannot be made, nothing changes.
func (e *Engine) SetRules(rules []rule.Rule) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := map[string]*running{}
	for _, r := range e.rules {
		old[r.key] = r
	}
	var next []*running
	for _, r := range rules {
		if !r.Enabled {
			continue
		}
		run, err := e.start(r)
		if err != nil {
			return err
		}
		next = append(next, run)
	}
	for i, run := range next { // none failed: nothing was changed before
		if was, ok := old[run.key]; ok && was.disabled == "" {
			was.rule = run.rule
			next[i] = was
		}
	}
	e.rules, e.plans = next, plans(next)
	return nil
}

func (e *Engine) start(r rule.Rule) (*running, error) {
	d, err := r.Config.New(e.options.Files)
	if err != nil {
		return nil, fmt.Errorf("start rule %s: %w", r.Name, err)
	}
	run := &running{rule: r, detector: d, key: stateKey(&r), judged: math.MinInt64, cold: true}
	for _, name := range r.Where.Lists() {
		run.lists = append(run.lists, e.options.Lists.List(name))
	}
	run.rule.Where = r.Where.With(func(name string) filter.Members { return e.options.Lists.List(name) })
	return run, nil
}

// stateKey is equal for rules that may take over each other's state.
func stateKey(r *rule.Rule) string { return fmt.Sprintf("%d %s", r.ID, r.Fingerprint()) }

func plans(rules []*running) map[event.Kind]*plan {
	all := map[event.Kind]*plan{}
	for _, kind := range event.Kinds() {
		p := &plan{}
		for _, r := range rules {
			if r.rule.From.Has(kind) {
				p.rules = append(p.rules, r)
			}
		}
		if len(p.rules) > 0 {
			p.compile()
			all[kind] = p
		}
	}
	return all
}

// Begin says which generation of the journal the next batches are of. It reports whether that is another one than so far,
// of which nothing has been seen then.
func (e *Engine) Begin(epoch string) (fresh bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.position.Epoch == epoch {
		return false
	}
	e.position = event.Position{Epoch: epoch}
	return true
}

// StartAt says that everything up to a position was judged already, or is gone from the journal, so that history has it.
// It is for an engine without a saved state, before the first batch.
func (e *Engine) StartAt(p event.Position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.position = p
}

// Position returns up to where the engine has seen the journal.
func (e *Engine) Position() event.Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.position
}

// Apply judges the next batch of the journal. A batch that was seen already changes nothing.
func (e *Engine) Apply(b *event.Batch) Output {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if b.Sequence != 0 {
		if b.Sequence <= e.position.Seq(b.Partition) {
			return e.output(nil)
		}
		e.position = e.position.With(b.Partition, b.Sequence)
	}
	if b.Rows == 0 {
		return e.output(nil)
	}
	e.clocks.take(b)
	var findings []alert.Finding
	if p := e.plans[b.Kind]; p != nil && !b.Backfill {
		findings = e.fold(p, b, findings)
	}
	return e.output(e.judge(findings))
}

// Tick lets journal time go on to a time of receipt, in nanoseconds since 1970 UTC, when the journal says so without a
// batch that holds events.
func (e *Engine) Tick(received int64) Output {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clocks.tick(received)
	return e.output(e.judge(nil))
}

func (e *Engine) output(findings []alert.Finding) Output {
	findings = append(findings, e.ready...)
	e.ready = nil
	out := Output{Position: e.position, Watermark: math.MinInt64, Findings: window.Order(findings)}
	first := true
	for _, r := range e.rules {
		if r.disabled == "" && (first || event.Watermark(r.judged) < out.Watermark) {
			out.Watermark, first = event.Watermark(r.judged), false
		}
	}
	return out
}

// fold shows a batch to the rules of its kind, and takes what they can tell at once.
func (e *Engine) fold(p *plan, b *event.Batch, findings []alert.Finding) []alert.Finding {
	broke := func(r *running, err error) { findings = e.broke(r, findings, err) }
	p.each(b, broke, func(r *running, rows []int32) {
		if r.waiting != nil {
			r.waiting.add(b, rows)
			return
		}
		findings = e.try(r, findings, func() []alert.Finding {
			r.detector.Fold(b, rows)
			if len(rows) == 0 {
				return nil
			}
			return r.detector.Early()
		})
	})
	return findings
}

// each calls f for every rule that runs, with the rows that its filter selects; these may be none. A rule whose filter
// panics is told to broke.
func (p *plan) each(b *event.Batch, broke func(r *running, err error), f func(r *running, rows []int32)) {
	for _, r := range p.rules {
		r.folded = false
	}
	if !p.selectAll(b, f) {
		p.selectEach(b, broke, f)
	}
	for _, r := range p.rules {
		if !r.folded && r.disabled == "" {
			f(r, nil)
		}
	}
}

// selectAll runs all filters together; false when one of them panicked.
func (p *plan) selectAll(b *event.Batch, f func(r *running, rows []int32)) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	p.set.Select(b, func(i int, rows []int32) {
		r := p.rules[i]
		r.folded = true
		if r.disabled == "" {
			f(r, rows)
		}
	})
	return true
}

// selectEach runs the filters that are left one by one, so that the one that panics harms no other, and puts those of the
// rules that still run together anew.
func (p *plan) selectEach(b *event.Batch, broke func(r *running, err error), f func(r *running, rows []int32)) {
	for _, r := range p.rules {
		if r.folded || r.disabled != "" {
			continue
		}
		r.folded = true
		rows, err := guarded(func() []int32 { return filter.Compile(r.rule.Where).Select(b, nil) })
		if err != nil {
			broke(r, err)
			continue
		}
		f(r, rows)
	}
	p.rules = slices.DeleteFunc(p.rules, func(r *running) bool { return r.disabled != "" })
	p.compile()
}

func (p *plan) compile() {
	exprs := make([]*filter.Expr, len(p.rules))
	for i, r := range p.rules {
		exprs[i] = r.rule.Where
	}
	p.set = filter.NewSet(exprs)
}

// tick is by how much a rule's watermark must have gone on to be judged again.
const tick = int64(time.Second)

// judge brings every rule up to its watermark.
func (e *Engine) judge(findings []alert.Finding) []alert.Finding {
	e.clocks.advance()
	for _, r := range e.rules {
		w, ok := e.clocks.watermark(r.rule.From)
		if !ok || r.waiting != nil || r.disabled != "" || r.judged != math.MinInt64 && w-r.judged < tick {
			continue
		}
		r.judged = w
		findings = e.try(r, findings, func() []alert.Finding { return r.detector.Judge(event.Watermark(w)) })
	}
	return findings
}

// DisabledField is the field of the entity of a finding that says that its rule was switched off.
const DisabledField = "tocsin.rule"

// maxPanics is after how many panics a rule is disabled.
const maxPanics = 3

// try runs a step of a rule and takes what it found.
func (e *Engine) try(r *running, findings []alert.Finding, step func() []alert.Finding) []alert.Finding {
	found, err := guarded(step)
	if err == nil {
		for i := range found {
			found[i].Rule = r.rule.ID
			r.nameEntries(&found[i])
		}
		return append(findings, found...)
	}
	return e.broke(r, findings, err)
}

// broke counts a panic of a rule. Its detector begins anew without the batch; after three times the rule is disabled, and a
// finding says so.
func (e *Engine) broke(r *running, findings []alert.Finding, err error) []alert.Finding {
	r.panics++
	fresh, startErr := e.start(r.rule)
	if r.panics < maxPanics && startErr == nil {
		r.detector, r.cold = fresh.detector, true
		return findings
	}
	r.disabled = err.Error()
	at := max(r.judged, e.clocks.received)
	return append(findings, alert.Finding{
		Rule: r.rule.ID, Entity: alert.Entity{{Field: DisabledField, Value: r.rule.Name}}, Time: at, Since: at,
		Value: float64(r.panics), Limit: maxPanics, Triggers: 1,
		Reason: fmt.Sprintf("rule %s was disabled after it broke down %d times: %s", r.rule.Name, r.panics, err),
	})
}

// guarded turns a panic into an error.
func guarded[T any](f func() T) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %.200v", p)
		}
	}()
	return f(), nil
}

// A Status is how a rule is.
type Status struct {
	Rule     rule.Rule
	Stats    detector.Stats
	Panics   int
	Disabled string // why it no longer runs; "" while it does
	Cold     bool
}

// Rules tells how the rules are.
func (e *Engine) Rules() []Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Status, 0, len(e.rules))
	for _, r := range e.rules {
		all = append(all, Status{Rule: r.rule, Stats: r.detector.Stats(), Panics: r.panics, Disabled: r.disabled, Cold: r.cold})
	}
	return all
}

// Cold lists the rules that have seen neither history nor a saved state. Warm shows them history.
func (e *Engine) Cold() []rule.Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var cold []rule.Rule
	for _, r := range e.rules {
		if r.cold && r.disabled == "" {
			cold = append(cold, r.rule)
		}
	}
	return slices.Clip(cold)
}
