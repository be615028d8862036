package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/alert"
	"tocsin/internal/enrich"
	"tocsin/internal/naming"
)

// ledgerPatience is how long the start waits for the groups of a ledger that does not answer.
const ledgerPatience = 5 * time.Second

// openNaming opens the databases of addresses, and has traffic groups and names at hand as far as the ledger is there.
func (a *App) openNaming(ctx context.Context, registry prometheus.Registerer) (err error) {
	c := a.setup.Config
	if a.enricher, err = enrich.New(c.DatabasePaths(), a.log, registry); err != nil {
		return err
	}
	a.naming = naming.NewShelf(a.ledger, c.Enrich.TrafficGroups(), a.log, a.enricher.SetGroups)
	a.named = a.setup
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	if err := a.naming.Load(ctx); err != nil {
		a.log.Warn("traffic groups and names cannot be read: until the ledger is there, events are put into groups of the configuration alone", "cause", err)
	}
	return nil
}

// keepNaming follows what changes databases, groups and names from outside, until ctx ends.
func (a *App) keepNaming(ctx context.Context) error {
	if !a.options.Live { // a command by itself is over soon
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.enricher.Run(ctx) })
	g.Go(func() error { return a.naming.Run(ctx) })
	return g.Wait()
}

// rename goes over to databases and groups of another configuration, and returns what goes back to those of now. When it fails
// everything stays as it was.
func (a *App) rename(ctx context.Context, next *Setup) (back func() error, err error) {
	before := a.named
	use := func(s *Setup) error {
		if err := a.enricher.SetDatabases(s.Config.DatabasePaths()); err != nil {
			return err
		}
		a.named = s
		return a.naming.SetFixed(ctx, s.Config.Enrich.TrafficGroups())
	}
	back = func() error { return use(before) }
	if err := use(next); err != nil {
		return nil, errors.Join(err, back())
	}
	return back, nil
}

// namingProblems tells of databases and groups that are not as they should be.
func (a *App) namingProblems() []string {
	list := a.enricher.Problems()
	if problem := a.naming.Problem(); problem != "" {
		list = append(list, problem)
	}
	return list
}

// showNames puts names into an alert that somebody is told of.
func (a *App) showNames(about *alert.Alert) { a.naming.Show(about) }
