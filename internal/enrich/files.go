package enrich

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LookEvery is how often it is looked whether the file of a database has changed.
const LookEvery = 10 * time.Second

// New returns an enricher with databases, or says what is wrong with each of them that cannot be used.
func New(paths []string, log *slog.Logger, registry prometheus.Registerer) (*Enricher, error) {
	e := &Enricher{metrics: newMetrics(log, registry), faults: map[string]broken{}}
	e.state.Store(&state{metrics: e.metrics})
	return e, e.SetDatabases(paths)
}

// Check says what is wrong with each database that cannot be used.
func Check(paths []string) error {
	var errs []error
	for _, path := range paths {
		_, err := open(path)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// broken is a new file that cannot be used in place of the one that is.
type broken struct {
	state os.FileInfo // nil when there is none
	err   error
}

// SetDatabases goes over to other databases; files that are as they were are not read again. A broken file of one that is in use
// is a warning, and what was read before stays. Any other is an error, and everything stays as it was.
func (e *Enricher) SetDatabases(paths []string) error {
	e.change.Lock()
	defer e.change.Unlock()
	before := e.state.Load()
	faults := map[string]broken{}
	var next []*database
	var errs []error
	for _, path := range paths {
		var old *database
		if i := slices.IndexFunc(before.databases, func(d *database) bool { return d.path == path }); i >= 0 {
			old = before.databases[i]
		}
		d, fault, err := e.renewed(path, old)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if fault.err != nil {
			faults[path] = fault
		}
		next = append(next, d)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	e.faults = faults
	if !slices.Equal(before.databases, next) {
		e.state.Store(&state{databases: next, groups: before.groups, metrics: e.metrics})
		e.metrics.using(next)
	}
	return nil
}

// renewed opens a database unless old is of the same file. When that fails and there is an old one, that stays, with what is wrong.
func (e *Enricher) renewed(path string, old *database) (d *database, now broken, err error) {
	if old == nil {
		d, err = open(path)
		return d, now, err
	}
	now.state, err = os.Stat(path)
	if err == nil && same(now.state, old.state) {
		return old, broken{}, nil
	}
	known, had := e.faults[path]
	if had && (err != nil && known.state == nil || err == nil && known.state != nil && same(known.state, now.state)) {
		return old, known, nil // it is as broken as it was
	}
	d, now.err = open(path)
	if now.err == nil {
		e.metrics.log.Info("database read again", "database", path, "built", d.reader.Metadata.BuildTime())
		return d, broken{}, nil
	}
	e.metrics.log.Warn("database stays as it was", "database", path, "cause", now.err)
	return old, now, nil
}

// same reports whether a file is as it was.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Run looks now and then whether the file of a database has changed, until ctx ends.
func (e *Enricher) Run(ctx context.Context) error {
	ticker := time.NewTicker(LookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			e.Renew()
		}
	}
}

// Renew reads the databases again whose files changed. One that is broken stays as it was, with a warning.
func (e *Enricher) Renew() {
	var paths []string
	for _, d := range e.state.Load().databases {
		paths = append(paths, d.path)
	}
	_ = e.SetDatabases(paths) // fails only for what is not in use yet
}

// Problems tells which databases are old because their new files are broken.
func (e *Enricher) Problems() (list []string) {
	e.change.Lock()
	defer e.change.Unlock()
	for _, path := range slices.Sorted(maps.Keys(e.faults)) {
		list = append(list, "an old database is in use: "+e.faults[path].err.Error())
	}
	return list
}
