package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/config"
	"tocsin/internal/parser"
	"tocsin/internal/source"
	"tocsin/internal/source/files"
	"tocsin/internal/source/flows"
	"tocsin/internal/source/syslogin"
)

// sources makes the sources of a configuration.
func (a *App) sources(setup *Setup) (map[string]source.Source, error) {
	all := maps.Clone(a.options.Extra)
	if all == nil {
		all = map[string]source.Source{}
	}
	registry := replacing{a.registry}
	c := setup.Config
	for _, f := range c.Sources.Files {
		s, err := files.New(files.Options{
			Name: f.Name, Paths: f.Paths, Choose: chooser(setup.formats, setup.readers[f.Name]), Resume: a.ingest.Resume, Log: a.log, Registry: registry,
		})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", f.Name, err)
		}
		all[f.Name] = s
	}
	for _, l := range c.Sources.Syslog {
		r := setup.readers[l.Name]
		all[l.Name] = listener{syslogin.Options{
			Name: l.Name, UDP: c.Address(l.UDP), TCP: c.Address(l.TCP), Parser: r.Settings.New, Format: r.Format.Name, Kind: r.Format.Kind,
			Log: a.log, Registry: registry,
		}}
	}
	for _, l := range c.Sources.Flows {
		all[l.Name] = port{flows.Options{
			Name: l.Name, Listen: c.Address(l.UDP), Allow: l.Networks(), Sockets: l.Sockets, Buffer: int(l.Buffer), Memory: a.flows, Take: a.ingest.Take,
			Dropped: func(source string, n int64) { a.ingest.Lost(source, "dropped by the system", n) }, Log: a.log, Registry: registry,
		}}
	}
	return all, nil
}

// chooser picks the parser of one file: the one that is configured, or by its first lines.
func chooser(formats parser.Set, r config.Reader) func([][]byte) (files.Choice, error) {
	if r.Settings != nil {
		return files.Fixed(r.Format, r.Settings)
	}
	return files.Guess(formats, func(c parser.Config) {
		own := c.Base()
		own.Zone, own.Service = cmp.Or(r.Base.Zone, own.Zone), cmp.Or(r.Base.Service, own.Service)
	})
}

// A listener is a source of syslog that takes its addresses when it runs, not before: the set of sources that it takes the
// place of may hold them until then.
type listener struct{ options syslogin.Options }

func (l listener) Run(ctx context.Context, emit source.Emit) error {
	s, err := syslogin.Open(l.options)
	if err != nil {
		return err
	}
	return s.Run(ctx, emit)
}

// A port is a source of flows that takes its address when it runs, as listener does.
type port struct{ options flows.Options }

func (p port) Run(ctx context.Context, emit source.Emit) error {
	s, err := flows.Open(ctx, p.options)
	if err != nil {
		return err
	}
	return s.Run(ctx, emit)
}

// replacing registers the figures of a source in the place of those that an earlier run of it left.
type replacing struct{ prometheus.Registerer }

func (r replacing) Register(c prometheus.Collector) error {
	err := r.Registerer.Register(c)
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		r.Registerer.Unregister(c) // which goes by names and labels; what the error holds has lost its labels
		return r.Registerer.Register(c)
	}
	return err
}

func (r replacing) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err) // as the registry itself does: a slip in the name or labels of a metric
		}
	}
}
