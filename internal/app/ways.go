package app

import (
	"context"

	"tocsin/internal/ways"
)

// waysMaker makes the channels of single users.
func (a *App) waysMaker(node string) ways.Maker {
	return ways.Maker{Node: node, Collectors: a.setup.Config.Alerts.Networks()}
}

// preferencesChanged makes those who are told, and how, what the ledger says.
func (a *App) preferencesChanged(ctx context.Context) error { return a.policy.Load(ctx) }
