package ingest

import (
	"hash/maphash"
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
	ids, names, accounts := b.Column(event.EventID), b.Column(event.EventDataset), b.Column(event.CloudAccount)
	if ids == nil || names == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for row := range b.Rows {
		name, ok := names.Value(row)
		if !ok || !u.names[string(names.Str(name))] {
			continue
		}
		id, ok := ids.Value(row)
		if !ok {
			continue
		}
		var account []byte
		if accounts != nil {
			if v, ok := accounts.Value(row); ok {
				account = accounts.Str(v)
			}
		}
		u.add(u.identity(ids.Str(id), account))
	}
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

// Learn notes what the history holds, so that an event that comes again after a restart is known. Only the newest events of
// formats whose Repeats is set matter, and of these the fields event.id, cloud.account.id and event.dataset.
func (s *Service) Learn(b *event.Batch) { s.unique.learn(b) }

// Remembered is how many events are known again at most.
func (s *Service) Remembered() int { return remembered }
