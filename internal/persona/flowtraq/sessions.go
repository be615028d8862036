package flowtraq

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/traq"
)

// maxSessions bounds what -n may ask for; without it all are listed.
const maxSessions = 100_000_000

// planSessions lists sessions, those that began first first.
func (o *Options) planSessions(q *question) (job, error) {
	when, err := o.span(q)
	if err != nil {
		return nil, err
	}
	where, err := q.where()
	if err != nil {
		return nil, err
	}
	limit, err := q.number("-n", -1, 1, maxSessions)
	if err != nil {
		return nil, err
	}
	show, tool, once := o.printer(q), q.tool.name, q.has("-once")
	return func(ctx context.Context, service api.Service, _ Server) error {
		zone, since, until, err := o.window(ctx, service, tool, when)
		if err != nil {
			return err
		}
		answer, err := service.FlowSessions(ctx, api.SessionRequest{Where: where, Since: since, Until: until, Limit: limit, Oldest: true, Once: once})
		if err != nil {
			return err
		}
		return show.table(traq.Sessions(answer, zone))
	}, nil
}
