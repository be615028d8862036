package rule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/document"
)

// Limits of the samples of a rule.
const (
	maxSamples     = 100
	maxSampleBytes = 256 << 10 // of the lines of a piece, as written
	maxSampleLines = 50_000    // of a sample, copies counted
	maxSampleTotal = 32 << 20  // bytes of a sample, copies counted
)

// A Sample is a stretch of log that stands beside a rule, and what the rule must make of it.
type Sample struct {
	Name   string
	Format string // of the lines; empty: recognised
	Pieces []Piece
	Then   time.Duration     // how much time goes on after the last line, for rules that judge what does not come
	Expect []Expected        // none: the rule stays silent
	Lists  map[string]string // what lists hold that the rule names, by name; others are empty
	Line   int               // of the document, where the sample begins
}

// A Piece is some lines of a sample, once or many times.
type Piece struct {
	Lines string        // line ends between them
	Times int           // copies, 1 or more
	Every time.Duration // how much later each copy is than the one before
}

// Expected is one alert that a sample must lead to.
type Expected struct {
	Entity   string // its values joined by ", "; empty for a rule without `by`
	Triggers int    // 0: any number
}

// Copies returns the lines of each copy in turn, with the mark {n} replaced by its number, from 1, and how much later it is
// than it is written. A piece that stands once is taken as it is.
func (p Piece) Copies(yield func(lines string, later time.Duration) bool) {
	for n := range p.Times {
		lines := p.Lines
		if p.Times > 1 {
			lines = strings.ReplaceAll(lines, "{n}", strconv.Itoa(n+1))
		}
		if !yield(lines, time.Duration(n)*p.Every) {
			return
		}
	}
}

// sampleForm is a sample as it is written.
type sampleForm struct {
	// Name says what the sample shows. No default.
	Name string `yaml:"name"`
	// Format is the name of the parser. Default: recognised.
	Format string `yaml:"format"`
	// Log is the lines as one text, or a list of pieces of it.
	Log document.Node `yaml:"log"`
	// Then is how much time goes on after the last line. Default 0s.
	Then time.Duration `yaml:"then"`
	// Lists is what lists hold that the rule names, by name: the text of their files. Default: nothing.
	Lists map[string]string `yaml:"lists"`
	// Expect lists the alerts that must come of it. Default: none may come.
	Expect []expectForm `yaml:"expect"`
}

type pieceForm struct {
	// Lines is the text.
	Lines string `yaml:"lines"`
	// Times is how often it comes. Default 1.
	Times int `yaml:"times"`
	// Every is how much later each copy is than the one before. Default 0s.
	Every time.Duration `yaml:"every"`
}

type expectForm struct {
	// Entity is whom the alert is about: the values of `by`, joined by a comma and a blank.
	Entity string `yaml:"entity"`
	// Triggers is how often the rule was met. Default: any number.
	Triggers int `yaml:"triggers"`
}

// samples reads the samples of a rule and tells everything that is wrong with them.
func samples(n document.Node) ([]Sample, error) {
	if n.IsZero() {
		return nil, nil
	}
	items := n.Items()
	if !n.IsList() || len(items) > maxSamples {
		return nil, n.Mistake("something else", fmt.Sprintf("a list of samples, %d at most", maxSamples))
	}
	var list []Sample
	var errs []error
	for _, item := range items {
		s, err := sample(item)
		errs = append(errs, err)
		list = append(list, s)
	}
	return list, errors.Join(errs...)
}

func sample(n document.Node) (Sample, error) {
	var f sampleForm
	if !n.IsMapping() {
		return Sample{}, n.Mistake("no mapping", "a sample, as in {name: …, log: …, expect: …}")
	}
	err := n.Decode(&f)
	s := Sample{Name: f.Name, Format: f.Format, Then: f.Then, Lists: f.Lists, Line: n.Line()}
	errs := []error{err}
	if f.Name == "" || len(f.Name) > maxTitle || strings.ContainsFunc(f.Name, control) {
		errs = append(errs, n.Mistake("no name", "name: one line that says what the sample shows"))
	}
	if f.Then < 0 || f.Then > maxSampleTime {
		errs = append(errs, n.Mistake("then: "+document.FormatDuration(f.Then), "0s to 366d"))
	}
	for _, e := range f.Expect {
		if e.Triggers < 0 {
			errs = append(errs, n.Mistake(fmt.Sprintf("%d triggers", e.Triggers), "0 or more"))
		}
		s.Expect = append(s.Expect, Expected(e))
	}
	var pieces error
	s.Pieces, pieces = piecesOf(f.Log, n)
	return s, errors.Join(append(errs, pieces)...)
}

// maxSampleTime bounds how long a sample may last.
const maxSampleTime = 366 * 24 * time.Hour

// piecesOf reads the log of a sample: a text, or a list of pieces.
func piecesOf(n, near document.Node) ([]Piece, error) {
	if n.IsZero() {
		return nil, near.Mistake("no log", "log: the lines, or a list of {lines: …, times: …, every: …}")
	}
	if !n.IsList() {
		var text string
		if err := n.Decode(&text); err != nil {
			return nil, err
		}
		return checkPieces([]Piece{{Lines: text, Times: 1}}, n)
	}
	var list []Piece
	for _, item := range n.Items() {
		f := pieceForm{Times: 1}
		if err := item.Decode(&f); err != nil {
			return nil, err
		}
		list = append(list, Piece(f))
	}
	return checkPieces(list, n)
}

func checkPieces(list []Piece, n document.Node) ([]Piece, error) {
	total, size := 0, 0
	for _, p := range list {
		switch {
		case len(p.Lines) > maxSampleBytes:
			return nil, n.Mistake(fmt.Sprintf("%d bytes", len(p.Lines)), "256 KiB at most")
		case p.Times < 1 || p.Times > maxSampleLines:
			return nil, n.Mistake(fmt.Sprintf("times: %d", p.Times), fmt.Sprintf("1 to %d", maxSampleLines))
		case p.Every < 0 || p.Every > maxSampleTime/time.Duration(p.Times):
			return nil, n.Mistake("every: "+document.FormatDuration(p.Every), "0s or more, and all copies within 366d")
		}
		total += p.Times * (strings.Count(strings.TrimRight(p.Lines, "\n"), "\n") + 1)
		if size += p.Times * len(p.Lines); size > maxSampleTotal {
			return nil, n.Mistake(fmt.Sprintf("%d bytes and more", size), "32 MiB at most, copies counted")
		}
		if total > maxSampleLines {
			return nil, n.Mistake(fmt.Sprintf("%d lines and more", total), fmt.Sprintf("%d at most, copies counted", maxSampleLines))
		}
	}
	return list, nil
}
