package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Bounds of following alerts.
const (
	followPage = 500                    // alerts that are read at once
	followRest = 100 * time.Millisecond // between two readings: what changes faster is told as one
	followPoll = 2 * time.Second        // how often is looked unasked: another process may write the same ledger
)

// A bell wakes all who wait for it.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// next returns a channel that is closed when the bell rings the next time.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// AlertsWritten says that alerts may have changed, so that who follows them looks. It does not block.
func (d *Desk) AlertsWritten() { d.written.ring() }

// FollowAlerts implements api.Service. What is told is read from the ledger each time, from where the caller is: a slow
// caller costs no memory, and finds several changes of an alert as one.
func (d *Desk) FollowAlerts(ctx context.Context, f api.AlertFollow, each func(api.AlertChange) error) error {
	if f.SinceChange < api.FromNow {
		return fault.New(fault.Invalid, "since_change: got %d, want the number of a change, 0 for all or -1 for none", f.SinceChange)
	}
	at, err := d.followFrom(ctx, f.SinceChange)
	if err != nil {
		return ended(ctx, err)
	}
	poll := time.NewTicker(followPoll)
	defer poll.Stop()
	reached := int64(-1)
	for {
		rung := d.written.next() // before the ledger is read, so that what is written meanwhile wakes
		if at, err = d.tellSince(ctx, f, at, each); err != nil {
			return ended(ctx, err)
		}
		if f.Reached != nil && at != reached {
			reached = at
			if err := f.Reached(at); err != nil {
				return err
			}
		}
		select {
		case <-rung:
			select {
			case <-time.After(followRest):
			case <-ctx.Done():
			}
		case <-poll.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// ended returns why ctx ended, where that is what an error says.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// followFrom returns the number of the change behind which to begin.
func (d *Desk) followFrom(ctx context.Context, since int64) (int64, error) {
	newest, err := d.parts.Ledger.NewestChange(ctx)
	switch {
	case err != nil:
		return 0, err
	case since == api.FromNow:
		return newest, nil
	case since > newest:
		return 0, fault.New(fault.Invalid, "since_change: got %d, but the newest change is %d: it is of another ledger (begin with 0)", since, newest)
	}
	return since, nil
}

// tellSince tells what changed behind a change and returns that up to which all was told.
func (d *Desk) tellSince(ctx context.Context, f api.AlertFollow, at int64, each func(api.AlertChange) error) (int64, error) {
	if err := d.endAcknowledgements(ctx); err != nil {
		return at, err
	}
	caller, err := d.viewer(ctx)
	if err != nil {
		return at, err
	}
	q, err := alertQuery(caller, api.AlertRequest{States: f.States, Rule: f.Rule, User: f.User, MinSeverity: f.MinSeverity, Limit: followPage})
	if err != nil {
		return at, err
	}
	for {
		newest, err := d.parts.Ledger.NewestChange(ctx)
		if err != nil || newest <= at {
			return at, err
		}
		if q.SinceChange = at; at == 0 {
			q.SinceChange = -1 // which is all, for the ledger
		}
		found, err := d.parts.Ledger.Alerts(ctx, q)
		if err != nil {
			return at, err
		}
		read := len(found)
		if read == followPage {
			newest = found[read-1].Change // what lies behind was not read
		}
		for _, a := range caller.visible(found) {
			d.show(&a)
			if err := each(api.AlertChange{Change: a.Change, Alert: a}); err != nil {
				return at, err
			}
			at = a.Change
		}
		if at = max(at, newest); read < followPage {
			return at, nil
		}
	}
}
