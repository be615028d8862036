package app

import (
	"maps"

	"tocsin/internal/source"
)

// sources makes the sources of a configuration.
func (a *App) sources(setup *Setup) (map[string]source.Source, error) {
	return maps.Clone(a.options.Extra), nil
}
