package httpapi

import (
	"sync"
	"time"
)

// How often a wrong password may be tried before waiting begins, and how long it grows to. A name waits only shortly, so
// that nobody can be locked out by others for long.
const (
	freeByName    = 10
	freeByAddress = 20
	longByName    = time.Minute
	longByAddress = 15 * time.Minute
	forgetAfter   = time.Hour
	maxThrottled  = 10_000
)

// A throttle slows down who guesses passwords: by the name that is tried and by the address it is tried from. The wait
// doubles with each failure beyond the free ones, from one second.
type throttle struct {
	mu    sync.Mutex
	tried map[string]failures
}

type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newThrottle() *throttle { return &throttle{tried: map[string]failures{}} }

// wait returns how long a login of this name from this address must still wait; 0: none.
func (t *throttle) wait(name, address string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.tried["name "+name].until.Sub(now), t.tried["addr "+address].until.Sub(now), 0)
}

// failed notes a wrong password or token; an empty name is a token's.
func (t *throttle) failed(name, address string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name != "" {
		t.add("name "+name, freeByName, longByName, now)
	}
	t.add("addr "+address, freeByAddress, longByAddress, now)
}

func (t *throttle) add(key string, free int, long time.Duration, now time.Time) {
	f, ok := t.tried[key]
	if !ok && len(t.tried) >= maxThrottled {
		t.makeRoom(now)
	}
	if now.Sub(f.last) > forgetAfter {
		f = failures{}
	}
	f.count++
	f.last = now
	if beyond := f.count - free; beyond > 0 {
		f.until = now.Add(min(long, time.Second<<min(beyond-1, 20)))
	}
	t.tried[key] = f
}

// makeRoom drops what lies an hour back, or else the oldest.
func (t *throttle) makeRoom(now time.Time) {
	oldest, when := "", now
	for key, f := range t.tried {
		if now.Sub(f.last) > forgetAfter {
			delete(t.tried, key)
		} else if !f.last.After(when) {
			oldest, when = key, f.last
		}
	}
	if len(t.tried) >= maxThrottled {
		delete(t.tried, oldest)
	}
}

// passed notes a right password: the name starts anew, the address does not.
func (t *throttle) passed(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tried, "name "+name)
}
