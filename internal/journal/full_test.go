package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// smallDisk mounts a file system of so many MB, or skips the test.
func smallDisk(t *testing.T, mb int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mb)); err != nil {
		t.Skipf("a small file system cannot be mounted (%v): run as root to test the full disk", err)
	}
	t.Cleanup(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(time.Minute); ; <-tick.C { // the engine syncs a block to its end while it is shut down
			err := syscall.Unmount(dir, 0)
			if err == nil {
				return
			}
			if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
				t.Errorf("unmount %s: %v", dir, err)
				return
			}
		}
	})
	return dir
}

// until appends fat batches from number n on until one is refused, and returns the number of that one.
func until(t *testing.T, j *Journal, n int) (int, error) {
	t.Helper()
	for ; n < 5000; n++ {
		if _, err := j.Append(t.Context(), fat(n)); err != nil {
			return n, err
		}
	}
	t.Fatalf("%d batches of 100 kB were taken", n)
	return 0, nil
}

// soon appends the batch until it is taken, for at most a minute.
func soon(t *testing.T, j *Journal, b *event.Batch) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := j.Append(t.Context(), b)
		if err == nil {
			return
		}
		if !errors.Is(err, fault.Full) && !errors.Is(err, fault.Unavailable) || errors.Is(err, ErrUnknown) || time.Now().After(deadline) {
			t.Fatalf("Append after room was made: %v", err)
		}
		<-tick.C
	}
}

func TestFullDisk(t *testing.T) {
	for _, freed := range []string{"outside", "by purge"} {
		t.Run("freed "+freed, func(t *testing.T) {
			disk := smallDisk(t, 64)
			other := filepath.Join(disk, "other")
			if err := os.WriteFile(other, make([]byte, 20<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			reg := prometheus.NewRegistry()
			o := testOptions(t, filepath.Join(disk, "j"))
			o.Registry = reg
			j := opened(t, o)
			r := reader(t, j, event.Position{}, 0)
			defer r.Close()
			n, err := until(t, j, 0)
			if !errors.Is(err, fault.Full) || errors.Is(err, ErrUnknown) {
				t.Fatalf("Append on a full disk: %v", err)
			}
			if counted(t, reg, "tocsin_journal_reopened_total") == 0 {
				t.Errorf("the engine never met the full disk: this tests nothing")
			}
			if _, err := j.Append(t.Context(), fat(n)); !errors.Is(err, fault.Full) {
				t.Errorf("second Append on a full disk: %v", err)
			}
			if h := j.Health(); h.Refusing == "" {
				t.Errorf("health on a full disk: %+v", h)
			}
			equal(t, "what was accepted on the full disk", readN(t, r, n), want("fat", 0, n))
			if freed == "outside" {
				err = os.Remove(other)
			} else {
				err = j.Commit("history", r.Position())
			}
			if err != nil {
				t.Fatal(err)
			}
			soon(t, j, fat(n))
			for i := range 20 {
				appendOne(t, j, fat(n+1+i))
			}
			equal(t, "after room was made", readN(t, r, 21), want("fat", n, n+21))
			again, err := until(t, j, n+21)
			if !errors.Is(err, fault.Full) {
				t.Fatalf("Append when full again: %v", err)
			}
			position := r.Position()
			if err := j.Close(); err != nil {
				t.Logf("Close on a full disk: %v", err)
			}
			o.Registry = nil
			j = opened(t, o)
			r = reader(t, j, position, 0)
			j.Seal()
			equal(t, "after reopening on a full disk", readAll(t, r), want("fat", n+21, again))
			if l := j.Losses(); len(l) != 0 {
				t.Errorf("losses: %+v", l)
			}
		})
	}
}

func TestFloorKeepsTheEngineFromAFullDisk(t *testing.T) {
	disk := smallDisk(t, 64)
	reg := prometheus.NewRegistry()
	o := testOptions(t, filepath.Join(disk, "j"))
	o.Registry, o.FreeFloor = reg, 24<<20
	j := opened(t, o)
	n, err := until(t, j, 0)
	if !errors.Is(err, fault.Full) || !strings.Contains(err.Error(), "floor") {
		t.Fatalf("Append below the floor: %v", err)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(disk, &st); err != nil {
		t.Fatal(err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < 16<<20 {
		t.Errorf("%d MB are free, floor was 24 MB", free>>20)
	}
	if got := counted(t, reg, "tocsin_journal_reopened_total"); got != 0 {
		t.Errorf("engine was restarted %v times", got)
	}
	if err := j.Commit("history", j.Head()); err != nil {
		t.Fatal(err)
	}
	soon(t, j, fat(n))
}

// Somebody else fills the disk to the last byte while the journal refuses for want of space: what the cursors are through
// with must still go.
func TestPurgeOnAFullDisk(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		t.Run(fmt.Sprint("engine stuck ", stuck), func(t *testing.T) { purgeOnAFullDisk(t, stuck) })
	}
}

func purgeOnAFullDisk(t *testing.T, stuck bool) {
	disk := smallDisk(t, 64)
	reg := prometheus.NewRegistry()
	o := testOptions(t, filepath.Join(disk, "j"))
	o.Registry, o.FreeFloor = reg, 24<<20
	j := opened(t, o)
	n, err := until(t, j, 0)
	if !errors.Is(err, fault.Full) {
		t.Fatalf("Append below the floor: %v", err)
	}
	other, err := os.Create(filepath.Join(disk, "other"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		if _, err := other.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	other.Close()
	if stuck { // it meets the full disk once, so that it takes nothing more, not even a purge
		l := j.lanes[Events]
		if _, err := j.eng.js.PublishAsync(j.subject(l, 1), make([]byte, 7<<20)); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); j.eng.health(l.current().Stream) == nil; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the engine does not say that it met the full disk")
			}
		}
	}
	half := event.Position{Epoch: j.Epoch(), Seqs: map[uint16]uint64{0: uint64(n - 5)}} // the middle of a block
	if err := j.Commit("history", half); err != nil {
		t.Fatal(err)
	}
	soon(t, j, fat(n))
	if n := counted(t, reg, "tocsin_journal_reopened_total"); (n > 0) != stuck {
		t.Errorf("engine was restarted %v times", n)
	}
	behind := reader(t, j, half, 0)
	defer behind.Close()
	equal(t, "after the purge", readN(t, behind, 6), want("fat", n-5, n+1))
	if l := j.Losses(); len(l) != 0 {
		t.Errorf("losses: %+v; %d batches were acknowledged before the disk was full", l, n)
	}
}
