package history

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/event"
)

// Limits of what is remembered of sources.
const (
	maxSources   = 20_000
	keyPrefix    = "key:" // idempotency keys of requests
	keyRemembers = 24 * time.Hour
)

// note remembers how far the sources of a batch were read. The lock is held.
func (s *Store) note(b *event.Batch) {
	if len(b.Sources) == 0 {
		return
	}
	seen := latestIngested(b)
	for _, r := range b.Sources {
		e := s.sources[r.ID]
		s.sources[r.ID] = sourceEntry{ID: r.ID, To: max(e.To, r.To), Seen: max(e.Seen, seen)}
	}
	if len(s.sources) > maxSources+maxSources/10 {
		s.forget()
	}
}

// forget drops keys that are too old, and the sources that were not seen for longest where there are too many.
func (s *Store) forget() {
	now := int64(0)
	for _, e := range s.sources {
		now = max(now, e.Seen)
	}
	for id, e := range s.sources {
		if strings.HasPrefix(id, keyPrefix) && e.Seen < now-int64(keyRemembers) {
			delete(s.sources, id)
		}
	}
	if len(s.sources) <= maxSources {
		return
	}
	list := slices.SortedFunc(maps.Values(s.sources), func(a, b sourceEntry) int { return cmpSeen(a, b) })
	for _, e := range list[:len(list)-maxSources] {
		delete(s.sources, e.ID)
	}
}

func cmpSeen(a, b sourceEntry) int {
	switch {
	case a.Seen != b.Seen && a.Seen < b.Seen:
		return -1
	case a.Seen != b.Seen:
		return 1
	default:
		return strings.Compare(a.ID, b.ID)
	}
}

func latestIngested(b *event.Batch) (last int64) {
	c := b.Column(event.Ingested)
	if c == nil {
		return 0
	}
	for row := range b.Rows {
		if v, ok := c.Value(row); ok {
			last = max(last, c.Nums[v])
		}
	}
	return last
}
