package flowtraq

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"tocsin/internal/api"
	"tocsin/internal/chart"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/traq"
)

// A graph is the picture of a ranking that is asked for.
type graph struct {
	path          string // "" is standard output
	encode        func(s *chart.Stack, w io.Writer, width, height int) error
	width, height int
	alone         bool // nothing else is printed
	options       *Options
}

// graphOf reads -g, -gx and -gy; nil is no picture.
func (o *Options) graphOf(q *question) (*graph, error) {
	if !q.has("-g") {
		return nil, nil //nolint:nilnil // no picture is wanted
	}
	g := &graph{path: q.given["-g"], encode: (*chart.Stack).TGA, options: o}
	switch ending := strings.ToLower(filepath.Ext(g.path)); {
	case g.path == "":
		g.path = q.tool.name + ".tga"
	case g.path == "-":
		if file, ok := o.Out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			return nil, misused(q.tool.name, "-g -: standard output is a terminal, which shows no pictures; want -g FILE, or > FILE")
		}
		g.path, g.alone = "", true
	case ending == ".png":
		g.encode = (*chart.Stack).PNG
	case ending == ".svg":
		g.encode = (*chart.Stack).SVG
	case ending != ".tga" && ending != "":
		return nil, misused(q.tool.name, "-g %q: want a file that ends with .tga, .png or .svg", g.path)
	}
	var err error
	if g.width, err = q.number("-gx", chart.DefaultWidth, chart.MinSize, chart.MaxSize); err != nil {
		return nil, err
	}
	g.height, err = q.number("-gy", chart.DefaultHeight, chart.MinSize, chart.MaxSize)
	return g, err
}

// draw draws a ranking. The file is written once the picture is whole.
func (g *graph) draw(ask traq.Ranking, answer api.TrafficAnswer, since, until time.Time, zone *time.Location) (err error) {
	stack := stackOf(ask, answer, since, until, zone)
	var picture bytes.Buffer
	if err := g.encode(&stack, &picture, g.width, g.height); err != nil {
		return err
	}
	if g.path == "" {
		_, err = g.options.Out.Write(picture.Bytes())
		return err
	}
	file, err := g.options.Create(g.path)
	if err != nil {
		return cli.Refused(fault.New(fault.Invalid, "-g: %w", err))
	}
	_, err = file.Write(picture.Bytes())
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// stackOf is the picture of a ranking with lines over time.
func stackOf(ask traq.Ranking, answer api.TrafficAnswer, since, until time.Time, zone *time.Location) chart.Stack {
	unit := ""
	if ask.Rank == "bytes" {
		unit = "B"
	}
	const layout = "01/02/2006 15:04:05"
	s := chart.Stack{
		Title: ask.Title(), Unit: unit, Start: answer.Start, Step: answer.Bucket, Zone: zone,
		Subtitle: fmt.Sprintf("each %s from %s to %s", traq.Span(traq.Step(until.Sub(since))), since.In(zone).Format(layout), until.In(zone).Format(layout+" MST")),
	}
	if len(answer.Rows) == 0 { // which has no steps
		s.Start, s.Step = since, until.Sub(since)
	}
	for _, row := range answer.Rows {
		s.Series = append(s.Series, chart.Series{Name: strings.Join(ask.Names(row), " – "), Total: chart.Amount(row.Value, unit), Values: row.Line})
	}
	return s
}
