package desk

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/traffic"
)

// Traffic implements api.Service.
func (d *Desk) Traffic(ctx context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	selection, err := d.flows(ctx, q.Where)
	if err != nil {
		return api.TrafficAnswer{}, err
	}
	leave, err := d.rankings.enter(ctx, "rank flows")
	if err != nil {
		return api.TrafficAnswer{}, err
	}
	defer leave()
	answer, err := traffic.Top(ctx, d.parts.History, q, selection)
	if damaged(ctx, err) {
		answer, err = traffic.Top(ctx, d.parts.History, q, selection)
	}
	d.showTraffic(&answer)
	return answer, err
}

// FlowSessions implements api.Service.
func (d *Desk) FlowSessions(ctx context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	selection, err := d.flows(ctx, q.Where)
	if err != nil {
		return api.SessionAnswer{}, err
	}
	leave, err := d.rankings.enter(ctx, "list sessions")
	if err != nil {
		return api.SessionAnswer{}, err
	}
	defer leave()
	answer, err := traffic.Sessions(ctx, d.parts.History, q, selection)
	if damaged(ctx, err) {
		answer, err = traffic.Sessions(ctx, d.parts.History, q, selection)
	}
	d.showSessions(&answer)
	return answer, err
}

// flows reads a filter of flows, within what the caller may see.
func (d *Desk) flows(ctx context.Context, where string) (traffic.Selection, error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return traffic.Selection{}, err
	}
	return d.selection(&caller, where)
}

// selection reads a filter of flows, within what somebody may see, and finds the lists that it names.
func (d *Desk) selection(who *viewer, where string) (traffic.Selection, error) {
	s, err := traffic.NewSelection(where, who.bounds.Bound)
	if err == nil {
		s.Where, err = d.asked(s.Where)
	}
	return s, err
}
