package desk

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each caller has his own few, and as many again when time has gone by.
func TestTries(t *testing.T) {
	var all tries
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for i := range maxTries {
		if !all.take("bob", now.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("bob is refused at once, the %dth time", i+1)
		}
	}
	if all.take("bob", now.Add(time.Minute)) {
		t.Errorf("bob may %d times within %s", maxTries+1, triesWithin)
	}
	if !all.take("carol", now.Add(time.Minute)) {
		t.Error("carol is refused because of bob")
	}
	if !all.take("bob", now.Add(triesWithin)) || all.take("bob", now.Add(triesWithin)) {
		t.Error("bob gets one back when the first is long ago, and no more")
	}
	if !all.take("bob", now.Add(24*time.Hour)) || len(all.at["bob"]) != 1 {
		t.Errorf("what is long ago is kept: %v", all.at["bob"])
	}
}

// Who asks many times at once gets no more.
func TestTriesAtOnce(t *testing.T) {
	var all tries
	var taken atomic.Int64
	var asking sync.WaitGroup
	now := time.Now()
	for range 10 * maxTries {
		asking.Go(func() {
			if all.take("bob", now) {
				taken.Add(1)
			}
		})
	}
	asking.Wait()
	if taken.Load() != maxTries {
		t.Errorf("%d were taken, want %d", taken.Load(), maxTries)
	}
}
