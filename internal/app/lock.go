package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/fault"
)

// A lock keeps a second process off a data directory for as long as it is held; it falls when the process ends, however it
// ends.
type lock struct{ file *os.File }

// A process that was killed while it started another, such as a notifier's program, leaves its lock to that one until it has become the
// other program: a moment, or longer on a busy machine. So a lock whose owner is gone is waited for.
const (
	orphaned  = 10 * time.Second
	askAgain  = 10 * time.Millisecond
	nobodyYet = 0 // the process that a lock names before its owner has written who it is
)

// lockDir takes the lock of a directory, which must exist. When another process has it, the error names that process and
// has the kind fault.Conflict.
func lockDir(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data dir: %w", err)
	}
	for end := time.Now().Add(orphaned); ; time.Sleep(askAgain) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock data dir %s: %w", dir, err), file.Close())
		}
		if owner := ownerOf(file); runs(owner) || time.Now().After(end) {
			file.Close()
			return nil, fault.New(fault.Conflict, "data dir %s is locked by pid %d (stop it, or use another directory with --data)", dir, owner)
		}
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

// ownerOf returns the process that a lock names, nobodyYet when it names none.
func ownerOf(file *os.File) int {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0) // an error is the end of a text so short
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid < 1 {
		return nobodyYet
	}
	return pid
}

// runs reports whether a process is there.
func runs(pid int) bool {
	return pid != nobodyYet && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// release gives the lock back, also where a process that is just being started has its file as well.
func (l *lock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
