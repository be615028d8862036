package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pullBytes bounds what is fetched ahead; it must hold the largest message.
	pullBytes = 16 << 20
	// silence is how long a message that must be there may take to come before it is asked for by its sequence.
	silence = 2 * time.Second
	// idleConsumer is after how long the engine forgets a consumer that nobody pulls from.
	idleConsumer = time.Minute
)

// errDry says that a scan has come to the end it was given.
var errDry = errors.New("nothing more")

// A scan reads the messages of a lane in order from its own place, over all generations. It trusts nothing: each message
// must be the one behind the last, in the stream and by its batch numbers; what is missing is reported and passed over.
type scan struct {
	j    *Journal
	l    *lane
	at   uint64 // last batch seen or given up
	gen  *generation
	next uint64 // sequence of the next message in the stream of gen

	str      jetstream.Stream
	consumer string
	messages jetstream.MessagesContext
}

// message returns the next message with batches above at, of those up to batch upto, and moves at to its last batch.
func (s *scan) message(ctx context.Context, upto uint64) (h header, rest []byte, err error) {
	for {
		if s.at >= upto {
			return h, nil, errDry
		}
		if err := s.turn(ctx); err != nil {
			return h, nil, err
		}
		if s.spent(upto) {
			continue
		}
		data, err := s.fetch(ctx)
		if err != nil {
			return h, nil, err
		}
		if data == nil {
			continue
		}
		h, rest, err = parseHeader(data)
		if err == nil {
			err = s.j.belongs(&h, s.l, s.gen)
		}
		if err != nil {
			s.j.metrics.unread.Inc()
			s.j.o.Log.Error("journal message cannot be read", "stream", s.gen.Stream, "message", s.next-1, "cause", err)
			continue
		}
		if h.last() <= s.at {
			continue
		}
		s.gap(h.prev, "messages before batch are gone")
		s.at = h.last()
		return h, rest, nil
	}
}

// turn makes gen the generation that holds what comes next.
func (s *scan) turn(ctx context.Context) error {
	gen := s.l.holding(s.at)
	if gen == nil || gen == s.gen && s.str != nil {
		return nil
	}
	s.close()
	str, err := s.j.eng.stream(ctx, gen.Stream)
	if errorCode(err) == codeNoStream {
		s.l.mu.Lock()
		last, _ := s.l.lastOf(gen)
		s.l.mu.Unlock()
		s.gap(last, "the stream is gone")
		s.at = max(s.at, last)
		return nil
	}
	if err != nil {
		return fmt.Errorf("open stream %s: %w", gen.Stream, err)
	}
	next, err := s.j.seek(ctx, str, s.l, gen, s.at)
	if err != nil {
		return fmt.Errorf("find batch %d in stream %s: %w", s.at+1, gen.Stream, err)
	}
	s.gen, s.str, s.next = gen, str, next
	return nil
}

// spent notices that the stream at hand has no further message although batches up to upto were in it: they are lost. It
// is true when there is nothing to fetch.
func (s *scan) spent(upto uint64) bool {
	if s.gen == nil || s.str == nil {
		return true // a stream that is gone was passed over
	}
	s.l.mu.Lock()
	last, lastSeq := s.l.lastOf(s.gen)
	s.l.mu.Unlock()
	if s.next <= lastSeq {
		return false
	}
	end := min(last, upto)
	s.gap(end, "messages at the end of the stream cannot be read")
	s.at = max(s.at, end)
	return true
}

// gap reports what is missing between at and the batch before the next one there is. What was purged is not missing.
func (s *scan) gap(prev uint64, reason string) {
	s.l.mu.Lock()
	var purged uint64
	stream := ""
	for _, g := range s.l.gens {
		if g.Purged > purged && g.Purged <= prev {
			purged = g.Purged
		}
	}
	if s.gen != nil {
		stream = s.gen.Stream
	}
	s.l.mu.Unlock()
	if from := max(s.at, purged) + 1; from <= prev {
		s.j.lose(Loss{Partition: s.l.partition, From: from, To: prev, Stream: stream, Reason: reason})
	}
}

// fetch gets the message at next, or the first behind it when that is gone, and moves next on. Nil without an error means
// that there was none this time.
func (s *scan) fetch(ctx context.Context) ([]byte, error) {
	if s.messages == nil {
		if err := s.consume(ctx); err != nil {
			return nil, err
		}
	}
	wait, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	msg, err := s.messages.Next(jetstream.NextContext(wait))
	if err != nil {
		s.stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return s.fetchOne(ctx)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return nil, fmt.Errorf("message without its place: %w", err)
	}
	switch seq := meta.Sequence.Stream; {
	case seq < s.next:
		return nil, nil
	case seq > s.next:
		s.stop() // it may have been delivered and missed: asking tells
		return s.fetchOne(ctx)
	}
	s.next++
	return msg.Data(), nil
}

// fetchOne asks for the message at next itself. When the stream does not have it, next moves on.
func (s *scan) fetchOne(ctx context.Context) ([]byte, error) {
	data, err := getMessage(ctx, s.str, s.next)
	if err == nil {
		s.next++
		return data, nil
	}
	if errorCode(err) != codeNoMessage {
		s.str = nil // after a restart of the engine the handle is stale
		return nil, fmt.Errorf("read message %d of stream %s: %w", s.next, s.gen.Stream, err)
	}
	s.j.metrics.unread.Inc()
	s.j.o.Log.Error("journal message is gone", "stream", s.gen.Stream, "message", s.next)
	s.next++
	return nil, nil
}

// consume begins to read at next.
func (s *scan) consume(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	consumer, err := s.str.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       s.next,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: idleConsumer,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		s.str = nil
		return fmt.Errorf("read stream %s from message %d: %w", s.gen.Stream, s.next, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(pullBytes))
	if err != nil {
		return fmt.Errorf("read stream %s from message %d: %w", s.gen.Stream, s.next, err)
	}
	s.messages, s.consumer = messages, consumer.CachedInfo().Name
	return nil
}

// stop ends the reading ahead; the place is kept.
func (s *scan) stop() {
	if s.messages == nil {
		return
	}
	s.messages.Stop()
	s.messages = nil
	if s.str != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.str.DeleteConsumer(ctx, s.consumer) // else it goes by itself after idleConsumer
	}
}

// close ends the scan of the stream at hand.
func (s *scan) close() {
	s.stop()
	s.gen, s.str, s.next = nil, nil, 0
}
