package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// An Input is a file to be ingested, from where it was left.
type Input struct {
	Request api.IngestRequest // Source, Path, and Offset where Body begins
	Body    io.ReadCloser     // decompressed
	Lines   int64             // that come before Body, so that errors tell the place in the whole
	Size    int64             // bytes on disk; 0: unknown
	Read    func() int64      // bytes on disk that were read so far, may be called at any time; nil: unknown
}

func (s *shell) ingestCommand() *cobra.Command {
	var q api.IngestRequest
	var own ownFormat
	var detect bool
	c := &cobra.Command{
		Use:   "ingest FILE|DIR...",
		Short: "Read old files into the history",
		Long: `Reads log files, also such compressed by gzip, zstd or bzip2, into the history; "-" is standard input. The format is recognised,
named, or declared here by a file or a pattern. A file that was read before is known again, whatever its name: only what was
added to it is read. Lines that cannot be read are counted and the first are shown.
Captures of packets (pcap, pcapng) are read for the flows that exporters tell in them by NetFlow, IPFIX or sFlow. Of a directory
all files are read, those below it too, by name; names that begin with a dot are left out.`,
		Example: `  tocsin ingest access.log
  tocsin ingest --detect app.json.gz other.log.zst
  tocsin ingest exports/2026/11/21
  journalctl -o json | tocsin ingest --format jsonlines --service sshd -
  tocsin ingest --pattern '{@timestamp} {log.level} [{labels.thread}] {message}' app.log`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().StringVar(&q.Format, "format", "", "`name` of the format (default: recognised)")
	c.Flags().StringVar(&q.Zone, "tz", "", "time `zone` of times that name none, such as Europe/Berlin (default UTC)")
	c.Flags().StringVar(&q.Service, "service", "", "`name` of the service, for events that name none")
	own.flags(c)
	c.Flags().BoolVar(&detect, "detect", false, "judge what was read by the rules")
	must(c.RegisterFlagCompletionFunc("format", s.completeFormats))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if err := own.declare(s, &q); err != nil {
			return err
		}
		if err := s.checkReading(q); err != nil {
			return err
		}
		return s.ingest(ctx, svc, q, args, detect)
	})
	return c
}

// checkReading checks how files are to be read. Another machine may know other formats.
func (s *shell) checkReading(q api.IngestRequest) error {
	if q.Zone != "" {
		if _, err := time.LoadLocation(q.Zone); err != nil {
			return usage("--tz %q: want a zone such as Europe/Berlin or UTC", q.Zone)
		}
	}
	if q.Format == "" || q.Declaration != "" || s.common.Server != "" {
		return nil
	}
	names, err := s.formatNames()
	if err != nil {
		return refused(err)
	}
	if !slices.Contains(names, q.Format) {
		hint := event.Nearest(q.Format, names)
		if hint != "" {
			hint = " (did you mean " + hint + "?)"
		}
		return usage("--format %q: want %s%s", q.Format, strings.Join(names, ", "), hint)
	}
	return nil
}

// ingest reads all files, goes on when one fails, and judges what was read.
func (s *shell) ingest(ctx context.Context, svc api.Service, q api.IngestRequest, paths []string, detect bool) error {
	var out *sheet
	if !detect || s.format == "table" {
		out = s.ingestSheet()
	}
	var failed bool
	var first, last time.Time
	all, err := below(paths)
	if err != nil {
		return err
	}
	for _, path := range all {
		a, err := s.ingestFile(ctx, svc, q, path)
		if err != nil {
			s.say("tocsin: %s: %s", clean(path), printable(strings.TrimPrefix(err.Error(), path+": ")))
			failed = true
			if ctx.Err() != nil {
				break
			}
			if a.Lines == 0 {
				continue
			}
		} // what came before the fault is there: it is told, and judged
		failed = failed || a.Events == 0 && a.Rejected > 0
		s.rejected(path, a)
		if !a.First.IsZero() && (first.IsZero() || a.First.Before(first)) {
			first = a.First
		}
		if a.Last.After(last) {
			last = a.Last
		}
		if out != nil {
			if err := s.addIngested(out, path, a); err != nil {
				return err
			}
		}
	}
	if out != nil {
		if err := out.end(); err != nil {
			return err
		}
	}
	if err := svc.Flush(ctx); err != nil {
		return err
	}
	if detect && !first.IsZero() {
		if err := s.detect(ctx, svc, api.DetectRequest{Since: first, Until: last.Add(1)}); err != nil {
			return err
		}
	}
	if failed {
		return errQuiet
	}
	return nil
}

// ingestFile reads one file from where it was left.
func (s *shell) ingestFile(ctx context.Context, svc api.Service, q api.IngestRequest, path string) (a api.IngestAnswer, err error) {
	var asking error
	in, err := s.OpenInput(path, s.In, func(source string) (int64, bool) {
		at, err := svc.Resume(ctx, source)
		asking = errors.Join(asking, err)
		return at, err == nil && at >= 0
	})
	if err != nil {
		return a, refused(err)
	}
	defer func() { err = errors.Join(err, in.Body.Close()) }()
	if asking != nil {
		return a, asking
	}
	r := in.Request
	r.Format, r.Declaration, r.Zone, r.Service = q.Format, q.Declaration, q.Zone, q.Service
	r.Lines = in.Lines
	bar := s.bar(path, in.Size)
	defer func() { bar.end(err == nil) }()
	r.Progress = func(a api.IngestAnswer) {
		if in.Read != nil {
			bar.at(in.Read())
		} else {
			bar.at(r.Offset + a.Bytes)
		}
	}
	a, err = svc.Ingest(ctx, r, in.Body)
	for i := range a.Errors {
		a.Errors[i].Line += in.Lines
	}
	return a, refused(err)
}

// An ingestedRow is one line of -o json.
type ingestedRow struct {
	File string `json:"file"`
	api.IngestAnswer
}

func (s *shell) ingestSheet() *sheet {
	return s.sheet(column{name: "file"}, column{name: "format"}, column{name: "lines", right: true}, column{name: "events", right: true},
		column{name: "rejected", right: true}, column{name: "first", time: true}, column{name: "last", time: true})
}

func (s *shell) addIngested(out *sheet, path string, a api.IngestAnswer) error {
	format := a.Format
	if a.Confidence > 0 && a.Confidence < 100 {
		format += " (" + strconv.Itoa(a.Confidence) + " %)"
	}
	switch {
	case a.Bytes == 0 && a.Lines == 0:
		format = "nothing new"
	case a.Lines > 0 && a.Lines == a.Empty && format == "":
		format = "blank"
	}
	return out.add(ingestedRow{path, a}, path, format, strconv.FormatInt(a.Lines, 10), strconv.FormatInt(a.Events, 10),
		strconv.FormatInt(a.Rejected, 10), s.instant(a.First), s.instant(a.Last))
}

// shownErrors is how many rejected lines of a file are shown.
const shownErrors = 5

// rejected shows the first lines that could not be read, and tells of events that came again.
func (s *shell) rejected(path string, a api.IngestAnswer) {
	if a.Packets > 0 || len(a.Notes) > 0 {
		s.captured(path, a)
		return
	}
	for i, e := range a.Errors {
		if i == shownErrors {
			break
		}
		s.say("tocsin: %s:%d: %s: %s", clean(path), e.Line, clean(e.Reason), clean(e.Sample))
	}
	if a.Repeated > 0 {
		s.say("tocsin: %s: events that were there already and count once: %d", clean(path), a.Repeated)
	}
	if more := a.Rejected - int64(min(len(a.Errors), shownErrors)); a.Rejected > 0 && more > 0 {
		s.say("tocsin: %s: %d more lines rejected", clean(path), more)
	}
	if a.Rejected > 0 {
		s.say("tocsin: %s: they are kept: see tocsin quarantine show", clean(path))
	}
}
