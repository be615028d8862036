package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"time"

	"tocsin/internal/catalog"
	"tocsin/internal/event"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// A log is a file as events.
type log struct {
	format      string
	batches     []*event.Batch
	lines, read int
	first, last time.Time
	programs    map[string]bool // process names
}

// received completes times without a year.
var received = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// wrapper is what syslog puts before a line of a web server; whoever reads a server's log reads it without.
var wrapper = regexp.MustCompile(`^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} \S+ (nginx|apache2|httpd)(\[[0-9]+\])?: `)

// errForeign says that the format is none of those that can be read.
var errForeign = errors.New("a format that is not read")

// readLog reads a file. Quotes around a whole line, as some collections have them, are taken off.
func readLog(path, format, name string) (*log, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	content, err := lines.Open(f)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(content, 64<<10)
	head, _ := buffered.Peek(4096) // a short head has an error that reading will give again
	var split interface {
		Next() ([]source.Record, error)
		Rest() (source.Record, bool)
	} = lines.NewSplitter(buffered, 0)
	if lines.Nested(head) {
		split = lines.NewArraySplitter(buffered, 0)
	}
	var records [][]byte
	for {
		more, err := split.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			records = append(records, bare(r.Data))
		}
	}
	if rest, ok := split.Rest(); ok {
		records = append(records, bare(rest.Data))
	}
	records = slices.DeleteFunc(records, func(r []byte) bool { return len(bytes.TrimSpace(r)) == 0 })
	return parse(records, format, name)
}

// bare copies a record without what was put around it.
func bare(record []byte) []byte {
	record = bytes.Clone(record)
	if len(record) > 1 && record[0] == '"' && record[len(record)-1] == '"' && bytes.Contains(record, []byte("] \"")) {
		record = record[1 : len(record)-1]
	}
	return record[len(wrapper.Find(record)):]
}

func parse(records [][]byte, format, name string) (*log, error) {
	formats := catalog.Formats()
	if format == "" {
		var sure int
		if format, sure, _ = parser.Recognise(formats, records[:min(len(records), 100)]); sure < 50 {
			return nil, errForeign
		}
	}
	p, err := formats[format].Default().New()
	if err != nil {
		return nil, err
	}
	l := &log{format: format, programs: map[string]bool{}}
	b := event.NewBuilder(formats[format].Kind)
	b.Stamp = func(b *event.Builder) {
		if _, ok := b.IntNow(event.Timestamp); !ok {
			b.Time(event.Timestamp, received)
		}
		b.Text(event.TocsinSource, name)
		b.Text(event.EventDataset, format)
	}
	flush := func() {
		if b.Rows() > 0 {
			l.add(b.Batch())
		}
	}
	for _, r := range records {
		l.lines++
		before := b.Rows()
		if err := p.Parse(b, r, received); err != nil {
			b.Abandon()
		}
		if b.Rows() > before {
			l.read++
		}
		if b.Rows() >= 8192 {
			flush()
		}
	}
	flush()
	if l.read*2 < l.lines || l.read == 0 {
		return nil, errForeign
	}
	slices.SortStableFunc(l.batches, func(x, y *event.Batch) int {
		first, _ := x.TimeRange()
		other, _ := y.TimeRange()
		return cmp.Compare(first, other)
	})
	return l, nil
}

func (l *log) add(b *event.Batch) {
	l.batches = append(l.batches, b)
	first, last := b.TimeRange()
	if at := time.Unix(0, first).UTC(); l.first.IsZero() || at.Before(l.first) {
		l.first = at
	}
	if at := time.Unix(0, last).UTC(); at.After(l.last) {
		l.last = at
	}
	if c := b.Column(event.ProcessName); c != nil {
		for row := range b.Rows {
			if v, ok := c.Value(row); ok {
				l.programs[string(c.Str(v))] = true
			}
		}
	}
}
