package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/ledgertest"
)

func set(t *testing.T, l *ledger.Ledger, value string) error {
	t.Helper()
	return l.SetSetting(t.Context(), "test", value, time.Unix(1, 0))
}

// wantFault holds an error to a kind and to words that help the operator.
func wantFault(t *testing.T, what string, err, kind error, words ...string) {
	t.Helper()
	if fault.Kind(err) != kind {
		t.Errorf("%s = %v, want an error that is %v", what, err, kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s = %v, want it to say %q", what, err, word)
		}
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "later")
	l := ledgertest.Open(t, "", at)
	wantFault(t, "write in a missing directory", set(t, l, "a"), fault.Unavailable, at)
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := set(t, l, "a"); err != nil {
		t.Errorf("write after the directory came = %v", err)
	}
	info, err := os.Stat(filepath.Join(at, ledger.FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file is %v, %v, want it closed to others", info.Mode(), err)
	}

	odd := ledgertest.Open(t, "sqlite:"+dir, "")
	wantFault(t, "write to a directory", set(t, odd, "a"), fault.Unavailable, dir)
}

func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	err := set(t, ledgertest.Open(t, "sqlite:"+path, ""), "a")
	if err == nil || fault.Kind(err) != nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), path) {
		t.Errorf("write to a foreign file = %v, want it called damaged, by name", err)
	}
}

func TestOddNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%20e&_pragma=f ä")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := set(t, ledgertest.Open(t, "", dir), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ledger.FileName)); err != nil {
		t.Error(err)
	}
}

// TestLocked: a program that keeps the file locked delays us, and we go on when it is done.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	l := ledgertest.Open(t, "", dir)
	if err := set(t, l, "a"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", filepath.Join(dir, ledger.FileName)+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, "write to a locked file", set(t, l, "b"), fault.Unavailable, "locked by another program")
	if got, _, err := l.Setting(t.Context(), "test"); got != "a" || err != nil {
		t.Errorf("Setting while another writes = %q, %v, want it readable", got, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := set(t, l, "b"); err != nil {
		t.Errorf("write after the lock fell = %v", err)
	}
}

// TestFullDisk: a disk without room is told apart, nothing stored is harmed, and we go on when there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tocsin-test", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no small disk here: mount: %v (it takes root)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	l, err := ledger.Open("", dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := set(t, l, "kept"); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	var full error
	for full == nil {
		_, full = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); !errors.Is(full, syscall.ENOSPC) || err != nil {
		t.Fatalf("fill the disk: %v, %v", full, err)
	}
	wantFault(t, "write to a full disk", set(t, l, strings.Repeat("x", 100_000)), fault.Full, "no room", dir)
	if got, _, err := l.Setting(t.Context(), "test"); got != "kept" || err != nil {
		t.Errorf("Setting on a full disk = %.20q, %v, want what was there", got, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := set(t, l, strings.Repeat("x", 100_000)); err != nil {
		t.Errorf("write after there was room = %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, dsn := range []string{"mysql://x", "sqlite:", "/some/path", "postgres://u:secret@h:notaport/d"} {
		l, err := ledger.Open(dsn, "")
		wantFault(t, "Open("+dsn+")", err, fault.Invalid, "want")
		if l != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) = %v, %v; want nothing, and no secret", dsn, l, err)
		}
	}
}

// TestBackup: a copy made while others write is whole, closed to others, and never overwrites anything.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	l := ledgertest.Open(t, "", dir)
	if err := set(t, l, "before"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "copy.db")
	if err := l.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := set(t, l, "after"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("copy is %v, %v, want it closed to others", info.Mode(), err)
	}
	wantFault(t, "Backup over a file", l.Backup(t.Context(), path), fault.Conflict, path)
	copied := ledgertest.Open(t, "sqlite:"+path, "")
	if got, _, err := copied.Setting(t.Context(), "test"); got != "before" || err != nil {
		t.Errorf("Setting of the copy = %q, %v, want that of then", got, err)
	}
	if err := set(t, copied, "mine"); err != nil {
		t.Errorf("write to the copy = %v", err)
	}
}
