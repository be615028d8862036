package desk

import (
	"cmp"
	"context"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/ledger"
)

// defaultPage is the limit of who names none.
const defaultPage = 1000

// alertPage returns the alerts that q selects and the caller may see. The page is full as long as there are more, also for a
// caller who may not see all: who gets less than he asked for has seen the end.
func (d *Desk) alertPage(ctx context.Context, caller viewer, q ledger.AlertQuery) ([]alert.Alert, error) {
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	brief := q.Brief
	q.Brief = brief && caller.bounds.String() == "" // else they say what the caller may see
	var page []alert.Alert
	for {
		found, err := d.parts.Ledger.Alerts(ctx, q)
		if err != nil {
			return nil, err
		}
		seen := caller.visible(found)
		if brief {
			for i := range seen {
				seen[i].Samples = nil
			}
		}
		seen = seen[:min(len(seen), q.Limit-len(page))]
		if page == nil { // mostly the only ones
			page = seen
		} else {
			page = append(page, seen...)
		}
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
	caller, err := d.viewer(ctx)
	if err != nil {
		return nil, err
	}
	q, err := alertQuery(caller, r)
	if err != nil {
		return nil, err
	}
	if err := d.endAcknowledgements(ctx); err != nil {
		return nil, err
	}
	if caller.bounds != nil {
		return d.countVisible(ctx, caller, q)
	}
	found, err := d.parts.Ledger.CountAlerts(ctx, q)
	counts := make([]api.AlertCount, len(found))
	for i, c := range found {
		counts[i] = api.AlertCount{Rule: c.RuleName, Owner: c.Owner, Severity: c.Severity, State: c.State, Alerts: c.Alerts, Triggers: c.Triggers, Last: c.Last}
	}
	return counts, err
}

// countVisible counts the alerts that q selects one by one, for who may not see all.
func (d *Desk) countVisible(ctx context.Context, caller viewer, q ledger.AlertQuery) ([]api.AlertCount, error) {
	type group struct {
		rule, owner string
		severity    alert.Severity
		state       alert.State
	}
	places := map[group]int{}
	counts := []api.AlertCount{}
	q.Oldest, q.Limit = true, defaultPage
	for {
		page, err := d.alertPage(ctx, caller, q)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			g := group{a.RuleName, a.Owner, a.Severity, a.State}
			at, ok := places[g]
			if !ok {
				at = len(counts)
				places[g] = at
				counts = append(counts, api.AlertCount{Rule: a.RuleName, Owner: a.Owner, Severity: a.Severity, State: a.State})
			}
			c := &counts[at]
			c.Alerts++
			c.Triggers += a.Triggers
			if a.Last.After(c.Last) {
				c.Last = a.Last
			}
		}
		if len(page) < q.Limit {
			slices.SortFunc(counts, func(x, y api.AlertCount) int {
				return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.State, y.State))
			})
			return counts, nil
		}
		q = next(q, &page[len(page)-1])
	}
}
