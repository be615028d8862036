package app

import (
	"context"
	"strings"

	"tocsin/internal/config"
)

// Reload goes over to another configuration that was read and found good: its rules and sources from now on. It returns the
// settings that take effect only with the next start.
func (a *App) Reload(ctx context.Context, next *Setup) (later []string, err error) {
	sources, err := a.sources(next)
	if err != nil {
		return nil, err
	}
	a.rules.SetFiles(next.Rules)
	if err := a.rules.Load(ctx); err != nil {
		a.rules.SetFiles(a.setup.Rules)
		return nil, err
	}
	if err := a.rulesChanged(ctx); err != nil {
		return nil, err
	}
	select {
	case <-a.feed: // a set that nobody has taken up yet
	default:
	}
	a.feed <- sources
	later = config.NeedsRestart(a.setup.Config, next.Config)
	a.log.Info("configuration read again", "rules", len(next.Rules), "sources", len(sources), "at the next start", strings.Join(later, ", "))
	return later, nil
}
