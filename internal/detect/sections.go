package detect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A snapshot is a name and a version, and behind them sections: one of the engine, and one for each of its rules, in that order. A
// section is cut into frames, so that neither side need hold much of it: 4 bytes that say how long the frame is, and whether it is the
// last of its section; so many bytes; and the CRC-32C of everything in the snapshot up to there but for other such sums, least byte
// first. So a frame that was changed, left out or moved is found before anything in it is believed.
const (
	maxFrame   = 64 << 10
	headSize   = 4
	sumSize    = 4
	manyFrames = 4 * maxFrame // bytes that are written at a time
)

// castagnoli is known to the standard library, which makes it once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sections cuts what is written into frames, and hands some of these at a time to write.
type sections struct {
	write func([]byte) error
	buf   []byte
	begin int // of the frame at hand; its head is still to be filled in
	sum   uint32
	err   error // of the first write that failed
}

// newSections begins with what stands before the first section.
func newSections(head []byte, write func([]byte) error) *sections {
	s := &sections{write: write, buf: make([]byte, 0, manyFrames+headSize+maxFrame+sumSize)}
	s.buf = append(s.buf, head...)
	s.sum = crc32.Update(0, castagnoli(), head)
	s.open()
	return s
}

func (s *sections) open() {
	s.begin = len(s.buf)
	s.buf = append(s.buf, make([]byte, headSize)...)
}

// Write takes in bytes of the section at hand.
func (s *sections) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && s.err == nil; {
		room := s.begin + headSize + maxFrame - len(s.buf)
		if room == 0 {
			s.shut(0)
			continue
		}
		n := min(room, len(rest))
		s.buf = append(s.buf, rest[:n]...)
		rest = rest[n:]
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// shut ends the frame at hand, which is the last of its section or not, and begins the next one.
func (s *sections) shut(last uint32) {
	size := len(s.buf) - s.begin - headSize
	binary.LittleEndian.PutUint32(s.buf[s.begin:], uint32(size)<<1|last) //nolint:gosec // at most maxFrame
	s.sum = crc32.Update(s.sum, castagnoli(), s.buf[s.begin:])
	s.buf = binary.LittleEndian.AppendUint32(s.buf, s.sum)
	if len(s.buf) >= manyFrames {
		s.hand()
	}
	s.open()
}

func (s *sections) hand() {
	if s.err == nil {
		s.err = s.write(s.buf)
	}
	s.buf = s.buf[:0]
}

// end ends a section.
func (s *sections) end() error {
	s.shut(1)
	return s.err
}

// close ends the snapshot.
func (s *sections) close() error {
	s.buf = s.buf[:s.begin] // no frame is to come
	s.hand()
	return s.err
}

// A framed reads sections, one after the other. A mistake in one is a mistake of all.
type framed struct {
	from io.Reader
	sum  uint32
	room []byte
	rest []byte // of the frame at hand
	last bool   // it is the last of its section
	err  error
}

func newFramed(head []byte, from io.Reader) *framed {
	return &framed{from: from, sum: crc32.Update(0, castagnoli(), head), room: make([]byte, headSize+maxFrame+sumSize), last: true}
}

// section begins the next one, behind what was not read of the one before.
func (f *framed) section() {
	for !f.last && f.err == nil {
		f.next()
	}
	f.rest, f.last = nil, false
}

// Read reads of the section at hand.
func (f *framed) Read(p []byte) (int, error) {
	for len(f.rest) == 0 && f.err == nil {
		if f.last {
			return 0, io.EOF
		}
		f.next()
	}
	if f.err != nil {
		return 0, f.err
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *framed) next() {
	if f.rest = nil; !f.take(f.room[:headSize]) {
		return
	}
	head := binary.LittleEndian.Uint32(f.room)
	size := int(head >> 1)
	if size > maxFrame {
		f.err = fmt.Errorf("%w: a part of it is too long", ErrSnapshot)
		return
	}
	if !f.take(f.room[headSize : headSize+size+sumSize]) {
		return
	}
	f.sum = crc32.Update(f.sum, castagnoli(), f.room[:headSize+size])
	if f.sum != binary.LittleEndian.Uint32(f.room[headSize+size:]) {
		f.err = fmt.Errorf("%w: its checksum is wrong", ErrSnapshot)
		return
	}
	f.rest, f.last = f.room[headSize:headSize+size], head&1 == 1
}

func (f *framed) take(p []byte) bool {
	_, err := io.ReadFull(f.from, p)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.err = fmt.Errorf("%w: it ends early", ErrSnapshot)
	case err != nil:
		f.err = err
	}
	return f.err == nil
}

// done returns the first mistake, also when something follows the last section.
func (f *framed) done() error {
	f.section()
	if n, _ := io.ReadFull(f.from, f.room[:1]); f.err == nil && n > 0 {
		f.err = fmt.Errorf("%w: bytes behind its end", ErrSnapshot)
	}
	return f.err
}
