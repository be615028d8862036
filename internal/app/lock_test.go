package app

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/fault"
)

func TestLockKeepsOthersOff(t *testing.T) {
	dir := t.TempDir()
	first, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockDir(dir)
	if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("second lock gives %v, want a conflict that names this process", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("lock after release: %v", err)
	}
	again.release()
}

// A process that is started shares the files of who starts it for a moment: a lock that is given back is free all the same.
func TestLockIsFreeWhenGivenBack(t *testing.T) {
	dir := t.TempDir()
	l, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := syscall.Dup(int(l.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(shared)
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("lock after release: %v", err)
	}
	again.release()
}

// A lock whose owner was killed while it started another process falls a moment later, and is waited for.
func TestLockOfWhoIsGone(t *testing.T) {
	dir := t.TempDir()
	l, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.file.Name(), []byte(strconv.Itoa(gone.Process.Pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = l.release() })
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.release()
}

func TestLockSaysWhyItCannot(t *testing.T) {
	if _, err := lockDir("/nowhere/at/all"); err == nil || errors.Is(err, fault.Conflict) {
		t.Errorf("lock in a missing directory gives %v, want an error of another kind", err)
	}
}
