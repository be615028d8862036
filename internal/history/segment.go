package history

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// errDamaged is wrapped by every error that means that a segment is not what was written.
var errDamaged = errors.New("damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errDamaged)...)
}

// A segment is one live file. Its footer is read when it is first needed.
type segment struct {
	entry
	path string

	mu     sync.Mutex
	file   *os.File
	footer *footer
	users  int  // readers at work; the file stays open while there are any
	dead   bool // no version has it any more: close and unlink when the last reader is gone
	unlink bool
	last   int64 // when it was last used, on the store's own count

	foreign atomic.Bool // it has fields of a newer version and is not merged
}

// open returns the footer and a handle that stay good until release.
func (s *segment) open() (_ *footer, _ *os.File, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.load(); err != nil {
			return nil, nil, fmt.Errorf("open segment %s: %w", filepath.Base(s.path), err)
		}
	}
	s.users++
	return s.footer, s.file, nil
}

func (s *segment) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users == 0 && s.dead {
		s.dispose()
	}
}

// shut closes the file if nobody reads it; it is opened again when needed.
func (s *segment) shut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users > 0 || s.file == nil {
		return false
	}
	_ = s.file.Close() // read only: nothing can be lost
	s.file, s.footer = nil, nil
	return true
}

func (s *segment) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file != nil
}

// retire says that no version holds the segment any more.
func (s *segment) retire(unlink bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.unlink = true, unlink
	if s.users == 0 {
		s.dispose()
	}
}

func (s *segment) dispose() {
	if s.file != nil {
		_ = s.file.Close()
		s.file, s.footer = nil, nil
	}
	if s.unlink {
		_ = os.Remove(s.path) // what stays is removed at the next start: it is not in the manifest
	}
}

// load opens the file and reads the footer. The lock is held.
func (s *segment) load() (err error) {
	defer func() {
		if p := recover(); p != nil { // the decoder of the footer panics on some foul input
			err = damaged("footer: %v", p)
		}
	}()
	f, err := os.Open(s.path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return damaged("the file is gone")
		}
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != s.Bytes {
		return damaged("%d bytes long, want %d", info.Size(), s.Bytes)
	}
	if s.Tail < 4 || s.Tail > s.Bytes-12 {
		return damaged("footer beyond the file")
	}
	tail := make([]byte, s.Bytes-s.Tail)
	if _, err := f.ReadAt(tail, s.Tail); err != nil {
		return fmt.Errorf("read footer: %w", err)
	}
	if crc32.Checksum(tail, castagnoli()) != s.TailSum {
		return damaged("checksum of the footer")
	}
	if s.footer, err = parseFooter(tail, s.Tail, s.Kind); err != nil {
		return err
	}
	s.file = f
	return nil
}

func isDamaged(err error) bool { return errors.Is(err, errDamaged) }

// verify holds the whole file against its checksum.
func (s *segment) verify(ctx context.Context) error {
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return damaged("the file is gone")
	}
	if err != nil {
		return fmt.Errorf("verify segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	var size int64
	var sum uint32
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(buf)
		sum = crc32.Update(sum, castagnoli(), buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("verify segment %s: %w", s.File, err)
		}
	}
	if size != s.Bytes || sum != s.Sum {
		return damaged("checksum of the file is %08x over %d bytes, want %08x over %d", sum, size, s.Sum, s.Bytes)
	}
	return nil
}
