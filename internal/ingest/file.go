package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/api"
	"tocsin/internal/declared"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// Bounds of a batch, so that it fits a message of the journal, and of what is shown of bad lines.
const (
	fileRows     = 8192
	batchBytes   = 2 << 20
	sampleLines  = 100
	shownErrors  = 10
	shownBytes   = 200
	fileSource   = "ingest"
	minCertainty = 50 // of a guess that is taken
)

// File reads one file into the history. What is read is durable when File returns, also when it returns an error: the
// answer says how far it came, and the next call for the same source goes on there.
func (s *Service) File(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	s.gate.RLock()
	release, err := s.positions.hold(q.Source)
	at, known := s.Resume(q.Source)
	s.gate.RUnlock()
	if err != nil {
		return api.IngestAnswer{}, err
	}
	defer release()
	// A file that is not known yet may be the copy of one that is, and then begins where that was left.
	if known && at != q.Offset {
		return api.IngestAnswer{}, fault.New(fault.Conflict, "take in %s: it begins at byte %d, want %d, behind what is there already", q.Path, q.Offset, at)
	}
	content, isCapture, err := s.opened(q, body)
	if err != nil {
		return api.IngestAnswer{}, err
	}
	f := &file{service: s, request: q, batches: make(chan *event.Batch, 1), from: q.Offset, at: q.Offset}
	f.answer.Reasons = map[string]int64{}
	defer s.unique.release(f)
	if isCapture {
		err = f.run(ctx, func(ctx context.Context) error { return f.capture(ctx, content) })
	} else {
		f.cutter, f.nested = lines.Cut(content, q.Offset)
		err = f.run(ctx, f.read)
	}
	f.answer.Bytes = f.at - q.Offset
	return f.answer, err
}

// run reads and journals side by side. When reading fails, what was read before is journalled all the same; when journalling
// fails, reading ends.
func (f *file) run(ctx context.Context, read func(context.Context) error) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var journal errgroup.Group
	journal.Go(func() error {
		defer stop()
		return f.journal(ctx)
	})
	readErr := read(reading)
	close(f.batches)
	if err := journal.Wait(); err != nil {
		return err
	}
	return readErr
}

// A file is one run of File. Reading and journalling run side by side, one batch apart.
type file struct {
	service *Service
	request api.IngestRequest
	cutter  lines.Cutter
	nested  bool          // it is cut into the elements of an array, not into lines
	joiner  *lines.Joiner // of lines to records; nil: each line is one
	batches chan *event.Batch

	stream  source.Stream
	stamp   stamp
	builder *event.Builder
	bytes   int   // of the records in the batch at hand
	from    int64 // offset at which the batch at hand begins
	at      int64 // offset behind the last record
	answer  api.IngestAnswer
}

func (f *file) read(ctx context.Context) error {
	for {
		records, err := f.cutter.Next()
		if err == nil || errors.Is(err, io.EOF) {
			last := err != nil
			if last {
				records = nil
				if rest, ok := f.cutter.Rest(); ok {
					records = []source.Record{rest}
				}
			}
			if err := f.records(ctx, records); err != nil {
				return err
			}
			if last {
				if err := f.rest(ctx); err != nil {
					return err
				}
				f.at = max(f.at, f.cutter.End())
				return f.send(ctx)
			}
			continue
		}
		// What came before the fault is kept; a line that it cut is not.
		if errors.As(err, new(*lines.Damaged)) {
			err = errors.Join(f.rest(ctx), err)
		}
		return errors.Join(f.send(ctx), err)
	}
}

// records parses lines, after the first ones have told the format.
func (f *file) records(ctx context.Context, records []source.Record) error {
	if len(records) == 0 {
		return nil
	}
	if f.builder == nil {
		if f.request.Format == "" && f.request.Declaration == "" && blank(records) {
			f.answer.Lines += int64(len(records))
			f.answer.Empty += int64(len(records))
			f.at = records[len(records)-1].To
			return nil
		}
		if err := f.begin(records); err != nil {
			return err
		}
	}
	now := time.Now()
	if f.joiner != nil {
		records = f.joiner.Join(records, now)
	}
	return f.take(ctx, records, now.UnixNano())
}

// blank reports whether lines say nothing, not even what format they have.
func blank(records []source.Record) bool {
	return !slices.ContainsFunc(records, func(r source.Record) bool { return len(bytes.TrimSpace(r.Data)) > 0 })
}

// rest takes the record that is open at the end.
func (f *file) rest(ctx context.Context) error {
	if f.joiner == nil {
		return nil
	}
	if r, ok := f.joiner.Rest(); ok {
		return f.take(ctx, []source.Record{r}, time.Now().UnixNano())
	}
	return nil
}

// take parses records.
func (f *file) take(ctx context.Context, records []source.Record, received int64) error {
	for i := range records {
		r := &records[i]
		f.record(r, received)
		f.at = r.To
		f.bytes += len(r.Data)
		if f.builder.Rows() >= fileRows || f.bytes >= batchBytes {
			if err := f.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin finds out how the file is to be read.
func (f *file) begin(records []source.Record) error {
	name, formats := f.request.Format, f.service.Formats()
	f.answer.Confidence = 100
	if f.request.Declaration != "" {
		own, err := declared.DecodeText(f.request.Declaration, name, formats)
		if err != nil {
			return err
		}
		name, formats = own.Name, parser.Set{own.Name: own.Format}
	}
	if name == "" {
		var sample [][]byte
		for _, r := range records {
			if len(bytes.TrimSpace(r.Data)) > 0 && len(sample) < sampleLines {
				sample = append(sample, r.Data)
			}
		}
		var why string
		name, f.answer.Confidence, why = parser.Recognise(formats, sample)
		if f.answer.Confidence < minCertainty {
			if name != "" {
				why = fmt.Sprintf("%s, but that is only %d of 100 sure", why, f.answer.Confidence)
			}
			return fault.New(fault.Invalid, "recognise format of %s: %s (name it with --format)", f.request.Path, why)
		}
	}
	format, ok := formats[name]
	if !ok {
		return fault.New(fault.Invalid, "read %s: no format %q (want one of %s)", f.request.Path, name, formats.Names())
	}
	settings := format.Default()
	if f.request.Zone != "" {
		settings.Base().Zone = f.request.Zone
	}
	if f.request.Service != "" {
		settings.Base().Service = f.request.Service
	}
	if err := settings.Validate(); err != nil {
		return fault.New(fault.Invalid, "read %s: %w", f.request.Path, err)
	}
	read, err := settings.New()
	if err != nil {
		return err
	}
	if join := settings.Base().Multiline; join.On() && !f.nested {
		if f.joiner, err = lines.NewJoiner(join); err != nil {
			return fault.New(fault.Invalid, "read %s: %w", f.request.Path, err)
		}
	}
	f.answer.Format = name
	f.stream = source.Stream{Source: fileSource, ID: f.request.Source, Path: f.request.Path, Parser: read, Format: name, Kind: format.Kind, Settings: *settings.Base()}
	f.builder = event.NewBuilder(format.Kind)
	f.builder.Stamp = f.stamp.row
	return nil
}

// record parses one line and accounts for it.
func (f *file) record(r *source.Record, received int64) {
	line := f.answer.Lines + 1
	f.answer.Lines += r.Count()
	if len(bytes.TrimSpace(r.Data)) == 0 {
		f.answer.Empty += r.Count()
		return
	}
	f.stamp.of(&f.stream, r, received)
	before := f.builder.Rows()
	err := f.stream.Parser.Parse(f.builder, r.Data, received)
	if err == nil && f.builder.Rows() == before { // the header of a table
		f.answer.Empty += r.Count()
	}
	if n := f.service.unique.sift(f, f.stream.Format, f.builder, before); n > 0 {
		f.answer.Repeated += int64(n)
		f.service.stats.repeated(fileSource, n)
	}
	f.answer.Events += int64(f.builder.Rows() - before)
	if err == nil {
		return
	}
	f.builder.Abandon()
	f.answer.Rejected += r.Count()
	f.answer.Reasons[reason(err)] += r.Count()
	f.service.refused(&f.stream, r, f.request.Lines+line, received, err)
	if len(f.answer.Errors) < shownErrors {
		f.answer.Errors = append(f.answer.Errors, api.LineError{
			Line: line, Offset: r.From, Reason: err.Error(), Sample: string(r.Data[:min(len(r.Data), shownBytes)]),
		})
	}
}

// send hands the batch at hand on. One without rows still says how far the file was read.
func (f *file) send(ctx context.Context) error {
	if f.builder == nil || f.at == f.from {
		return nil
	}
	return f.hand(ctx, f.builder.Batch())
}

// hand hands a batch on, which holds what the file has up to f.at.
func (f *file) hand(ctx context.Context, b *event.Batch) error {
	b.Backfill = true
	if f.request.Source != "" {
		b.Sources = []event.SourceRange{{ID: f.request.Source, From: f.from, To: f.at}}
	}
	f.from, f.bytes = f.at, 0
	if b.Rows > 0 {
		first, last := b.TimeRange()
		if at := time.Unix(0, first).UTC(); f.answer.First.IsZero() || at.Before(f.answer.First) {
			f.answer.First = at
		}
		if at := time.Unix(0, last).UTC(); at.After(f.answer.Last) {
			f.answer.Last = at
		}
	} else if len(b.Sources) == 0 {
		return nil
	}
	if f.request.Progress != nil {
		told := f.answer
		told.Bytes, told.Reasons, told.Errors = f.at-f.request.Offset, nil, slices.Clip(f.answer.Errors)
		f.request.Progress(told)
	}
	select {
	case f.batches <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *file) journal(ctx context.Context) error {
	for b := range f.batches {
		if err := f.keep(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long an old file waits for the journal or the history to take a batch. It can be read on later, and who
// waits for it wants to know why it goes no further.
const patience = time.Minute

// keep makes one batch durable.
func (f *file) keep(ctx context.Context, b *event.Batch) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fault.New(fault.Unavailable, "events wait for %v already to be written (see tocsin's health)", patience))
	defer cancel()
	if err := f.service.options.Pace(ctx); err != nil {
		return err
	}
	return f.service.appendDurably(ctx, b)
}
