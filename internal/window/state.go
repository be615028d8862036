package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// ErrState is wrapped by every error that means that bytes are not the state of such a detector.
var ErrState = errors.New("not a state")

// An Encoder writes a state: numbers as varints, texts with their length before them. A state can be large, so it is held in
// pieces, and what is written is never moved.
type Encoder struct {
	full [][]byte
	buf  []byte
	size int // of full, in bytes
}

// Pieces begin small, as most states are, and are never larger than this, in bytes.
const (
	firstPiece = 1 << 10
	largePiece = 1 << 20
)

// room makes sure that n more bytes fit into buf.
func (e *Encoder) room(n int) {
	if cap(e.buf)-len(e.buf) >= n {
		return
	}
	if len(e.buf) > 0 {
		e.full = append(e.full, e.buf)
		e.size += len(e.buf)
	}
	e.buf = make([]byte, 0, max(n, min(largePiece, max(firstPiece, e.size))))
}

// NewEncoder begins a state of a detector and version.
func NewEncoder(name string, version uint64) *Encoder {
	e := &Encoder{}
	e.Text(name)
	e.Uint(version)
	return e
}

// Int writes a number of either sign.
func (e *Encoder) Int(n int64) {
	e.room(binary.MaxVarintLen64)
	e.buf = binary.AppendVarint(e.buf, n)
}

// Uint writes a number.
func (e *Encoder) Uint(n uint64) {
	e.room(binary.MaxVarintLen64)
	e.buf = binary.AppendUvarint(e.buf, n)
}

// Float writes a number exactly.
func (e *Encoder) Float(f float64) {
	e.room(8)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(f))
}

// Text writes a text.
func (e *Encoder) Text(s string) {
	e.Uint(uint64(len(s)))
	e.room(len(s))
	e.buf = append(e.buf, s...)
}

// Write writes bytes as they are, without their length, so that an Encoder takes in what another one hands over.
func (e *Encoder) Write(p []byte) (int, error) {
	e.room(len(p))
	e.buf = append(e.buf, p...)
	return len(p), nil
}

// Nested writes another state, which is not written to any more, as a text.
func (e *Encoder) Nested(o *Encoder) {
	e.Uint(uint64(o.Len()))
	for _, piece := range append(o.full, o.buf) {
		if len(piece) < firstPiece {
			e.room(len(piece))
			e.buf = append(e.buf, piece...)
			continue
		}
		if len(e.buf) > 0 {
			e.full = append(e.full, e.buf)
			e.size += len(e.buf)
			e.buf = e.buf[len(e.buf):]
		}
		e.full = append(e.full, piece)
		e.size += len(piece)
	}
}

// Len returns how many bytes were written.
func (e *Encoder) Len() int { return e.size + len(e.buf) }

// WriteTo hands the state over.
func (e *Encoder) WriteTo(w io.Writer) (written int64, err error) {
	for _, piece := range append(e.full, e.buf) {
		n, err := w.Write(piece)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// A Decoder reads a state. After the first mistake everything it reads is zero and Err says what was wrong.
type Decoder struct {
	// Version is that of the state.
	Version uint64

	buf []byte
	err error
}

// NewDecoder reads a state whole and checks what it is of: a detector, and a version of its states or one of the older
// ones that can be read as well.
func NewDecoder(r io.Reader, name string, version uint64, older ...uint64) *Decoder {
	buf, err := io.ReadAll(r)
	d := &Decoder{buf: buf, err: err}
	if got := d.Text(); d.err == nil && got != name {
		d.fail(fmt.Sprintf("it is of %.40q", got))
	}
	d.Version = d.Uint()
	if d.err == nil && d.Version != version && !slices.Contains(older, d.Version) {
		d.fail(fmt.Sprintf("its version is %d, want %d", d.Version, version))
	}
	return d
}

// Err returns the first mistake, also when bytes are left over after the end.
func (d *Decoder) Err() error {
	if d.err == nil && len(d.buf) > 0 {
		d.fail("bytes behind its end")
	}
	return d.err
}

// Failed reports whether there was a mistake so far.
func (d *Decoder) Failed() bool { return d.err != nil }

func (d *Decoder) fail(reason string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrState, reason)
	}
	d.buf = nil
}

// Fail makes a mistake of what was read so far, such as a number that cannot be.
func (d *Decoder) Fail(reason string) { d.fail(reason) }

// Int reads a number of either sign.
func (d *Decoder) Int() int64 {
	n, size := binary.Varint(d.buf)
	if size <= 0 {
		d.fail("it ends early")
		return 0
	}
	d.buf = d.buf[size:]
	return n
}

// Uint reads a number.
func (d *Decoder) Uint() uint64 {
	n, size := binary.Uvarint(d.buf)
	if size <= 0 {
		d.fail("it ends early")
		return 0
	}
	d.buf = d.buf[size:]
	return n
}

// Count reads how many things follow, each of which takes at least so many bytes.
func (d *Decoder) Count(each int) int {
	n := d.Uint()
	if n > uint64(len(d.buf)/max(each, 1)) {
		d.fail("more entries than bytes")
		return 0
	}
	return int(n)
}

// Float reads a number exactly.
func (d *Decoder) Float() float64 {
	if len(d.buf) < 8 {
		d.fail("it ends early")
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(d.buf))
	d.buf = d.buf[8:]
	return f
}

// Text reads a text.
func (d *Decoder) Text() string {
	n := d.Count(1)
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}
