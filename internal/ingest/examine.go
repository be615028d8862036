package ingest

import (
	"bytes"
	"errors"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// An Examination says what became of one record, as ingest would have taken it.
type Examination struct {
	Format     string // "" when none was recognised
	Confidence int    // 0-100; 100 when the format was named
	Why        string
	Scores     []parser.Score    // of all formats with a chance, the surest first
	Fault      *parser.Malformed // why the record was refused; nil when it was not
	Batch      *event.Batch      // its events; nil when there are none
}

// Reading says how records are to be read; the zero Reading leaves everything to be found out.
type Reading struct{ Format, Zone, Service string }

// Examine reads one record as ingest does, and keeps nothing. received is the time of receipt in nanoseconds since 1970 UTC.
// A record that is longer than parser.MaxRecord is cut there, as ingest does.
func (s *Service) Examine(record []byte, r Reading, received int64) (Examination, error) {
	record = bytes.TrimRight(record, "\r\n")
	x := Examination{Format: r.Format, Confidence: 100, Why: "it was named"}
	from := source.Record{Data: record}
	if len(record) > parser.MaxRecord {
		from.Data, from.Cut = record[:parser.MaxRecord], true
	}
	x.Scores = parser.Scores(s.Formats(), from.Data)
	if r.Format == "" {
		x.Format, x.Confidence, x.Why = parser.Recognise(s.Formats(), [][]byte{from.Data})
		if x.Confidence < minCertainty {
			x.Format = ""
			return x, nil
		}
	}
	format, ok := s.Formats()[x.Format]
	if !ok {
		return x, fault.New(fault.Invalid, "no format %q (want one of %s)", x.Format, s.Formats().Names())
	}
	settings := format.Default()
	if r.Zone != "" {
		settings.Base().Zone = r.Zone
	}
	if r.Service != "" {
		settings.Base().Service = r.Service
	}
	if err := settings.Validate(); err != nil {
		return x, fault.New(fault.Invalid, "%w", err)
	}
	read, err := settings.New()
	if err != nil {
		return x, fault.New(fault.Invalid, "format %s: %w", x.Format, err)
	}
	var stamp stamp
	builder := event.NewBuilder(format.Kind)
	builder.Stamp = stamp.row
	stamp.of(&source.Stream{Source: fileSource, Format: x.Format, Kind: format.Kind}, &from, received)
	if err := read.Parse(builder, slices.Clone(from.Data), received); err != nil {
		builder.Abandon()
		if x.Fault, ok = errors.AsType[*parser.Malformed](err); !ok {
			x.Fault = &parser.Malformed{Reason: err.Error()}
		}
		return x, nil
	}
	if builder.Rows() > 0 {
		x.Batch = builder.Batch()
	}
	return x, nil
}
