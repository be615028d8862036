package app

import (
	"context"
	"errors"
	"strings"

	"tocsin/internal/config"
	"tocsin/internal/source"
)

// Reload goes over to another configuration that was read and found good: its rules, sources and channels from now on. It returns the
// settings that take effect only with the next start. When it fails everything stays as it was.
func (a *App) Reload(ctx context.Context, next *Setup) (later []string, err error) {
	renameBack, err := a.rename(ctx, next)
	if err != nil {
		return nil, err
	}
	before := a.rules.Files()
	a.rules.SetFiles(next.Rules)
	err = a.rules.Load(ctx)
	if err == nil {
		err = a.rulesChanged(ctx)
	}
	var sources map[string]source.Source
	if err == nil {
		sources, err = a.sources(next) // last, because the figures of new sources take the place of those that run
	}
	if err != nil {
		err = errors.Join(err, renameBack())
		a.rules.SetFiles(before)
		if back := a.rules.Load(ctx); back == nil {
			err = errors.Join(err, a.rulesChanged(ctx))
		}
		return nil, err
	}
	select {
	case <-a.feed: // a set that nobody has taken up yet
	default:
	}
	a.ingest.SetFormats(next.formats)
	a.ingest.SetConfigured(configured(next))
	a.setExpected(next)
	a.feed <- sources
	later = config.NeedsRestart(a.setup.Config, next.Config)
	a.reroute(next)
	a.log.Info("configuration read again", "rules", len(next.Rules), "sources", len(sources), "at the next start", strings.Join(later, ", "))
	return later, nil
}
