package ledger

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
)

// The alert that stands for everything over the cap of a rule is about this entity.
const (
	overflowField = "tocsin.overflow"
	overflowValue = "further entities"
	overflowKey   = overflowField + "=" + overflowValue
)

// rule returns what is known of a rule in this commit.
//
// When its overflow was written at or behind Front, all of the rule's findings up to there were counted, some of them
// there: whoever hands on findings writes all that he holds of a rule when some go over its cap.
func (w *writer) rule(ctx context.Context, ref RuleRef) (*ruleState, error) {
	if state, ok := w.rules[ref.ID]; ok {
		if state.ref.Severity == 0 {
			state.ref = ref
		}
		return state, nil
	}
	state := &ruleState{ref: ref}
	r, err := latestLive(ctx, w.tx, ref.ID, overflowKey)
	if err != nil {
		return nil, err
	}
	if r != nil {
		state.overflow, state.skip = r, r.seen[w.Name].Covers(w.Front)
	}
	w.rules[ref.ID], w.order = state, append(w.order, ref.ID)
	return state, nil
}

// count looks up, once, how many alerts of the rule are open.
func (w *writer) count(ctx context.Context, state *ruleState) error {
	if state.counted {
		return nil
	}
	err := w.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM alerts WHERE rule = $1 AND state <> 'ended' AND entity_key <> $2`,
		state.ref.ID, overflowKey).Scan(&state.open)
	state.counted = err == nil
	return err
}

// addOverflow counts an episode for which there is no room.
func (w *writer) addOverflow(state *ruleState, e *Episode) {
	r := state.overflow
	if r == nil || r.State == alert.Ended {
		r = newRow(state.ref, alert.Entity{{Field: overflowField, Value: overflowValue}}, overflowKey, Live, e)
		r.name(state.ref)
		state.overflow = r
	}
	r.Triggers += e.Triggers
	r.First = minTime(r.First, time.Unix(0, e.First).UTC())
	r.Last = maxTime(r.Last, time.Unix(0, e.Last).UTC())
	r.mark(w.Name, w.Front)
	r.dirty = true
}

// settle writes the overflow of a rule, and ends it when a tenth of the cap is free again, so that it does not come and go
// with every single alert.
func (w *writer) settle(ctx context.Context, state *ruleState) error {
	r := state.overflow
	if r == nil || r.State == alert.Ended || state.skip {
		return nil
	}
	var kinds []notifier.Change
	if r.fresh {
		kinds = append(kinds, notifier.Create)
	}
	if state.counted && state.open <= w.Cap-max(1, w.Cap/10) {
		r.end(r.Last, w.Now)
		r.dirty = true
		kinds = append(kinds, notifier.End)
	}
	if !r.dirty {
		return nil
	}
	r.Value, r.Peak, r.Limit = float64(r.Triggers), float64(r.Triggers), float64(w.Cap)
	r.Reason = fmt.Sprintf("the rule has %d alerts open, which is all that it may have: %d further triggers are only counted", w.Cap, r.Triggers)
	r.Updated = w.Now // seen stays if it only ends: then not all of the rule need be in this commit
	if err := r.store(ctx, w.tx); err != nil {
		return err
	}
	for _, kind := range kinds {
		if err := w.tell(ctx, kind, r); err != nil {
			return err
		}
	}
	return nil
}
