package lines

import (
	"bytes"
	"io"

	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// recordsName is the member whose elements are the records of a document, as CloudTrail writes its files.
const recordsName = "Records"

// A place says where in the text an ArraySplitter stands.
type place uint8

const (
	between    place = iota // documents
	resumed                 // behind a record that an earlier run returned
	inDocument              // an object that is a record, unless it turns out to have a member Records that is an array
	inArray                 // between the elements
	inElement               // a string, object or array
	inWord                  // anything else: a number, or text that is no JSON
	tail                    // behind an array that the resumed run did not see open
	behind                  // in an object, behind its array of records
)

// An ArraySplitter cuts JSON text into records that are not lines: the elements of a top-level array, those of the array
// named Records in a top-level object, and top-level objects without one, however they are laid out. Several such documents
// may follow each other. It counts brackets and quotes and leaves it to the parser to judge what is between them; text that
// is no JSON is a record too, up to the next element or line, so that it is counted. Of an element beyond parser.MaxRecord
// the beginning is kept and the record marked Cut; memory depends on neither the file nor its elements. Records must begin
// within the first MaxRecord bytes of its object. A bracket or quote that never closes takes what follows along.
//
// A record's range ends right behind its last byte, where NewArraySplitter can go on. White space, commas and what else
// stands between records belong to none. Whoever goes on within an array that lacks a comma there, or holds text that is no
// JSON, may get other foul records than a run from the beginning would give. Not for use by several goroutines at once.
type ArraySplitter struct {
	r       io.Reader
	buf     []byte
	start   int   // of the value at hand in buf; between values, where the splitter stands
	scanned int   // up to where buf was looked at
	end     int   // of what was read into buf
	at      int64 // offset of buf[start] in the stream
	skipped int64 // bytes of the value at hand that were dropped behind the first MaxRecord
	done    int64 // offset behind the last record

	place   place
	within  bool // elements stand in an array, and not for themselves
	nested  bool // and that in an object
	unsure  bool // whether it does: its beginning was read by an earlier run
	depth   int  // of brackets open in the value at hand
	quoted  bool // in a string
	escaped bool // behind a backslash at the end of what was read
	name    int  // where the string at hand begins in buf; -1: no longer there
	named   bool // what was just read is the name of the member Records

	records []source.Record
	err     error // of the last read, not yet returned
}

// NewArraySplitter returns a splitter that reads r, whose first byte has the given offset: 0, or where a record of an
// earlier run ended.
func NewArraySplitter(r io.Reader, offset int64) *ArraySplitter {
	s := &ArraySplitter{r: r, at: offset, done: offset, buf: make([]byte, bufferSize), records: make([]source.Record, 0, maxRecords)}
	if offset > 0 {
		s.place = resumed
	}
	return s
}

// Offset returns where the last record returned ends.
func (s *ArraySplitter) Offset() int64 { return s.done }

// End returns where the text ends that was read, if no value or array is open there: behind its last bracket and white space.
// Otherwise it is Offset. Asked once Next has returned io.EOF, it is the place of a file that was read as far as it goes.
func (s *ArraySplitter) End() int64 {
	if s.place == between && s.start == s.end {
		return s.at
	}
	return s.done
}

// Next returns the next complete records, at least one, which are valid until the next call. At the end of the stream it
// returns io.EOF; a value that has not ended there is kept for Rest. Called again it reads on, as files grow.
func (s *ArraySplitter) Next() ([]source.Record, error) {
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

// Rest returns the value that had begun when the stream ended; false when there is none. It is taken out of the splitter:
// bytes that follow are a value of their own.
func (s *ArraySplitter) Rest() (source.Record, bool) {
	switch s.place {
	case inDocument, inElement, inWord:
		s.records = s.records[:0]
		s.take()
		return s.records[0], true
	}
	return source.Record{}, false
}

// split collects the values that are complete in the buffer.
func (s *ArraySplitter) split() {
	s.records = s.records[:0]
	for s.scanned < s.end && len(s.records) < maxRecords {
		switch s.place {
		case between, resumed, inArray, tail:
			s.step(s.buf[s.scanned])
		case inWord:
			s.word()
		case behind:
			if s.walk() {
				s.place = between
			}
			s.forget()
		default:
			if s.walk() {
				s.take()
			}
		}
	}
	if s.end-s.start > parser.MaxRecord && s.scanned == s.end {
		keep := s.start + parser.MaxRecord
		s.skipped += int64(s.end - keep)
		s.end, s.scanned = keep, keep
		s.name, s.named = -1, false
	}
}

// step looks at one byte between values.
func (s *ArraySplitter) step(c byte) {
	switch {
	case c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0, s.at < 3 && c == byteOrderMark[s.at]:
		s.pass()
	case s.place == inArray:
		s.inside(c)
	case s.place == tail && c == '}':
		s.pass()
		s.place = between
	case s.place == tail && c == ',':
		s.pass()
		s.place, s.depth = behind, 1
	case s.place == resumed && (c == ',' || c == ']'):
		s.place, s.within, s.unsure = inArray, true, true
	case c == '[':
		s.pass()
		s.place, s.within, s.nested, s.unsure = inArray, true, false, false
	case c == '{':
		s.within = false
		s.begin(inDocument)
	default:
		s.within = false
		s.begin(inWord)
	}
}

const byteOrderMark = "\xef\xbb\xbf"

// inside looks at one byte between the elements of an array.
func (s *ArraySplitter) inside(c byte) {
	switch c {
	case ',':
		s.pass()
	case ']':
		s.pass()
		s.within = false
		switch {
		case s.unsure:
			s.place = tail
		case s.nested:
			s.place, s.depth = behind, 1
		default:
			s.place = between
		}
	case '{', '[', '"':
		s.begin(inElement)
	default:
		s.begin(inWord)
	}
}

// begin begins a value with the byte at hand.
func (s *ArraySplitter) begin(p place) {
	s.place, s.depth, s.quoted, s.escaped, s.named = p, 0, false, false, false
	if p == inWord {
		s.scanned++
	}
}

// pass leaves the byte at hand out.
func (s *ArraySplitter) pass() {
	s.scanned++
	s.forget()
}

// forget leaves out what was looked at.
func (s *ArraySplitter) forget() {
	s.at += int64(s.scanned - s.start)
	s.start = s.scanned
}

// word goes on to the end of text that is neither string, object nor array.
func (s *ArraySplitter) word() {
	ends := "\n"
	if s.within {
		ends = ",]{[\"\n"
	}
	if i := bytes.IndexAny(s.buf[s.scanned:s.end], ends); i >= 0 {
		s.scanned += i
		s.take()
		return
	}
	s.scanned = s.end
}

// walk goes on to the end of the string, object or array at hand, and reports whether it got there. In a document that
// turns out to hold records it stops where they begin.
func (s *ArraySplitter) walk() bool {
	for s.scanned < s.end {
		if s.quoted {
			if !s.text() {
				return false
			}
			if s.depth == 0 {
				return true
			}
			continue
		}
		c := s.buf[s.scanned]
		s.scanned++
		switch c {
		case '"':
			s.quoted, s.name = true, s.scanned
		case '{', '[':
			if c == '[' && s.named {
				s.place, s.within, s.nested, s.unsure, s.named = inArray, true, true, false, false
				s.at += s.skipped
				s.skipped = 0
				s.forget()
				return false
			}
			s.named = false
			s.depth++
		case '}', ']':
			if s.depth--; s.depth <= 0 {
				return true
			}
		case ',':
			s.named = false
		}
	}
	return false
}

// text goes on behind the closing quote of a string, and reports whether it got there.
func (s *ArraySplitter) text() bool {
	if s.escaped {
		s.scanned++
		s.escaped = false
	}
	for quote := -1; s.scanned < s.end; {
		if quote < s.scanned {
			quote = s.end
			if i := bytes.IndexByte(s.buf[s.scanned:s.end], '"'); i >= 0 {
				quote = s.scanned + i
			}
		}
		slash := bytes.IndexByte(s.buf[s.scanned:quote], '\\')
		switch {
		case slash >= 0:
			s.scanned += slash + 2
			if s.scanned > s.end {
				s.scanned, s.escaped = s.end, true
			}
		case quote == s.end:
			s.scanned = s.end
		default:
			s.named = s.place == inDocument && s.depth == 1 && s.name >= 0 && string(s.buf[s.name:quote]) == recordsName
			s.scanned, s.quoted = quote+1, false
			return true
		}
	}
	return false
}

// take makes a record of the value at hand, which ends where the splitter stands.
func (s *ArraySplitter) take() {
	data := s.buf[s.start:s.scanned]
	r := source.Record{From: s.at, To: s.at + int64(len(data)) + s.skipped}
	switch {
	case len(data) > parser.MaxRecord || s.skipped > 0:
		data, r.Cut = data[:parser.MaxRecord], true
	case s.place == inWord:
		data = bytes.TrimRight(data, " \t\r\n\x00")
		r.To = r.From + int64(len(data))
	}
	r.Data = data
	s.records = append(s.records, r)
	s.done = r.To
	s.at += int64(s.scanned-s.start) + s.skipped
	s.start, s.skipped = s.scanned, 0
	s.quoted, s.escaped, s.depth, s.named = false, false, 0, false
	s.place = between
	if s.within {
		s.place = inArray
	}
}

// room makes place behind what was read.
func (s *ArraySplitter) room() {
	if s.start == s.end {
		s.start, s.end, s.scanned, s.name = 0, 0, 0, -1
		return
	}
	if s.start > 0 && len(s.buf)-s.end < len(s.buf)/4 {
		copy(s.buf, s.buf[s.start:s.end])
		s.end -= s.start
		s.scanned -= s.start
		s.name -= s.start
		s.start = 0
	}
}
