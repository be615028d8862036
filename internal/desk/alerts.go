package desk

import (
	"cmp"
	"context"
	"errors"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// everybody is how a question asks for what belongs to any user.
const everybody = "*"

// Alerts implements api.Service. A user sees the alerts of his own rules and of those that are everybody's; administrators
// see all.
func (d *Desk) Alerts(ctx context.Context, r api.AlertRequest) ([]alert.Alert, error) {
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
	page, err := d.alertPage(ctx, caller, q)
	for i := range page {
		d.show(&page[i])
	}
	return page, err
}

// alertQuery turns a question into one for the ledger, unless it is wrong or the caller may not ask it.
func alertQuery(caller viewer, r api.AlertRequest) (ledger.AlertQuery, error) {
	q := ledger.AlertQuery{ID: r.ID, Rule: r.Rule, Since: r.Since, Until: r.Until, SinceID: r.SinceID, SinceChange: r.SinceChange, Oldest: r.Oldest, Text: r.Text}
	var wrong []error
	for _, s := range r.States {
		switch state := alert.State(s); state {
		case alert.Open, alert.Acknowledged, alert.Ended:
			q.States = append(q.States, state)
		default:
			wrong = append(wrong, fault.New(fault.Invalid, "state %q: want open, acknowledged or ended", s))
		}
	}
	if r.MinSeverity != "" {
		var err error
		if q.MinSeverity, err = alert.ParseSeverity(r.MinSeverity); err != nil {
			wrong = append(wrong, err)
		}
	}
	if r.Limit < 0 || r.Limit > 100_000 {
		wrong = append(wrong, fault.New(fault.Invalid, "limit: got %d, want 0 to 100000", r.Limit))
	}
	if r.SinceChange < -1 {
		wrong = append(wrong, fault.New(fault.Invalid, "since_change: got %d, want the number of a change, or -1 for all", r.SinceChange))
	}
	if r.Behind != "" {
		var err error
		if q.Behind.Last, q.Behind.ID, err = api.ParseAlertCursor(r.Behind); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return q, invalid(errors.Join(wrong...))
	}
	owner := cmp.Or(r.User, everybody)
	if owner != everybody && owner != caller.User && !caller.Admin {
		return q, fault.New(fault.Denied, "alerts of user %q: only an administrator may see them", owner)
	}
	if owner != everybody {
		q.Owner = &owner
	}
	if !caller.Admin {
		q.Owners = []string{"", caller.User} // see sees
	}
	q.Limit, q.Brief = r.Limit, r.Brief
	return q, nil
}
