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
		n := min(len(head), len(t.head))
		if n == 0 || !bytes.Equal(head[:n], t.head[:n]) || size > t.size || int64(n) > size {
			continue
		}
		length := min(size, block)
		ours, theirs := make([]byte, length), make([]byte, length)
		if _, err := file.ReadAt(ours, size-length); err != nil {
			continue
		}
		if _, err := t.file.ReadAt(theirs, size-length); err == nil && bytes.Equal(ours, theirs) {
			return true
		}
	}
	return false
}
