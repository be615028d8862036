package detect

import (
	"context"
	"errors"
	"math"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// maxWaiting bounds the rows that are held for a rule while it is shown history. Those beyond are left out, oldest first.
const maxWaiting = 1 << 20

// queue is batches in their order with the rows that a rule selects.
type queue struct {
	batches []chosen
	rows    int
}

type chosen struct {
	batch *event.Batch
	rows  []int32
}

func (q *queue) add(b *event.Batch, rows []int32) {
	if len(rows) == 0 {
		return
	}
	q.batches = append(q.batches, chosen{b, append([]int32(nil), rows...)})
	for q.rows += b.Rows; q.rows > maxWaiting && len(q.batches) > 1; { // a batch is held whole
		q.rows -= q.batches[0].batch.Rows
		q.batches[0] = chosen{} // which the list behind the slice would hold on to
		q.batches = q.batches[1:]
	}
}

// ErrWarming is returned by Warm while another call of it is still at work on one of the rules.
var ErrWarming = errors.New("the rule is being shown history already")

// Warm shows history to rules that have seen none, so that they know what is usual. What they find in it is told to
// nobody. Of the rows that say at which sequence they stand in the journal, those that the engine has not seen yet are
// left to the journal; others are left to it from the watermark on. What comes in meanwhile waits, and is judged afterwards,
// by the next Apply or Tick. Rules that are not cold are left alone. When it fails, the rules stay cold and go on without.
func (e *Engine) Warm(ctx context.Context, rules []rule.Rule, scan Scan) error {
	p, err := e.beginWarm(rules)
	if err != nil {
		return err
	}
	err = p.run(ctx, scan)
	if err == nil {
		err = p.judge(p.newest)
	}
	e.endWarm(p.runs, err == nil)
	return err
}

// beginWarm makes the cold ones of rules wait, and returns a pass over history with new detectors for them.
func (e *Engine) beginWarm(rules []rule.Rule) (*pass, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for i := range rules {
		wanted[stateKey(&rules[i])] = true
	}
	p := &pass{cut: math.MaxInt64, hold: e.clocks.lateness, newest: math.MinInt64}
	for _, seq := range e.position.Seqs {
		p.applied = max(p.applied, seq)
	}
	var waiting []*running
	for _, r := range e.rules {
		if !wanted[r.key] || !r.cold || r.disabled != "" {
			continue
		}
		if r.waiting != nil {
			return nil, ErrWarming
		}
		run, err := e.start(r.rule)
		if err != nil {
			return nil, err
		}
		p.runs, waiting = append(p.runs, run), append(waiting, r)
		if w, ok := e.clocks.watermark(r.rule.From); ok {
			p.cut = min(p.cut, w)
		}
	}
	for _, r := range waiting {
		r.waiting = &queue{}
	}
	p.plans = plans(p.runs)
	return p, nil
}

// endWarm lets the rules go on, with what they learnt unless that failed, and judges what came meanwhile.
func (e *Engine) endWarm(runs []*running, learnt bool) {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	byKey := map[string]*running{}
	for _, r := range runs {
		byKey[r.key] = r
	}
	for _, r := range e.rules {
		run := byKey[r.key]
		if run == nil || r.waiting == nil {
			continue
		}
		q := r.waiting
		r.waiting = nil
		if learnt {
			r.detector, r.cold = run.detector, false
		}
		for _, c := range q.batches {
			e.ready = e.try(r, e.ready, func() []alert.Finding {
				r.detector.Fold(c.batch, c.rows)
				return r.detector.Early()
			})
		}
	}
}
