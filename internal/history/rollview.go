package history

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/rollup"
)

// A View is the history of one moment: what its methods find does not change. It holds back the removal of files, so Close must
// be called soon.
type View struct {
	s *Store
	v *version
}

// Pin returns a view of flows as they are now.
func (s *Store) Pin() (*View, error) {
	v, err := s.pin(event.Of(event.Flow))
	if err != nil {
		return nil, err
	}
	return &View{s, v}, nil
}

// Close ends the view.
func (w *View) Close() { w.s.unpin(w.v) }

// ScanParallel is that of the store, of the flows that the view has.
func (w *View) ScanParallel(ctx context.Context, q Query, worker func() Func) error {
	if err := checkQuery(q); err != nil {
		return err
	}
	return w.s.scan(ctx, newPlan(q), w.v, q, worker)
}

// scanOne shows the flows of a view to one function, which is called by one goroutine at a time.
func (s *Store) scanOne(ctx context.Context, w *View, q Query, fn Func) error {
	var mu sync.Mutex
	return w.ScanParallel(ctx, q, func() Func {
		return func(b *event.Batch, rows []int32) error {
			mu.Lock()
			defer mu.Unlock()
			return fn(b, rows)
		}
	})
}

// A Span is a range of time in nanoseconds since 1970 UTC; Since or Until of 0 has no bound.
type Span struct{ Since, Until int64 }

// A Rolled says how flows that happened in a range of time are added up from rollups.
type Rolled struct {
	Hours int    // that rollups stand for, and had flows or were in a day that had
	Files []int  // numbers of rollups, for View.Rollup
	Spans []Span // that these stand for: flows that are not written yet are to be added
	Raw   []Span // where flows themselves are to be read
}

// Rolled divides a range of time; Since or Until of 0 has no bound.
func (w *View) Rolled(since, until int64) Rolled {
	m := w.v.layout.manifest
	first, end := int64(1), noHour
	if since != 0 {
		first = max(first, hourOf(since-1)+1)
	}
	if until != 0 {
		end = hourOf(until)
	}
	var out Rolled
	if first >= end {
		out.Raw = []Span{{since, until}}
		return out
	}
	var taken []stretch
	days := map[int64]bool{}
	for _, length := range []int64{dayHours, 1} {
		for i := range m.Rollups {
			e := &m.Rollups[i]
			if e.Hours != length || e.From < first || e.From+e.Hours > end || days[e.From/dayHours] {
				continue
			}
			if length > 1 {
				days[e.From/dayHours] = true
			}
			out.Files, taken = append(out.Files, i), append(taken, stretch{e.From, e.From + e.Hours})
			out.Hours += int(e.Hours)
		}
	}
	taken = joined(taken)
	for _, h := range taken {
		out.Spans = append(out.Spans, Span{h.from * hourLength, h.to * hourLength})
	}
	raw := []Span{}
	if since == 0 || since < first*hourLength {
		raw = append(raw, Span{since, first * hourLength})
	}
	for _, h := range w.unknown(taken, first, end) {
		raw = append(raw, Span{h.from * hourLength, h.to * hourLength})
	}
	if until == 0 || until > end*hourLength {
		raw = append(raw, Span{end * hourLength, until})
	}
	for _, s := range raw { // adjoining ones in one go
		if n := len(out.Raw); n > 0 && out.Raw[n-1].Until == s.Since {
			out.Raw[n-1].Until = s.Until
		} else {
			out.Raw = append(out.Raw, s)
		}
	}
	return out
}

// A stretch is the hours from one up to another.
type stretch struct{ from, to int64 }

// joined sorts stretches and puts those together that meet.
func joined(list []stretch) (out []stretch) {
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	for _, h := range list {
		if n := len(out); n > 0 && out[n-1].to >= h.from {
			out[n-1].to = max(out[n-1].to, h.to)
		} else {
			out = append(out, h)
		}
	}
	return out
}

// unknown lists the hours of a range that no rollup was taken for and that may have flows, ascending.
func (w *View) unknown(taken []stretch, first, end int64) []stretch {
	m := w.v.layout.manifest
	var may []stretch
	switch {
	case m.RolledFrom == 0:
		may = []stretch{{first, end}}
	default:
		if first < m.RolledFrom {
			may = append(may, stretch{first, min(end, m.RolledFrom)})
		}
		for _, h := range m.Unrolled {
			may = append(may, stretch{h, h + 1})
		}
		for _, e := range m.Rollups { // days that lie in the range in part, and of which no hours are left
			if e.Hours > 1 && (e.From < first || e.From+e.Hours > end) {
				may = append(may, stretch{e.From, e.From + e.Hours})
			}
		}
		for _, b := range w.v.memory {
			for _, h := range hoursOf([]*event.Batch{b}) {
				may = append(may, stretch{h, h + 1})
			}
		}
	}
	var out []stretch
	for _, h := range joined(may) {
		h.from, h.to = max(h.from, first), min(h.to, end)
		for _, t := range taken {
			if t.to <= h.from || t.from >= h.to {
				continue
			}
			if t.from > h.from {
				out = append(out, stretch{h.from, t.from})
			}
			h.from = t.to
		}
		if h.from < h.to {
			out = append(out, h)
		}
	}
	return out
}

// AddRollup adds the rollup of a number to another one. One that is damaged is dropped, to be made again, and the question
// should be asked again.
func (w *View) AddRollup(number int, to *rollup.Rollup) error {
	e := &w.v.layout.manifest.Rollups[number]
	data, err := w.s.readRollup(e)
	if err == nil {
		err = to.Add(data)
	}
	if isDamaged(err) || errors.Is(err, rollup.ErrDamaged) {
		return errors.Join(ErrDropped, err, w.s.dropRollups(err, e.File))
	}
	return err
}

// ErrDropped is wrapped by what a question returns that met a damaged rollup, which is dropped now.
var ErrDropped = errors.New("rollup was dropped")

// Waiting shows the flows in spans that are in no segment yet.
func (w *View) Waiting(spans []Span, fn Func) error {
	for _, b := range w.v.memory {
		var rows []int32
		for row, t := range b.Times() {
			if slices.ContainsFunc(spans, func(s Span) bool { return t >= s.Since && t < s.Until }) {
				rows = append(rows, int32(row))
			}
		}
		if len(rows) > 0 {
			if err := fn(b, rows); err != nil {
				return err
			}
		}
	}
	return nil
}
