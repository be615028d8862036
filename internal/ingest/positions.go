package ingest

import (
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/fingerprint"
)

// positions knows how far each source was made durable. Journal and history are the truth; this is their index in memory.
type positions struct {
	fingerprint.Index

	mu   sync.Mutex
	busy map[string]bool
}

func newPositions(known map[string]int64) *positions {
	p := &positions{busy: map[string]bool{}}
	for id, to := range known {
		p.Add(id, to)
	}
	return p
}

// advance notes what a durable batch holds.
func (p *positions) advance(ranges []event.SourceRange) {
	for _, r := range ranges {
		p.Add(r.ID, r.To)
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
