package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"tocsin/internal/fault"
	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
)

// An Old is a file that is read once, from its beginning or from where it was left.
type Old struct {
	ID   string // of the source; empty for an empty file
	From int64  // offset in the content behind what is known, at which Read begins
	// Whole says that Read begins at the beginning all the same: of captures of packets, in which more is to be read or damaged.
	Whole       bool
	Lines       int64 // line ends in the content before From
	Size        int64 // of the file on disk
	Compression lines.Compression

	file    *os.File
	content *lines.Reader
	taken   atomic.Int64
}

// Open opens a file that is read once. resume tells how far a file is known, as fingerprint.Index.Resume does. A file that
// is known (also when it was renamed, copied or compressed since) is read on from there, so that nothing of it is
// read twice; From may then be its end. A pipe has no identity and is read from its beginning.
func Open(path string, resume func(id string) (int64, bool)) (*Old, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	o := &Old{file: file}
	if err := o.begin(path, resume); err != nil {
		if o.content != nil {
			o.content.Close()
		}
		file.Close()
		return nil, err
	}
	return o, nil
}

func (o *Old) begin(path string, resume func(string) (int64, bool)) error {
	info, err := o.file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fault.New(fault.Invalid, "%s is a directory, want a file", path)
	}
	if info.Mode().IsRegular() {
		o.Size = info.Size()
		if o.ID, o.From, o.Whole, err = identify(o.file, resume); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if _, err := o.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if o.content, err = lines.Open(counting{o.file, &o.taken}); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.Compression = o.content.Compression
	if o.From > 0 && !o.Whole {
		if _, err := io.CopyN((*lineEnds)(&o.Lines), o.content, o.From); err != nil {
			return fmt.Errorf("%s: skip what is known: %w", path, err)
		}
	}
	return nil
}

// identify returns the identity of a regular file, from which offset in its content on it is not known yet, and whether it is to be
// read from its beginning all the same: a capture of which more is to be read, or that is damaged, which is to be told though the rest
// of it is known. The place at which the file stands for reading is not kept. A compressed file that is damaged is identified by what
// could be read.
func identify(file *os.File, resume func(id string) (int64, bool)) (id string, from int64, whole bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return "", 0, false, err
	}
	k := keyOf(info)
	magic := make([]byte, lines.Magic)
	n, err := file.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, false, err
	}
	f := fingerprint.File{Device: k.device, Inode: k.inode, Whole: true, Look: lookAt(file)}
	var size int64
	if lines.Recognise(magic[:n]) != lines.Plain {
		f.Look = lookInside(file, &size, false)
	}
	var damaged *lines.Damaged
	if f.Head, err = headOf(file); err != nil && !errors.As(err, &damaged) {
		return "", 0, false, err
	}
	if f.Ends = packetEnds(f.Head); f.Ends == nil {
		id, from, err = f.Find(resume)
		return id, from, false, err
	}
	var l looked
	f.Look, f.Broken = l.look(file), func() bool { return l.broken }
	id, from, err = f.Find(resume)
	return id, from, from > 0 && (from < l.size || l.damaged || l.broken), err
}

// Read reads the content, unpacked.
func (o *Old) Read(p []byte) (int, error) { return o.content.Read(p) }

// Taken returns how many bytes of the file on disk were read so far, of Size. It may be called at any time.
func (o *Old) Taken() int64 { return o.taken.Load() }

// Close closes the file.
func (o *Old) Close() error {
	o.content.Close()
	return o.file.Close()
}

// lineEnds counts them in what is written to it.
type lineEnds int64

func (n *lineEnds) Write(p []byte) (int, error) {
	*n += lineEnds(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

type counting struct {
	r     io.Reader
	taken *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.taken.Add(int64(n))
	return n, err
}
