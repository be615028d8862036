// Package traffic answers questions about flows: who or what makes the most traffic, and which sessions there were.
//
// A record tells of one direction of a session, over a stretch of time. Bytes and packets are credited to a range of time by
// the share of that stretch that lies in it, so that adjoining ranges add up to exactly what the whole has.
package traffic

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/history"
)

// Bounds of one question.
const (
	rowLimit     = 10        // rows of a ranking where nobody says
	maxRows      = 10_000    // rows of a ranking
	maxSteps     = 2_000     // of a line over time
	maxPoints    = 1_000_000 // of all lines
	groupLimit   = 1_000_000 // entities that are told apart
	tableBytes   = 192 << 20 // memory of one of the tables in which they are
	sessionLimit = 100       // sessions that are listed where nobody says
	maxSessions  = 1_000_000 // sessions that are put together
)

// A Store is where flows are kept.
type Store interface {
	ScanParallel(ctx context.Context, q history.Query, worker func() history.Func) error
	Pin() (*history.View, error)
}

// A Selection says which flows a question is about.
type Selection struct {
	// Within selects the records that may be looked at; nil: all.
	Within *filter.Expr
	// Where selects records among them; nil: all.
	Where *filter.Expr
	// Sessions selects whole sessions, as far as Within and the range of time show them; nil: all. It excludes Where.
	Sessions *filter.FlowTraq
}

// NewSelection reads a filter in either spelling. What bound makes of a filter, which may be nil, is what the asker may see of
// it. The lists that Where names are not found yet. Errors are fault.Invalid.
func NewSelection(text string, bound func(*filter.Expr) *filter.Expr) (Selection, error) {
	s := Selection{Within: bound(nil)}
	if text == "" {
		return s, nil
	}
	expr, err := filter.ParseNaming(text)
	if err != nil {
		return s, fault.New(fault.Invalid, "%w", err)
	}
	if filter.IsFlowTraq(text) {
		f, err := filter.ParseFlowTraq(text)
		if err != nil {
			return s, fault.New(fault.Invalid, "%w", err)
		}
		if f.NeedsSession() {
			s.Sessions = f
			return s, nil
		}
	}
	s.Where = expr
	return s, nil
}

// records returns the filter of the records that are looked at: those that a ranking counts, or that sessions are put together of.
func (s *Selection) records(once bool) *filter.Expr {
	e := both(s.Within, s.Where)
	if s.Sessions != nil {
		e = both(e, s.Sessions.Records())
	}
	if once {
		e = both(e, firstTold())
	}
	return e
}

func both(a, b *filter.Expr) *filter.Expr {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	default:
		return filter.And(a, b)
	}
}

// firstTold selects the records of which no other exporter told already.
func firstTold() *filter.Expr {
	e, err := filter.Parse("flow.repeated != true")
	if err != nil {
		panic("traffic: " + err.Error()) // the text stands above
	}
	return e
}

// Top ranks.
func Top(ctx context.Context, store Store, q api.TrafficRequest, sel Selection) (api.TrafficAnswer, error) {
	r, err := newRanking(q, sel)
	if err != nil {
		return api.TrafficAnswer{}, err
	}
	if sel.Sessions != nil {
		return r.ofSessions(ctx, store)
	}
	if answer, done, err := r.ofRollups(ctx, store); done || err != nil {
		return answer, err
	}
	return r.ofRecords(ctx, store)
}

// Check reports what Top would refuse about a question, and reads nothing.
func Check(q api.TrafficRequest, sel Selection) error {
	_, err := newRanking(q, sel)
	return err
}

// flows is a query for records of flows.
func flows(where *filter.Expr, fields ...event.FieldID) history.Query {
	return history.Query{Kinds: []event.Kind{event.Flow}, Where: where, Fields: fields}
}
