package files

import (
	"bytes"
	"os"
)

// block is how much of the end of a copy is compared.
const block = 4 << 10

// copied reports whether a file is the beginning of one that is followed: a copy, as it is made before that is truncated.
// It is left alone as long as that is so. When the original is cut, the copy is read from where the original was left.
func (r *reader) copied(file *os.File, head []byte, size int64) bool {
	for _, t := range r.tails {
		if startsWith(t.file, t.head, file, head, size) {
			return true
		}
	}
	return false
}

// supersede lets go of the files that are the beginning of one that comes: a copy may be found before its original is, when
// that was cut and has grown again a moment ago, and what is added to both must be read once. The original goes on where
// its copy was left, and when it is cut its copy goes on where the original was.
func (r *reader) supersede(by *tail) {
	for _, t := range r.tails {
		if info, err := t.file.Stat(); err == nil && startsWith(by.file, by.head, t.file, t.head, info.Size()) {
			r.drop(t)
			r.copies[t.key] = true
		}
	}
}

// startsWith reports whether a file begins with the content of another, up to the size of that: by their heads and by the
// last block.
func startsWith(file *os.File, head []byte, other *os.File, otherHead []byte, size int64) bool {
	n := min(len(head), len(otherHead))
	if n == 0 || int64(n) > size || !bytes.Equal(head[:n], otherHead[:n]) {
		return false
	}
	length := min(size, block)
	ours, theirs := make([]byte, length), make([]byte, length)
	if _, err := other.ReadAt(theirs, size-length); err != nil {
		return false
	}
	_, err := file.ReadAt(ours, size-length)
	return err == nil && bytes.Equal(ours, theirs)
}
