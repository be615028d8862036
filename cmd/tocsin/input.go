package main

import (
	"io"
	"path/filepath"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/lines"
	"tocsin/internal/source/files"
)

// openInput opens a file that is read once, or what comes over standard input.
func openInput(path string, in io.Reader, resume func(source string) (int64, bool)) (cli.Input, error) {
	if path == "-" {
		content, err := lines.Open(in)
		if err != nil {
			return cli.Input{}, err
		}
		return cli.Input{Request: api.IngestRequest{Path: "standard input"}, Body: content}, nil
	}
	old, err := files.Open(path, resume)
	if err != nil {
		return cli.Input{}, err
	}
	name, err := filepath.Abs(path)
	if err != nil {
		name = path
	}
	return cli.Input{Request: api.IngestRequest{Source: old.ID, Path: name, Offset: old.From, Whole: old.Whole}, Body: old, Lines: old.Lines, Size: old.Size, Read: old.Taken}, nil
}
