package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/internal/fault"
)

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
		if try == 0 && j.madeRoom(ctx, l, m) {
			return false, nil
		}
		j.nudge()
		return false, fault.New(fault.Full, "append %s events: the journal holds its %d MB and waits for %s (give it more room, or see what holds them up)",
			l.class, j.o.MaxBytes[l.class]>>20, strings.Join(j.slowest(l), ", "))
	case code == codeWrongLast || code == codeWrongLastRepl:
		return j.compare(ctx, l, m)
	case errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return false, fault.New(fault.Invalid, "append events: a message of %d bytes is more than %s takes (raise its max_payload)", len(m.data), j.o.URL)
	}
	j.o.Log.Warn("journal publish has no answer", "partition", l.partition, "batch", m.first, "try", try, "cause", err)
	if !j.eng.inside() {
		if _, err := j.eng.stream(ctx, m.gen.Stream); errorCode(err) == codeNoStream {
			return false, j.renew(ctx, l)
		}
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

// madeRoom purges what can be and reports whether there is more room than when a message was refused, which may as well be
// upkeep's doing.
func (j *Journal) madeRoom(ctx context.Context, l *lane, m *outgoing) bool {
	j.purge(ctx, l)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.purges > m.purges
}

// compare looks at what a stream has in the place of a message that was refused because the stream is longer than told.
func (j *Journal) compare(ctx context.Context, l *lane, m *outgoing) (stored bool, final error) {
	str, err := j.eng.stream(ctx, m.gen.Stream)
	if err != nil {
		return false, nil // ask again
	}
	st, err := state(ctx, str)
	if err != nil {
		return false, nil
	}
	if st.LastSeq < m.seq-1 {
		return false, j.renew(ctx, l)
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

// renew checks a stream that has lost its end, or is gone, and turns to a new one. Its error is for the message at hand,
// which surely is not stored.
func (j *Journal) renew(ctx context.Context, l *lane) error {
	j.repair.Lock()
	defer j.repair.Unlock()
	if err := j.recheck(ctx, l); err != nil {
		return fault.New(fault.Unavailable, "append events: check the stream: %w", err)
	}
	return fault.New(fault.Unavailable, "append events: the stream had lost messages, a new one was begun")
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
		return false, fault.New(fault.Full, "append events: no space left on the disk of %s (free some space)", j.o.Dir)
	}
	return false, nil
}
