package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

const (
	// publishTimeout is how long a publish may go unanswered before its outcome counts as unknown.
	publishTimeout = 2 * time.Second
	// healthEvery is how often the engine is asked for its health while a publish goes unanswered.
	healthEvery = 300 * time.Millisecond
	// patience is how many publishes may go unanswered by an engine that calls itself healthy before it is restarted.
	patience = 3
	// outage is how long an outside engine may be away before new batches are refused at once.
	outage = 5 * time.Second
)

// errLeft is the outcome of a group that could not be resolved before the journal was closed.
var errLeft = fault.New(fault.Unavailable, "append events: journal closed: %w", ErrUnknown)

// publishLoop writes what is queued in a lane, group by group, one at a time.
func (j *Journal) publishLoop(ctx context.Context, l *lane) {
	var ended time.Time // when the group before was done
	for {
		select {
		case <-l.wake:
		case <-j.quit:
			return
		}
		for {
			group := j.gather(l, ended)
			if group == nil {
				break
			}
			err := j.publish(ctx, l, group)
			j.settle(l, group, err)
			ended = time.Now()
			if errors.Is(err, ErrUnknown) {
				return
			}
		}
	}
}

// gather takes the next group out of the queue; nil when it is empty. A small one that comes right behind another waits a
// moment for company.
func (j *Journal) gather(l *lane, ended time.Time) []*entry {
	if wait := j.o.GroupDelay - time.Since(ended); wait > 0 && j.small(l) {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		for waiting := true; waiting && j.small(l); {
			select {
			case <-timer.C:
				waiting = false
			case <-l.wake:
			case <-j.sealing:
				waiting = false
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := j.eng.maxMessage()
	rows, bytes, n := 0, messageHeader, 0
	for ; n < len(l.queue) && n < maxGroup; n++ {
		e := l.queue[n]
		size := len(e.msg) - messageHeader
		if n > 0 && (rows+e.batch.Rows > j.o.GroupRows || bytes+size > limit) {
			break
		}
		rows, bytes = rows+e.batch.Rows, bytes+size
	}
	if n == 0 {
		return nil
	}
	group := append([]*entry(nil), l.queue[:n]...)
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
	l.queued -= bytes - messageHeader
	l.busy = true
	l.notify()
	return group
}

// small reports whether a fifth of a full group or less waits in a lane.
func (j *Journal) small(l *lane) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := 0
	for _, e := range l.queue {
		rows += e.batch.Rows
	}
	return rows < j.o.GroupRows/5 && rows > 0
}

// settle tells those who wait how their group fared.
func (j *Journal) settle(l *lane, group []*entry, err error) {
	if err != nil {
		j.countRefused(l, err, len(group))
	}
	l.mu.Lock()
	l.busy = false
	l.notify()
	l.mu.Unlock()
	for _, e := range group {
		if err != nil {
			e.err = err
		}
		close(e.done)
	}
}

// An outgoing message keeps its bytes, numbers and identity until its outcome is known.
type outgoing struct {
	header
	gen  *generation
	seq  uint64 // that it will have in the stream
	id   string // Nats-Msg-Id
	data []byte
	rows int
	// purges is how often the lane had been purged before the message was published.
	purges int
}

// compose makes one message of a group.
func (j *Journal) compose(l *lane, group []*entry) (*outgoing, error) {
	l.mu.Lock()
	gen := l.current()
	m := &outgoing{gen: gen, seq: l.headSeq + 1, header: header{epoch: j.epochID, generation: gen.Number, partition: l.partition,
		count: uint16(len(group)), first: l.next, prev: l.head}}
	m.purges = l.purges
	enough := m.last() <= l.reserved
	l.mu.Unlock()
	if !enough {
		if err := j.reserveMore(l, m.last()); err != nil {
			return nil, err
		}
	}
	m.data = group[0].msg
	for _, e := range group[1:] {
		m.data = append(m.data, e.msg[messageHeader:]...)
	}
	for _, e := range group {
		m.rows += e.batch.Rows
	}
	m.header.append(m.data[:0])
	seal(m.data)
	m.id = fmt.Sprintf("%s/%d/%d", j.epoch, l.partition, m.first)
	return m, nil
}

// publish writes a group and returns when it is synced, or surely not stored, or the journal is closed.
func (j *Journal) publish(ctx context.Context, l *lane, group []*entry) error {
	m, err := j.compose(l, group)
	if err != nil {
		return err
	}
	began := time.Now()
	for try := 0; ; try++ {
		if try > 0 {
			j.metrics.retries.Inc()
		}
		incarnation, err := j.send(ctx, l, m)
		j.o.Crash("after-publish-before-ack")
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return errLeft
		}
		stored, err := j.resolve(ctx, l, m, incarnation, try, err)
		if err != nil {
			return err
		}
		if stored {
			break
		}
		if j.refuseOutage(l, began) && !j.pause(ctx, min(100*time.Millisecond<<min(try, 5), publishTimeout)) {
			return errLeft
		}
	}
	j.metrics.publish.WithLabelValues(l.class.String()).Observe(time.Since(began).Seconds())
	return j.accepted(l, m, group)
}

// refuseOutage makes a lane refuse new batches when an outside engine has not answered for long. It is true with an
// outside engine: one that should not be asked again at once.
func (j *Journal) refuseOutage(l *lane, began time.Time) bool {
	if j.eng.inside() {
		return false
	}
	if time.Since(began) >= outage {
		l.refuse(fault.New(fault.Unavailable, "append events: %s has not answered for %v (is it running?)", j.o.URL, time.Since(began).Round(time.Second)))
	}
	return true
}

func (l *lane) refuse(err error) {
	l.mu.Lock()
	l.refusal = err
	l.mu.Unlock()
}

// pause waits; false when the journal closes meanwhile.
func (j *Journal) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
