package quarantine

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// On a disk that is full records are counted; nobody waits, what was kept stays, and when there is room more is kept.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system cannot be mounted (%v): run as root to test the full disk", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	other := filepath.Join(disk, "other")
	if err := os.WriteFile(other, make([]byte, 700<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Open(options(filepath.Join(disk, "quarantine")))
	add := func(n int) {
		e := entry(n, "r")
		e.Data = bytes.Repeat([]byte{'x'}, 20<<10)
		s.Add(e)
	}
	count := func() (g Group) {
		t.Helper()
		groups, err := s.Groups(Filter{})
		if err != nil || len(groups) != 1 {
			t.Fatalf("Groups = %+v, %v", groups, err)
		}
		return groups[0]
	}
	for n := range 50 {
		add(n)
		count()
	}
	g := count()
	if g.Count != 50 || g.Kept == 0 || g.NotKept == 0 || s.Problem() == nil {
		t.Fatalf("on the full disk: %+v, problem %v", g, s.Problem())
	}
	if n := len(all(t, s, Filter{})); int64(n) != g.Kept {
		t.Errorf("%d can be read, want %d", n, g.Kept)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	s.upkeep(time.Now().Add(time.Hour))
	add(50)
	if again := count(); again.Kept != g.Kept+1 || again.NotKept != g.NotKept || s.Problem() != nil {
		t.Errorf("when there is room again: %+v, problem %v", again, s.Problem())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = Open(options(filepath.Join(disk, "quarantine")))
	if again := count(); again.Count != 51 {
		t.Errorf("after a restart: %+v", again)
	}
}
