package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"tocsin/internal/aggregate"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/history"
	"tocsin/internal/metric"
	"tocsin/internal/view"
)

// Defaults and bounds of questions.
const (
	searchLimit = 100
	topLimit    = 10
	groupLimit  = 1_000_000 // groups that one ranking may hold
)

// query checks what a question about events has in common.
func query(kinds []string, where string, since, until time.Time) (history.Query, error) {
	q := history.Query{Since: nanoseconds(since), Until: nanoseconds(until)}
	for _, name := range kinds {
		kind, err := event.ParseKind(name)
		if err != nil {
			return q, invalid(err)
		}
		q.Kinds = append(q.Kinds, kind)
	}
	if where != "" {
		expr, err := filter.ParseNaming(where)
		if err != nil {
			return q, invalid(err)
		}
		q.Where = expr
	}
	if q.Since != 0 && q.Until != 0 && q.Since >= q.Until {
		return q, fault.New(fault.Invalid, "time range: since %s is not before until %s", since.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	return q, nil
}

// bounded is query within what the caller may see.
func (d *Desk) bounded(ctx context.Context, kinds []string, where string, since, until time.Time) (history.Query, error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return history.Query{}, err
	}
	q, err := query(kinds, where, since, until)
	if err != nil {
		return q, err
	}
	if q.Where, err = d.asked(q.Where); err != nil {
		return q, err
	}
	q.Where = caller.bounds.Bound(q.Where)
	return q, nil
}

// invalid gives an error the kind of a wrong request, and keeps its text.
func invalid(err error) error { return fault.New(fault.Invalid, "%w", err) }

// nanoseconds returns a time as history counts it; 0 for none.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Search implements api.Service.
func (d *Desk) Search(ctx context.Context, r api.SearchRequest, each func(json.RawMessage) error) error {
	q, err := d.bounded(ctx, r.Kinds, r.Where, r.Since, r.Until)
	if err != nil {
		return err
	}
	limit := r.Limit
	if limit == 0 {
		limit = searchLimit
	}
	q.All = true
	var line []byte
	begun := false
	ask := func() error {
		return d.parts.History.Newest(ctx, q, limit, r.Oldest, func(b *event.Batch, rows []int32) error {
			begun = true
			for _, row := range rows {
				line = b.AppendJSON(line[:0], int(row))
				if err := each(line); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = ask()
	if !begun && damaged(ctx, err) {
		err = ask()
	}
	return err
}

// damaged reports whether a question met a segment that was damaged and is now set aside: asked again, the rest answers.
func damaged(ctx context.Context, err error) bool {
	return errors.Is(err, fault.Unavailable) && ctx.Err() == nil
}

// Top implements api.Service.
func (d *Desk) Top(ctx context.Context, r api.TopRequest) (api.TopAnswer, error) {
	leave, err := d.rankings.enter(ctx, "rank events")
	if err != nil {
		return api.TopAnswer{}, err
	}
	defer leave()
	answer, err := d.top(ctx, r)
	if damaged(ctx, err) {
		answer, err = d.top(ctx, r)
	}
	d.showTop(&answer)
	return answer, err
}

func (d *Desk) top(ctx context.Context, r api.TopRequest) (api.TopAnswer, error) {
	r.By = view.Expand(r.By)
	q, err := d.bounded(ctx, r.Kinds, r.Where, r.Since, r.Until)
	if err != nil {
		return api.TopAnswer{}, err
	}
	spec, err := topSpec(r)
	if err != nil {
		return api.TopAnswer{}, err
	}
	total := aggregate.New(spec, aggregate.Limits{Groups: groupLimit})
	q.Fields, q.Labels, q.Passing = total.Fields(), len(total.Labels()) > 0, true

	answer := api.TopAnswer{By: r.By, Metric: spec.Metrics[0].String(), Rows: []api.TopRow{}}
	var workers []*topWorker
	err = d.parts.History.ScanParallel(ctx, q, func() history.Func {
		w := &topWorker{table: total} // the others are added to the first
		if len(workers) > 0 {
			w.table = aggregate.New(spec, aggregate.Limits{Groups: groupLimit})
		}
		workers = append(workers, w)
		return w.fold
	})
	for i, w := range workers {
		if answer.Events += w.events; i > 0 {
			err = errors.Join(err, total.Merge(w.table))
		}
	}
	if err != nil {
		return answer, err
	}
	rank(&answer, total, r)
	return answer, nil
}

// A topWorker is what one goroutine of a scan gathers.
type topWorker struct {
	table  *aggregate.Table
	events int64
}

func (w *topWorker) fold(b *event.Batch, rows []int32) error {
	w.events += int64(len(rows))
	w.table.Fold(b, rows)
	return nil
}

func topSpec(r api.TopRequest) (aggregate.Spec, error) {
	name := cmp.Or(r.Metric, "count")
	m, err := metric.Parse(name)
	if err != nil {
		return aggregate.Spec{}, invalid(err)
	}
	spec := aggregate.Spec{Metrics: []metric.Metric{m}, Bucket: r.Bucket}
	var wrong []error
	for _, by := range r.By {
		key, err := aggregate.ParseKey(by)
		if err != nil {
			wrong = append(wrong, err)
		}
		spec.By = append(spec.By, key)
	}
	if r.Bucket != 0 && r.Bucket < time.Second {
		wrong = append(wrong, fault.New(fault.Invalid, "bucket: got %v, want 1s or more", r.Bucket))
	}
	if len(wrong) > 0 {
		return spec, invalid(errors.Join(wrong...))
	}
	return spec, nil
}

// rank fills the answer in: the best groups, or with buckets the best of each bucket in the order of time.
func rank(answer *api.TopAnswer, table *aggregate.Table, r api.TopRequest) {
	limit := cmp.Or(r.Limit, topLimit)
	if limit < 0 {
		limit = groupLimit
	}
	shown := groupLimit
	if r.Bucket == 0 {
		shown = min(limit, groupLimit)
	}
	rows := table.Rank(0, shown, r.Lowest)
	if _, over := table.Others(); over {
		answer.Estimate = true // there were more groups than are kept apart
	}
	if r.Bucket > 0 {
		slices.SortStableFunc(rows, func(a, b aggregate.Row) int { return cmp.Compare(a.Bucket, b.Bucket) })
	}
	placed, bucket := 0, int64(0)
	for i, row := range rows {
		if r.Bucket > 0 && (i == 0 || row.Bucket != bucket) {
			placed, bucket = 0, row.Bucket
		}
		if placed >= limit {
			answer.Others++
			continue
		}
		if math.IsNaN(row.Numbers[0]) {
			continue // no row of the group has the field: there is nothing to rank it by
		}
		placed++
		out := api.TopRow{Values: row.Values, Value: row.Numbers[0]}
		if r.Bucket > 0 {
			out.Time = time.Unix(0, row.Bucket).UTC()
		}
		answer.Estimate = answer.Estimate || row.Estimate
		answer.Rows = append(answer.Rows, out)
	}
	if r.Bucket == 0 && placed == shown {
		answer.Others = table.Groups() - placed
	}
}
