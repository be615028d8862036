package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
	"tocsin/internal/source"
)

const (
	turnBytes   = 4 << 20  // that one file may read before it is the next one's turn
	keepBytes   = 64 << 10 // of a line without end: beyond, the tail keeps a splitter rather than read it again
	sampleLines = 100
	sampleBytes = 64 << 10
)

// A tail is a file that is followed.
type tail struct {
	path     string
	key      key
	file     *os.File
	head     []byte // the first kilobyte, as far as it was there
	id       string // of the source, for as long as the content is the same; "" before there is a complete line
	offset   int64  // behind the last record handed on
	size     int64  // when it was last looked at
	modified time.Time
	changed  time.Time // when it was last seen to grow
	listed   bool      // a path that was asked for leads to it
	there    time.Time // when one last did
	found    int       // in which look it was
	late     bool      // it came and went while nobody looked
	stream   *source.Stream
	joiner   *lines.Joiner   // of lines to records; nil: each line is one
	splitter *lines.Splitter // only while a long line has no end
	holes    int64           // NUL bytes of the splitter still to come that are counted already
	passed   int64           // NUL bytes that the splitter has skipped up to here
	fresh    bool            // nothing was read yet, and nothing is known of a hole at the beginning
}

// at is an io.Reader over a file from an offset.
type at struct {
	file   *os.File
	offset int64
}

func (a *at) Read(p []byte) (int, error) {
	n, err := a.file.ReadAt(p, a.offset)
	a.offset += int64(n)
	return n, err
}

// intact reports whether the file still has the content that was read, up to an offset: it is not shorter, and its head is
// the same. It takes in a head that has grown.
func (t *tail) intact(upTo int64) (bool, error) {
	info, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	size := info.Size()
	if size < upTo {
		return false, nil
	}
	if size == t.size && info.ModTime().Equal(t.modified) {
		return true, nil
	}
	head := make([]byte, fingerprint.Head)
	n, err := t.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	head = head[:n]
	if !bytes.HasPrefix(head, t.head) {
		return false, nil
	}
	if size != t.size {
		t.changed = time.Now()
	}
	t.head, t.size, t.modified = head, size, info.ModTime()
	return true, nil
}

// check looks whether a file was truncated, and forgets it then: what stands there now is a new file.
func (r *reader) check(t *tail) {
	ok, err := t.intact(t.offset)
	if err != nil {
		r.tell(t.path, err)
		r.drop(t)
		return
	}
	if !ok {
		r.truncated(t)
	}
}

// recheck looks once more whether files were truncated, and reports whether any was.
func (r *reader) recheck() bool {
	before := len(r.cut)
	for _, t := range r.ordered() {
		r.check(t)
	}
	return len(r.cut) > before
}

// drop lets go of a file. A record that is open is all that there will be of it.
func (r *reader) drop(t *tail) {
	if rest, ok := t.open(); ok {
		r.orphans = append(r.orphans, orphan{t.stream, rest})
	}
	t.file.Close()
	delete(r.tails, t.key)
}

// turn reads what a file has grown by and hands it on. more says that there is still more.
func (r *reader) turn(ctx context.Context, t *tail) (more bool, err error) {
	if t.offset < t.size && (t.stream != nil || r.begin(t)) {
		more, err = r.read(ctx, t)
		if err != nil || r.tails[t.key] != t {
			return more, err
		}
	}
	now := time.Now()
	if t.listed {
		t.there = now
	}
	if t.joiner != nil && !more && t.offset >= t.size && t.joiner.Due(now) {
		if err := r.whole(ctx, t); err != nil {
			return false, err
		}
	}
	idle := now.Sub(t.changed)
	if more || idle < min(r.Idle, r.Linger) {
		return more, nil
	}
	gone := !t.listed && min(idle, now.Sub(t.there)) >= r.Linger
	if gone && t.id == "" && r.name(t, true) == nil && t.id != "" {
		r.begin(t)
	}
	if t.offset < t.size && t.stream != nil && (gone || idle >= r.Idle) {
		if err := r.rest(ctx, t); err != nil {
			return false, err
		}
	}
	if gone {
		if err := r.whole(ctx, t); err != nil {
			return false, err
		}
		r.closed[t.key] = closed{size: t.size, modified: t.modified}
		r.drop(t)
	}
	return false, nil
}

// name finds out by which name a file goes, and from where on it is to be read. Without a complete line it has none yet,
// unless whole says that it will not grow any more.
func (r *reader) name(t *tail, whole bool) error {
	past, anew := r.anew[t.key]
	f := fingerprint.File{Device: t.key.device, Inode: t.key.inode, Head: t.head, Whole: whole, Anew: anew, Look: lookAt(t.file)}
	id, from, err := f.Find(r.resume)
	if err != nil || id == "" {
		return err
	}
	delete(r.anew, t.key)
	t.id, t.offset = id, from
	t.skipHole(past)
	r.recovered(t)
	return nil
}

// begin chooses the parser of a file by its first lines.
func (r *reader) begin(t *tail) bool {
	if t.id == "" {
		if err := r.name(t, false); err != nil {
			r.tell(t.path, err)
		}
		if t.id == "" {
			return false
		}
	}
	from := int64(0)
	if len(t.head) > 0 && t.head[0] == 0 { // a hole
		from = t.offset
	}
	sample, err := sampleOf(&at{t.file, from})
	if err == nil && len(sample) == 0 {
		return false
	}
	var choice Choice
	if err == nil {
		choice, err = r.Choose(sample)
	}
	if err != nil {
		r.tell(t.path, err)
		return false
	}
	if t.joiner, err = joinerOf(choice); err != nil {
		r.tell(t.path, err)
		return false
	}
	t.stream = r.stream(t.id, t.path, choice)
	r.Log.Info("following a log file", "source", r.Name, "path", t.path, "format", choice.Format, "from", t.offset)
	return true
}

func (r *reader) stream(id, path string, c Choice) *source.Stream {
	return &source.Stream{Source: r.Name, ID: id, Path: path, Parser: c.Parser, Format: c.Format, Kind: c.Kind, Settings: c.Settings}
}

// sampleOf returns the first complete lines.
func sampleOf(from io.Reader) (sample [][]byte, err error) {
	buf := make([]byte, sampleBytes)
	n, err := io.ReadFull(from, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	rest := bytes.TrimLeft(buf[:n], "\x00")
	for len(sample) < sampleLines {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		sample = append(sample, bytes.TrimSuffix(rest[:i], []byte("\r")))
		rest = rest[i+1:]
	}
	if len(sample) == 0 && len(rest) > 0 {
		sample = append(sample, rest)
	}
	return sample, nil
}

// read hands on complete lines, until the end or the end of the turn. Before each piece is handed on it looks whether the
// file is still the one that was read: else bytes of another content may have come in between.
func (r *reader) read(ctx context.Context, t *tail) (more bool, err error) {
	s := t.splitter
	if s == nil {
		s = r.splitter
		s.Reset(&at{t.file, t.offset}, t.offset)
		t.passed = 0
	}
	from := t.offset
	for t.offset-from < turnBytes {
		records, err := s.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			r.tell(t.path, err)
			r.drop(t)
			return false, nil
		}
		if ok, statErr := t.intact(s.Offset()); statErr != nil || !ok {
			r.truncated(t)
			return true, nil
		}
		if err != nil {
			r.keep(t, s)
			return false, nil
		}
		if err := r.hand(ctx, t, records); err != nil {
			return false, err
		}
		t.offset = s.Offset()
		r.note(t)
		r.countHoles(t, s)
	}
	t.splitter = nil
	return true, nil
}

// hand gives records to intake, with the name and path of the file at this time.
func (r *reader) hand(ctx context.Context, t *tail, records []source.Record) error {
	if t.stream.Path != t.path {
		again := *t.stream // the old one may still be in a batch
		again.Path = t.path
		t.stream = &again
	}
	r.stats.lines.Add(float64(len(records)))
	if t.joiner != nil {
		if records = t.joiner.Join(records, time.Now()); len(records) == 0 {
			return nil
		}
	}
	return r.emit(ctx, t.stream, records...)
}

// note remembers how far the file was read, under its name and under the name that its whole head has by now: by that, a
// copy or a compressed form is known more surely.
func (r *reader) note(t *tail) {
	r.seen.Add(t.id, t.offset)
	if lengths := fingerprint.Lengths(t.head); len(lengths) > 0 {
		r.seen.Add(fingerprint.Of(0, 0, t.head, lengths[len(lengths)-1]).String(), t.offset)
	}
}

// keep lets a tail have the splitter when a line without end is so long that it should not be read again.
func (r *reader) keep(t *tail, s *lines.Splitter) {
	switch {
	case s.Held() <= keepBytes:
		t.splitter = nil
	case t.splitter == nil:
		t.splitter = s
		r.splitter = lines.NewSplitter(nil, 0)
	}
}

// rest hands on a last line that has no end.
func (r *reader) rest(ctx context.Context, t *tail) error {
	s := t.splitter
	if s == nil {
		s = r.splitter
		s.Reset(&at{t.file, t.offset}, t.offset)
		if records, err := s.Next(); len(records) > 0 || !errors.Is(err, io.EOF) {
			return nil // it has grown: the next turn reads it
		}
	}
	last, ok := s.Rest()
	if !ok {
		return nil
	}
	if fine, err := t.intact(last.To); err != nil || !fine {
		return nil
	}
	if err := r.hand(ctx, t, []source.Record{last}); err != nil {
		return err
	}
	t.offset, t.splitter = last.To, nil
	r.note(t)
	return r.whole(ctx, t)
}
