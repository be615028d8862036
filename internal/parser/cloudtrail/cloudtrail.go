// Package cloudtrail reads records of AWS CloudTrail, each a JSON object.
package cloudtrail

import (
	"bytes"
	_ "embed"

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
}

// Default returns the settings that hold where the configuration says nothing.
func Default() parser.Config { return &Config{Options: parser.Options{Zone: "UTC"}} }

// Format is what the catalog needs to know.
func Format() parser.Format {
	return parser.Format{Name: "cloudtrail", Kind: event.Log, Default: Default, Score: Score, Repeats: true}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	return &trail{zone: instant.NewZone(place), service: []byte(c.Service)}, nil
}

// A trail is the parser. Its buffers keep their memory from record to record.
type trail struct {
	zone    *instant.Zone
	service []byte
	path    []byte // dotted name of the member at hand
	text    []byte // the strings of the record at hand that had escapes
	message []byte
	facts   facts
	known   shape
}

// Parse implements parser.Parser: one object is one row.
func (p *trail) Parse(b *event.Builder, record []byte, received int64) error {
	s := scanner{text: record}
	s.space()
	if s.at == len(record) {
		return nil
	}
	if record[s.at] != '{' {
		return &parser.Malformed{Offset: s.at, Reason: notObject}
	}
	s.at++
	p.path, p.text, p.facts = p.path[:0], p.text[:0], facts{}
	reason := p.object(b, &s, outermost, p.known.begin(), 1)
	if reason == "" {
		if s.space(); s.at < len(record) {
			reason = trailing
		} else if f := &p.facts; f.name == nil && f.source == nil && !f.id {
			s.at, reason = 0, noRecord
		}
	}
	if reason != "" {
		b.Abandon()
		return &parser.Malformed{Offset: min(s.at, len(record)), Reason: reason}
	}
	b.Str(event.EventOriginal, record)
	p.finish(b, received)
	b.Next()
	return nil
}

// untimed is how sure Score is of a record whose time cannot be read.
const untimed = 95

// Score is 100 for a record that says when, what and where, and 0 for everything that does not say the last two. One
// without a readable time is one all the same: among good ones it must not make the file look like plain JSON.
func Score(record []byte) int {
	if !bytes.Contains(record, []byte(`"eventSource"`)) || !bytes.Contains(record, []byte(`"eventName"`)) {
		return 0
	}
	p := &trail{zone: instant.NewZone(nil)}
	if p.Parse(event.NewBuilder(event.Log), record, 0) != nil || p.facts.name == nil || p.facts.source == nil {
		return 0
	}
	if !p.facts.timed {
		return untimed
	}
	return 100
}
