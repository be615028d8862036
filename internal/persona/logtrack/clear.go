package logtrack

import (
	"context"
	"strconv"
	"time"

	"tocsin/internal/api"
)

func (f *face) resetDB(ctx context.Context, _ []string) error { return f.ask(ctx, f.reset) }

func (f *face) reinit(ctx context.Context, _ []string) error {
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		if err := f.reset(ctx, svc); err != nil {
			return err
		}
		return f.load(ctx, svc)
	})
}

// reset forgets logs and alerts, and how far files were read. Accounts and rules stay.
func (f *face) reset(ctx context.Context, svc api.Service) error {
	a, err := svc.Clear(ctx, api.ClearRequest{Alerts: true, Events: true})
	if err != nil {
		return err
	}
	f.note("%d logs and %d alerts cleared; accounts and rules stay", a.Events, a.Alerts)
	return nil
}

func (f *face) clearAlerts(ctx context.Context, _ []string) error {
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		a, err := svc.Clear(ctx, api.ClearRequest{Alerts: true})
		if err != nil {
			return err
		}
		f.note("%d alerts cleared", a.Alerts)
		return nil
	})
}

// maxHours is what a time.Duration can hold.
const maxHours = 2_000_000

func (f *face) clearLogs(ctx context.Context, args []string) error {
	text := f.argument(args, "hours", "HOURS")
	hours, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return misused("Specify a number of hours: make clear-logs hours=24, or logtrack clear-logs 24")
	case err != nil || hours < 0 || hours > maxHours:
		return misused("clear-logs %q: want a number of hours from 0 to %d", text, maxHours)
	}
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		a, err := svc.Clear(ctx, api.ClearRequest{Events: true, Before: time.Now().Add(-time.Duration(hours) * time.Hour)})
		if err != nil {
			return err
		}
		f.note("%d logs cleared", a.Events)
		return f.say("Cleared all logs that are >= %d hours old", hours)
	})
}
