package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
	"tocsin/internal/window"
)

// Flapping says from when on an alert that comes and goes is one state: when it changed between open and ended more often
// than Changes within Within of event time. It is steady again when it has not changed for Within. Zero: never.
type Flapping struct {
	Changes int
	Within  time.Duration
}

// Turns are the changes of an alert between open and ended.
type turns struct {
	At []int64 `json:"at"`           // event times of the newest
	By string  `json:"by,omitempty"` // who wrote the last one: the name of a position
}

func encodeTurns(t turns) (string, error) {
	if len(t.At) == 0 {
		return "", nil
	}
	return encode(t)
}

func decodeTurns(text string) (t turns, err error) {
	if text == "" {
		return t, nil
	}
	err = json.Unmarshal([]byte(text), &t)
	return t, err
}

// turn notes that the alert came or went at an event time, and reports whether that makes it flap.
func (r *row) turn(at int64, f Flapping, by string, now time.Time) (begins bool) {
	if r.Flapping.IsZero() {
		r.Turns = 0
		if f.Changes <= 0 || f.Within <= 0 {
			return false
		}
	}
	r.turned.At, r.turned.By = append(r.turned.At, at), by
	newest := slices.Max(r.turned.At)
	r.turned.At = slices.DeleteFunc(r.turned.At, func(old int64) bool { return newest-old >= int64(f.Within) && old != newest })
	r.settles = newest + int64(f.Within)
	if !r.Flapping.IsZero() {
		r.turned.At = r.turned.At[max(0, len(r.turned.At)-1):] // that it flaps is known
		r.Turns++
		return false
	}
	if len(r.turned.At) <= f.Changes {
		return false
	}
	r.Turns, r.Flapping = int64(len(r.turned.At)), time.Unix(0, at).UTC()
	r.say(alert.Entry{At: now, What: alert.DidFlap, Note: fmt.Sprintf("%d changes within %s", r.Turns, window.Span(f.Within))})
	return true
}

// steady reports whether a flapping alert had not changed for long enough when an episode came.
func (r *row) steady(e *Episode) bool {
	at := e.First
	if e.Triggers == 0 {
		at = e.EndedAt
	}
	return !r.Flapping.IsZero() && (e.Triggers > 0 || e.Ended) && at >= r.settles
}

// settle says how a flapping alert ended up that has been steady: it ends with its condition, or it goes on.
func (r *row) settle(now time.Time) notifier.Change {
	calm := r.Calm
	r.say(alert.Entry{At: now, What: alert.DidSettle, Note: fmt.Sprintf("after %d changes", r.Turns)})
	r.stopFlapping()
	if calm.IsZero() {
		return notifier.Update
	}
	r.end(calm, now)
	return notifier.End
}

// stopFlapping forgets how the alert came and went; only how often is kept to be shown.
func (r *row) stopFlapping() {
	r.Flapping, r.Calm, r.settles, r.turned = time.Time{}, time.Time{}, 0, turns{}
}

// goes takes over that the condition of an alert that stands passed at an event time.
func (r *row) goes(at int64, f Flapping, by string, now time.Time) []notifier.Change {
	var kinds []notifier.Change
	if !r.Flapping.IsZero() && at >= r.settles {
		kinds = append(kinds, r.settle(now))
	}
	begins := r.turn(at, f, by, now)
	if r.Flapping.IsZero() {
		r.end(time.Unix(0, at).UTC(), now)
		return append(kinds, notifier.End)
	}
	r.Calm = maxTime(time.Unix(0, at).UTC(), r.Last)
	if begins {
		kinds = append(kinds, notifier.Update)
	}
	return kinds
}

// settleSteady settles the flapping alerts that this commit proves to have been steady. Where nothing is proven any more, as
// when a rule has no source, and for those that others write, the clock counts instead, if the row was left alone for as long.
func (w *writer) settleSteady(ctx context.Context) error {
	rows, err := alertsWhere(ctx, w.db, `flapping > 0 AND settles <= $1 AND state <> 'ended'`, max(w.Now.UnixNano(), int64(w.Proven)))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !w.provesSteady(r) {
			continue
		}
		r.lapse(w.Now)
		kind := r.settle(w.Now)
		r.Updated = w.Now
		if state := w.rules[r.Rule]; kind == notifier.End && state != nil && state.counted {
			state.open--
		}
		if err := r.store(ctx, w.tx); err != nil {
			return err
		}
		if err := w.tell(ctx, kind, r); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) provesSteady(r *row) bool {
	last, now := slices.Max(append(r.turned.At, 0)), w.Now.UnixNano()
	if r.turned.By == w.Name && int64(w.Proven) >= last {
		return r.settles <= int64(w.Proven)
	}
	return r.settles <= now && r.Updated.UnixNano()+r.settles-last <= now
}
