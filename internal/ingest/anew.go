package ingest

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// settleFor bounds how long Anew waits for what the sources brought to become durable.
const settleFor = 30 * time.Second

// A pause ends the sources for a while.
type pause struct {
	quiet  chan struct{} // closed when none runs any more
	resume chan struct{} // closed when they may be started again
}

// Anew forgets how far each source was read. It ends the live sources, waits until what they brought is durable, and keeps
// everybody else from taking events in while remove deletes what there is. If that succeeds, nothing is known of any source;
// the live ones are started again either way, and ask anew where to begin. While an old file is being read it is refused.
func (s *Service) Anew(ctx context.Context, remove func(context.Context) error) error {
	settled, cancel := context.WithTimeoutCause(ctx, settleFor, fault.New(fault.Unavailable, "begin anew: events wait for %v already to be written (see tocsin's health)", settleFor))
	defer cancel()
	p := pause{quiet: make(chan struct{}), resume: make(chan struct{})}
	select {
	case s.pauses <- p:
	case <-s.ended:
		return fault.New(fault.Unavailable, "begin anew: tocsin is stopping")
	case <-settled.Done(): // the sources are just being exchanged, which waits for the same
		return context.Cause(settled)
	}
	defer close(p.resume)
	<-p.quiet // sources end when they are told to
	for _, c := range s.collectors {
		if err := c.settle(settled); err != nil {
			return err
		}
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.positions.reading() {
		return fault.New(fault.Conflict, "begin anew: a file is being read (wait until that is done)")
	}
	if err := remove(ctx); err != nil {
		return err
	}
	s.positions.Reset()
	s.unique.forget()
	return nil
}

// settle returns when nothing is on its way to the journal. No source runs.
func (c *collector) settle(ctx context.Context) error {
	for {
		if c.flushing.TryLock() {
			c.mu.Lock()
			empty := len(c.ranges) == 0
			c.mu.Unlock()
			c.flushing.Unlock()
			if empty {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// reading reports whether a file is being taken in.
func (p *positions) reading() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.busy {
		if !strings.HasPrefix(id, keyPrefix) {
			return true
		}
	}
	return false
}
