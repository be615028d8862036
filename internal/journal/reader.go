package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// A Reader hands out the batches of one partition in order, each once. It is for one goroutine at a time.
type Reader struct {
	j       *Journal
	l       *lane
	at      uint64 // last batch handed out or passed over
	scan    scan
	pending []*event.Batch // taken from the stream, not handed out yet
}

// Reader returns a reader of the batches behind a position. Batches that are gone, because a cursor that was not
// registered fell behind the purge or the engine lost them, are passed over; the latter are in Losses.
func (j *Journal) Reader(after event.Position, partition uint16) (*Reader, error) {
	l, err := j.lane(partition)
	if err != nil {
		return nil, err
	}
	at := j.Resolve(after).Seq(partition)
	j.provenLoss(l, at, "reader")
	r := &Reader{j: j, l: l, at: at}
	r.scan = scan{j: j, l: l, at: at}
	l.mu.Lock()
	l.readers[r] = struct{}{}
	l.mu.Unlock()
	return r, nil
}

// Position returns the position behind the last batch that Next returned, for this partition alone.
func (r *Reader) Position() event.Position {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	return event.Position{Epoch: r.j.epoch, Seqs: map[uint16]uint64{r.l.partition: r.at}}
}

// Close gives the reader up: batches are no longer kept in memory for it, and Next returns an error. It must be called
// unless Next returned an error that was not of its context.
func (r *Reader) Close() {
	r.scan.close()
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	delete(r.l.readers, r)
	r.l.trim()
}

// trim forgets fresh batches that all readers have. The caller holds mu.
func (l *lane) trim() {
	low := l.head
	for r := range l.readers {
		low = min(low, r.at)
	}
	l.fresh.drop(low)
}

// Next returns the next batch, waiting for one when there is none. It returns io.EOF when the journal is sealed and all
// was handed out. While the engine does not answer it tries again until ctx ends. The batch may be shared with others and
// must not be changed.
func (r *Reader) Next(ctx context.Context) (*event.Batch, error) {
	for wait := 20 * time.Millisecond; ; {
		b, changed, err := r.look()
		if b != nil && r.scan.at != b.Sequence && len(r.pending) == 0 {
			r.scan.close() // it came from memory: the place in the stream is left
			r.scan.at = b.Sequence
		}
		if err != nil {
			r.scan.close()
		}
		if b != nil || err != nil {
			return b, err
		}
		if changed != nil {
			select {
			case <-changed:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			continue
		}
		if err = r.fill(ctx); err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.j.o.Log.Warn("journal read", "partition", r.l.partition, "behind", r.scan.at, "cause", err)
		if err := r.rest(ctx, wait); err != nil {
			return nil, err
		}
		wait = min(2*wait, time.Second)
	}
}

// rest waits before another try.
func (r *Reader) rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.j.quit:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look returns the next batch when it is at hand; a channel to wait on when there is none yet; nothing when it has to be
// read from the stream.
func (r *Reader) look() (b *event.Batch, changed <-chan struct{}, err error) {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.readers[r]; !open {
		return nil, nil, fault.New(fault.Unavailable, "read journal: reader is closed")
	}
	if len(r.pending) > 0 {
		b, r.pending = r.pending[0], r.pending[1:]
		r.took(b.Sequence, "stream")
		return b, nil, nil
	}
	r.at = max(r.at, r.scan.at) // what the stream has lost is behind us
	if b := l.fresh.after(r.at); b != nil {
		r.took(b.Sequence, "memory")
		return b, nil, nil
	}
	if l.head > r.at {
		if r.j.gone() {
			return nil, nil, errClosed
		}
		return nil, nil, nil
	}
	if r.j.sealed.Load() && len(l.queue) == 0 && !l.busy {
		return nil, nil, io.EOF
	}
	if r.j.gone() {
		return nil, nil, errClosed
	}
	return nil, l.changed, nil
}

// took moves the reader on. The caller holds the lane's lock.
func (r *Reader) took(seq uint64, from string) {
	r.at = seq
	r.l.trim()
	r.j.metrics.fromCache.WithLabelValues(from).Inc()
}

// gone reports whether the journal is closed.
func (j *Journal) gone() bool {
	select {
	case <-j.quit:
		return true
	default:
		return false
	}
}

// fill reads the next message from the stream.
func (r *Reader) fill(ctx context.Context) error {
	r.l.mu.Lock()
	head := r.l.head
	r.l.mu.Unlock()
	before := r.scan.at
	h, rest, err := r.scan.message(ctx, head)
	if errors.Is(err, errDry) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := frames(&h, rest)
	for i := range list {
		seq := h.first + uint64(i)
		if seq <= before {
			continue
		}
		b, failed := list[i].batch()
		if failed != nil {
			err = failed
			break
		}
		b.Partition, b.Sequence = r.l.partition, seq
		r.pending = append(r.pending, b)
	}
	if err != nil { // the checksum was right: it was written so, or by another version
		r.j.metrics.unread.Inc()
		r.j.lose(Loss{Partition: r.l.partition, From: max(before+1, h.first+uint64(len(r.pending))), To: h.last(),
			Stream: r.scan.gen.Stream, Reason: fmt.Sprintf("message cannot be unpacked: %v", err)})
	}
	return nil
}
