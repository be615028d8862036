package desk

import (
	"sync"
	"time"
)

// Test messages make tocsin call what a user names, so each caller gets few: nobody floods a mailbox or looks at a network
// with them.
const (
	maxTries    = 20
	triesWithin = 10 * time.Minute
)

// tries counts the test messages that callers lately asked for. Callers are accounts, so it stays small.
type tries struct {
	mu sync.Mutex
	at map[string][]time.Time
}

// take reports whether a caller may ask for one more, and counts it.
func (t *tries) take(caller string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[string][]time.Time{}
	}
	recent := t.at[caller][:0]
	for _, at := range t.at[caller] {
		if now.Sub(at) < triesWithin {
			recent = append(recent, at)
		}
	}
	if len(recent) >= maxTries {
		t.at[caller] = recent
		return false
	}
	t.at[caller] = append(recent, now)
	return true
}
