// Package parser is the contract of everything that turns foreign bytes into events.
package parser

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/event"
)

// MaxRecord bounds one record, in bytes. Whoever splits a stream into records cuts a longer one here, keeps the beginning
// and skips the rest, so that a line without an end costs neither memory nor the lines behind it.
const MaxRecord = 256 << 10

// A Parser turns records into rows. A record is one line without its line end, or one datagram.
//
// Parse appends the events of one record to b, each ended with Next, in the order in which they stand. received is the
// time of receipt in nanoseconds since 1970 UTC; it is what a year or zone that the record leaves out is inferred from.
// Foul input gives a *Malformed and no rows: Parse never panics, and allocates nothing for a good record beyond the growth
// of b. A Parser may remember things from record to record (templates, the last time seen), so calls never overlap.
//
// Parse sets @timestamp and what it finds. event.ingested, tocsin.source and the place in a file are set by ingest.
type Parser interface {
	Parse(b *event.Builder, record []byte, received int64) error
}

// Config is one parser block of the configuration file, and its factory.
type Config interface {
	Validate() error // pure; every mistake, joined
	New() (Parser, error)
	Base() *Options // the settings that every parser has; embedding Options provides it
}

// Malformed says where and why a record could not be read.
type Malformed struct {
	Offset int    // byte offset in the record at which it went wrong
	Reason string // a constant of the parser, so that errors can be counted by it: "no closing quote"
}

func (m *Malformed) Error() string { return fmt.Sprintf("byte %d: %s", m.Offset, m.Reason) }

// A Format is what the catalog knows of one parser.
type Format struct {
	Name    string
	Kind    event.Kind
	Default func() Config // a new Config with its defaults
	// Score says from 0 (cannot be) to 100 (certain) how sure it is that a record is of this format, looking at the record
	// alone. nil: never guessed.
	Score func(record []byte) int
	// Guess makes a Score for settings other than the defaults, as declared formats have them; it may be used by many at
	// once. nil, or a nil Score: a format declared with such settings is never guessed.
	Guess func(Config) func(record []byte) int
	// Repeats says that its senders deliver events at least once: two of the same event.id and cloud.account.id are one.
	Repeats bool
	// Declared says that people declared it, and mean their lines to be read by it.
	Declared bool
}

// A Set is all formats by name.
type Set map[string]Format

// Names lists the formats by name, for people.
func (s Set) Names() string {
	return strings.Join(slices.Sorted(maps.Keys(s)), ", ")
}

// Options are the settings that every text parser has; a parser's Config embeds them inline.
type Options struct {
	// Zone is taken for times that carry none: an IANA name, UTC or Local. Default UTC.
	Zone string `yaml:"zone"`
	// Service is set as service.name where the record names none. Default: none.
	Service string `yaml:"service"`
	// Multiline joins the lines of files to records. Default: each line is a record.
	Multiline Multiline `yaml:"multiline"`
}

// Base returns o itself, so that whoever holds a Config can set what all of them have.
func (o *Options) Base() *Options { return o }

// Validate checks the zone.
func (o Options) Validate() error {
	if _, err := o.Location(); err != nil {
		return fmt.Errorf("zone: got %q, want an IANA zone such as Europe/Berlin, UTC or Local", o.Zone)
	}
	return nil
}

// Location returns the zone; UTC when none is set.
func (o Options) Location() (*time.Location, error) {
	if o.Zone == "" {
		return time.UTC, nil
	}
	return time.LoadLocation(o.Zone)
}
