package drops

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Watch tells what was added since it told last; a port without a count, or one whose count stands still, is nothing to tell.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		counts := []uint64{0, 7, 7, 0, 9} // 0 in the middle: the system has no count at that moment
		var told []uint64
		var at []time.Duration
		start := time.Now()
		of := func() (uint64, bool) {
			n := counts[0]
			if counts = counts[1:]; len(counts) == 0 {
				cancel()
			}
			return n, n > 0
		}
		if err := watch(ctx, of, func(n uint64) { told, at = append(told, n), append(at, time.Since(start)) }); err != nil {
			t.Errorf("watch: %v, want nil once ctx ends", err)
		}
		if want := []uint64{7, 2}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		if want := []time.Duration{2 * interval, 5 * interval}; !slices.Equal(at, want) {
			t.Errorf("told after %v, want %v", at, want)
		}
	})
}

func TestDropsOf(t *testing.T) {
	table := fmt.Sprintf("%s\n%s\n%s\n",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
		" 1234: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23456 2 0000000000000000 17",
		" 1235: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23457 2 0000000000000000 99")
	if n, ok := count([]byte(table), 5514); n != 17 || !ok {
		t.Errorf("count = %d, %v, want 17", n, ok)
	}
	if n, ok := count([]byte(table), 1); n != 0 || ok {
		t.Errorf("count of another port = %d, %v, want none", n, ok)
	}
}
