package main

import (
	"io"
	"os"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/lines"
)

func openInput(path string, in io.Reader) (cli.Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return cli.Input{}, err
	}
	r, err := lines.Open(f)
	if err != nil {
		return cli.Input{}, err
	}
	return cli.Input{Request: api.IngestRequest{Path: path, Source: "file:" + path}, Body: r}, nil
}
