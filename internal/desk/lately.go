package desk

import (
	"sync"
	"time"

	"tocsin/internal/alert"
)

// lately holds what was looked up about alerts, so that pages, which ask again and again, have it looked up once in a while. It is
// bounded: when it is full it begins anew, since all of it is soon found again.
type lately[V any] struct {
	stays time.Duration // what was found is good for so long
	most  int           // alerts
	mu    sync.Mutex
	found map[seenAlert]foundAt[V]
}

// A seenAlert is an alert as it was, for whoever sees no more and no less.
type seenAlert struct {
	alert, change int64
	bounds        string
}

type foundAt[V any] struct {
	at    time.Time
	value V
}

// seenBy is an alert as a caller sees it.
func seenBy(caller viewer, a *alert.Alert) seenAlert {
	return seenAlert{a.ID, a.Change, caller.bounds.String()}
}

func newLately[V any](stays time.Duration, most int) *lately[V] {
	return &lately[V]{stays: stays, most: most, found: map[seenAlert]foundAt[V]{}}
}

func (l *lately[V]) get(key seenAlert, now time.Time) (value V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.found[key]
	return f.value, ok && now.Sub(f.at) < l.stays
}

func (l *lately[V]) put(key seenAlert, now time.Time, value V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.found) >= l.most {
		clear(l.found)
	}
	l.found[key] = foundAt[V]{now, value}
}
