// Package combined reads access logs of web servers in the common and the combined log format, as Apache, nginx and most
// others write them.
package combined

import (
	_ "embed"
	"errors"

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
	// LogFormat is the order of the fields as the server's own configuration spells it, Apache's LogFormat or nginx's
	// log_format, or one of common, combined and vhost_combined. Default: the common and the combined format, told apart
	// line by line, with or without a virtual host.
	LogFormat string `yaml:"log_format"`
}

// Validate checks the settings.
func (c *Config) Validate() error {
	flaws := []error{c.Options.Validate()}
	if c.LogFormat != "" {
		_, wrong := compile(c.LogFormat)
		flaws = append(flaws, wrong...)
	}
	return errors.Join(flaws...)
}

// Default returns the settings that hold where the configuration says nothing.
func Default() parser.Config { return &Config{Options: parser.Options{Zone: "UTC"}} }

// Format is what the catalog needs to know.
func Format() parser.Format {
	return parser.Format{Name: "combined", Kind: event.Log, Default: Default, Score: Score, Guess: guess}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	log := accessLog{
		clock: clock{zone: instant.NewZone(place)}, service: []byte(c.Service),
		url: event.NewDerived(event.URLOriginal, []event.FieldID{event.URLPath, event.URLQuery, event.URLDomain, event.URLScheme}, url),
	}
	if c.LogFormat == "" {
		return &log, nil
	}
	order, wrong := compile(c.LogFormat)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return &ordered{accessLog: log, layout: order}, nil
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
	if !absent(l.host) {
		a.client(b, l.host)
	}
	server(b, &l)
	a.request(b, l.request)
	answer(b, &l)
	b.Next()
	return nil
}

// client sets who asked.
func (a *accessLog) client(b *event.Builder, host []byte) {
	if len(a.host) > 0 && string(a.host) == string(host) {
		b.IP(event.SourceIP, a.addr)
	} else if addr, ok := parser.Address(host); ok {
		b.IP(event.SourceIP, addr)
		a.host, a.addr = append(a.host[:0], host...), addr
	} else {
		b.Str(event.SourceDomain, host)
	}
}

// server sets the user, and the virtual host that was asked.
func server(b *event.Builder, l *line) {
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

func status(b *event.Builder, code int) {
	b.Int(event.HTTPStatus, int64(code))
	switch {
	case code >= 400:
		b.Text(event.EventOutcome, "failure")
	case code >= 100:
		b.Text(event.EventOutcome, "success")
	}
}

// answer sets what was answered, and the headers.
func answer(b *event.Builder, l *line) {
	if l.status >= 0 {
		status(b, l.status)
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
