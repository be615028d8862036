package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
	"tocsin/internal/source"
)

// An archive is a file that is read once: a compressed one, from where its content was left if it is the rotated form of a
// file that is known, or one that is a single document of records, as CloudTrail delivers them, compressed or not.
type archive struct {
	path    string
	key     key
	file    *os.File
	as      closed // what it looked like when it was opened
	content *lines.Reader
	cutter  lines.Cutter
	nested  bool // its records are elements of an array
	stream  *source.Stream
	joiner  *lines.Joiner // of lines to records; nil: each line is one
	id      string
	head    []byte
	late    bool  // it came and went while nobody looked
	done    int64 // behind the last record handed on
}

func (a *archive) close() {
	a.content.Close()
	a.file.Close()
}

func (r *reader) archives() []*archive {
	return slices.SortedFunc(maps.Values(r.packed), func(a, b *archive) int { return cmp.Compare(a.path, b.path) })
}

// maxArchives bounds how many files are unpacked at a time; the others wait for their turn.
const maxArchives = 8

// isDocument reports whether a text that is not compressed is one document of records and not lines.
func isDocument(head []byte) bool {
	return lines.Nested(head) && (bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte{'['}) || bytes.Contains(head, []byte(`"Records"`)))
}

// settle is how often a compressed file that ends early must look the same at least before it is taken for broken.
const settle = 5

// openPacked begins to read a compressed file. keep says that the file is in use. It waits until the file has looked the
// same twice, since it may still be being written, and as long as a file of the same content is followed, which is about
// to be replaced by it.
func (r *reader) openPacked(path string, k key, file *os.File, info fs.FileInfo, rotated bool) (keep bool, err error) {
	as := closed{size: info.Size(), modified: info.ModTime()}
	if len(r.packed) >= maxArchives {
		r.unsettled = true
		return false, nil
	}
	was, now := r.steady[k], time.Now()
	if was.as != as {
		r.steady[k] = steadiness{as: as, since: now}
		r.unsettled = true
		return false, nil
	}
	was.looks++
	r.steady[k] = was
	patient := was.unfinished(now, r.Settle)
	head, err := headOf(file)
	if damaged := new(*lines.Damaged); errors.As(err, damaged) && !patient {
		err = nil
	}
	if err == nil && r.followed(head) {
		r.unsettled = true
		return false, nil
	}
	var id string
	var from, size int64
	if err == nil {
		f := fingerprint.File{Device: k.device, Inode: k.inode, Head: head, Whole: true, Look: lookInside(file, &size, patient)}
		id, from, err = f.Find(r.resume)
	}
	if err != nil {
		return false, r.broken(k, as, patient, err)
	}
	delete(r.steady, k)
	r.Log.Debug("looked at a compressed log file", "source", r.Name, "path", path, "id", id, "from", from, "rotated", rotated)
	if id != "" && rotated && from == 0 {
		r.steady[k] = steadiness{as: as, looks: settle} // it may be opened at once
		r.strangers = append(r.strangers, stranger{path, k, info})
		return false, nil
	}
	if rotated {
		r.known(info)
	}
	if id == "" || from == size && from > 0 {
		r.closed[k] = as
		return false, nil
	}
	content, err := lines.Open(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return false, err
	}
	if _, err := io.CopyN(io.Discard, content, from); err != nil {
		content.Close()
		return false, err
	}
	a := &archive{path: path, key: k, file: file, as: as, content: content, id: id, head: head, done: from}
	a.cutter, a.nested = lines.Cut(content, from)
	r.packed[k] = a
	return true, nil
}

// A steadiness says for how many looks, and since when, a compressed file has looked the same.
type steadiness struct {
	as    closed
	looks int
	since time.Time
}

// unfinished reports whether a compressed file that ends early may still be being written. Looks alone do not tell: while
// another log of its directory is busy, there are fifty a second. One that nobody has written to for long waits for no more.
func (s *steadiness) unfinished(now time.Time, after time.Duration) bool {
	return s.looks <= settle || now.Sub(s.since) < after && now.Sub(s.as.modified) < after
}

// broken decides about a compressed file that could not be looked into. One that is damaged may just be unfinished: while
// patient it is looked at again, and after a while taken as far as it goes.
func (r *reader) broken(k key, as closed, patient bool, err error) error {
	if damaged := new(*lines.Damaged); errors.As(err, damaged) && patient {
		r.unsettled = true
		return nil
	}
	delete(r.steady, k)
	r.closed[k] = as
	return err
}

// headOf unpacks the beginning of a file; that it is short is no mistake.
func headOf(file *os.File) ([]byte, error) {
	content, err := lines.Open(io.NewSectionReader(file, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	head := make([]byte, fingerprint.Head)
	n, err := io.ReadFull(content, head)
	if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF { //nolint:errorlint // the reader's own is wrapped in Damaged
		err = nil
	}
	return head[:n], err
}

// lookInside answers Find's questions about a compressed file, by unpacking it; size keeps the size of its content. Unless
// strict, what can be unpacked of a damaged file is taken for all that it holds.
func lookInside(file *os.File, size *int64, strict bool) func(int64) (int64, bool, error) {
	return func(offset int64) (int64, bool, error) {
		content, err := lines.Open(io.NewSectionReader(file, 0, 1<<62))
		if err != nil {
			return 0, false, err
		}
		defer content.Close()
		lineEnd := false
		if offset > 0 {
			_, err = io.CopyN(io.Discard, content, offset-1)
			var at [2]byte // the last byte before the place and the first behind it
			if err == nil {
				_, err = io.ReadFull(content, at[:1])
			}
			if err == nil && at[0] == '}' {
				_, err = io.ReadFull(content, at[1:])
			}
			lineEnd = at[0] == '\n' || at[0] == '}' && bytes.IndexByte([]byte(",] \r\n"), at[1]) >= 0
		}
		if err == nil {
			_, err = io.Copy(io.Discard, content)
		}
		*size = content.Offset()
		if damaged := new(*lines.Damaged); errors.As(err, damaged) {
			if strict {
				return 0, false, err
			}
		} else if err != nil && !errors.Is(err, io.EOF) {
			return 0, false, err
		}
		return *size, lineEnd, nil
	}
}

// followed reports whether a file with this head is followed, and not yet read as far as it goes: then its compressed form
// may hold what is about to be read.
func (r *reader) followed(head []byte) bool {
	for _, t := range r.tails {
		if n := len(t.head); n > 0 && t.offset < t.size && bytes.HasPrefix(head, t.head[:min(n, len(head))]) {
			return true
		}
	}
	return false
}

// unpack reads on in an archive for one turn.
func (r *reader) unpack(ctx context.Context, a *archive) (more bool, err error) {
	if a.stream == nil {
		content, err := lines.Open(io.NewSectionReader(a.file, 0, a.as.size))
		var sample [][]byte
		if err == nil {
			sample, err = a.sample(content)
			content.Close()
		}
		if err == nil && len(sample) == 0 { // no records, which is none of its mistakes
			r.finish(a)
			return false, nil
		}
		var choice Choice
		if err == nil {
			choice, err = r.Choose(sample)
		}
		if err == nil && !a.nested {
			a.joiner, err = joinerOf(choice)
		}
		if err != nil {
			r.tell(a.path, err)
			r.finish(a)
			return false, nil
		}
		a.stream = r.stream(a.id, a.path, choice)
		r.Log.Info("reading a compressed log file", "source", r.Name, "path", a.path, "compression", a.content.Compression.String(), "format", choice.Format, "from", a.done)
	}
	for start := a.done; a.done-start < turnBytes; {
		records, err := a.cutter.Next()
		if err != nil {
			return false, r.last(ctx, a, err)
		}
		if err := r.handPacked(ctx, a, records); err != nil {
			return false, err
		}
		a.done = a.cutter.Offset()
		r.seen.Add(a.id, a.done)
	}
	return true, nil
}

// last hands on a last line without an end, and is done with the archive.
func (r *reader) last(ctx context.Context, a *archive, end error) error {
	rest, ok := a.cutter.Rest()
	switch {
	case !errors.Is(end, io.EOF) || errors.As(end, new(*lines.Damaged)):
		r.tell(a.path, end)
	case ok && a.nested && bytes.HasPrefix(rest.Data, []byte{'{'}):
		r.tell(a.path, fmt.Errorf("the document ends early, within the record at byte %d of its content; what comes before is kept", rest.From))
	case ok:
		if err := r.handPacked(ctx, a, []source.Record{rest}); err != nil {
			return err
		}
		a.done = rest.To
		r.seen.Add(a.id, a.done)
	}
	if a.joiner != nil {
		if rest, ok := a.joiner.Rest(); ok {
			if err := r.emit(ctx, a.stream, rest); err != nil {
				return err
			}
		}
	}
	r.finish(a)
	return nil
}

// handPacked gives records to intake.
func (r *reader) handPacked(ctx context.Context, a *archive, records []source.Record) error {
	r.stats.lines.Add(float64(len(records)))
	if a.joiner != nil {
		if records = a.joiner.Join(records, time.Now()); len(records) == 0 {
			return nil
		}
	}
	return r.emit(ctx, a.stream, records...)
}

// sample returns the first records of an archive.
func (a *archive) sample(content io.Reader) (sample [][]byte, err error) {
	if !a.nested {
		return sampleOf(content)
	}
	c, _ := lines.Cut(content, 0)
	records, err := c.Next()
	if errors.Is(err, io.EOF) && !errors.As(err, new(*lines.Damaged)) {
		err = nil
	}
	for i := range records[:min(len(records), sampleLines)] {
		sample = append(sample, records[i].Data)
	}
	return sample, err
}

func (r *reader) finish(a *archive) {
	a.close()
	delete(r.packed, a.key)
	r.closed[a.key] = a.as
}
