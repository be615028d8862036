package app

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

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

func TestLockSaysWhyItCannot(t *testing.T) {
	if _, err := lockDir("/nowhere/at/all"); err == nil || errors.Is(err, fault.Conflict) {
		t.Errorf("lock in a missing directory gives %v, want an error of another kind", err)
	}
}
