package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/document"
	"tocsin/internal/group"
)

// maxDatabases bounds the databases of addresses, each of which is held in memory.
const maxDatabases = 16

// Validate checks the words; the files of databases are read when tocsin starts, and by tocsin check.
func (e Enrich) Validate() error {
	var errs []error
	if len(e.Databases) > maxDatabases {
		errs = append(errs, document.At("databases", len(e.Databases), fmt.Sprintf("%d at most", maxDatabases)))
	}
	for i, path := range e.Databases {
		key := fmt.Sprintf("databases[%d]", i)
		switch {
		case path == "" || strings.ContainsRune(path, 0):
			errs = append(errs, document.At(key, path, "the path of a file"))
		case slices.Contains(e.Databases[:i], path):
			errs = append(errs, document.At(key, path, "each file once"))
		}
	}
	good := true
	for _, name := range slices.Sorted(maps.Keys(e.Groups)) {
		for i, text := range e.Groups[name] {
			if _, err := group.ParseMember(text); err != nil {
				good = false
				errs = append(errs, document.Wrap(fmt.Sprintf("groups.%s[%d]", name, i), err))
			}
		}
	}
	if good {
		if _, err := group.NewSet(e.TrafficGroups()); err != nil {
			errs = append(errs, document.Wrap("groups", err))
		}
	}
	return errors.Join(errs...)
}

// TrafficGroups returns the groups, by name.
func (e Enrich) TrafficGroups() []group.Group {
	groups := []group.Group{}
	for _, name := range slices.Sorted(maps.Keys(e.Groups)) {
		g := group.Group{Name: name, Place: "the configuration"}
		for _, text := range e.Groups[name] {
			if m, err := group.ParseMember(text); err == nil { // as Validate saw to
				g.Members = append(g.Members, m)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// DatabasePaths returns where the databases of addresses are.
func (c *Config) DatabasePaths() []string {
	paths := make([]string, len(c.Enrich.Databases))
	for i, path := range c.Enrich.Databases {
		if paths[i] = path; !filepath.IsAbs(path) {
			paths[i] = filepath.Join(c.Data, path)
		}
	}
	return paths
}
