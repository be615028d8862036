// Package weberror reads error logs of web servers: those of Apache 2.2 and 2.4, and nginx's.
package weberror

import (
	"bytes"
	_ "embed"
	"math"

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
	return parser.Format{Name: "weberror", Kind: event.Log, Default: Default, Score: Score}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	return &errorLog{zone: instant.NewZone(place), service: []byte(c.Service)}, nil
}

type errorLog struct {
	zone    *instant.Zone
	service []byte
}

// A line is one error cut into its parts, which point into the record. A part that is absent is empty.
type line struct {
	server                string // the sort of server
	when                  instant.Reading
	level, module         []byte
	pid, tid, connection  []byte
	code, errno, reason   []byte // AH00128; number and text of an error of the system
	file                  []byte // place in the server's own source
	client, message       []byte
	name, upstream        []byte // of the server that was asked, and of the one behind it
	request, subrequest   []byte
	host, referrer, login []byte
}

// The ways in which a line can be wrong.
const (
	noTime  = "no time at the beginning"
	noLevel = "no level behind the time"
)

// A flaw says where a line went wrong; the zero flaw says that it did not.
type flaw struct {
	offset int
	reason string
}

func (l *line) cut(record []byte) flaw {
	if len(record) > 0 && record[0] == '[' {
		return l.apache(record)
	}
	return l.nginx(record)
}

// Parse implements parser.Parser: one line is one row.
func (e *errorLog) Parse(b *event.Builder, record []byte, _ int64) error {
	text := bytes.TrimRight(record, " \t\r")
	if len(text) == 0 {
		return nil
	}
	var l line
	if bad := l.cut(text); bad.reason != "" {
		return &parser.Malformed{Offset: bad.offset, Reason: bad.reason}
	}
	b.Time(event.Timestamp, e.zone.Instant(&l.when))
	b.Flag(event.NoZone)
	b.Str(event.Message, l.message)
	b.Str(event.EventOriginal, record)
	b.Text(event.ServiceType, l.server)
	set(b, event.ServiceName, e.service)
	set(b, event.LogLevel, l.level)
	set(b, event.EventCode, l.code)
	set(b, event.ErrorCode, l.errno)
	set(b, event.ErrorMessage, l.reason)
	set(b, event.URLDomain, l.host)
	set(b, event.HTTPReferrer, l.referrer)
	set(b, event.UserName, l.login)
	if pid, ok := parser.Whole(l.pid); ok {
		b.Int(event.ProcessPID, pid)
	}
	client(b, l.client, l.server == apacheServer && len(l.module) > 0)
	request(b, l.request)
	label(b, "module", l.module)
	label(b, "tid", l.tid)
	label(b, "connection", l.connection)
	label(b, "file", l.file)
	label(b, "server", l.name)
	label(b, "subrequest", l.subrequest)
	label(b, "upstream", l.upstream)
	b.Next()
	return nil
}

func set(b *event.Builder, id event.FieldID, v []byte) {
	if len(v) > 0 {
		b.Str(id, v)
	}
}

func label(b *event.Builder, name string, v []byte) {
	if len(v) > 0 {
		b.Label([]byte(name), v)
	}
}

// client sets who asked: an address, one with a port, or a name. Apache 2.4 adds the port to all addresses and puts none
// into brackets, so that 2001:db8::1:8080 is one with a port there.
func client(b *event.Builder, v []byte, withPort bool) {
	if len(v) == 0 {
		return
	}
	addr, bare := parser.Address(v)
	if i := bytes.LastIndexByte(v, ':'); i > 0 && (withPort || !bare) {
		host, ok := parser.Address(v[:i])
		if port, isNumber := parser.Whole(v[i+1:]); ok && isNumber && port <= math.MaxUint16 {
			b.IP(event.SourceIP, host)
			b.Int(event.SourcePort, port)
			return
		}
	}
	if bare {
		b.IP(event.SourceIP, addr)
		return
	}
	b.Str(event.SourceDomain, v)
}

// request takes a request line apart (RFC 9112 section 3); what is none sets nothing.
func request(b *event.Builder, v []byte) {
	method, target, ok := bytes.Cut(v, []byte(" "))
	if !ok || len(method) == 0 || len(method) > 32 || bytes.IndexFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) >= 0 {
		return
	}
	b.Str(event.HTTPMethod, method)
	if i := bytes.LastIndex(target, []byte(" HTTP/")); i >= 0 {
		set(b, event.HTTPVersion, target[i+len(" HTTP/"):])
		target = target[:i]
	}
	set(b, event.URLOriginal, target)
	if path, query, _ := bytes.Cut(target, []byte("?")); len(path) > 0 && path[0] == '/' {
		b.Str(event.URLPath, path)
		set(b, event.URLQuery, query)
	}
}

// Score is 95 for a line of nginx or of Apache 2.4, 90 for one of Apache 2.2, and 0 for everything else.
func Score(record []byte) int {
	var l line
	switch bad := l.cut(bytes.TrimRight(record, " \t\r")); {
	case bad.reason != "":
		return 0
	case l.server == apacheServer && len(l.pid) == 0:
		return 90
	}
	return 95
}
