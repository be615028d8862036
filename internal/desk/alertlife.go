package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// mostNotices bounds how many notices about one alert are shown: the newest.
const mostNotices = 200

// ActOnAlert implements api.Service.
func (d *Desk) ActOnAlert(ctx context.Context, q api.AlertAct) (alert.Alert, error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return alert.Alert{}, err
	}
	defer d.AlertsWritten()
	done, err := d.parts.Alerting.Act(ctx, ledger.Act{
		Alert: q.ID, Deed: ledger.Deed(q.Act), Who: caller.User, Now: time.Now(), Note: q.Note, Until: q.Until,
		Assignee: q.Assignee, Disposition: alert.Disposition(q.Disposition), DuplicateOf: q.DuplicateOf,
		Sees: func(a alert.Alert) bool { return caller.sees(&a) },
		May: func(a alert.Alert, to ledger.User) error {
			if !caller.handles(&a) {
				return fault.New(fault.Denied, "alert %d: only the owner of its rule, whom it is assigned to, and administrators may act on it", a.ID)
			}
			if to.Name == "" {
				return nil
			}
			assignee, err := viewerOf(to, api.Identity{User: to.Name, Admin: to.Admin})
			if err == nil && !assignee.sees(&a) {
				err = fault.New(fault.Conflict, "alert %d is not one that %s may see", a.ID, to.Name)
			}
			return err
		},
	})
	d.show(&done)
	return done, err
}

// AlertStory implements api.Service.
func (d *Desk) AlertStory(ctx context.Context, id int64) (story api.AlertStory, err error) {
	if id < 1 {
		return story, fault.New(fault.Invalid, "alert %d: want its number", id)
	}
	found, err := d.Alerts(ctx, api.AlertRequest{ID: id})
	if err != nil {
		return story, err
	}
	if len(found) == 0 {
		return story, fault.New(fault.NotFound, "no alert %d", id)
	}
	story.Alert = found[0]
	story.About = d.about(&story.Alert)
	if story.Log, err = d.parts.Ledger.AlertLog(ctx, id); err != nil {
		return story, err
	}
	caller, err := d.viewer(ctx)
	if err != nil {
		return story, err
	}
	story.Around = d.around(ctx, caller, &story.Alert)
	story.Traffic = d.involved(ctx, caller, &story.Alert)
	if !caller.handles(&story.Alert) {
		return story, nil // where notices go, and what is answered there, is not everybody's to know
	}
	sent, err := d.parts.Ledger.Deliveries(ctx, ledger.DeliveryQuery{Alert: id, Limit: mostNotices})
	if err != nil {
		return story, err
	}
	for _, n := range slices.Backward(sent) {
		story.Notices = append(story.Notices, notice(&n, caller.Identity))
	}
	return story, nil
}

// endAcknowledgements opens alerts again whose acknowledgement is over. Where the ledger has no room for that now, they are
// still listed, as they were.
func (d *Desk) endAcknowledgements(ctx context.Context) error {
	now := time.Now()
	due, err := d.parts.Ledger.AcknowledgementsDue(ctx, now)
	if err != nil || !due {
		return err
	}
	_, err = d.parts.Ledger.EndAcknowledgements(ctx, now)
	if errors.Is(err, fault.Full) || errors.Is(err, fault.Unavailable) {
		return nil
	}
	return err
}
