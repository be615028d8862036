package traffic

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/history"
	"tocsin/internal/rollup"
)

// rolledHours is how many hours rollups must stand for to be used: answers over less than about a day count every session once.
const rolledHours = 24

// rollable returns what rollups are to be asked; false when they cannot answer: they know no filter, hence nothing of what an
// account may not see, and of different peers, of lines over time and of what exporters tell twice they know nothing either.
func (r *ranking) rollable() (e rollup.Entity, m rollup.Measure, ok bool) {
	if r.Exact || r.Once || r.Bucket > 0 || r.sel.Within != nil || r.sel.Where != nil || r.sel.Sessions != nil {
		return 0, 0, false
	}
	if e, ok = rollup.ParseEntity(r.entity.name); !ok {
		return 0, 0, false
	}
	switch r.Rank {
	case "bytes":
		m = []rollup.Measure{rollup.Bytes, rollup.SentBytes, rollup.ReceivedBytes}[r.side]
	case "packets":
		m = []rollup.Measure{rollup.Packets, rollup.SentPackets, rollup.ReceivedPackets}[r.side]
	default:
		return 0, 0, false
	}
	return e, m, true
}

// ofRollups ranks by rollups what they know and adds flows where they stand for none; false when they are of no use.
func (r *ranking) ofRollups(ctx context.Context, store Store) (answer api.TrafficAnswer, done bool, err error) {
	e, m, ok := r.rollable()
	if !ok {
		return answer, false, nil
	}
	view, err := store.Pin()
	if err != nil {
		return answer, false, err
	}
	defer view.Close()
	all, hours, err := r.addUp(ctx, view, e)
	if errors.Is(err, history.ErrDropped) {
		return answer, false, nil // flows tell as well
	}
	if err != nil || hours < rolledHours {
		return answer, false, err
	}
	answer = r.answer()
	sum := all.Totals()
	answer.Bytes, answer.Packets, answer.Sessions = sum.Bytes, sum.Packets, sum.Sessions
	answer.RolledHours, answer.Bound, answer.Estimate = hours, all.Bound(e, m), true
	rows, others := all.Rank(e, m, r.Limit)
	answer.Others = others
	for _, row := range rows {
		answer.Rows = append(answer.Rows, api.TrafficRow{
			Values:    r.entity.people([]string{row.Value}),
			SentBytes: row.SentBytes, ReceivedBytes: row.ReceivedBytes, SentPackets: row.SentPackets, ReceivedPackets: row.ReceivedPackets,
			Initiated: row.Initiated, Accepted: row.Accepted, Value: float64(row.Of(m)),
		})
	}
	return answer, true, nil
}

// addUp adds rollups and flows up. Where rollups stand for too few hours it does not.
func (r *ranking) addUp(ctx context.Context, view *history.View, e rollup.Entity) (all *rollup.Rollup, hours int, err error) {
	var parts []*rollup.Rollup
	one := func() *rollup.Rollup {
		part := rollup.New(rollup.Limits{Keys: groupLimit}, e)
		parts = append(parts, part)
		return part
	}
	var files []int
	var read []reach
	var spans []history.Span
	for _, part := range reaches(r.from, r.to) {
		if part.clip {
			read = append(read, part)
			continue
		}
		rolled := view.Rolled(part.since, part.until)
		if hours, files = rolled.Hours, rolled.Files; hours < rolledHours {
			return nil, hours, nil
		}
		for _, s := range rolled.Raw {
			read = append(read, reach{since: s.Since, until: s.Until})
		}
		spans = rolled.Spans
	}
	if hours == 0 {
		return nil, 0, nil
	}
	if err := addFiles(ctx, view, files, one); err != nil {
		return nil, 0, err
	}
	var mu sync.Mutex
	rest := one() // in one place, so that a session counts once
	fold := func(b *event.Batch, rows []int32) error {
		mu.Lock()
		defer mu.Unlock()
		rest.Fold(b, rows)
		return nil
	}
	if err := view.Waiting(spans, fold); err != nil {
		return nil, 0, err
	}
	err = scanParts(ctx, view, r.from, r.to, read, flows(nil, rest.Fields()...), func() folder {
		return func(b, _ *event.Batch, rows []int32) error { return fold(b, rows) }
	})
	if err != nil {
		return nil, 0, err
	}
	all = parts[0]
	for _, part := range parts[1:] {
		all.Merge(part)
	}
	return all, hours, nil
}

// addFiles adds rollups up, with one goroutine for each processor.
func addFiles(ctx context.Context, view *history.View, files []int, one func() *rollup.Rollup) error {
	g, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), 4, len(files)/8+1)
	for w := range workers {
		into := one()
		g.Go(func() error {
			for i := w; i < len(files); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := view.AddRollup(files[i], into); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
