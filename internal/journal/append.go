package journal

import (
	"context"
	"fmt"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// A scratch is memory for one encoding and its packed form, which live until they are copied out.
type scratch struct{ raw, packed []byte }

type scratchPool struct{ pool sync.Pool }

func (p *scratchPool) get() *scratch {
	if s, ok := p.pool.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// put keeps the memory for the next batch, unless it is uncommonly large.
func (p *scratchPool) put(s *scratch) {
	if cap(s.raw)+cap(s.packed) <= 8<<20 {
		p.pool.Put(s)
	}
}

// A Receipt stands for a batch that was submitted.
type Receipt struct{ e *entry }

// Done is closed when the outcome is known.
func (r *Receipt) Done() <-chan struct{} { return r.e.done }

// Wait returns the place of the batch once it is synced, or why it was not accepted. When ctx ends first the error wraps
// ErrUnknown and fault.Unavailable, and the journal goes on.
func (r *Receipt) Wait(ctx context.Context) (Place, error) {
	select {
	case <-r.e.done:
		return r.e.place, r.e.err
	default:
	}
	select {
	case <-r.e.done:
		return r.e.place, r.e.err
	case <-ctx.Done():
		return Place{}, fault.New(fault.Unavailable, "append %d %s events: %w: %w", r.e.batch.Rows, r.e.batch.Kind, ErrUnknown, context.Cause(ctx))
	}
}

// Append accepts a batch: it returns when the batch is synced, with its place, which is also put into the batch. The batch
// must not be changed any more. Batches that one caller appends one after the other keep their order.
//
// An error that wraps fault.Full, fault.Unavailable or fault.Invalid says that the batch was not accepted, unless it wraps
// ErrUnknown too: then ctx ended while it was being written.
func (j *Journal) Append(ctx context.Context, b *event.Batch) (Place, error) {
	r, err := j.Submit(ctx, b)
	if err != nil {
		return Place{}, err
	}
	select {
	case <-r.e.done:
		return r.e.place, r.e.err
	case <-ctx.Done():
	}
	if j.withdraw(r.e) {
		return Place{}, fault.New(fault.Unavailable, "append %d %s events: %w", b.Rows, b.Kind, context.Cause(ctx))
	}
	return r.Wait(ctx)
}

// Submit hands a batch in and returns before it is synced, so that a single caller can prepare the next one meanwhile.
// Batches are written in the order in which Submit returned. It waits while much is underway already, until ctx ends.
func (j *Journal) Submit(ctx context.Context, b *event.Batch) (*Receipt, error) {
	l := j.lanes[ClassOf(b.Kind)]
	e, err := j.prepare(b)
	if err == nil {
		err = j.enqueue(ctx, l, e)
	}
	if err != nil {
		j.countRefused(l, err, 1)
		return nil, err
	}
	return &Receipt{e: e}, nil
}

func (j *Journal) countRefused(l *lane, err error, n int) {
	reason := "other"
	if kind := fault.Kind(err); kind != nil {
		reason = kind.Error()
	}
	j.metrics.refused.WithLabelValues(l.class.String(), reason).Add(float64(n))
}

// prepare encodes a batch on the caller's goroutine, which is what most of the work is.
func (j *Journal) prepare(b *event.Batch) (*entry, error) {
	if j.sealed.Load() {
		return nil, fault.New(fault.Unavailable, "append events: the journal takes no more, tocsin is stopping")
	}
	least := 1
	if len(b.Sources) > 0 {
		least = 0 // it says how far a source was read in which there was no event, or that time has passed
	}
	if b.Rows < least || b.Rows > event.MaxRows || !event.Of(event.Kinds()...).Has(b.Kind) {
		return nil, fault.New(fault.Invalid, "append batch: %d rows of %s, want %d to %d of a known kind", b.Rows, b.Kind, least, event.MaxRows)
	}
	s := j.scratch.get()
	defer j.scratch.put(s)
	var err error
	s.packed, s.raw, err = appendFrame(s.packed[:0], s.raw, b)
	if n, limit := len(s.packed), j.eng.maxMessage()-messageHeader; err == nil && n > limit {
		err = fmt.Errorf("%d rows take %d bytes packed, want %d at most: make smaller batches", b.Rows, n, limit)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "append batch: %w", err)
	}
	msg := make([]byte, messageHeader, messageHeader+len(s.packed))
	return &entry{batch: b, msg: append(msg, s.packed...), done: make(chan struct{})}, nil
}

// enqueue waits for room and puts an entry in the queue.
func (j *Journal) enqueue(ctx context.Context, l *lane, e *entry) error {
	if j.space != nil {
		if err := j.space.check(int64(len(e.msg))); err != nil {
			j.nudge() // a purge may help
			return err
		}
	}
	for {
		l.mu.Lock()
		if j.sealed.Load() {
			l.mu.Unlock()
			return fault.New(fault.Unavailable, "append events: the journal takes no more, tocsin is stopping")
		}
		if err := l.refusal; err != nil {
			l.mu.Unlock()
			return err
		}
		if len(l.queue) == 0 || l.queued+len(e.msg) <= maxQueued {
			l.queue = append(l.queue, e)
			l.queued += len(e.msg)
			l.mu.Unlock()
			l.ring()
			return nil
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "append events: the journal is busy: %w", context.Cause(ctx))
		}
	}
}

// ring tells the writer that there is work.
func (l *lane) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// withdraw takes an entry out of the queue; false when the writer has it already.
func (j *Journal) withdraw(e *entry) bool {
	l := j.lanes[ClassOf(e.batch.Kind)]
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, queued := range l.queue {
		if queued == e {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.queued -= len(e.msg)
			l.notify()
			return true
		}
	}
	return false
}
