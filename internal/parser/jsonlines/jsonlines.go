// Package jsonlines reads one JSON object a line, as programs log them and as tocsin takes events in over HTTP.
package jsonlines

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// Config is the settings of the format.
type Config struct {
	parser.Options `yaml:",inline"`
	// Fields says which of the sender's fields is which of ours: a dotted path in the object, and a field of the schema,
	// labels.NAME, or drop. What is not named is taken by its own name.
	Fields map[string]string `yaml:"fields"`
	// Original keeps the whole line as event.original, of log events that bring none. Default true.
	Original bool `yaml:"original"`
}

// Default returns the settings that hold where the configuration says nothing.
func Default() parser.Config {
	return &Config{Options: parser.Options{Zone: "UTC"}, Original: true}
}

// Format is what the catalog needs to know. The kind is that of log files; New takes any.
func Format() parser.Format {
	return parser.Format{Name: "jsonlines", Kind: event.Log, Default: Default, Score: Score, Guess: guess}
}

// Validate checks the zone and that every field named is one of ours.
func (c *Config) Validate() error {
	errs := []error{c.Options.Validate()}
	for _, theirs := range slices.Sorted(maps.Keys(c.Fields)) {
		if _, err := parser.ParseTarget(c.Fields[theirs]); err != nil {
			errs = append(errs, fmt.Errorf("fields.%s: %w", theirs, err))
		}
	}
	return errors.Join(errs...)
}

// New returns a parser. It fills builders of any kind.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	p := &lines{
		zone:     instant.NewZone(place),
		service:  []byte(c.Service),
		original: c.Original,
		targets:  knownTargets(),
	}
	for theirs, ours := range c.Fields {
		if p.targets[theirs], err = parser.ParseTarget(ours); err != nil {
			return nil, fmt.Errorf("fields.%s: %w", theirs, err)
		}
	}
	return p, nil
}

type lines struct {
	zone     *instant.Zone
	service  []byte
	original bool
	targets  map[string]parser.Target

	path   []byte // dotted name of the value at hand
	text   []byte // the value at hand, when it had escapes
	seen   fieldSet
	noZone bool
	bad    bool // an escape that stands for no character
	later  int  // objects around the value that are not the first of their array
}

// A fieldSet is the fields of the schema that the row at hand has.
type fieldSet [event.MaxFieldID/64 + 1]uint64

func (s *fieldSet) has(id event.FieldID) bool { return s[id/64]>>(id%64)&1 != 0 }
func (s *fieldSet) add(id event.FieldID)      { s[id/64] |= 1 << (id % 64) }

// Parse implements parser.Parser: one line is one row of the builder's kind. A member "kind" of the object that names that
// kind is left out; what the line says of another kind, see Kind, is for the caller to heed.
func (p *lines) Parse(b *event.Builder, record []byte, received int64) error {
	s := scanner{text: record}
	s.space()
	if s.at == len(record) {
		return nil
	}
	p.path, p.seen, p.noZone, p.bad, p.later = p.path[:0], fieldSet{}, false, false, 0
	if record[s.at] != '{' {
		return &parser.Malformed{Offset: s.at, Reason: notObject}
	}
	s.at++
	reason := p.object(b, &s, 1)
	if reason == "" {
		if s.space(); s.at < len(record) {
			reason = behind
		}
	}
	if reason != "" {
		b.Abandon()
		return &parser.Malformed{Offset: min(s.at, len(record)), Reason: reason}
	}
	p.finish(b, record, received)
	return nil
}

// finish adds what the line left out.
func (p *lines) finish(b *event.Builder, record []byte, received int64) {
	if !p.seen.has(event.Timestamp) {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	} else if p.noZone {
		b.Flag(event.NoZone)
	}
	if p.bad {
		b.Flag(event.BadUTF8)
	}
	if p.original && b.Kind() == event.Log && !p.seen.has(event.EventOriginal) {
		b.Str(event.EventOriginal, record)
	}
	if len(p.service) > 0 && !p.seen.has(event.ServiceName) {
		b.Str(event.ServiceName, p.service)
	}
	b.Next()
}

// Score is 90 for a complete object with at least one member, 0 for everything else.
func Score(record []byte) int {
	s := scanner{text: record}
	if s.space(); s.at == len(record) || record[s.at] != '{' {
		return 0
	}
	members := 0
	if s.skip(0, func([]byte, int) { members++ }) != "" || members == 0 {
		return 0
	}
	if s.space(); s.at < len(record) {
		return 0
	}
	return 90
}

// guess makes a Score from settings: surer than Score for an object that has every member which Fields names, by the last part
// of its path, and 0 for others.
func guess(config parser.Config) func(record []byte) int {
	c, ok := config.(*Config)
	if !ok || len(c.Fields) == 0 {
		return nil
	}
	var names [][]byte
	for theirs := range c.Fields {
		names = append(names, []byte(`"`+theirs[strings.LastIndexByte(theirs, '.')+1:]+`"`))
	}
	return func(record []byte) int {
		for _, name := range names {
			if !bytes.Contains(record, name) {
				return 0
			}
		}
		if Score(record) == 0 {
			return 0
		}
		return 95
	}
}

// Kind returns the kind of event that a line says it is, by its outermost member "kind". said is whether there is such a
// member; the kind is 0 when there is none or it names no kind of ours. It reads no further than that member.
func Kind(record []byte) (kind event.Kind, said bool) {
	s := scanner{text: record}
	if s.space(); s.at == len(record) || record[s.at] != '{' {
		return 0, false
	}
	s.skip(0, func(key []byte, value int) {
		if !said && string(key) == "kind" {
			kind, said = kindWord(record[value:]), true
			s.stop = true
		}
	})
	return kind, said
}

// kindWord reads the quoted name of a kind.
func kindWord(b []byte) event.Kind {
	for _, k := range event.Kinds() {
		if w := k.String(); len(b) >= len(w)+2 && b[0] == '"' && string(b[1:len(w)+1]) == w && b[len(w)+1] == '"' {
			return k
		}
	}
	return 0
}
