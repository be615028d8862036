package desk

import (
	"context"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/ledger"
)

// defaultPage is the limit of who names none.
const defaultPage = 1000

// alertPage returns the alerts that q selects and the caller may see. The page is full as long as there are more, also for a
// caller who may not see all: who gets less than he asked for has seen the end.
func (d *Desk) alertPage(ctx context.Context, caller api.Identity, q ledger.AlertQuery) ([]alert.Alert, error) {
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	var page []alert.Alert
	for {
		found, err := d.parts.Ledger.Alerts(ctx, q)
		if err != nil {
			return nil, err
		}
		seen := visible(caller, found)
		page = append(page, seen[:min(len(seen), q.Limit-len(page))]...)
		if len(found) < q.Limit || len(page) == q.Limit {
			return page, nil
		}
		q = next(q, &found[len(found)-1])
	}
}

// next moves the cursor of a question behind an alert.
func next(q ledger.AlertQuery, last *alert.Alert) ledger.AlertQuery {
	switch {
	case q.SinceChange != 0:
		q.SinceChange = last.Change
	case q.Oldest:
		q.SinceID = last.ID
	default:
		q.Behind = ledger.Place{Last: last.Last, ID: last.ID}
	}
	return q
}

// CountAlerts implements api.Service.
func (d *Desk) CountAlerts(ctx context.Context, r api.AlertRequest) ([]api.AlertCount, error) {
	r.Behind, r.Limit = "", 0
	q, err := alertQuery(api.Caller(ctx), r)
	if err != nil {
		return nil, err
	}
	if err := d.endAcknowledgements(ctx); err != nil {
		return nil, err
	}
	found, err := d.parts.Ledger.CountAlerts(ctx, q)
	counts := make([]api.AlertCount, len(found))
	for i, c := range found {
		counts[i] = api.AlertCount{Rule: c.RuleName, Owner: c.Owner, Severity: c.Severity, State: c.State, Alerts: c.Alerts, Triggers: c.Triggers, Last: c.Last}
	}
	return counts, err
}
