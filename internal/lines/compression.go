package lines

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
)

// A Compression is a way in which a file may be packed.
type Compression uint8

// The ways that are recognised. Those from XZ on are recognised to be refused with a clear word.
const (
	Plain Compression = iota // as it is
	Gzip                     // RFC 1952, also of several members
	Zstd                     // RFC 8878, also of several frames
	Bzip2
	XZ
	LZ4
	Zip
	Compress // of compress(1)
)

// String returns the name that people use.
func (c Compression) String() string {
	names := [...]string{"plain", "gzip", "zstd", "bzip2", "xz", "lz4", "zip", "compress"}
	return names[min(int(c), len(names)-1)]
}

// Magic is how many bytes Recognise looks at.
const Magic = 6

// Recognise tells the compression of a file by its first bytes, Magic of them or all that there are.
func Recognise(head []byte) Compression {
	for _, m := range []struct {
		magic string
		is    Compression
	}{
		{"\x1f\x8b", Gzip}, {"\x28\xb5\x2f\xfd", Zstd}, {"BZh", Bzip2}, {"\xfd7zXZ\x00", XZ}, {"\x04\x22\x4d\x18", LZ4},
		{"PK\x03\x04", Zip}, {"\x1f\x9d", Compress},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			if m.is == Bzip2 && (len(head) < 4 || head[3] < '1' || head[3] > '9') {
				continue
			}
			return m.is
		}
	}
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18")) {
		return Zstd // a skippable frame in front (RFC 8878 section 3.1.2)
	}
	return Plain
}

// maxWindow bounds the memory of a zstd decoder; it is what zstd --long=27 asks for.
const maxWindow = 128 << 20

// A Reader gives the content of a file, whatever its compression.
type Reader struct {
	Compression Compression
	r           io.Reader
	offset      int64
	done        func()
}

// Open recognises the compression of r and returns its content. It fails with fault.Invalid for compressions that it knows
// but does not undo, and for text in UTF-16.
func Open(r io.Reader) (*Reader, error) {
	b := bufio.NewReaderSize(r, 256<<10)
	head, err := b.Peek(Magic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	u := &Reader{Compression: Recognise(head), r: b, done: func() {}}
	switch u.Compression {
	case Plain:
		return u, CheckText(head)
	case Gzip:
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, u.damaged(err)
		}
		u.r = z
	case Zstd:
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(2*maxWindow))
		if err != nil {
			return nil, u.damaged(err)
		}
		u.r, u.done = z, z.Close
	case Bzip2:
		u.r = bzip2.NewReader(b)
	default:
		return nil, fault.New(fault.Invalid, "it is packed by %s, want plain, gzip, zstd or bzip2 (unpack it first)", u.Compression)
	}
	return u, nil
}

// CheckText refuses text that is not made of bytes as logs are: UTF-16, by its byte order mark.
func CheckText(head []byte) error {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return fault.New(fault.Invalid, "it is UTF-16 text, want UTF-8 (convert it first, as in: iconv -f UTF-16 -t UTF-8)")
	}
	return nil
}

// Read implements io.Reader. An error in packed data is a *Damaged.
func (u *Reader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && u.Compression != Plain {
		err = u.damaged(err)
	}
	return n, err
}

// Offset returns how many bytes of content were read.
func (u *Reader) Offset() int64 { return u.offset }

// Close gives back the memory of the decoder. What it read from stays open.
func (u *Reader) Close() error {
	u.done()
	return nil
}

func (u *Reader) damaged(err error) error {
	return &Damaged{Compression: u.Compression, Offset: u.offset, Err: err}
}

// Damaged says that packed data could not be read to its end.
type Damaged struct {
	Compression Compression
	Offset      int64 // bytes of content that could be read
	Err         error
}

// Truncated reports whether the data just ends too early, as while it is still being written.
func (d *Damaged) Truncated() bool {
	return errors.Is(d.Err, io.ErrUnexpectedEOF) || errors.Is(d.Err, io.EOF)
}

func (d *Damaged) Error() string {
	if d.Truncated() {
		return fmt.Sprintf("unpack %s: the data ends early, behind %d bytes of content", d.Compression, d.Offset)
	}
	return fmt.Sprintf("unpack %s behind %d bytes of content: %v", d.Compression, d.Offset, d.Err)
}

// Unwrap returns what the decoder said.
func (d *Damaged) Unwrap() error { return d.Err }
