package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"tocsin/internal/catalog"
	"tocsin/internal/cli"
	"tocsin/internal/declared"
	"tocsin/internal/document"
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

// checkDeclaration reads a format that a command declares. What is wrong in one of options is told of the option: the document
// that they become is nobody's business.
func checkDeclaration(file, text, name string) error {
	_, err := declared.DecodeText(text, name, catalog.Formats())
	var all document.Mistakes
	if !errors.As(err, &all) {
		return err
	}
	all = slices.Clone(all)
	for i := range all {
		m := &all[i]
		if file != "" {
			m.File = file
			continue
		}
		m.File = "--log-format"
		if strings.HasPrefix(m.Path, "text.time") {
			m.File = "--time-format"
		} else if strings.HasPrefix(m.Path, "text.") {
			m.File = "--pattern"
		}
		m.Path, m.Line, m.Column, m.Excerpt = "", 0, 0, ""
	}
	return all
}
