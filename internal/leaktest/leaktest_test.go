package leaktest

import (
	"testing"
	"time"
)

// A goroutine that ends late is waited for, one that does not end is told, and tests that failed have failed.
func TestVerdict(t *testing.T) {
	forever := make(chan struct{})
	go func() { <-forever }()
	if code := verdict(0, time.Millisecond); code != 1 {
		t.Errorf("verdict = %d while a goroutine is there, want 1", code)
	}
	if code := verdict(2, time.Hour); code != 2 {
		t.Errorf("verdict = %d of tests that failed with 2", code)
	}
	time.AfterFunc(3*time.Second, func() { close(forever) }) // later than goleak waits
	if code := verdict(0, time.Minute); code != 0 {
		t.Errorf("verdict = %d though the goroutine has ended, want 0", code)
	}
}
