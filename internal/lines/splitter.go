// Package lines turns the bytes of a file or stream into records: it finds the line ends, bounds what a line may take, and
// undoes compression that it recognises by content. It reads from what it is given and opens nothing.
package lines

import (
	"bytes"
	"io"

	"tocsin/internal/parser"
	"tocsin/internal/source"
)

const (
	bufferSize = 2 * parser.MaxRecord
	maxRecords = 1024 // that Next returns at a time
	maxIdle    = 100  // reads in a row that bring nothing and no error
)

// A Splitter cuts a stream into lines in bounded memory. Line ends are \n and \r\n; they are not part of the record, but of
// its range. Of a line beyond parser.MaxRecord the beginning is kept and the record marked Cut. NUL bytes before a line,
// such as the holes of a file that was truncated under its writer, are left out and counted. A byte order mark of UTF-8 at
// offset 0 is left out. Empty lines are records like others. Not for use by several goroutines at once.
type Splitter struct {
	r       io.Reader
	buf     []byte
	start   int   // of the line at hand in buf
	end     int   // of what was read into buf
	scanned int   // up to where there is no line end
	at      int64 // offset of buf[start] in the stream
	skipped int64 // bytes of the line at hand that were dropped behind the first MaxRecord
	records []source.Record
	holes   int64
	err     error // of the last read, not yet returned
}

// NewSplitter returns a splitter that reads r, whose first byte has the given offset.
func NewSplitter(r io.Reader, offset int64) *Splitter {
	return &Splitter{r: r, at: offset, buf: make([]byte, bufferSize), records: make([]source.Record, 0, maxRecords)}
}

// Reset makes the splitter begin anew with r, whose first byte has the given offset, in the memory that it has.
func (s *Splitter) Reset(r io.Reader, offset int64) {
	*s = Splitter{r: r, at: offset, buf: s.buf, records: s.records[:0]}
}

// Offset returns where the line at hand begins: just behind the last record returned.
func (s *Splitter) Offset() int64 { return s.at }

// Holes returns how many NUL bytes before lines were left out.
func (s *Splitter) Holes() int64 { return s.holes }

// Held returns how many bytes were read of a line whose end was not.
func (s *Splitter) Held() int64 { return int64(s.end-s.start) + s.skipped }

// Next returns the next complete lines, at least one, which are valid until the next call. At the end of the stream it
// returns io.EOF; what stands there without a line end is kept for Rest. Called again it reads on, as files grow.
func (s *Splitter) Next() ([]source.Record, error) {
	for idle := 0; ; {
		if s.split(); len(s.records) > 0 {
			return s.records, nil
		}
		if err := s.err; err != nil {
			s.err = nil
			return nil, err
		}
		s.room()
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 || err != nil {
			idle = 0
		} else if idle++; idle == maxIdle {
			return nil, io.ErrNoProgress
		}
	}
}

// Rest returns what stands behind the last line end, as a record; false when there is nothing. It is taken out of the
// splitter: bytes that follow are a line of their own.
func (s *Splitter) Rest() (source.Record, bool) {
	s.skipHoles()
	if s.end == s.start {
		return source.Record{}, false
	}
	r := s.record(s.end, s.end)
	return r, true
}

// split collects the lines that are complete in the buffer.
func (s *Splitter) split() {
	s.records = s.records[:0]
	for len(s.records) < maxRecords {
		s.skipHoles()
		i := bytes.IndexByte(s.buf[s.scanned:s.end], '\n')
		if i < 0 {
			s.scanned = s.end
			break
		}
		end := s.scanned + i
		s.records = append(s.records, s.record(end, end+1))
	}
	if s.end-s.start > parser.MaxRecord && s.scanned == s.end {
		keep := s.start + parser.MaxRecord
		s.skipped += int64(s.end - keep)
		s.end, s.scanned = keep, keep
	}
}

// record makes a record of the line at hand, which ends at end in the buffer; the next one begins at next.
func (s *Splitter) record(end, next int) source.Record {
	r := source.Record{From: s.at, To: s.at + int64(next-s.start) + s.skipped}
	data := s.buf[s.start:end]
	if len(data) > parser.MaxRecord || s.skipped > 0 {
		data, r.Cut = data[:parser.MaxRecord], true
	} else if n := len(data); n > 0 && data[n-1] == '\r' {
		data = data[:n-1]
	}
	if r.From == 0 {
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	r.Data = data
	s.at, s.skipped = r.To, 0
	s.start, s.scanned = next, next
	return r
}

// skipHoles leaves out NUL bytes at the beginning of the line at hand.
func (s *Splitter) skipHoles() {
	if s.start == s.end || s.buf[s.start] != 0 {
		return
	}
	n := zeros(s.buf[s.start:s.end])
	s.start += n
	s.scanned = max(s.scanned, s.start)
	s.at += int64(n)
	s.holes += int64(n)
}

// zeros counts the NUL bytes at the beginning of b, in strides, since holes are large.
func zeros(b []byte) (n int) {
	var none [512]byte
	for len(b) >= n+len(none) && bytes.Equal(b[n:n+len(none)], none[:]) {
		n += len(none)
	}
	for n < len(b) && b[n] == 0 {
		n++
	}
	return n
}

// room makes place behind what was read.
func (s *Splitter) room() {
	if s.start == s.end {
		s.start, s.end, s.scanned = 0, 0, 0
		return
	}
	if s.start > 0 && len(s.buf)-s.end < len(s.buf)/4 {
		copy(s.buf, s.buf[s.start:s.end])
		s.end -= s.start
		s.scanned -= s.start
		s.start = 0
	}
}
