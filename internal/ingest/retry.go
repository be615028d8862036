package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/journal"
	"tocsin/internal/parser"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/quarantine"
	"tocsin/internal/source"
)

// Limits of one commit of records that are read again, and of the parsers that are kept at a time.
const (
	retryEntries = 8192
	maxReaders   = 1000
)

// Retry reads rejected records again. Those that can be read now are accepted like those of an old file, each once, also
// when the process is killed meanwhile, and leave the quarantine; the others stay there with their new reason.
func (s *Service) Retry(ctx context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	r := &retrying{service: s, store: s.options.Quarantine, request: q, readers: map[readerKey]*reader{}, builders: map[event.Kind]*retried{}, refused: map[uint64]quarantine.Refusal{}}
	if r.store == nil {
		return r.answer, fault.New(fault.Unavailable, "retry rejected lines: none are kept")
	}
	if q.With != "" {
		if _, ok := s.Formats()[q.With]; !ok {
			return r.answer, fault.New(fault.Invalid, "no format %q (want one of %s)", q.With, s.Formats().Names())
		}
	}
	if err := (parser.Options{Zone: q.Zone}).Validate(); err != nil {
		return r.answer, fault.New(fault.Invalid, "%w", err)
	}
	if !s.retrying.TryLock() {
		return r.answer, fault.New(fault.Conflict, "retry rejected lines: somebody else is at it (wait until that is done)")
	}
	defer s.retrying.Unlock()
	filter := quarantine.Filter{Source: q.Source, Format: q.Format, Reason: q.Reason, IDs: q.IDs}
	if err := r.store.Scan(filter, func(e *quarantine.Entry) error { return r.take(ctx, e) }); err != nil {
		return r.answer, err
	}
	return r.answer, r.commitAll(ctx)
}

// retrying is one call of Retry.
type retrying struct {
	service  *Service
	store    *quarantine.Store
	request  api.QuarantineRetry
	readers  map[readerKey]*reader
	builders map[event.Kind]*retried
	refused  map[uint64]quarantine.Refusal // not yet noted
	answer   api.QuarantineRetried
}

// A readerKey is what tells one stream of records from another: parsers may remember things from record to record.
type readerKey struct {
	source, path, format, zone, service string
	pushed                              bool
}

type reader struct {
	stream source.Stream
	err    error
}

// retried are entries of one kind that could be read.
type retried struct {
	builder *event.Builder
	stamp   stamp
	ids     []uint64
	bytes   int
}

// take reads one entry.
func (r *retrying) take(ctx context.Context, e *quarantine.Entry) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r.answer.Retried++
	from := r.reader(e)
	kind, err := r.kind(from, e)
	if err == nil {
		err = r.parse(ctx, from, kind, e)
	}
	if m, ok := errors.AsType[*parser.Malformed](err); ok {
		r.refuse(from.stream.Format, e, m.Reason, m)
		err = nil
	}
	if err != nil {
		return err
	}
	if len(r.refused) >= retryEntries {
		return r.settle(nil)
	}
	return nil
}

// refuse notes that an entry could not be read again.
func (r *retrying) refuse(format string, e *quarantine.Entry, why string, detail error) {
	r.answer.Refused++
	if r.answer.Reasons == nil {
		r.answer.Reasons = map[string]int64{}
	}
	r.answer.Reasons[why]++
	r.refused[e.ID] = quarantine.Refusal{Format: format, Reason: why, Detail: detail.Error()}
}

// kind returns what kind of event the entry is, or a *parser.Malformed.
func (r *retrying) kind(from *reader, e *quarantine.Entry) (event.Kind, error) {
	if from.err != nil {
		return 0, from.err
	}
	if !e.Pushed || r.request.With != "" {
		return from.stream.Kind, nil
	}
	kind, said := jsonlines.Kind(e.Data)
	switch {
	case said && kind == 0:
		return 0, &parser.Malformed{Reason: "kind: want login, flow, log or sighting"}
	case !said:
		return from.stream.Kind, nil
	}
	return kind, nil
}

// parse reads the entry; a *parser.Malformed says why it cannot be.
func (r *retrying) parse(ctx context.Context, from *reader, kind event.Kind, e *quarantine.Entry) error {
	b := r.builders[kind]
	if b == nil {
		b = &retried{builder: event.NewBuilder(kind)}
		b.builder.Stamp = b.stamp.row
		r.builders[kind] = b
	}
	record := source.Record{Data: e.Data, From: e.From, To: e.To, Cut: e.Cut}
	if e.Pushed {
		record.From, record.To = 0, 0
	}
	received := e.Received.UnixNano()
	b.stamp.of(&from.stream, &record, received)
	var err error
	if len(bytes.TrimSpace(e.Data)) > 0 {
		err = from.stream.Parser.Parse(b.builder, e.Data, received)
	}
	if e.Cut && e.Pushed && err == nil {
		err = &parser.Malformed{Offset: parser.MaxRecord, Reason: "longer than 256 KiB"}
	}
	if err != nil {
		b.builder.Abandon()
		if _, ok := errors.AsType[*parser.Malformed](err); !ok {
			err = &parser.Malformed{Reason: reason(err)}
		}
		return err
	}
	b.ids = append(b.ids, e.ID)
	b.bytes += len(e.Data)
	if b.builder.Rows() >= fileRows || b.bytes >= batchBytes || len(b.ids) >= retryEntries {
		return r.commit(ctx, b)
	}
	return nil
}

// reader returns what reads an entry.
func (r *retrying) reader(e *quarantine.Entry) *reader {
	key := readerKey{e.Source, e.Path, e.Format, e.Zone, e.Service, e.Pushed}
	if known := r.readers[key]; known != nil {
		return known
	}
	if len(r.readers) >= maxReaders {
		clear(r.readers)
	}
	made := &reader{stream: source.Stream{Source: e.Source, Path: e.Path, Peer: e.Peer, Format: e.Format}}
	r.readers[key] = made
	format, settings := r.reading(e)
	if settings == nil {
		made.err = &parser.Malformed{Reason: "its format is no longer known"}
		return made
	}
	if err := settings.Validate(); err != nil {
		made.err = &parser.Malformed{Reason: "its settings are no longer good"}
		return made
	}
	p, err := settings.New()
	if err != nil {
		made.err = &parser.Malformed{Reason: "its settings are no longer good"}
		return made
	}
	made.stream.Parser, made.stream.Format, made.stream.Kind, made.stream.Settings = p, format.Name, format.Kind, *settings.Base()
	if e.Pushed && r.request.With == "" {
		made.stream.Format = ""
		if kind, err := event.ParseKind(e.Kind); err == nil {
			made.stream.Kind = kind
		}
	}
	return made
}

// reading returns the format and settings for an entry: those asked for, those that its source has now, or else those by
// which it was read. The settings are nil when there is no such format.
func (r *retrying) reading(e *quarantine.Entry) (parser.Format, parser.Config) {
	if c, ok := (*r.service.configured.Load())[e.Source]; ok && r.request.With == "" && c.Settings != nil && r.request.Zone == "" {
		return c.Format, c.Settings
	}
	name := cmp.Or(r.request.With, e.Format)
	format, ok := r.service.Formats()[name]
	if !ok {
		return format, nil
	}
	format.Name = name
	settings := format.Default()
	own := settings.Base()
	own.Zone = cmp.Or(r.request.Zone, e.Zone, own.Zone)
	own.Service = cmp.Or(e.Service, own.Service)
	return format, settings
}

// commitAll accepts what is left.
func (r *retrying) commitAll(ctx context.Context) error {
	for _, kind := range event.Kinds() {
		if b := r.builders[kind]; b != nil {
			if err := r.commit(ctx, b); err != nil {
				return err
			}
		}
	}
	return r.settle(nil)
}

// commit accepts the entries of one kind that could be read, and removes them from the quarantine. What is in between is
// known by the number of the try, which the journal keeps with the events.
func (r *retrying) commit(ctx context.Context, b *retried) error {
	if len(b.ids) == 0 {
		return nil
	}
	ids := b.ids
	b.ids, b.bytes = nil, 0
	rows := b.builder.Rows()
	if rows > 0 {
		if err := r.accept(ctx, b.builder.Batch(), ids); err != nil {
			return err
		}
	}
	r.answer.Accepted += int64(len(ids))
	r.answer.Events += int64(rows)
	return r.settle(ids)
}

// accept makes a batch durable.
func (r *retrying) accept(ctx context.Context, batch *event.Batch, ids []uint64) error {
	batch.Backfill = true
	try, err := r.store.Intend(ids)
	if err != nil {
		return err
	}
	batch.Sources = []event.SourceRange{{ID: r.store.ID(), From: try - 1, To: try}}
	first, last := batch.TimeRange()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fault.New(fault.Unavailable, "events wait for %v already to be written (see tocsin's health)", patience))
	defer cancel()
	err = r.service.options.Pace(ctx)
	if err == nil {
		err = r.service.appendDurably(ctx, batch)
	}
	switch {
	case errors.Is(err, journal.ErrUnknown):
		return err // Resolve finds out at the next start; until then nothing else is tried
	case err != nil:
		return errors.Join(err, r.store.GiveUp())
	}
	if at := time.Unix(0, first).UTC(); r.answer.First.IsZero() || at.Before(r.answer.First) {
		r.answer.First = at
	}
	if at := time.Unix(0, last).UTC(); at.After(r.answer.Last) {
		r.answer.Last = at
	}
	r.service.options.Crash("after-retry-before-settle")
	return nil
}

// settle has the quarantine remove entries, and note what was refused again.
func (r *retrying) settle(accepted []uint64) error {
	if len(accepted) == 0 && len(r.refused) == 0 {
		return nil
	}
	err := r.store.Settle(accepted, r.refused)
	clear(r.refused)
	return err
}
