// Package syslog reads syslog messages, the old ones (RFC 3164) and the new ones (RFC 5424), as they come over the network
// and as they stand in files.
package syslog

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
	return parser.Format{Name: "syslog", Kind: event.Log, Default: Default, Score: Score}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	return &messages{zone: instant.NewZone(place), service: []byte(c.Service), library: shelf()}, nil
}

type messages struct {
	zone    *instant.Zone
	service []byte
	name    []byte // name of a label at hand
	value   []byte // its value, without escapes
	timed   bool   // the message at hand has a time
	library *library
	times   int // how often the message at hand is to be written; the first time it says so itself
	copy    int // how often it was written before
}

// The ways in which a message can be wrong.
const (
	noTime      = "no time of syslog at the beginning"
	badTime     = "a time that is none"
	shortHeader = "the header ends early"
	openData    = "structured data without end"
	noData      = "no structured data behind the header"
	badPriority = "a priority beyond 191"
)

const (
	maxPriority = 191 // facility 23, severity 7
	maxTag      = 128 // bytes; RFC 3164 section 4.1.3 says 32, but units and paths are longer
)

// Parse implements parser.Parser: one message is one row, and one that stands for several is several.
func (m *messages) Parse(b *event.Builder, record []byte, received int64) error {
	rest := trimEnd(record)
	if len(rest) == 0 {
		return nil
	}
	pri, n, reason := priority(rest)
	if reason != "" {
		return &parser.Malformed{Reason: reason}
	}
	m.times = 1
	for m.copy = 0; m.copy < m.times; m.copy++ {
		if at, reason := m.row(b, rest, n, received); reason != "" {
			b.Abandon()
			return &parser.Malformed{Offset: min(at, len(record)), Reason: reason}
		}
		if pri >= 0 {
			b.Int(event.SyslogFacility, int64(pri>>3))
			b.Int(event.SyslogSeverity, int64(pri&7))
		}
		if m.copy == 0 {
			b.Str(event.EventOriginal, record)
		}
		b.Next()
	}
	return nil
}

// row sets the fields of a message whose priority ends at n.
func (m *messages) row(b *event.Builder, rest []byte, n int, received int64) (at int, reason string) {
	m.timed = false
	if isNew(rest[n:]) {
		at, reason = m.ietf(b, rest, n)
	} else {
		reason = m.bsd(b, rest, n, received)
	}
	if reason != "" {
		return at, reason
	}
	if !m.timed {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	}
	if len(m.service) > 0 {
		b.Str(event.ServiceName, m.service)
	}
	return at, ""
}

// priority reads <PRI>; pri is -1 and n 0 when there is none.
func priority(b []byte) (pri, n int, reason string) {
	if len(b) < 3 || b[0] != '<' {
		return -1, 0, ""
	}
	for n = 1; n < len(b) && n <= 4; n++ {
		switch c := b[n]; {
		case c-'0' <= 9:
			pri = pri*10 + int(c-'0')
		case c == '>' && n > 1:
			if pri > maxPriority {
				return 0, 0, badPriority
			}
			return pri, n + 1, ""
		default:
			return -1, 0, ""
		}
	}
	return -1, 0, ""
}

// isNew reports whether a message without its priority is one of RFC 5424: version 1, then a time or a dash.
func isNew(b []byte) bool {
	if len(b) < 4 || b[0] != '1' || b[1] != ' ' {
		return false
	}
	if b[2] == '-' && b[3] == ' ' {
		return true
	}
	return len(b) > 12 && b[2]-'0' <= 9 && b[6] == '-' && b[9] == '-' && b[12] == 'T'
}

// trimEnd takes off what senders put behind a message: line ends, NUL, blanks.
func trimEnd(b []byte) []byte {
	for len(b) > 0 {
		switch b[len(b)-1] {
		case '\n', '\r', 0, ' ', '\t':
			b = b[:len(b)-1]
		default:
			return b
		}
	}
	return b
}

// Score says how sure it is: 95 for RFC 5424, 80 for RFC 3164 with time, host and tag (88 with a priority), 55 where the
// tag is missing, 50 for a priority alone, 35 where the time is written with a blank and no T.
func Score(record []byte) int {
	rest := trimEnd(record)
	pri, n, reason := priority(rest)
	if reason != "" || len(rest) == 0 {
		return 0
	}
	if isNew(rest[n:]) {
		m := messages{zone: instant.NewZone(nil)} // without a library: what a message tells is no matter here
		if m.Parse(event.NewBuilder(event.Log), record, 0) != nil {
			return 0
		}
		return 95
	}
	var h old
	if !h.cut(rest[n:]) {
		if pri >= 0 && n < len(rest) {
			return 50
		}
		return 0
	}
	switch {
	case h.blank: // as many other logs begin
		return 35
	case len(h.tag) == 0:
		return 55
	case pri >= 0:
		return 88
	default:
		return 80
	}
}

// text sets the message, without a byte order mark, and what it tells.
func (m *messages) text(b *event.Builder, tag, v []byte) {
	v = bytes.TrimPrefix(v, []byte("\xef\xbb\xbf"))
	v = m.repeated(b, v)
	b.Str(event.Message, v)
	m.login(b, tag, v)
}

// label sets a label, but not again on what is written again.
func (m *messages) label(b *event.Builder, name, v []byte) {
	if m.copy == 0 {
		b.Label(name, v)
	}
}
