// Package hdfs reads logs of the Hadoop distributed file system, as it writes them and as structured CSV.
package hdfs

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
func Default() parser.Config { return &Config{Options: parser.Options{Zone: "UTC", Service: "HDFS"}} }

// Format is what the catalog needs to know.
func Format() parser.Format {
	return parser.Format{Name: "hdfs", Kind: event.Log, Default: Default, Score: Score}
}

// New returns a parser.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	return &hadoop{zone: instant.NewZone(place), service: []byte(c.Service)}, nil
}

type hadoop struct {
	zone    *instant.Zone
	service []byte
	line    line
	hints   [6]uint32 // of event.Builder.LabelAgain, one a label
}

// Parse implements parser.Parser: one line is one row, but for the header of a CSV file, which is none.
func (p *hadoop) Parse(b *event.Builder, record []byte, received int64) error {
	text := bytes.TrimSpace(record)
	if len(text) == 0 {
		return nil
	}
	l := &p.line
	if bad := l.cut(text); bad.reason != "" {
		indent := len(record) - len(bytes.TrimLeft(record, " \t\r\n\v\f"))
		return &parser.Malformed{Offset: min(indent+bad.offset, len(record)), Reason: bad.reason}
	}
	if l.form == header {
		return nil
	}
	switch {
	case !l.timed:
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	case l.when.HasZone:
		b.Time(event.Timestamp, l.when.UTC())
	default:
		b.Time(event.Timestamp, p.zone.Instant(&l.when))
		b.Flag(event.NoZone)
	}
	b.Str(event.Message, l.content)
	b.Str(event.EventOriginal, record)
	if len(p.service) > 0 {
		b.Str(event.ServiceName, p.service)
	}
	if len(l.level) > 0 {
		b.Str(event.LogLevel, l.level)
	}
	if pid, ok := parser.Whole(l.pid); ok {
		b.Int(event.ProcessPID, pid)
	} else {
		label(b, "pid", l.pid, &p.hints[0])
	}
	label(b, "line_id", l.lineID, &p.hints[1])
	label(b, "component", l.component, &p.hints[2])
	label(b, "thread", l.thread, &p.hints[3])
	label(b, "event_id", l.eventID, &p.hints[4])
	label(b, "event_template", l.template, &p.hints[5])
	b.Next()
	return nil
}

// label adds a label, unless there is nothing to say.
func label(b *event.Builder, name string, v []byte, hint *uint32) {
	if len(v) > 0 {
		b.LabelAgain([]byte(name), v, hint)
	}
}

// Score is 95 for lines with the date of HDFS and 90 for those of Log4j whose component belongs to Hadoop; 0 for the header
// of a CSV file, which holds no event, and for everything else.
func Score(record []byte) int {
	var l line
	text := bytes.TrimSpace(record)
	if len(text) == 0 || l.cut(text).reason != "" || !l.timed {
		return 0
	}
	switch {
	case l.form == log4j && bytes.Contains(l.component, []byte("hadoop")):
		return 90
	case l.form == raw:
		return 95
	case l.form == csv:
		_, numbered := parser.Whole(l.lineID)
		if _, process := parser.Whole(l.pid); numbered && process { // tables of other programs have another column there
			return 95
		}
	}
	return 0
}
