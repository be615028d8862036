package detect

import (
	"context"
	"math"

	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/list"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

// An Account is what a rule makes of one row.
type Account struct {
	Rule        rule.Rule
	Explanation detector.Explanation
	Disabled    string // why the rule no longer runs; then there is nothing else
	Warming     bool   // the rule is being shown history, and knows only what it did before
	Cold        bool   // the rule has seen neither history nor a saved state
	// Watermark is up to when the rule has judged, and Newest the time of the newest event of its kinds; math.MinInt64 when
	// there is none.
	Watermark, Newest int64
}

// Explain tells what the rules of some numbers make of a row which their filters select. It reads the state between two
// batches and leaves it as it is. A row that comes too late to be judged is taken as one of the time of the newest event.
func (e *Engine) Explain(b *event.Batch, row int32, rules map[int64]bool) []Account {
	clock := window.NewClock(b)
	at := clock.At(row)
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Account
	for _, r := range e.rules {
		if !rules[r.rule.ID] {
			continue
		}
		a := Account{Rule: r.rule, Disabled: r.disabled, Warming: r.waiting != nil, Cold: r.cold, Watermark: r.judged, Newest: e.clocks.newest(r.rule.From)}
		if r.disabled == "" {
			when := at
			if at <= r.judged {
				when = max(a.Newest, window.Later(r.judged, 1))
			}
			x, err := guarded(func() detector.Explanation { return r.detector.Explain(b, row, when) })
			if err != nil {
				a.Disabled = err.Error()
			}
			x.Late = at <= r.judged
			a.Explanation = x
		}
		all = append(all, a)
	}
	return all
}

// newest returns the time of the newest event of some kinds; math.MinInt64 when there was none.
func (c *clocks) newest(kinds event.KindSet) int64 {
	newest := int64(math.MinInt64)
	for k, s := range c.sources {
		if kinds.Has(k.kind) {
			newest = max(newest, s.newest)
		}
	}
	return newest
}

// Recall returns an engine whose rules know what a scan shows them, as they would have it been there, with all events in
// time. It stands at the newest event: nothing that lies there is judged yet.
func Recall(ctx context.Context, options HistoryOptions, rules []rule.Rule, scan Scan) (*Engine, HistoryStats, error) {
	if options.Lists == nil {
		options.Lists = list.NewShelf(options.Files)
	}
	e := &Engine{options: Options{Files: options.Files, Lists: options.Lists, Lateness: DefaultLateness}, clocks: newClocks(int64(DefaultLateness))}
	for _, r := range rules {
		run, err := e.start(r)
		if err != nil {
			return nil, HistoryStats{}, err
		}
		run.cold = false
		e.rules = append(e.rules, run)
	}
	p := &pass{runs: e.rules, plans: plans(e.rules), cut: math.MaxInt64, applied: math.MaxUint64, newest: math.MinInt64}
	if err := p.run(ctx, scan); err != nil {
		return nil, p.stats, err
	}
	if p.newest != math.MinInt64 {
		if err := p.judge(p.newest - 1); err != nil {
			return nil, p.stats, err
		}
		for _, r := range e.rules {
			r.judged = p.newest - 1
		}
		for _, kind := range event.Kinds() {
			*e.clocks.source(kind, "") = reach{newest: p.newest, received: p.newest}
		}
	}
	return e, p.stats, nil
}
