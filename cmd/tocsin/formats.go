package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/declared"
)

// listFormats lists tocsin's own formats and those of the configuration.
func listFormats(c cli.Common) ([]cli.Format, error) {
	s, err := setup(c)
	if err != nil {
		return nil, err
	}
	bases := catalog.Formats()
	var list []cli.Format
	for _, name := range slices.Sorted(maps.Keys(bases)) {
		list = append(list, cli.Format{Name: name, Kind: bases[name].Kind.String(), Base: name, From: "built in", Guessed: bases[name].Score != nil})
	}
	for i := range s.Formats {
		f := &s.Formats[i]
		list = append(list, cli.Format{
			Name: f.Name, Kind: f.Kind.String(), Base: f.Base, From: fmt.Sprintf("%s:%d", f.File, f.Line), Guessed: f.Score != nil, Samples: len(f.Samples),
		})
	}
	return list, nil
}

// testFormats tries the samples of the formats of one file, or of the configuration.
func testFormats(c cli.Common, path string) (t cli.FormatTest, err error) {
	var formats []declared.Format
	if path == "" {
		s, err := setup(c)
		if err != nil {
			return t, err
		}
		formats = s.Formats
	} else {
		text, err := os.ReadFile(path)
		if err != nil {
			return t, err
		}
		if formats, err = declared.Decode(path, text, catalog.Formats()); err != nil {
			return t, err
		}
	}
	for i := range formats {
		t.Formats++
		t.Samples += len(formats[i].Samples)
		for _, f := range formats[i].Test() {
			t.Failures = append(t.Failures, f.Error())
		}
	}
	return t, nil
}
