package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/notifier"
)

// A RuleRef is what an alert says about its rule.
type RuleRef struct {
	ID       int64
	Version  int
	Name     string
	Owner    string
	Title    string         // for people; empty is Name
	Severity alert.Severity // 0 says nothing of the rule: what a standing alert says of it stays
	Origin   string         // of its new alerts; empty is Live
}

// A Write is what is to be said about one entity of one rule.
type Write struct {
	Rule   RuleRef
	Entity alert.Entity
	// Episodes are in order of time. All but the last have ended; the first may go on with an alert that stands.
	Episodes []Episode
}

// A Change is what happened to one alert.
type Change struct {
	Kind  notifier.Change
	Alert alert.Alert // as it is now
	// Acked says that the change is nothing but that somebody took the alert on, which is told only where it can be shown.
	Acked bool
}

// A Commit is one step of alerting: what was found, and up to where in the journal that takes us.
//
// Two positions make it possible to hold findings back for a while and yet count each of them once. Position is that up to
// which everything was written; after a restart the journal is judged again from there. Front is that up to which the
// findings about the entities in Writes are complete, and is at or behind Position. An alert remembers the Front that it
// was last written at: findings at or below it are known, and are ignored when they come again.
type Commit struct {
	Name      string // whose position
	Position  event.Position
	Front     event.Position
	Watermark event.Watermark
	Now       time.Time
	Writes    []Write
	Cap       int // alerts that a rule may have open before the rest is only counted; 0 is 1,000
	// Reopen is how long after its end, in event time, an alert is opened again when its rule triggers, rather than another
	// one opened; 0: never.
	Reopen   time.Duration
	Flapping Flapping
	Route    Route
	// Proven is the event time up to which all findings stand in the ledger or in this commit; what was held back by then
	// may lie before Watermark.
	Proven event.Watermark
	// Hits are what exclusions did up to Front. They are counted once, however often the commit is repeated.
	Hits []Hit
}

// A Result is what a commit did.
type Result struct {
	Changes []Change      // CREATE, UPDATE and END, in order; other writes tell nobody
	Open    map[int64]int // open alerts of the rules in which some were opened or ended
}

// DefaultCap is how many alerts a rule may have open at once.
const DefaultCap = 1000

// Commit writes alerts, the notices about them and the position in one transaction. What lies at or below the stored
// position is ignored; repeating a commit whose outcome is unknown does no harm.
func (l *Ledger) Commit(ctx context.Context, c Commit) (Result, error) {
	if c.Cap <= 0 {
		c.Cap = DefaultCap
	}
	c.Now = c.Now.UTC().Round(0)
	var result Result
	work := time.Duration(len(c.Writes)) * 5 * time.Millisecond // generous for a database across a network
	err := l.writeWithin(ctx, patience+work, "commit alerts", func(ctx context.Context, tx *sql.Tx) error {
		result = Result{}
		stored, err := readProgress(ctx, tx, c.Name)
		if err != nil {
			return err
		}
		if stored.Position.Covers(c.Front) {
			return nil
		}
		if !stored.Front.Covers(c.Front) {
			if err := hit(ctx, tx, c.Hits); err != nil {
				return err
			}
		}
		w := &writer{Commit: c, db: tx, tx: newSession(tx, len(c.Writes)), rules: map[int64]*ruleState{}}
		w.clerk = newClerk(w.tx, c.Route, c.Now)
		if result, err = w.run(ctx); err != nil {
			return err
		}
		return storeProgress(ctx, tx, c.Name, Progress{
			Position:  join(stored.Position, c.Position),
			Front:     join(stored.Front, c.Front),
			Watermark: max(stored.Watermark, c.Watermark),
			Updated:   c.Now,
		})
	})
	return result, err
}

// A writer carries one commit through its transaction.
type writer struct {
	Commit
	db     *sql.Tx
	tx     session // on db
	clerk  *clerk
	result Result
	rules  map[int64]*ruleState
	order  []int64 // of rules, as they came
}

// A ruleState is what a commit must know about one rule.
type ruleState struct {
	ref      RuleRef
	open     int  // alerts not ended
	counted  bool // open is known
	overflow *row // the alert that stands for what went over the cap; nil when there was none
	skip     bool // its findings up to Front were counted before
}

func (w *writer) run(ctx context.Context) (Result, error) {
	for i := range w.Writes {
		if err := w.write(ctx, &w.Writes[i]); err != nil {
			return Result{}, err
		}
	}
	if err := w.settleSteady(ctx); err != nil {
		return Result{}, err
	}
	w.result.Open = map[int64]int{}
	for _, id := range w.order {
		r := w.rules[id]
		if err := w.settle(ctx, r); err != nil {
			return Result{}, err
		}
		if r.counted {
			w.result.Open[id] = r.open
		}
	}
	return w.result, nil
}

// write applies the episodes of one entity to its alert.
func (w *writer) write(ctx context.Context, in *Write) error {
	state, err := w.rule(ctx, in.Rule)
	if err != nil || state.skip {
		return err
	}
	key := entityKey(in.Entity)
	r, err := latestLive(ctx, w.tx, in.Rule.ID, key)
	if err != nil {
		return err
	}
	if r != nil && r.seen[w.Name].Covers(w.Front) {
		return nil
	}
	for i := range in.Episodes {
		if r, err = w.apply(ctx, state, r, in, key, &in.Episodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// apply takes one episode into the alert r, or into a new one. It returns the alert that the next episode meets.
func (w *writer) apply(ctx context.Context, state *ruleState, r *row, in *Write, key string, e *Episode) (*row, error) {
	if r != nil && r.steady(e) {
		if err := w.settleBefore(ctx, state, r); err != nil {
			return nil, err
		}
	}
	standing := r != nil && r.State != alert.Ended
	if e.Triggers == 0 && (!standing || !r.Calm.IsZero()) {
		if r == nil {
			return nil, nil //nolint:nilnil // no alert is an answer here
		}
		return r, nil // an end, or news, of what is not open: it went over the cap, or somebody closed it
	}
	if !standing {
		if err := w.count(ctx, state); err != nil {
			return nil, err
		}
		if state.open >= w.Cap {
			w.addOverflow(state, e)
			return r, nil
		}
		state.open++
		if r != nil && r.endedWithin(w.Reopen, e) {
			r.reopen(w.Now)
			r.turn(e.First, w.Flapping, w.Name, w.Now)
		} else {
			r = newRow(in.Rule, in.Entity, key, cmp.Or(in.Rule.Origin, Live), e)
		}
	}
	if !r.Calm.IsZero() {
		r.Calm = time.Time{}
		r.turn(e.First, w.Flapping, w.Name, w.Now)
	}
	r.lapse(w.Now)
	kinds := r.take(in.Rule, e, w.Now)
	if e.Ended {
		kinds = append(kinds, r.goes(e.EndedAt, w.Flapping, w.Name, w.Now)...)
	}
	r.mark(w.Name, w.Front)
	if r.State == alert.Ended {
		if err := w.count(ctx, state); err != nil {
			return nil, err
		}
		state.open--
	}
	if err := r.store(ctx, w.tx); err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		if err := w.tell(ctx, kind, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// settleBefore settles a flapping alert that had been steady when the next episode came.
func (w *writer) settleBefore(ctx context.Context, state *ruleState, r *row) error {
	kind := r.settle(w.Now)
	r.Updated = w.Now
	if kind == notifier.End {
		if err := w.count(ctx, state); err != nil {
			return err
		}
		state.open--
	}
	if err := r.store(ctx, w.tx); err != nil {
		return err
	}
	return w.tell(ctx, kind, r)
}

// tell records a change and puts a notice for each of its targets into the outbox.
func (w *writer) tell(ctx context.Context, kind notifier.Change, r *row) error {
	change := Change{Kind: kind, Alert: r.Alert}
	w.result.Changes = append(w.result.Changes, change)
	return w.clerk.enqueue(ctx, change)
}

// newRow returns an alert that does not stand in the database yet.
func newRow(rule RuleRef, entity alert.Entity, key, origin string, e *Episode) *row {
	r := &row{key: key, fresh: true}
	r.Rule, r.Entity, r.Origin, r.State = rule.ID, cleanEntity(entity), origin, alert.Open
	r.Severity = rule.Severity
	r.First, r.Last = time.Unix(0, e.First).UTC(), time.Unix(0, e.Last).UTC()
	r.Peak, r.Limit, r.Below, r.odd = finite(e.Peak), finite(e.Newest.Limit), e.Newest.Below, e.odd
	return r
}

// take folds an episode in, all but its end, and returns what people may have to be told of.
func (r *row) take(rule RuleRef, e *Episode, now time.Time) []notifier.Change {
	var kinds []notifier.Change
	again := r.again
	if r.again = false; !r.fresh && rule.Severity != 0 && r.Severity != rule.Severity {
		r.changeSeverity(rule.Severity, now)
		again = again || r.State != alert.Acknowledged // who has taken it on needs no word of its being less
	}
	switch {
	case r.fresh:
		kinds = append(kinds, notifier.Create)
	case again:
		kinds = append(kinds, notifier.Update)
	}
	if rule.Severity != 0 {
		r.name(rule)
	}
	if e.began != 0 {
		r.correct(e)
	}
	r.Triggers += e.Triggers
	if e.Triggers > 0 {
		r.First = minTime(r.First, time.Unix(0, e.First).UTC())
		r.Last = maxTime(r.Last, time.Unix(0, e.Last).UTC())
	}
	if e.told {
		r.measure(e)
	}
	r.Updated = now
	return kinds
}

// correct takes over when and with what value the trigger really was that was told early.
func (r *row) correct(e *Episode) {
	at := time.Unix(0, e.began).UTC()
	if r.Triggers != 1 {
		r.First = minTime(r.First, at)
		return
	}
	r.First, r.Last, r.Peak, r.odd = at, at, finite(e.Peak), e.odd
}

// name copies what the alert says about its rule, as of now.
func (r *row) name(rule RuleRef) {
	title := rule.Title
	if title == "" {
		title = rule.Name
	}
	if len(r.Entity) > 0 {
		title += ": " + r.Entity.String()
	}
	r.RuleName, r.RuleVersion, r.Owner = cut(rule.Name, maxKey), rule.Version, cut(rule.Owner, maxKey)
	r.Title, r.Severity = cut(title, maxTitle), rule.Severity
}

// measure takes the newest values over.
func (r *row) measure(e *Episode) {
	f := &e.Newest
	r.Limit, r.Below, r.Window = finite(f.Limit), f.Below, f.Window
	r.Value = finite(f.Value)
	if peak := finite(e.Peak); unusual(peak, r.Limit, r.Below) > unusual(r.Peak, r.Limit, r.Below) {
		r.Peak, r.odd = peak, e.odd
	}
	r.Reason = cut(f.Reason, maxReason)
	r.samples = joinSamples(r.samples, e.Samples)
	r.Samples = evidence(r.samples, r.odd)
}

// latestLive returns the newest alert about an entity that was judged as its events came in, nil when there is none.
func latestLive(ctx context.Context, tx session, rule int64, key string) (*row, error) {
	r, err := scanAlert(tx.QueryRowContext(ctx,
		`SELECT `+alertColumns+` FROM alerts WHERE rule = $1 AND entity_key = $2 AND origin <> 'history' ORDER BY id DESC LIMIT 1`, rule, key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no alert is an answer here
	}
	return r, err
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
