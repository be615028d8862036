package journal

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// run executes a command for the disk of the test, and skips the test where that cannot be done at all.
func run(t *testing.T, skip bool, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		if skip {
			t.Skipf("%s %v: %v: %s (needs root, loop devices and mkfs.ext4)", name, args, err, out)
		}
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// TestPowerLoss keeps the journal on an ext4 file system in an image file. What is in the image is what reached the disk:
// a copy of it, taken right after the process was killed, is what a power cut leaves. Everything acknowledged must be in
// the copy.
func TestPowerLoss(t *testing.T) {
	base := t.TempDir()
	image, disk := filepath.Join(base, "image"), filepath.Join(base, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(image)
	if err == nil {
		err = f.Truncate(320 << 20)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, true, "mkfs.ext4", "-q", "-F", image)
	mount := func(skip bool) {
		t.Helper()
		run(t, skip, "mount", "-o", "loop,commit=300", image, disk) // the kernel writes by itself as late as can be
	}
	mount(true)
	mounted := true
	t.Cleanup(func() {
		if mounted {
			run(t, false, "umount", disk)
		}
	})
	a := &auditor{seen: map[string]Place{}, order: map[string]int{}, purge: true}
	dir := filepath.Join(disk, "j")
	total, dropped := 0, 0
	for i := range rounds(12) {
		c := startChild(t, dir, "", "", i, i)
		var acked []ack
		for want := 100 + rand.IntN(700); len(acked) < want; {
			select {
			case k := <-c.acks:
				acked = append(acked, k)
			case <-c.done:
				t.Fatalf("child ended by itself after %d", len(acked)+len(c.end(t)))
			}
		}
		if err := os.WriteFile(filepath.Join(disk, "unsynced"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = c.cmd.Process.Kill()
		<-c.done
		run(t, false, "cp", "--sparse=always", image, image+".cut")
		acked = append(acked, c.end(t)...)
		run(t, false, "umount", disk)
		mounted = false
		if err := os.Rename(image+".cut", image); err != nil {
			t.Fatal(err)
		}
		mount(false)
		mounted = true
		if text, err := os.ReadFile(filepath.Join(disk, "unsynced")); err != nil || len(text) == 0 {
			dropped++
		}
		a.audit(t, testOptions(t, dir), acked)
		total += len(acked)
		if err := os.Remove(filepath.Join(disk, "unsynced")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if dropped == 0 {
		t.Error("no copy was without what had not been synced: this tests nothing")
	}
	t.Logf("%d power cuts, %d of them shown to drop unsynced data; %d batches acknowledged, all there", rounds(12), dropped, total)
}
