package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"tocsin/internal/fault"
)

// A lock keeps a second process off a data directory for as long as it is held; it falls when the process ends, however it
// ends.
type lock struct{ file *os.File }

// lockDir takes the lock of a directory, which must exist. When another process has it, the error names that process and
// has the kind fault.Conflict.
func lockDir(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data dir: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock data dir %s: %w", dir, err)
		}
		owner := make([]byte, 32)
		n, _ := file.Read(owner)
		return nil, fault.New(fault.Conflict, "data dir %s is locked by pid %s (stop it, or use another directory with --data)",
			dir, strings.TrimSpace(string(owner[:n])))
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock data dir %s: %w", dir, err)
	}
	return &lock{file}, nil
}

func (l *lock) release() error { return l.file.Close() }
