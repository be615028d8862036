package ingest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/flow/capture"
	"tocsin/internal/lines"
)

// A Capture is a file of packets in which exporters tell of flows.
type Capture struct {
	Body io.Reader // from its beginning
	// From is up to where it was read before. What stands there is read for what it teaches, such as templates, and for nothing
	// else.
	From     int64
	Received int64 // when it is read, in nanoseconds since 1970 UTC: so its flows are kept as long as those that come now
	Rows     int   // that end a batch
	// Take is given flows with the place up to which the capture was read for them, and what is to be told so far.
	Take func(b *event.Batch, to int64, told api.IngestAnswer) error
}

// A CaptureReader makes flows of captures. Read returns what is to be told of one, also with an error: what was given to Take
// counts.
type CaptureReader interface {
	Read(ctx context.Context, c Capture) (api.IngestAnswer, error)
}

// opened looks at the beginning of a body. It is a capture when that says so; else lines. What is neither, and known as such, is
// refused.
func (s *Service) opened(q api.IngestRequest, body io.Reader) (content io.Reader, isCapture bool, err error) {
	if q.Offset > 0 && !q.Whole {
		return body, false, nil // the beginning was seen before
	}
	b := bufio.NewReaderSize(body, 64<<10)
	head, err := b.Peek(capture.Magic)
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*lines.Damaged)) {
		return nil, false, err
	}
	if err := capture.Refuse(head); err != nil {
		return nil, false, fault.New(fault.Invalid, "read %s: %w", q.Path, err)
	}
	isCapture = capture.Recognise(head) != capture.None
	switch {
	case !isCapture && q.Whole:
		return nil, false, fault.New(fault.Invalid, "read %s: it is sent from its beginning, as captures alone are, and is none", q.Path)
	case !isCapture:
		return b, false, nil
	case q.Format != "" || q.Declaration != "":
		return nil, false, fault.New(fault.Invalid, "read %s: it is a capture of packets, which has no format of lines (leave the format out)", q.Path)
	case s.options.Captures == nil:
		return nil, false, fault.New(fault.Invalid, "read %s: it is a capture of packets, want lines", q.Path)
	}
	return b, true, nil
}

// capture reads a capture.
func (f *file) capture(ctx context.Context, body io.Reader) error {
	add := func(told api.IngestAnswer) {
		events, first, last := f.answer.Events, f.answer.First, f.answer.Last
		f.answer = told
		f.answer.Events, f.answer.First, f.answer.Last = events, first, last
	}
	told, err := f.service.options.Captures.Read(ctx, Capture{
		Body: body, From: f.request.Offset, Received: time.Now().UnixNano(), Rows: fileRows,
		Take: func(b *event.Batch, to int64, told api.IngestAnswer) error {
			told.Reasons, told.Errors = maps.Clone(told.Reasons), nil
			add(told)
			f.answer.Events += int64(b.Rows)
			f.at = max(f.at, to)
			if b.Rows == 0 && f.at == f.from {
				return nil
			}
			return f.hand(ctx, b)
		},
	})
	add(told)
	return err
}
