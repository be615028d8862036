package files

import (
	"bytes"
	"os"

	"tocsin/internal/lines"
)

// A left says where a file was left when it was cut, and how many bytes behind that are counted as lost already.
type left struct{ offset, counted int64 }

// A truncation is a file that was cut before it was read to its end.
type truncation struct {
	head   []byte
	offset int64 // up to where it was read
	size   int64 // that it was last seen to have
	saved  bool  // a copy was found
}

// truncated notes that a file was cut, and forgets what it was: what stands there now is a new file.
func (r *reader) truncated(t *tail) {
	r.cut = append(r.cut, truncation{head: t.head, offset: t.offset, size: t.size})
	r.anew[t.key] = left{t.offset, max(0, t.size-t.offset)}
	r.Log.Info("a log file was truncated", "source", r.Name, "path", t.path, "read", t.offset, "size", t.size)
	r.drop(t)
}

// recovered notes that a copy of a truncated file is read from where that was left.
func (r *reader) recovered(t *tail) {
	for i := range r.cut {
		c := &r.cut[i]
		n := min(len(c.head), len(t.head))
		c.saved = c.saved || t.offset == c.offset && n > 0 && bytes.Equal(c.head[:n], t.head[:n])
	}
}

// account counts what truncations have destroyed before it was read. What was written and cut between two looks, nobody
// can know.
func (r *reader) account() {
	for _, c := range r.cut {
		if lost := c.size - c.offset; lost > 0 && !c.saved {
			r.stats.lost.Add(float64(lost))
			r.Log.Warn("a log file was truncated before it was read to its end", "source", r.Name, "lost_bytes", lost)
		}
		r.stats.truncations.Inc() // last: who sees it counted finds what it destroyed counted as well
	}
	r.cut = r.cut[:0]
}

// seekData is SEEK_DATA of lseek(2) on Linux.
const seekData = 3

// skipHole sets the offset behind a hole at the beginning, which is there when a file was truncated under a writer that
// does not append: it goes on at its old offset. So does the tail, when it knows that: what lies between is lost, and
// counted as the splitter skips it. It saves reading the hole; where the file system knows no holes, NUL bytes are skipped.
func (t *tail) skipHole(past left) {
	if t.offset > 0 || len(t.head) == 0 || t.head[0] != 0 {
		return
	}
	data, err := t.file.Seek(0, seekData)
	if err != nil {
		return
	}
	t.offset, t.fresh = data, true
	if past.offset > 0 && (data >= past.offset || allZero(t.file, data, past.offset)) {
		t.offset, t.fresh = past.offset, false
		t.holes = past.counted
	}
}

// allZero reports whether the bytes from one offset to another are NUL; what is more than a hole's last block is not asked.
func allZero(file *os.File, from, to int64) bool {
	if to-from > keepBytes {
		return false
	}
	buf := make([]byte, to-from)
	_, err := file.ReadAt(buf, from)
	return err == nil && len(bytes.Trim(buf, "\x00")) == 0
}

// countHoles counts NUL bytes between lines: a writer that does not append has gone on behind a truncation, and what stood
// in the hole is gone.
func (r *reader) countHoles(t *tail, s *lines.Splitter) {
	n := s.Holes()
	news := n - t.passed - t.holes
	t.holes = max(0, -news)
	t.passed = n
	if news > 0 && !t.fresh {
		r.stats.lost.Add(float64(news))
	}
	t.fresh = false
}
