package detect

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/list"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

// A Scan shows stored events to yield, batch after batch: the rows given, or all of them when rows is nil. Batches come in
// the order of their earliest rows, over all kinds; the rows of one may be in any order. The error of yield ends it and is
// returned.
type Scan func(yield func(b *event.Batch, rows []int32) error) error

// HistoryOptions say how history is judged.
type HistoryOptions struct {
	Files fs.FS       // where rules find their lists
	Lists *list.Shelf // the lists of addresses that filters name; nil: those below Files
	// Until is the watermark after the last event, in nanoseconds since 1970 UTC: up to then nothing more is to come. 0 or
	// anything earlier is the time of the last event.
	Until int64
}

// HistoryStats say what was looked at.
type HistoryStats struct {
	Events   int64 // of the kinds of some rule
	Selected int64 // by rules, counted once each
	Late     uint64
	Skipped  uint64
	Evicted  uint64
}

// History judges stored events by fresh detectors, with the event times for a clock. It answers what the engine would have
// found had it been there, all events in time.
func History(ctx context.Context, options HistoryOptions, rules []rule.Rule, scan Scan) ([]alert.Finding, HistoryStats, error) {
	var runs []*running
	if options.Lists == nil {
		options.Lists = list.NewShelf(options.Files)
	}
	e := &Engine{options: Options{Files: options.Files, Lists: options.Lists}}
	for _, r := range rules {
		run, err := e.start(r)
		if err != nil {
			return nil, HistoryStats{}, err
		}
		runs = append(runs, run)
	}
	p := &pass{runs: runs, plans: plans(runs), cut: math.MaxInt64, applied: math.MaxUint64, newest: math.MinInt64}
	if err := p.run(ctx, scan); err != nil {
		return nil, p.stats, err
	}
	if err := p.judge(max(p.newest, options.Until)); err != nil {
		return nil, p.stats, err
	}
	for _, r := range runs {
		s := r.detector.Stats()
		p.stats.Late += s.Late
		p.stats.Skipped += s.Skipped
		p.stats.Evicted += s.Evicted
	}
	return window.Order(p.findings), p.stats, nil
}

// pass is one run over history.
type pass struct {
	runs     []*running
	plans    map[event.Kind]*plan
	cut      int64  // nothing is judged beyond this time
	applied  uint64 // rows of later journal sequences are left out; rows without one by the time cut
	hold     int64  // how far judging stays behind, for what else may come
	newest   int64
	findings []alert.Finding
	stats    HistoryStats
	rows     []int32
	err      error
}

func (p *pass) run(ctx context.Context, scan Scan) error {
	return scan(func(b *event.Batch, rows []int32) error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("judge history: %w", context.Cause(ctx))
		}
		return p.batch(b, rows)
	})
}

func (p *pass) batch(b *event.Batch, rows []int32) error {
	kind := p.plans[b.Kind]
	if kind == nil || b.Rows == 0 || rows != nil && len(rows) == 0 {
		return nil
	}
	clock := window.NewClock(b)
	first, last, rows := p.trim(&clock, b, rows)
	if rows != nil && len(rows) == 0 {
		return nil
	}
	if first != math.MinInt64 && p.newest != math.MinInt64 { // time begins with the first event
		if err := p.judge(first - 1); err != nil {
			return err
		}
	}
	p.newest = max(p.newest, last)
	if rows == nil {
		p.stats.Events += int64(b.Rows)
	} else {
		p.stats.Events += int64(len(rows))
	}
	broke := func(r *running, err error) {
		if p.err == nil {
			p.err = fmt.Errorf("judge history by rule %s: %w", r.rule.Name, err)
		}
	}
	kind.each(b, broke, func(r *running, chosen []int32) {
		if rows != nil {
			p.rows = intersect(p.rows[:0], chosen, rows)
			chosen = p.rows
		}
		p.stats.Selected += int64(len(chosen))
		p.step(r, func() []alert.Finding { r.detector.Fold(b, chosen); return nil })
	})
	return p.err
}

// trim returns the range of times of the rows, and leaves those out that are not part of this pass.
func (p *pass) trim(clock *window.Clock, b *event.Batch, rows []int32) (first, last int64, kept []int32) {
	if rows == nil && p.applied == math.MaxUint64 { // all of it is
		var ok bool
		if first, last, ok = clock.Range(); !ok {
			first, last = math.MinInt64, math.MinInt64
		}
		return first, last, nil
	}
	first, last = math.MaxInt64, math.MinInt64
	beyond := false
	mine := p.membership(clock, b)
	see := func(row int32) {
		t := clock.At(row)
		if !mine(row) {
			beyond = true
		} else if t != 0 {
			first, last = min(first, t), max(last, t)
		}
	}
	if rows == nil {
		for row := range b.Rows {
			see(int32(row))
		}
	} else {
		for _, row := range rows {
			see(row)
		}
	}
	if first > last {
		first = math.MinInt64
	}
	if !beyond {
		return first, last, rows
	}
	kept = make([]int32, 0, b.Rows)
	if rows == nil {
		for row := range b.Rows {
			if mine(int32(row)) {
				kept = append(kept, int32(row))
			}
		}
		return first, last, kept
	}
	for _, row := range rows {
		if mine(row) {
			kept = append(kept, row)
		}
	}
	return first, last, kept
}

// membership tells which rows are part of the pass.
func (p *pass) membership(clock *window.Clock, b *event.Batch) func(row int32) bool {
	seqs := b.Column(event.TocsinSequence)
	switch {
	case p.applied == math.MaxUint64:
		return func(int32) bool { return true }
	case seqs == nil:
		return func(row int32) bool { return clock.At(row) <= p.cut }
	}
	return func(row int32) bool {
		v, ok := seqs.Value(int(row))
		return !ok && clock.At(row) <= p.cut || ok && seqs.Uint(v) <= p.applied
	}
}

// intersect appends what is in both of two rising lists.
func intersect(dst, a, b []int32) []int32 {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			dst = append(dst, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return dst
}

func (p *pass) judge(w int64) error {
	if w = min(window.Earlier(w, p.hold), p.cut); w == math.MinInt64 {
		return nil
	}
	for _, r := range p.runs {
		p.step(r, func() []alert.Finding { return r.detector.Judge(event.Watermark(w)) })
	}
	return p.err
}

// step runs a step of a rule. Over history a panic ends the whole run: its answer would be incomplete.
func (p *pass) step(r *running, step func() []alert.Finding) {
	found, err := guarded(step)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("judge history by rule %s: %w", r.rule.Name, err)
	}
	for i := range found {
		found[i].Rule = r.rule.ID
		r.nameEntries(&found[i])
	}
	p.findings = append(p.findings, found...)
}

// SelectedOnly reports whether a rule looks at nothing but the events that its filter selects, so that a scan for it alone
// may leave all others out. The other detectors learn from the rest when time began, and when nothing came in at all.
// A threshold from below must know of all flows who told of them.
func SelectedOnly(r *rule.Rule) bool {
	fields, _ := r.Config.Reads()
	return r.Detector == "threshold" && !(r.From.Has(event.Flow) && slices.Contains(fields, event.ObserverIP))
}
