package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
}

// compose makes one message of a group.
func (j *Journal) compose(l *lane, group []*entry) (*outgoing, error) {
	l.mu.Lock()
	gen := l.current()
	m := &outgoing{gen: gen, seq: l.headSeq + 1, header: header{epoch: j.epochID, generation: gen.Number, partition: l.partition,
		count: uint16(len(group)), first: l.next, prev: l.head}}
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

// send publishes a message once. Nil means that it is stored under its sequence. The incarnation is that of the engine
// which was asked.
func (j *Journal) send(ctx context.Context, l *lane, m *outgoing) (incarnation int, err error) {
	e := j.eng
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.js == nil || e.nc == nil {
		return e.incarnation, errors.New("engine is not running")
	}
	msg := &nats.Msg{Subject: j.subject(l, m.gen.Number), Data: m.data, Header: nats.Header{}}
	future, err := e.js.PublishMsgAsync(msg, jetstream.WithMsgID(m.id), jetstream.WithExpectLastSequence(m.seq-1), jetstream.WithRetryAttempts(0))
	if err != nil {
		return e.incarnation, err
	}
	timeout, sick := time.NewTimer(publishTimeout), time.NewTicker(healthEvery)
	defer timeout.Stop()
	defer sick.Stop()
	for {
		select {
		case ack := <-future.Ok():
			if ack.Sequence != m.seq {
				return e.incarnation, fmt.Errorf("stored as message %d, want %d", ack.Sequence, m.seq)
			}
			return e.incarnation, nil
		case err := <-future.Err():
			return e.incarnation, err
		case <-timeout.C:
			return e.incarnation, context.DeadlineExceeded
		case <-ctx.Done():
			return e.incarnation, ctx.Err()
		case <-sick.C:
			if err := healthOf(e.srv, m.gen.Stream); err != nil {
				return e.incarnation, err
			}
		}
	}
}

// resolve finds out what became of a message whose publish brought err. An error of its own is final: surely not stored.
// Otherwise stored says whether it is in the stream; false asks for another try with the same bytes and id.
func (j *Journal) resolve(ctx context.Context, l *lane, m *outgoing, incarnation, try int, err error) (stored bool, final error) {
	switch code := errorCode(err); {
	case code == codeMaxBytes && strings.Contains(err.Error(), "maximum bytes"), code == codeNoResources, code == codeNoStorage:
		if try == 0 && j.purge(ctx, l) > 0 {
			return false, nil
		}
		j.nudge()
		return false, fault.New(fault.Full, "append %s events: the journal holds its %d MB and waits for %s (give it more room, or see what holds them up)",
			l.class, j.o.MaxBytes[l.class]>>20, strings.Join(j.slowest(l), ", "))
	case code == codeWrongLast || code == codeWrongLastRepl:
		return j.compare(ctx, l, m)
	}
	j.o.Log.Warn("journal publish has no answer", "partition", l.partition, "batch", m.first, "try", try, "cause", err)
	if !j.eng.inside() {
		return false, nil
	}
	sick := j.eng.health(m.gen.Stream)
	if sick == nil && try < patience {
		return false, nil
	}
	if sick == nil {
		sick = err
	}
	return j.restart(ctx, l, m, incarnation, sick)
}

// compare looks at what a stream has in the place of a message that was refused because the stream is longer than told.
func (j *Journal) compare(ctx context.Context, l *lane, m *outgoing) (stored bool, final error) {
	str, err := j.eng.stream(ctx, m.gen.Stream)
	if err != nil {
		return false, nil // ask again
	}
	there, err := getMessage(ctx, str, m.seq)
	if err == nil && string(there) == string(m.data) {
		return true, nil
	}
	if err != nil && errorCode(err) != codeNoMessage {
		return false, nil
	}
	final = fault.New(fault.Unavailable, "append events: stream %s has messages that this journal did not write (does another process use node %d?)", m.gen.Stream, j.o.Node)
	l.refuse(final)
	return false, final
}

// restart reopens the inside engine and looks whether the message is there.
func (j *Journal) restart(ctx context.Context, l *lane, m *outgoing, incarnation int, cause error) (stored bool, final error) {
	full := errors.Is(cause, syscall.ENOSPC) || strings.Contains(cause.Error(), "no space left")
	if full {
		j.space.full()
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := j.reopen(ctx, incarnation, cause)
		if err == nil {
			break
		}
		l.refuse(fault.New(fault.Unavailable, "append events: reopen the journal: %w", err))
		j.o.Log.Error("journal cannot be reopened", "cause", err)
		if !j.pause(ctx, wait) {
			return false, errLeft
		}
	}
	l.refuse(nil)
	l.mu.Lock()
	gen, seq := l.current(), l.headSeq
	l.mu.Unlock()
	if gen == m.gen && seq >= m.seq {
		return true, nil // reopen found it and moved the head
	}
	if gen != m.gen {
		return false, fault.New(fault.Unavailable, "append events: the journal began a new stream after %w", cause)
	}
	if full {
		if err := j.space.check(0); err != nil {
			return false, err
		}
		return false, fault.New(fault.Full, "append events: no space left on the disk of %s", j.o.Dir)
	}
	return false, nil
}

// accepted moves the head behind a stored message, which is synced, and hands its batches on.
func (j *Journal) accepted(l *lane, m *outgoing, group []*entry) error {
	if err := j.syncNewBlock(l, m.gen); err != nil {
		j.o.Log.Error("journal folder cannot be synced", "cause", err)
	}
	l.mu.Lock()
	if m.first != m.prev+1 {
		l.jumps = append(l.jumps, jump{Prev: m.prev, First: m.first})
	}
	prev := m.prev
	for i, e := range group {
		e.place = Place{Partition: l.partition, Sequence: m.first + uint64(i)}
		e.batch.Partition, e.batch.Sequence = e.place.Partition, e.place.Sequence
		if len(l.readers) > 0 {
			l.fresh.push(e.batch, prev)
		}
		prev = e.place.Sequence
	}
	turn := m.seq
	l.head, l.headSeq, l.next = m.last(), m.seq, max(l.next, m.last()+1)
	l.marks.add(mark{seq: m.seq, last: m.last(), bytes: int64(len(m.data))})
	l.stored += int64(len(m.data))
	l.refusal = nil
	l.notify()
	l.mu.Unlock()
	a := acked{epoch: j.epochID, generation: m.gen.Number, partition: l.partition, last: m.last(), seq: m.seq}
	if err := j.acked.write(l.class, turn, &a); err != nil {
		j.o.Log.Warn("journal cannot note what it acknowledged", "cause", err)
	}
	j.unsaved.Store(true)
	j.o.Crash("after-ack-before-return")
	if j.space != nil {
		j.space.works()
	}
	class := l.class.String()
	j.metrics.batches.WithLabelValues(class).Add(float64(len(group)))
	j.metrics.events.WithLabelValues(class).Add(float64(m.rows))
	j.metrics.bytes.WithLabelValues(class).Add(float64(len(m.data)))
	j.metrics.messages.WithLabelValues(class).Inc()
	return nil
}

// coarse is how exact the times of folders may be.
const coarse = 20 * time.Millisecond

// syncNewBlock makes the directory entry of a new block safe, which the engine leaves to its next round. The time of the
// folder tells that there is one; because times are coarse, a folder changed just now is looked at again the next time.
func (j *Journal) syncNewBlock(l *lane, g *generation) error {
	if !j.eng.inside() {
		return nil
	}
	folder := filepath.Join(j.eng.streamFolder(g.Stream), "msgs")
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	changed, now := info.ModTime(), time.Now()
	if changed.Equal(l.folderTime) && l.folderSure {
		return nil
	}
	if err := syncFile(folder); err != nil {
		return err
	}
	l.folderTime, l.folderSure = changed, now.Sub(changed) > coarse
	return nil
}
