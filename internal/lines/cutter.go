package lines

import (
	"bufio"
	"bytes"
	"io"

	"tocsin/internal/source"
)

// A Cutter cuts a text into records: a Splitter, or an ArraySplitter.
type Cutter interface {
	// Next returns the next complete records, at least one, valid until the next call; io.EOF at the end.
	Next() ([]source.Record, error)
	// Rest returns what stands behind the last complete record; false when there is nothing.
	Rest() (source.Record, bool)
	// Offset returns where reading can go on: just behind the last record returned.
	Offset() int64
	// End returns the offset behind the text, once Next has returned io.EOF and Rest was asked for.
	End() int64
}

// End is Offset: between lines there is nothing.
func (s *Splitter) End() int64 { return s.at }

// looked is how much of a text decides how it is cut.
const looked = 4096

// Cut chooses how the text of r is cut, whose first byte has the given offset: into lines, or into the elements of the array
// that it is or holds. What is read on from the middle of an array begins with the comma behind the last element, or with the
// bracket that closes it.
func Cut(r io.Reader, offset int64) (c Cutter, nested bool) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, _ := buffered.Peek(looked) // a short head has an error that reading will give again
	inside := offset > 0 && bytes.IndexAny(bytes.TrimLeft(head, " \t\r\n"), ",]") == 0
	if inside || offset == 0 && Nested(head) {
		return NewArraySplitter(buffered, offset), true
	}
	return NewSplitter(buffered, offset), false
}
