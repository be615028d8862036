package ingest

import (
	"errors"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/quarantine"
	"tocsin/internal/source"
)

// reason returns what a malformed record is counted by.
func reason(err error) string {
	if m, ok := errors.AsType[*parser.Malformed](err); ok {
		return m.Reason
	}
	return "unreadable"
}

// refused counts a record that could not be read and keeps it in the quarantine. line is its number, 0 where that is not
// known.
func (s *Service) refused(from *source.Stream, r *source.Record, line, received int64, why error) {
	s.stats.rejected(from.Source, reason(why), r.Count())
	if s.options.Quarantine == nil {
		return
	}
	s.options.Quarantine.Add(&quarantine.Entry{
		Received: time.Unix(0, received), Source: from.Source, Path: from.Path, Format: from.Format,
		Zone: from.Settings.Zone, Service: from.Settings.Service, Kind: from.Kind.String(),
		Reason: reason(why), Why: why, Line: line, From: r.From, To: r.To, Peer: from.Peer, Cut: r.Cut, Data: r.Data,
	})
}

// keep has the quarantine keep a line that came over HTTP.
func (a *appending) keep(r *source.Record, kind event.Kind, received int64, why error) {
	if a.service.options.Quarantine == nil {
		return
	}
	a.service.options.Quarantine.Add(&quarantine.Entry{
		Received: time.Unix(0, received), Source: a.stream.Source, Format: pushedFormat, Kind: kind.String(), Pushed: true,
		Reason: reason(why), Why: why, Line: a.line, From: r.From, To: r.To, Cut: r.Cut, Data: r.Data,
	})
}

// pushedFormat is what lines over HTTP are read by.
const pushedFormat = "jsonlines"

// Configured is how the configuration says that the records of a source are read.
type Configured struct {
	Format   parser.Format
	Settings parser.Config
}

// SetConfigured says how the sources whose format is configured are read from now on, by name: rejected records of theirs
// are read again in that way.
func (s *Service) SetConfigured(sources map[string]Configured) { s.configured.Store(&sources) }
