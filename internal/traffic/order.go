package traffic

import (
	"bytes"
	"cmp"
	"context"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/history"
)

// sessionOrder returns how sessions are ordered: by when they began, or by what both ends sent.
func sessionOrder(q *api.SessionRequest) (func(a, b session) int, error) {
	size := func(*session) uint64 { return 0 }
	switch q.Order {
	case "", "time":
	case "bytes":
		size = func(s *session) uint64 { return add(s.ClientBytes, s.ServerBytes) }
	case "packets":
		size = func(s *session) uint64 { return add(s.ClientPackets, s.ServerPackets) }
	default:
		return nil, fault.New(fault.Invalid, "order: got %q, want time, bytes or packets", q.Order)
	}
	return func(a, b session) int {
		age := cmp.Compare(b.start, a.start)
		if q.Oldest {
			age = -age
		}
		return cmp.Or(cmp.Compare(size(&b), size(&a)), age, cmp.Compare(a.id, b.id), bytes.Compare(a.Client[:], b.Client[:]), bytes.Compare(a.Server[:], b.Server[:]))
	}, nil
}

// picked is a store of which only the records of some sessions are shown.
type picked struct {
	Store

	ids   idSet
	match *filter.FlowTraq // of records that are of no session, each by itself
}

// ScanParallel implements Store. The query asks for all fields of sessions.
func (p *picked) ScanParallel(ctx context.Context, q history.Query, worker func() history.Func) error {
	q.Fields = append(sessionFields(), q.Fields...)
	return p.Store.ScanParallel(ctx, q, func() history.Func {
		fn, words := worker(), map[string]string{}
		var kept []int32
		return func(b *event.Batch, rows []int32) error {
			r := &reader{Batch: b, spans: newSpans(b), words: words}
			ids := b.Column(event.FlowID)
			kept = kept[:0]
			for _, row := range rows {
				if id, ok := number(ids, row); ok && p.ids.has(uint64(id)) || !ok && p.alone(r, row) {
					kept = append(kept, row)
				}
			}
			if len(kept) == 0 {
				return nil
			}
			return fn(b, kept)
		}
	})
}

// alone judges a record by itself.
func (p *picked) alone(r *reader, row int32) bool {
	var s session
	s.add(r, row)
	return p.match.Match(&s.FlowSession)
}
