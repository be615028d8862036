package desk

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/quarantine"
)

// Clear implements api.Service. Alerts go before events, so that none is left that tells of events that are gone, and files
// that are then read again ring again.
func (d *Desk) Clear(ctx context.Context, q api.ClearRequest) (answer api.ClearAnswer, err error) {
	switch {
	case !api.Caller(ctx).Admin:
		return answer, fault.New(fault.Denied, "clear: only an administrator may")
	case !q.Alerts && !q.Events:
		return answer, fault.New(fault.Invalid, "clear: want alerts, events or both")
	case !q.Before.IsZero() && !q.Events:
		return answer, fault.New(fault.Invalid, "clear: before is for events; alerts are cleared as a whole")
	case !d.clears.TryLock():
		return answer, fault.New(fault.Conflict, "clear: that is under way already (wait until it is done)")
	}
	defer d.clears.Unlock()
	if err := d.parts.CaughtUp(ctx); err != nil {
		return answer, err
	}
	if q.Events && q.Before.IsZero() {
		err = d.parts.Ingest.Anew(ctx, func(ctx context.Context) error {
			if err := d.clearAlerts(ctx, q, &answer); err != nil {
				return err
			}
			if err := d.parts.Kept(ctx); err != nil {
				return err
			}
			// Files that are read again bring their rejected lines again.
			if _, err := d.parts.Quarantine.Drop(quarantine.Filter{}); err != nil {
				return err
			}
			answer.Events, err = d.parts.History.Clear(ctx)
			return err
		})
		return answer, err
	}
	if err := d.clearAlerts(ctx, q, &answer); err != nil || !q.Events {
		return answer, err
	}
	answer.Events, err = d.parts.History.DeleteBefore(ctx, q.Before.UnixNano())
	return answer, err
}

// clearAlerts deletes the alerts, if asked for, when everything that is in the journal was judged.
func (d *Desk) clearAlerts(ctx context.Context, q api.ClearRequest, answer *api.ClearAnswer) (err error) {
	if !q.Alerts {
		return nil
	}
	if err := d.parts.CaughtUp(ctx); err != nil {
		return err
	}
	answer.Alerts, err = d.parts.ClearAlerts(ctx)
	return err
}
