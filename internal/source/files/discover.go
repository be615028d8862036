package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
)

// maxFiles bounds how many files one source follows.
const maxFiles = 4096

// A key is the place of a file on its disk.
type key struct{ device, inode uint64 }

func keyOf(info fs.FileInfo) key {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return key{}
	}
	return key{uint64(st.Dev), st.Ino} //nolint:unconvert // the type differs between systems
}

// closed is what a file looked like when it was read to its end.
type closed struct {
	size     int64
	modified time.Time
	stranger bool // it was not read at all: a rotated file from before
}

func (c closed) is(info fs.FileInfo) bool {
	return c.size == info.Size() && c.modified.Equal(info.ModTime())
}

// discover looks for files that are new, and notes under which path each is found now. Beside the files asked for it looks
// for their rotated forms, PATH with anything behind it. Of these only such are opened as are known and not read to their
// end, what was left of them when tocsin stopped, and such as are newer than the newest one known: those came and went
// while nobody looked. All others are history from before tocsin.
func (r *reader) discover() {
	r.newest, r.strangers, r.unsettled = time.Time{}, r.strangers[:0], false
	for _, t := range r.tails {
		t.listed = false
	}
	found := map[key]bool{}
	for _, rotated := range []bool{false, true} {
		for _, pattern := range r.Paths {
			if rotated {
				pattern += "?*"
			}
			paths, err := filepath.Glob(pattern)
			if err != nil {
				continue // New has checked it; a directory that cannot be read shows as its files do
			}
			r.watchDir(filepath.Dir(pattern))
			for _, path := range paths {
				r.find(path, rotated && !r.asked(path), found)
			}
			if !rotated && len(paths) == 0 && !hasMeta(pattern) {
				if _, err := os.Stat(pattern); err != nil {
					r.tell(pattern, err)
				}
			}
		}
	}
	r.behind = r.openStrangers() && r.behind
	maps.DeleteFunc(r.closed, func(k key, _ closed) bool { return !found[k] })
	maps.DeleteFunc(r.anew, func(k key, _ left) bool { return !found[k] })
	maps.DeleteFunc(r.copies, func(k key, _ bool) bool { return !found[k] })
	maps.DeleteFunc(r.steady, func(k key, _ steadiness) bool { return !found[k] })
}

// asked reports whether a path was asked for: a file may be renamed from one such path to another during a look.
func (r *reader) asked(path string) bool {
	for _, pattern := range r.Paths {
		if ok, err := filepath.Match(pattern, path); ok && err == nil {
			return true
		}
	}
	return false
}

func hasMeta(pattern string) bool { return bytes.ContainsAny([]byte(pattern), "*?[\\") }

// find takes up one path.
func (r *reader) find(path string, rotated bool, found map[key]bool) {
	info, err := os.Stat(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || !rotated {
			r.tell(path, err)
		}
		return
	}
	if !info.Mode().IsRegular() {
		if !rotated {
			r.tell(path, fmt.Errorf("it is a %s, want a file", modeWord(info.Mode())))
		}
		return
	}
	k := keyOf(info)
	if found[k] { // by a path that comes first
		return
	}
	found[k] = true
	if t := r.tails[k]; t != nil {
		if rotated {
			r.known(info)
		} else {
			t.listed = true
			t.path = path
		}
		return
	}
	if c, ok := r.closed[k]; ok && c.is(info) {
		if rotated && !c.stranger {
			r.known(info)
		}
		return
	}
	if r.packed[k] != nil || info.Size() == 0 {
		return
	}
	if len(r.tails)+len(r.packed) >= maxFiles {
		r.tell(path, fmt.Errorf("%d files are followed already", maxFiles))
		return
	}
	if err := r.open(path, k, rotated); err != nil {
		r.tell(path, err)
		return
	}
	delete(r.told, path)
}

func modeWord(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	default:
		return "device"
	}
}

// open begins to follow a file, unless it is a copy of one that is followed already, or has no complete line yet.
func (r *reader) open(path string, k key, rotated bool) error {
	// A path may become a named pipe between the look and the opening, which must not block.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || keyOf(info) != k {
		return nil // replaced meanwhile: the next look finds what is there now
	}
	head := make([]byte, fingerprint.Head)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	if lines.Recognise(head) != lines.Plain || isDocument(head) {
		keep, err = r.openPacked(path, k, file, info, rotated)
		return err
	}
	if err := lines.CheckText(head); err != nil {
		return err
	}
	if r.copied(file, head, info.Size()) {
		return nil
	}
	t := &tail{
		path: path, key: k, file: file, head: head, listed: !rotated,
		size: info.Size(), modified: info.ModTime(), changed: time.Now(), found: r.looks,
	}
	if err := r.name(t, r.copies[k]); err != nil { // a copy is whole by now
		return err
	}
	delete(r.copies, k)
	r.Log.Debug("looked at a log file", "source", r.Name, "path", path, "id", t.id, "from", t.offset, "size", t.size, "rotated", rotated)
	if rotated && t.offset == 0 {
		r.strangers = append(r.strangers, stranger{path, k, info})
		return nil
	}
	if rotated {
		r.known(info)
	}
	if rotated && t.offset == t.size {
		r.closed[k] = closed{size: t.size, modified: t.modified}
		return nil
	}
	keep = true
	r.supersede(t)
	r.tails[k] = t
	return nil
}

// lookAt answers Find's questions about a plain file.
func lookAt(file *os.File) func(int64) (int64, bool, error) {
	return func(offset int64) (int64, bool, error) {
		info, err := file.Stat()
		if err != nil || offset <= 0 || offset > info.Size() {
			return infoSize(info), false, err
		}
		var last [1]byte
		_, err = file.ReadAt(last[:], offset-1)
		return info.Size(), last[0] == '\n', err
	}
}

func infoSize(info fs.FileInfo) int64 {
	if info == nil {
		return 0
	}
	return info.Size()
}

// ordered lists the tails by path, so that the same files are read in the same order. What was rotated away comes first: were
// what is newer durable before it, and tocsin killed, then it would be taken for history.
func (r *reader) ordered() []*tail {
	last := func(t *tail) int {
		if t.listed {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Values(r.tails), func(a, b *tail) int {
		return cmp.Or(last(a)-last(b), cmp.Compare(a.path, b.path), cmp.Compare(a.key.inode, b.key.inode))
	})
}
