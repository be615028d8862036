package traffic

import (
	"context"
	"errors"
	"math"
	"slices"

	"tocsin/internal/aggregate"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/history"
	"tocsin/internal/metric"
	"tocsin/internal/view"
)

// A looker is what one goroutine of a scan gathers in the first look: who ranks how high.
type looker struct {
	table       *aggregate.Table
	totals      totals
	first, last int64 // of the flows; first is above last where there are none
	timed       bool  // whether these are wanted
}

func (r *ranking) newLooker(salt uint64) *looker {
	return &looker{
		totals: totals{sessions: newCensus(salt)},
		table:  aggregate.New(spec(r.quickBy, r.quick), aggregate.Limits{Groups: groupLimit, Bytes: tableBytes}),
		first:  math.MaxInt64, last: math.MinInt64, timed: r.Bucket > 0 && (r.Since.IsZero() || r.Until.IsZero()),
	}
}

func (w *looker) fold(b, _ *event.Batch, rows []int32) error {
	if w.timed {
		s := newSpans(b)
		for _, row := range rows {
			start, end := s.of(row)
			w.first, w.last = min(w.first, start), max(w.last, end)
		}
	}
	w.totals.add(b, rows)
	w.table.Fold(b, rows)
	return nil
}

func (w *looker) merge(o *looker) error {
	w.first, w.last = min(w.first, o.first), max(w.last, o.last)
	return errors.Join(w.totals.merge(&o.totals), w.table.Merge(o.table))
}

// ofRecords ranks what records tell: who is best first, and then all that is told of those.
func (r *ranking) ofRecords(ctx context.Context, store Store) (api.TrafficAnswer, error) {
	answer, salt := r.answer(), newSalt()
	all := r.newLooker(salt)
	fields := append(all.table.Fields(), event.SourceBytes, event.SourcePackets, event.FlowID)
	if all.timed {
		fields = append(fields, spanFields()...)
	}
	var workers []*looker
	first := true // the others are added to it
	err := scan(ctx, store, r.from, r.to, flows(r.sel.records(r.Once), fields...), func() folder {
		w := all
		if !first {
			w = r.newLooker(salt)
			workers = append(workers, w)
		}
		first = false
		return w.fold
	})
	for _, w := range workers {
		err = errors.Join(err, all.merge(w))
	}
	if err != nil {
		return answer, err
	}
	var rough bool
	answer.Bytes, answer.Packets = all.totals.bytes, all.totals.packets
	answer.Sessions, rough = all.totals.sessions.count()
	_, over := all.table.Others()
	answer.Estimate = rough || over
	best := all.table.Rank(0, r.Limit, false)
	best = slices.DeleteFunc(best, func(row aggregate.Row) bool { return !(row.Numbers[0] > 0) })
	answer.Others = all.table.Above(0, 0) - len(best)
	if len(best) == 0 {
		return answer, nil
	}
	return answer, r.detail(ctx, store, &answer, best, all)
}

// A folder is shown records of a range: b has what of their bytes and packets lies in it, whole has them as they were told.
type folder func(b, whole *event.Batch, rows []int32) error

// A scanner shows events.
type scanner interface {
	ScanParallel(ctx context.Context, q history.Query, worker func() history.Func) error
}

// scan shows the records of a range of time.
func scan(ctx context.Context, store scanner, from, to int64, q history.Query, worker func() folder) error {
	return scanParts(ctx, store, from, to, reaches(from, to), q, worker)
}

// scanParts shows the records of parts of a range of time.
func scanParts(ctx context.Context, store scanner, from, to int64, parts []reach, q history.Query, worker func() folder) error {
	for _, part := range parts {
		q := q
		q.Since, q.Until = part.since, part.until
		if part.clip {
			q.Fields = append(slices.Clone(q.Fields), spanFields()...)
		}
		err := store.ScanParallel(ctx, q, func() history.Func {
			fold := worker()
			if !part.clip {
				return func(b *event.Batch, rows []int32) error { return fold(b, b, rows) }
			}
			c := &clipper{from: from, to: to}
			return func(b *event.Batch, rows []int32) error {
				clipped, rows := c.clip(b, rows)
				if len(rows) == 0 {
					return nil
				}
				return fold(clipped, b, rows)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// metrics of the second look, in this order. What is ranked by comes behind them.
var details = []struct {
	op metric.Op
	of event.FieldID
}{
	{metric.Sum, event.FlowSentBytes},
	{metric.Sum, event.FlowReceivedBytes},
	{metric.Sum, event.FlowSentPackets},
	{metric.Sum, event.FlowReceivedPackets},
	{metric.Distinct, event.FlowInitiated},
	{metric.Distinct, event.FlowAccepted},
}

// A teller is what one goroutine gathers in the second look: all that is told of the best.
type teller struct {
	view   *view.View
	chosen *aggregate.Chosen
	rows   []int32
	table  *aggregate.Table
	lines  *aggregate.Table // nil: none are wanted
	steps  *steps
}

func (r *ranking) newTeller(seen *looker, best []aggregate.Row, st *steps) *teller {
	var metrics []metric.Metric
	for _, d := range details {
		metrics = append(metrics, metric.Metric{Op: d.op, Field: field(d.of)})
	}
	t := &teller{chosen: seen.table.Chosen(spec(r.by).By, best), steps: st}
	limits := aggregate.Limits{Groups: groupLimit, Bytes: tableBytes}
	t.table = aggregate.New(spec(r.by, append(metrics, r.metric)...), limits)
	measured := []event.FieldID{r.metric.Field.ID}
	for _, d := range details {
		measured = append(measured, d.of)
	}
	t.view, _ = view.New(r.by, measured)
	if st != nil {
		s := spec(r.by, r.metric)
		s.Bucket = r.Bucket
		t.lines = aggregate.New(s, limits)
	}
	return t
}

func (t *teller) fold(b, whole *event.Batch, rows []int32) error {
	t.each(b, rows, t.table.FoldShown)
	if t.lines != nil {
		t.each(whole, rows, func(b *event.Batch, rows []int32) { t.steps.spread(b, rows, t.lines.FoldShown) })
	}
	return nil
}

// each shows the rows of the chosen from where these stand.
func (t *teller) each(b *event.Batch, rows []int32, show func(*event.Batch, []int32)) {
	t.view.Each(b, rows, func(b *event.Batch, rows []int32) {
		if t.rows = t.chosen.Select(b, rows, t.rows[:0]); len(t.rows) > 0 {
			show(b, t.rows)
		}
	})
}

// detail fills the rows in.
func (r *ranking) detail(ctx context.Context, store Store, answer *api.TrafficAnswer, best []aggregate.Row, seen *looker) error {
	st, err := r.steps(seen)
	if err != nil {
		return err
	}
	all := r.newTeller(seen, best, st)
	fields := all.table.Fields()
	if st != nil {
		fields = append(fields, spanFields()...)
	}
	var workers []*teller
	where := both(r.sel.records(r.Once), r.entity.among(best))
	err = scan(ctx, store, r.from, r.to, flows(where, fields...), func() folder {
		w := r.newTeller(seen, best, st.clone())
		workers = append(workers, w)
		return w.fold
	})
	for _, w := range workers {
		err = errors.Join(err, all.table.Merge(w.table))
		if st != nil {
			err = errors.Join(err, all.lines.Merge(w.lines))
		}
	}
	if err != nil {
		return err
	}
	for _, row := range all.table.Rank(len(details), r.Limit, false) {
		n := row.Numbers
		out := api.TrafficRow{
			Values: r.entity.people(row.Values), SentBytes: whole(n[0]), ReceivedBytes: whole(n[1]), SentPackets: whole(n[2]), ReceivedPackets: whole(n[3]),
			Initiated: whole(n[4]), Accepted: whole(n[5]), Value: n[6],
		}
		answer.Estimate = answer.Estimate || row.Estimate
		answer.Rows = append(answer.Rows, out)
	}
	st.lines(answer, all.lines, &r.entity)
	return nil
}

// whole turns a sum into an integer.
func whole(v float64) uint64 {
	if v >= math.MaxUint64 {
		return math.MaxUint64
	}
	return uint64(v)
}
