package main

import (
	"context"

	"tocsin/internal/api"
	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/takeover"
)

// takeOver takes a LogTrack database over.
func takeOver(ctx context.Context, svc api.Service, o cli.TakeOver) ([]cli.Taken, error) {
	s, err := takeover.Run(ctx, svc, takeover.Options{
		URL: o.URL, Zone: o.Zone, DryRun: o.DryRun, Detectors: catalog.Detectors(), Say: o.Say, Progress: o.Progress,
	})
	return []cli.Taken{
		{Table: "rules", Found: s.Rules.Found, New: s.Rules.New}, {Table: "users", Found: s.Users.Found, New: s.Users.New},
		{Table: "alerts", Found: s.Alerts.Found, New: s.Alerts.New}, {Table: "logs", Found: s.Logs.Found, New: s.Logs.New},
	}, err
}
