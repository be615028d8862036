package logtrack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/cli"
	"tocsin/internal/fault"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

func (f *face) ingestAndPrint(ctx context.Context, args []string) error {
	path := f.argument(args, "FILE", "file")
	if path == "" {
		return noFile()
	}
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		ingested := f.ingest(ctx, svc, path)
		if ctx.Err() != nil {
			return ingested
		}
		return errors.Join(ingested, f.printRows(ctx, svc))
	})
}

func (f *face) ingestDetect(ctx context.Context, args []string) error {
	path := f.argument(args, "FILE", "file")
	if path == "" {
		return noFile()
	}
	return f.ask(ctx, func(ctx context.Context, svc api.Service) error {
		if err := f.ingest(ctx, svc, path); err != nil {
			return err
		}
		return f.judge(ctx, svc)
	})
}

func noFile() error {
	return misused("name the file: make ingest file=access.clf, or logtrack ingest access.clf")
}

// ingest reads one file from where it was left.
func (f *face) ingest(ctx context.Context, svc api.Service, path string) (err error) {
	var asking error
	in, err := f.OpenInput(path, f.In, func(source string) (int64, bool) {
		at, err := svc.Resume(ctx, source)
		asking = errors.Join(asking, err)
		return at, err == nil && at >= 0
	})
	if err != nil {
		return cli.Refused(err)
	}
	defer func() { err = errors.Join(err, in.Body.Close()) }()
	if asking != nil {
		return asking
	}
	body := bufio.NewReaderSize(in.Body, headBytes)
	q := in.Request
	if q.Format, q.Service, err = f.reading(path, q.Offset, body); err != nil {
		return cli.Refused(err)
	}
	a, err := svc.Ingest(ctx, q, body)
	f.told(path, a, in.Lines)
	if err != nil {
		return cli.Refused(err)
	}
	if err := svc.Flush(ctx); err != nil {
		return err
	}
	if a.Events == 0 && a.Rejected > 0 {
		return cli.Refused(fault.New(fault.Invalid, "%s: no line of it could be read", path))
	}
	if f.artifacts() {
		return f.parsedArtifact(ctx, svc, q.Path)
	}
	return nil
}

// shownLines is how many rejected lines of a file are shown.
const shownLines = 5

// told says what became of a file, which LogTrack did not.
func (f *face) told(path string, a api.IngestAnswer, before int64) {
	for i, e := range a.Errors {
		if i == shownLines {
			break
		}
		f.note("%s:%d: %s: %s", path, before+e.Line, e.Reason, e.Sample)
	}
	switch {
	case a.Bytes == 0 && a.Lines == 0:
		f.note("%s: nothing new: it was read before", path)
	default:
		f.note("%s: %d logs (%s), %d lines could not be read", path, a.Events, orElse(a.Format, "no format"), a.Rejected)
	}
}

// headBytes is how much of a file is looked at to see what it is.
const headBytes = 64 << 10

// sure is the confidence from which on a guess beats what the name of a file suggests, and doubtful that up to which the
// name is believed although no record at the beginning looks like it.
const doubtful = 50

// reading says how a file is to be read. Its name is a hint: it is followed where a record at the beginning is of that
// format, or where none can be told at all. The service is that of LogTrack's parsers, or SERVICE in the environment.
func (f *face) reading(path string, offset int64, body *bufio.Reader) (format, service string, err error) {
	head, err := body.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return "", "", err
	}
	sample := records(head, offset)
	guessed, confidence, _ := parser.Recognise(f.Formats, sample)
	if hint := suggested(path); hint != "" {
		if confidence < doubtful || fits(f.Formats[hint], sample) {
			format = hint
		}
	}
	switch orElse(format, guessed) {
	case "combined":
		service = "apache"
	case "hdfs":
		service = "HDFS"
	}
	return format, orElse(f.Env("SERVICE"), service), nil
}

// suggested is the format that the name of a file suggests, also when it is a compressed one.
func suggested(path string) string {
	name := strings.ToLower(filepath.Base(path))
	for _, packed := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".clf":
		return "combined"
	case ".hdfs":
		return "hdfs"
	case ".aws":
		return "cloudtrail"
	}
	return ""
}

// fits says that a record is of a format, as far as one can tell.
func fits(f parser.Format, sample [][]byte) bool {
	for _, r := range sample {
		if f.Score != nil && f.Score(r) > 0 {
			return true
		}
	}
	return false
}

// records cuts the beginning of a file up, as it will be when it is read. What was cut off at the end is left out.
func records(head []byte, offset int64) (sample [][]byte) {
	var s interface {
		Next() ([]source.Record, error)
	}
	if lines.Nested(head) && offset == 0 {
		s = lines.NewArraySplitter(bytes.NewReader(head), 0)
	} else {
		s = lines.NewSplitter(bytes.NewReader(head), offset)
	}
	for len(sample) < maxSample {
		some, err := s.Next()
		for _, r := range some {
			sample = append(sample, bytes.Clone(r.Data))
		}
		if err != nil {
			break
		}
	}
	if len(sample) == 0 && len(head) > 0 && len(head) < headBytes {
		sample = append(sample, head) // one line without an end
	}
	return sample
}

const maxSample = 100
