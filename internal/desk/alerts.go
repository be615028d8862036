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
	q := ledger.AlertQuery{ID: r.ID, Rule: r.Rule, Since: r.Since, Until: r.Until, SinceID: r.SinceID}
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
	if len(wrong) > 0 {
		return nil, invalid(errors.Join(wrong...))
	}
	caller := api.Caller(ctx)
	owner := cmp.Or(r.User, everybody)
	if owner != everybody && owner != caller.User && !caller.Admin {
		return nil, fault.New(fault.Denied, "alerts of user %q: only an administrator may see them", owner)
	}
	if owner != everybody {
		q.Owner = &owner
	}
	q.Limit = r.Limit
	if err := d.endAcknowledgements(ctx); err != nil {
		return nil, err
	}
	found, err := d.parts.Ledger.Alerts(ctx, q)
	if err != nil || caller.Admin {
		return found, err
	}
	own := make([]alert.Alert, 0, len(found))
	for _, a := range found {
		if sees(caller, &a) {
			own = append(own, a)
		}
	}
	return own, nil
}
