package syslogin

import (
	"bytes"
	"errors"
	"io"
	"syscall"

	"tocsin/internal/source"
)

const (
	maxDigits = 9 // of a length; RFC 6587 sets no limit
	atOnce    = 256
)

// A frames cuts a TCP stream into messages in either way of RFC 6587: with the number of octets and a blank before each
// (section 3.4.1), or with a line end or NUL behind (3.4.2). A message that begins with a digit from 1 to 9 and has a
// number and a blank before < is counted; senders may change from message to message. What is longer than the limit is
// cut, in bounded memory.
type frames struct {
	r       io.Reader
	limit   int
	buf     []byte
	start   int  // of the message at hand
	end     int  // of what was read
	skip    int  // octets of a counted message that are not kept
	lost    bool // in the middle of a line whose beginning was handed on
	records []source.Record
	err     error
}

func newFrames(r io.Reader, limit int) *frames {
	return &frames{r: r, limit: limit, buf: make([]byte, 2*limit+maxDigits+2)}
}

// next returns the messages that have come, at least one unless there is an error. They are valid until the next call.
// What stands without an end when the stream ends is a message too, unless its octets were counted.
func (f *frames) next() ([]source.Record, error) {
	f.records = f.records[:0]
	for {
		for len(f.records) < atOnce && f.err == nil {
			if !f.cut() {
				break
			}
		}
		if len(f.records) > 0 {
			return f.records, nil
		}
		if f.err != nil {
			return nil, f.err
		}
		if f.start > 0 {
			copy(f.buf, f.buf[f.start:f.end])
			f.start, f.end = 0, f.end-f.start
		}
		n, err := f.r.Read(f.buf[f.end:])
		f.end += n
		if err != nil {
			for f.cut() {
			}
			f.rest()
			f.err = err
		}
	}
}

// cut takes one message or a piece to be skipped; false when more bytes are needed.
func (f *frames) cut() bool {
	if f.skip > 0 {
		n := min(f.skip, f.end-f.start)
		f.skip -= n
		f.start += n
		return n > 0
	}
	b := f.buf[f.start:f.end]
	if len(b) == 0 {
		return false
	}
	if !f.lost && b[0] >= '1' && b[0] <= '9' {
		if length, digits, sure := octets(b); !sure {
			return false
		} else if digits > 0 {
			return f.counted(length, digits+1)
		}
	}
	return f.line(b)
}

// octets reads a length and the blank behind it, before a priority. sure says that the bytes suffice to tell; digits is 0
// when it is no length.
func octets(b []byte) (length, digits int, sure bool) {
	for digits < len(b) && digits <= maxDigits && b[digits]-'0' <= 9 {
		length = length*10 + int(b[digits]-'0')
		digits++
	}
	switch {
	case digits > maxDigits:
		return 0, 0, true
	case digits+1 >= len(b):
		return 0, 0, digits < len(b) && b[digits] != ' '
	case b[digits] != ' ' || b[digits+1] != '<':
		return 0, 0, true
	}
	return length, digits, true
}

// counted takes a message whose length is known.
func (f *frames) counted(length, header int) bool {
	from := f.start + header
	if kept := min(length, f.limit); f.end-from >= kept {
		f.add(f.buf[from:from+kept], length > f.limit)
		f.start = from + kept
		f.skip = length - kept
		return true
	}
	return false
}

// line takes a message up to its line end or NUL.
func (f *frames) line(b []byte) bool {
	i := bytes.IndexAny(b, "\n\x00")
	switch {
	case i >= 0:
		if !f.lost {
			f.add(b[:min(i, f.limit)], i > f.limit)
		}
		f.lost = false
		f.start += i + 1
		return true
	case len(b) >= f.limit:
		if !f.lost {
			f.add(b[:f.limit], true)
		}
		f.lost = true
		f.start += len(b)
		return true
	}
	return false
}

// rest takes what stands without an end when the stream ends.
func (f *frames) rest() {
	b := f.buf[f.start:f.end]
	if len(b) == 0 || f.lost || f.skip > 0 {
		return
	}
	if b[0] >= '1' && b[0] <= '9' {
		if _, digits, _ := octets(b); digits > 0 {
			return // the sender broke off
		}
	}
	f.add(b, false)
	f.start = f.end
}

// add appends a message; empty ones, as between a line end and a NUL, are none.
func (f *frames) add(b []byte, cut bool) {
	if !cut {
		b = bytes.TrimRight(b, "\r\n\x00")
	}
	if len(b) > 0 {
		f.records = append(f.records, source.Record{Data: b, Cut: cut})
	}
}

// isTemporary reports whether accepting may work again soon.
func isTemporary(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}
