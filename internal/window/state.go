package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
)

// ErrState is wrapped by every error that means that bytes are not the state of such a detector.
var ErrState = errors.New("not a state")

// An Encoder writes a state: numbers as varints, texts with their length before them. What it writes goes on in pieces, so that a
// state of any size takes little room.
type Encoder struct {
	to  io.Writer
	buf []byte
	err error // of the first write that was not taken
}

// Pieces begin small, as most states are, and are never larger than this, in bytes, but for a single text.
const (
	firstPiece = 1 << 10
	largePiece = 64 << 10
)

// NewEncoder begins a state of a detector and version, which goes to w. Its end is there when Flush has returned.
func NewEncoder(w io.Writer, name string, version uint64) *Encoder {
	e := &Encoder{to: w}
	e.Text(name)
	e.Uint(version)
	return e
}

// room makes sure that n more bytes fit into buf.
func (e *Encoder) room(n int) {
	if cap(e.buf)-len(e.buf) < n {
		e.makeRoom(n)
	}
}

func (e *Encoder) makeRoom(n int) {
	if size := len(e.buf) + n; size <= largePiece {
		e.buf = append(make([]byte, 0, min(max(firstPiece, 2*size), largePiece)), e.buf...)
		return
	}
	e.hand()
	if cap(e.buf) < n {
		e.buf = make([]byte, 0, n)
	}
}

// hand hands over what was written.
func (e *Encoder) hand() {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.to.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

// Flush ends the state and returns why it could not be written, if so.
func (e *Encoder) Flush() error {
	e.hand()
	return e.err
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

// A row of three numbers is one byte that says how wide they are, and each in so many bytes, least first. The widths are told by
// codes: of 3 bits for the first two, which are the widths themselves but that the last is 8, and of 2 bits for the third.
const (
	rowBytes   = 1 + 3*8
	thirdCodes = "\x00\x01\x02\x02\x02\x02\x03\x03\x03" // by the bytes that are needed
	thirdWidth = "\x00\x01\x05\x08"
)

// Row writes three numbers: one that is seldom negative, such as the time since the row before, and two small ones of either
// sign. It is for what a state has millions of: a number takes no bytes when it is 0, 8 when it is large, and all of them one
// byte besides.
func (e *Encoder) Row(a, b, c int64) {
	e.room(rowBytes)
	first, second, third := uint64(a), zigzag(b), zigzag(c)
	code := min((bits.Len64(first)+7)/8, 7)
	code2 := min((bits.Len64(second)+7)/8, 7)
	code3 := thirdCodes[(bits.Len64(third)+7)/8]
	at := len(e.buf)
	row := e.buf[at : at+rowBytes] // each is written whole, and what is too much of it is written over
	row[0] = byte(code<<5|code2<<2) | code3
	binary.LittleEndian.PutUint64(row[1:], first)
	n := 1 + wide(code)
	binary.LittleEndian.PutUint64(row[n:], second)
	n += wide(code2)
	binary.LittleEndian.PutUint64(row[n:], third)
	e.buf = e.buf[:at+n+int(thirdWidth[code3])]
}

// wide returns how many bytes a code of three bits stands for.
func wide(code int) int { return code + code/7 }

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// A Decoder reads a state, piece by piece. After the first mistake everything it reads is zero and Err says what was wrong.
type Decoder struct {
	// Version is that of the state.
	Version uint64

	from io.Reader
	buf  []byte // what is at hand
	room []byte // in which it lies
	err  error
}

// NewDecoder begins to read a state and checks what it is of: a detector, and a version of its states or one of the older
// ones that can be read as well.
func NewDecoder(r io.Reader, name string, version uint64, older ...uint64) *Decoder {
	d := &Decoder{from: r}
	if got := d.Text(); d.err == nil && got != name {
		d.fail(fmt.Sprintf("it is of %.40q", got))
	}
	d.Version = d.Uint()
	if d.err == nil && d.Version != version && !slices.Contains(older, d.Version) {
		d.fail(fmt.Sprintf("its version is %d, want %d", d.Version, version))
	}
	return d
}

// has makes sure that n bytes are at hand, and reports whether there are so many. The room grows with what there is, not with
// what somebody says there is.
func (d *Decoder) has(n int) bool {
	for len(d.buf) < n && d.from != nil {
		if len(d.buf) < cap(d.room) {
			d.room = d.room[:copy(d.room[:cap(d.room)], d.buf)]
		} else {
			d.room = append(make([]byte, 0, max(firstPiece, 2*len(d.buf))), d.buf...)
		}
		got, err := d.from.Read(d.room[len(d.room):cap(d.room)])
		d.room = d.room[:len(d.room)+got]
		d.buf = d.room
		if err == io.EOF {
			d.from = nil
		} else if err != nil {
			d.from, d.buf, d.err = nil, nil, err
		}
	}
	return len(d.buf) >= n
}

// Err returns the first mistake, also when bytes are left over after the end.
func (d *Decoder) Err() error {
	if d.err == nil && d.has(1) {
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
	d.from, d.buf = nil, nil
}

// Fail makes a mistake of what was read so far, such as a number that cannot be.
func (d *Decoder) Fail(reason string) { d.fail(reason) }

// Int reads a number of either sign.
func (d *Decoder) Int() int64 {
	if len(d.buf) < binary.MaxVarintLen64 {
		d.has(binary.MaxVarintLen64)
	}
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
	if len(d.buf) < binary.MaxVarintLen64 {
		d.has(binary.MaxVarintLen64)
	}
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
	if each = max(each, 1); n > uint64(math.MaxInt/each) || !d.has(int(n)*each) {
		d.fail("more entries than bytes")
		return 0
	}
	return int(n)
}

// Float reads a number exactly.
func (d *Decoder) Float() float64 {
	if !d.has(8) {
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

// Row reads what Row wrote.
func (d *Decoder) Row() (a, b, c int64) {
	var last [rowBytes]byte
	enough := len(d.buf) >= rowBytes || d.has(rowBytes)
	row := d.buf
	if !enough {
		copy(last[:], d.buf)
		row = last[:]
	}
	code, code2, width3 := int(row[0]>>5), int(row[0]>>2&7), int(thirdWidth[row[0]&3])
	n := 1
	first := few(row[n:], wide(code))
	n += wide(code)
	second := few(row[n:], wide(code2))
	n += wide(code2)
	third := few(row[n:], width3)
	if n += width3; n > len(d.buf) {
		d.fail("it ends early")
		return 0, 0, 0
	}
	d.buf = d.buf[n:]
	return int64(first), unzigzag(second), unzigzag(third)
}

// few reads the number of the first so many of 8 bytes.
func few(b []byte, n int) uint64 {
	return binary.LittleEndian.Uint64(b) & (1<<(8*n) - 1)
}
