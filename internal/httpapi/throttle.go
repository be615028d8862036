package httpapi

import (
	"sync"
	"time"
)

// How often a wrong password may be tried before waiting begins, and how long it grows to. A name waits only shortly, and
// where its owner logged in before, and on this machine, not for the failures of others at all: who goes on guessing a name
// from everywhere keeps nobody out of it.
const (
	freeByName    = 10
	freeByAddress = 20
	longByName    = time.Minute
	longByAddress = 15 * time.Minute
	forgetAfter   = time.Hour
	knownFor      = 30 * 24 * time.Hour
	maxThrottled  = 10_000
)

// A throttle slows down who guesses passwords: by the name that is tried and by the address it is tried from. The wait
// doubles with each failure beyond the free ones, from one second.
//
// What was tried is kept in two halves: when the newer is full, the older is dropped, so that room costs nothing to make.
type throttle struct {
	mu           sync.Mutex
	newer, older map[string]failures
	known        map[string]time.Time // names with the addresses that they last logged in from, and when
}

type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newThrottle() *throttle {
	return &throttle{newer: map[string]failures{}, known: map[string]time.Time{}}
}

// find returns what was tried under a key.
func (t *throttle) find(key string) failures {
	if f, ok := t.newer[key]; ok {
		return f
	}
	return t.older[key]
}

// wait returns how long a login of this name from this address must still wait; 0: none. Near is on this machine.
func (t *throttle) wait(name, address string, near bool, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := max(t.find("addr "+address).until.Sub(now), 0)
	if at, ok := t.known[name+" "+address]; near || ok && now.Sub(at) < knownFor {
		return wait
	}
	return max(wait, t.find("name "+name).until.Sub(now))
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
	f := t.find(key)
	if now.Sub(f.last) > forgetAfter {
		f = failures{}
	}
	f.count++
	f.last = now
	if beyond := f.count - free; beyond > 0 {
		f.until = now.Add(min(long, time.Second<<min(beyond-1, 20)))
	}
	if _, ok := t.newer[key]; !ok && len(t.newer) >= maxThrottled/2 {
		t.older, t.newer = t.newer, map[string]failures{}
	}
	t.newer[key] = f
}

// passed notes a right password: the name starts anew, the address does not, and is known as one of this name.
func (t *throttle) passed(name, address string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[name+" "+address]; !ok && len(t.known) >= maxThrottled {
		var oldest string
		for pair, at := range t.known {
			if oldest == "" || at.Before(t.known[oldest]) {
				oldest = pair
			}
		}
		delete(t.known, oldest)
	}
	t.known[name+" "+address] = now
	delete(t.newer, "name "+name)
	delete(t.older, "name "+name)
}
