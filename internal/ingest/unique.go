package ingest

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// remembered is how many events of formats that tell the same event again are known again: the newest ones. They take some
// 12 MB when all are there.
const remembered = 1 << 17

// An identity stands for an event that is known again by event.id and cloud.account.id. A stranger who does not know the seeds
// cannot make two events that share one.
type identity [2]uint64

// unique knows events again whose format delivers them at least once, so that each counts once: those that are durable, and
// those that are on their way to be. May be used by many at once.
type unique struct {
	seeds [2]maphash.Seed

	mu     sync.Mutex
	names  map[string]bool       // of the formats
	known  map[identity]struct{} // durable, remembered at most
	ring   []identity            // them, the oldest at next once it is full
	next   int
	flight map[identity]any // not durable yet, by who brings them
}

func newUnique() *unique {
	return &unique{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, known: map[identity]struct{}{}, flight: map[identity]any{}}
}

// setFormats says which formats there are.
func (u *unique) setFormats(formats parser.Set) {
	names := map[string]bool{}
	for name, f := range formats {
		if f.Repeats {
			names[name] = true
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.names = names
}

func (u *unique) identity(id, account []byte) identity {
	var of identity
	for i := range of {
		var h maphash.Hash
		h.SetSeed(u.seeds[i])
		_, _ = h.Write(id) // which never fails
		_ = h.WriteByte(0)
		_, _ = h.Write(account)
		of[i] = h.Sum64()
	}
	return of
}

// sift takes the rows of one record out of a builder, from the given one on, when the event is known, and returns how many. by
// is who brings it, who must call release in the end.
func (u *unique) sift(by any, format string, b *event.Builder, from int) int {
	rows := b.Rows() - from
	if rows != 1 {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.names[format] {
		return 0
	}
	id, ok := b.StrAt(event.EventID, from)
	if !ok || len(id) == 0 {
		return 0
	}
	account, _ := b.StrAt(event.CloudAccount, from)
	of := u.identity(id, account)
	_, durable := u.known[of]
	_, coming := u.flight[of]
	if durable || coming {
		b.Truncate(from)
		return rows
	}
	u.flight[of] = by
	return 0
}

// learn notes the events of a batch that is durable.
func (u *unique) learn(b *event.Batch) {
	names := b.Column(event.EventDataset)
	if names == nil || b.Column(event.EventID) == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for row := range b.Rows {
		if name, ok := names.Value(row); ok && u.names[string(names.Str(name))] {
			if of, ok := u.of(b, row); ok {
				u.add(of)
			}
		}
	}
}

// of returns what stands for the event in a row; false when it has no event.id.
func (u *unique) of(b *event.Batch, row int) (of identity, ok bool) {
	value := func(id event.FieldID) []byte {
		if c := b.Column(id); c != nil {
			if v, ok := c.Value(row); ok {
				return c.Str(v)
			}
		}
		return nil
	}
	id := value(event.EventID)
	return u.identity(id, value(event.CloudAccount)), len(id) > 0
}

// add notes that an event is durable; the oldest one is forgotten for it.
func (u *unique) add(of identity) {
	delete(u.flight, of)
	if _, ok := u.known[of]; ok {
		return
	}
	u.known[of] = struct{}{}
	if len(u.ring) < remembered {
		u.ring = append(u.ring, of)
		return
	}
	delete(u.known, u.ring[u.next])
	u.ring[u.next] = of
	u.next = (u.next + 1) % remembered
}

// release forgets what somebody brought that did not become durable: it will come again.
func (u *unique) release(by any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for of, who := range u.flight {
		if who == by {
			delete(u.flight, of)
		}
	}
}

// forget forgets everything.
func (u *unique) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.known)
	clear(u.flight)
	u.ring, u.next = nil, 0
}

// Learn notes a batch that is durable, so that its events are known when they come again.
func (s *Service) Learn(b *event.Batch) { s.unique.learn(b) }

// Recall notes the events that the history holds, so that they are known after a restart as well. newest hands rows of them
// over, the newest first, until limit are there; needed are event.id, cloud.account.id and event.dataset of those whose
// dataset is one of names. Without such a format nothing is asked.
func (s *Service) Recall(newest func(names []string, limit int, fn func(b *event.Batch, rows []int32) error) error) error {
	s.unique.mu.Lock()
	names := slices.Sorted(maps.Keys(s.unique.names))
	s.unique.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	var all []identity
	err := newest(names, remembered, func(b *event.Batch, rows []int32) error {
		for _, row := range rows {
			if of, ok := s.unique.of(b, int(row)); ok {
				all = append(all, of)
			}
		}
		return nil
	})
	s.unique.mu.Lock()
	defer s.unique.mu.Unlock()
	for _, of := range slices.Backward(all) {
		s.unique.add(of)
	}
	return err
}
