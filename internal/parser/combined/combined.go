// Package combined reads access logs of web servers in the common and the combined log format, as Apache, nginx and most
// others write them.
package combined

import (
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
	return parser.Format{Name: "combined", Kind: event.Log, Default: Default, Score: Score}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	return &accessLog{
		clock: clock{zone: instant.NewZone(place)}, service: []byte(c.Service),
		url: event.NewDerived(event.URLOriginal, []event.FieldID{event.URLPath, event.URLQuery, event.URLDomain, event.URLScheme}, url),
	}, nil
}

// An accessLog is the parser. What it remembers of a line only spares work on the next.
type accessLog struct {
	clock   clock
	service []byte
	host    []byte // the last host that was an address
	addr    [16]byte
	url     *event.Derived // what follows from url.original
}

// Parse implements parser.Parser: one line is one row.
func (a *accessLog) Parse(b *event.Builder, record []byte, _ int64) error {
	var l line
	if blank(record) {
		return nil
	}
	if bad := l.cut(record, &a.clock); bad.reason != "" {
		return &parser.Malformed{Offset: bad.offset, Reason: bad.reason}
	}
	b.Time(event.Timestamp, l.at)
	if len(l.zone) > 0 {
		b.Str(event.EventTimezone, l.zone)
	} else {
		b.Flag(event.NoZone)
	}
	b.Str(event.Message, l.request)
	b.Str(event.EventOriginal, record)
	if len(a.service) > 0 {
		b.Str(event.ServiceName, a.service)
	}
	a.client(b, &l)
	a.request(b, l.request)
	answer(b, &l)
	b.Next()
	return nil
}

// client sets who asked.
func (a *accessLog) client(b *event.Builder, l *line) {
	if len(a.host) > 0 && string(a.host) == string(l.host) {
		b.IP(event.SourceIP, a.addr)
	} else if addr, ok := parser.Address(l.host); ok {
		b.IP(event.SourceIP, addr)
		a.host, a.addr = append(a.host[:0], l.host...), addr
	} else if !absent(l.host) {
		b.Str(event.SourceDomain, l.host)
	}
	if !absent(l.user) {
		b.Str(event.UserName, l.user)
	}
	if len(l.vhost) > 0 {
		b.Str(event.URLDomain, l.vhost)
		if l.port > 0 {
			b.Int(event.DestinationPort, int64(l.port))
		}
	}
}

// answer sets what was answered, and the headers.
func answer(b *event.Builder, l *line) {
	if l.status >= 0 {
		b.Int(event.HTTPStatus, int64(l.status))
		switch {
		case l.status >= 400:
			b.Text(event.EventOutcome, "failure")
		case l.status >= 100:
			b.Text(event.EventOutcome, "success")
		}
	}
	if l.bytes >= 0 {
		b.Int(event.HTTPResponseBytes, l.bytes)
	}
	if !absent(l.referrer) {
		b.Str(event.HTTPReferrer, l.referrer)
	}
	if !absent(l.agent) {
		b.Str(event.UserAgent, l.agent)
	}
}

// Score is 95 for a line with referrer and agent, 85 for one of the common format, and 0 for everything else.
func Score(record []byte) int {
	var l line
	var c clock
	if blank(record) || l.cut(record, &c).reason != "" {
		return 0
	}
	if l.agent != nil {
		return 95
	}
	return 85
}
