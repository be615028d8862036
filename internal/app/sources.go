package app

import (
	"fmt"
	"maps"

	"tocsin/internal/catalog"
	"tocsin/internal/config"
	"tocsin/internal/parser"
	"tocsin/internal/source"
	"tocsin/internal/source/files"
)

// sources makes the sources of a configuration.
func (a *App) sources(setup *Setup) (map[string]source.Source, error) {
	all := maps.Clone(a.options.Extra)
	if all == nil {
		all = map[string]source.Source{}
	}
	c := setup.Config
	for _, f := range c.Sources.Files {
		s, err := files.New(files.Options{
			Name: f.Name, Paths: f.Paths, Choose: chooser(setup.readers[f.Name]), Resume: a.ingest.Resume, Log: a.log,
		})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", f.Name, err)
		}
		all[f.Name] = s
	}
	return all, nil
}

// chooser picks the parser of one file: the one that is configured, or by its first lines.
func chooser(r config.Reader) func([][]byte) (files.Choice, error) {
	if r.Settings != nil {
		return files.Fixed(r.Format, r.Settings)
	}
	return files.Guess(catalog.Formats(), func(c parser.Config) { *c.Base() = r.Base })
}
