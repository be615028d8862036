package desk

import (
	"context"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/ledger"
)

// defaultPage is the limit of who names none.
const defaultPage = 1000

// alertPage returns the alerts that q selects and the caller may see. Where they come in the order of a cursor the page is
// full as long as there are more, also for a caller who may not see all: who gets less than he asked for has seen the end.
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
		cursor := q.Oldest || q.SinceChange != 0
		if !cursor || len(found) < q.Limit || len(page) == q.Limit {
			return page, nil
		}
		q.SinceID, q.SinceChange = next(q, &found[len(found)-1])
	}
}

// next moves the cursor of a question behind an alert.
func next(q ledger.AlertQuery, last *alert.Alert) (sinceID, sinceChange int64) {
	if q.SinceChange != 0 {
		return q.SinceID, last.Change
	}
	return last.ID, 0
}
