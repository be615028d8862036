package catalog_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/catalog"
	"tocsin/internal/document"
)

// A kind is one kind of plug-in: the folder above those of its plug-ins, and what the catalog knows.
type kind struct {
	dir   string
	known []string
	// settings are new settings of one, with its defaults.
	settings func(name string) any
}

type validator interface{ Validate() error }

func kinds() []kind {
	detectors, formats, notifiers := catalog.Detectors(), catalog.Formats(), catalog.Notifiers()
	return []kind{
		{dir: "detector", known: slices.Sorted(maps.Keys(detectors)), settings: func(name string) any { return detectors[name]() }},
		{dir: "parser", known: slices.Sorted(maps.Keys(formats)), settings: func(name string) any { return formats[name].Default() }},
		{dir: "notifier", known: slices.Sorted(maps.Keys(notifiers)), settings: func(name string) any { return notifiers[name]() }},
	}
}

// Each plug-in folder of a kind is in the catalog under its name, and the catalog names no other.
func TestEveryFolderIsKnown(t *testing.T) {
	for _, k := range kinds() {
		entries, err := os.ReadDir(filepath.Join("..", k.dir))
		if err != nil {
			t.Fatal(err)
		}
		var folders []string
		for _, e := range entries {
			if e.IsDir() && e.Name() != k.dir+"test" && e.Name() != "testdata" {
				folders = append(folders, e.Name())
			}
		}
		if !slices.Equal(folders, k.known) {
			t.Errorf("%s: folders are %q, the catalog knows %q", k.dir, folders, k.known)
		}
	}
	for name, format := range catalog.Formats() {
		if format.Name != name {
			t.Errorf("format %s calls itself %q", name, format.Name)
		}
	}
}

// Each sample decodes strictly, is valid, and names every setting.
func TestSamples(t *testing.T) {
	for _, k := range kinds() {
		for _, name := range k.known {
			path := filepath.Join("..", k.dir, name, "sample.yaml")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
				continue
			}
			settings := k.settings(name)
			if err := document.Decode(path, text, settings); err != nil {
				t.Error(err)
			}
			if v, ok := settings.(validator); !ok {
				t.Errorf("%s: settings of type %T cannot be validated", path, settings)
			} else if err := v.Validate(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for _, key := range document.Keys(settings) {
				if !names(string(text), key) {
					t.Errorf("%s does not name the setting %s", path, key)
				}
			}
		}
	}
}

// names reports whether a setting stands at the beginning of a line, maybe as a comment because it excludes another.
func names(text, key string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimPrefix(line, "# "), key+":") {
			return true
		}
	}
	return false
}

// Each folder of a plug-in has a page with the four headings, which names every setting.
func TestPages(t *testing.T) {
	pages, err := filepath.Glob("../*/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		for _, name := range k.known {
			path := filepath.Join("..", k.dir, name, "README.md")
			if !slices.Contains(pages, path) {
				t.Errorf("%s is missing", path)
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range document.Keys(k.settings(name)) {
				if !strings.Contains(string(text), "`"+key+"`") {
					t.Errorf("%s does not tell of the setting %s", path, key)
				}
			}
		}
	}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var headings []string
		for line := range strings.Lines(string(text)) {
			if heading, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
				headings = append(headings, heading)
			}
		}
		if want := []string{"What it does", "Settings", "Example", "Limits"}; !slices.Equal(headings, want) {
			t.Errorf("%s has the headings %q, want %q", path, headings, want)
		}
	}
}
