package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/source"
)

const (
	httpSource = "http" // tocsin.source of events whose sender names none
	maxKey     = 200    // bytes of an idempotency key
	keyPrefix  = "key:" // ids of sources that are idempotency keys; history forgets them after a day
)

// Append takes events as JSON objects, one a line and of any kind, and returns when they are durable. It does not wait for
// a journal that is full. With an idempotency key the same lines count once, also when an earlier call was cut off half way.
func (s *Service) Append(ctx context.Context, q api.AppendRequest, body io.Reader) (api.AppendAnswer, error) {
	if len(q.IdempotencyKey) > maxKey {
		return api.AppendAnswer{}, fault.New(fault.Invalid, "idempotency key: got %d bytes, want %d at most", len(q.IdempotencyKey), maxKey)
	}
	a := &appending{service: s, kind: event.Log, builders: map[event.Kind]*kindRows{}}
	if q.Kind != "" {
		kind, err := event.ParseKind(q.Kind)
		if err != nil {
			return a.answer, fault.New(fault.Invalid, "%w", err)
		}
		a.kind = kind
	}
	if q.IdempotencyKey != "" {
		a.key = keyPrefix + api.Caller(ctx).User + "/" + q.IdempotencyKey
		release, err := s.positions.hold(a.key)
		if err != nil {
			return a.answer, err
		}
		defer release()
	}
	read, err := jsonlines.Default().New()
	if err != nil {
		return a.answer, err
	}
	a.stream = source.Stream{Source: q.Source, Parser: read}
	if q.Source == "" {
		a.stream.Source = httpSource
	}
	err = a.run(ctx, body)
	return a.answer, err
}

// appending is one call of Append.
type appending struct {
	service  *Service
	kind     event.Kind // of lines that name none
	key      string
	stream   source.Stream
	builders map[event.Kind]*kindRows
	line     int64 // number of the line at hand, from 1
	skipped  int64 // lines that an earlier call brought
	empty    int64 // blank lines
	answer   api.AppendAnswer
}

// kindRows are the rows of one kind. Each kind keeps its own account of the lines that are durable, since its batches go
// into the journal by themselves.
type kindRows struct {
	builder *event.Builder
	stamp   stamp
	id      string // of the source, "" without a key
	known   int64  // lines up to this number were brought by an earlier call
	from    int64  // last line of the batch before
	bytes   int
}

func (a *appending) run(ctx context.Context, body io.Reader) error {
	split := lines.NewSplitter(body, 0)
	received := time.Now().UnixNano()
	defer func() { // those of events are counted when they are durable
		a.service.stats.parsed(a.stream.Source, int64(a.answer.Rejected)+a.empty, a.empty, 0, received)
	}()
	for {
		records, err := split.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return err
			}
			if rest, ok := split.Rest(); ok {
				if err := a.take(ctx, &rest, received); err != nil {
					return err
				}
			}
			break
		}
		for i := range records {
			if err := a.take(ctx, &records[i], received); err != nil {
				return err
			}
		}
	}
	for _, rows := range a.builders {
		if err := a.flush(ctx, rows); err != nil {
			return err
		}
	}
	a.answer.Repeated = a.skipped > 0 && a.answer.Accepted == 0
	return nil
}

// take reads one line.
func (a *appending) take(ctx context.Context, r *source.Record, received int64) error {
	a.line++
	if len(bytes.TrimSpace(r.Data)) == 0 {
		a.empty++
		return nil
	}
	kind, said := jsonlines.Kind(r.Data)
	if said && kind == 0 {
		a.reject(r, a.kind, received, &parser.Malformed{Reason: "kind: want login, flow, log or sighting"})
		return nil
	}
	if !said {
		kind = a.kind
	}
	rows := a.rows(kind)
	if a.line <= rows.known {
		a.skipped++
		return nil
	}
	rows.stamp.of(&a.stream, &source.Record{Cut: r.Cut}, received)
	err := a.stream.Parser.Parse(rows.builder, r.Data, received)
	if r.Cut && err == nil {
		err = &parser.Malformed{Offset: parser.MaxRecord, Reason: "longer than 256 KiB"}
	}
	if err != nil {
		rows.builder.Abandon()
		a.reject(r, kind, received, err)
		return nil
	}
	rows.bytes += len(r.Data)
	if rows.builder.Rows() >= fileRows || rows.bytes >= batchBytes {
		return a.flush(ctx, rows)
	}
	return nil
}

func (a *appending) reject(r *source.Record, kind event.Kind, received int64, err error) {
	a.answer.Rejected++
	a.service.stats.rejected(a.stream.Source, reason(err), 1)
	a.keep(r, kind, received, err)
	if len(a.answer.Errors) < shownErrors {
		a.answer.Errors = append(a.answer.Errors, api.LineError{
			Line: a.line, Offset: r.From, Reason: err.Error(), Sample: string(r.Data[:min(len(r.Data), shownBytes)]),
		})
	}
}

func (a *appending) rows(kind event.Kind) *kindRows {
	rows := a.builders[kind]
	if rows == nil {
		rows = &kindRows{builder: event.NewBuilder(kind)}
		rows.builder.Stamp = rows.stamp.row
		if a.key != "" {
			rows.id = a.key + "#" + kind.String()
			rows.known, _ = a.service.Resume(rows.id)
			rows.from = rows.known
		}
		a.builders[kind] = rows
	}
	return rows
}

// flush makes the rows of one kind durable, or returns why it cannot be done now.
func (a *appending) flush(ctx context.Context, rows *kindRows) error {
	n := rows.builder.Rows()
	if n == 0 {
		return nil
	}
	b := rows.builder.Batch()
	if rows.id != "" {
		b.Sources = []event.SourceRange{{ID: rows.id, From: rows.from, To: a.line}}
	}
	rows.from, rows.bytes = a.line, 0
	if err := a.service.append(ctx, a.service.options.Enrich(b)); err != nil {
		return err
	}
	a.service.stats.parsed(a.stream.Source, int64(n), 0, n, time.Now().UnixNano())
	a.answer.Accepted += n
	return nil
}
