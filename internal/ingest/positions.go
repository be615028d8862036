package ingest

import (
	"maps"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// positions knows how far each source was made durable. Journal and history are the truth; this is their index in memory.
type positions struct {
	mu   sync.Mutex
	at   map[string]int64
	busy map[string]bool
}

func newPositions(known map[string]int64) *positions {
	at := maps.Clone(known)
	if at == nil {
		at = map[string]int64{}
	}
	return &positions{at: at, busy: map[string]bool{}}
}

func (p *positions) get(id string) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to, ok := p.at[id]
	return to, ok
}

// advance notes what a durable batch holds.
func (p *positions) advance(ranges []event.SourceRange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range ranges {
		p.at[r.ID] = max(p.at[r.ID], r.To)
	}
}

// hold keeps others from taking in the same source until release is called.
func (p *positions) hold(id string) (release func(), err error) {
	if id == "" {
		return func() {}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return nil, fault.New(fault.Conflict, "take in %q: somebody else is at it (wait until that is done)", id)
	}
	p.busy[id] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, id)
	}, nil
}
