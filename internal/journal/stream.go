package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// streamName names the stream of one generation; it stays the same for ever, so that it can be found without the guard.
func (j *Journal) streamName(l *lane, generation uint32) string {
	return fmt.Sprintf("tocsin-%s-%d-%d", j.epoch, l.partition, generation)
}

// parseStreamName is the inverse of streamName; false for streams that are not a journal's.
func parseStreamName(name string) (epoch string, partition uint16, generation uint32, ok bool) {
	n, err := fmt.Sscanf(name, "tocsin-%16s-%d-%d", &epoch, &partition, &generation)
	return epoch, partition, generation, err == nil && n == 3 && len(epoch) == 16 && fmt.Sprintf("tocsin-%s-%d-%d", epoch, partition, generation) == name
}

// subject returns what the messages of one generation are published under.
func (j *Journal) subject(l *lane, generation uint32) string {
	return fmt.Sprintf("ev.%s.%d.%s.%d", l.class, l.partition, j.epoch, generation)
}

// createStream makes the stream of a generation, or takes the one that is there.
func (j *Journal) createStream(ctx context.Context, l *lane, generation uint32) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*apiTimeout) // it reads all blocks when there are some
	defer cancel()
	cfg := streamConfig(j.streamName(l, generation), j.subject(l, generation), streamLimit(j.o.MaxBytes[l.class]), j.o.Replicas)
	str, err := j.eng.js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	if j.eng.inside() {
		if err := syncTree(j.eng.dir, j.eng.streamFolder(cfg.Name)); err != nil {
			return nil, fmt.Errorf("sync the folder of stream %s: %w", cfg.Name, err)
		}
	}
	return str, nil
}

// getMessage fetches one message of a stream.
func getMessage(ctx context.Context, str jetstream.Stream, seq uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	m, err := str.GetMsg(ctx, seq)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// headerAt fetches the header of one message of a generation.
func (j *Journal) headerAt(ctx context.Context, str jetstream.Stream, l *lane, g *generation, seq uint64) (header, error) {
	data, err := getMessage(ctx, str, seq)
	if err != nil {
		return header{}, err
	}
	h, _, err := parseHeader(data)
	if err != nil {
		return h, err
	}
	return h, j.belongs(&h, l, g)
}

// belongs checks that a message is of a generation.
func (j *Journal) belongs(h *header, l *lane, g *generation) error {
	if h.epoch != j.epochID || h.partition != l.partition || h.generation != g.Number {
		return fmt.Errorf("message of epoch %x, partition %d, generation %d in stream %s: %w", h.epoch, h.partition, h.generation, g.Stream, errForeign)
	}
	return nil
}

// state asks for the state of a stream, with the sequences missing inside.
func state(ctx context.Context, str jetstream.Stream) (*jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	info, err := str.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return nil, err
	}
	st := &info.State
	slices.Sort(st.Deleted)
	st.Deleted = slices.DeleteFunc(st.Deleted, func(seq uint64) bool { // of an empty stream it lists 0
		return st.Msgs == 0 || seq <= st.FirstSeq || seq >= st.LastSeq
	})
	st.NumDeleted = len(st.Deleted)
	return st, nil
}

// seek returns the sequence of the first message of a generation that has a batch above number at; one behind the last
// message when none has. Messages that are missing are passed over.
func (j *Journal) seek(ctx context.Context, str jetstream.Stream, l *lane, g *generation, at uint64) (uint64, error) {
	st, err := state(ctx, str)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	last, lastSeq := l.lastOf(g)
	lo, hi := max(g.PurgedSeq+1, st.FirstSeq), lastSeq+1
	if g == l.current() {
		lo, hi = l.marks.around(at, lo, hi)
	}
	l.mu.Unlock()
	if at >= last {
		return lastSeq + 1, nil
	}
	for lo < hi {
		mid := lo + (hi-lo)/2
		h, at2, err := j.firstReadable(ctx, str, l, g, mid, hi)
		if err != nil {
			return 0, err
		}
		if at2 == hi || h.last() > at {
			hi = mid
		} else {
			lo = at2 + 1
		}
	}
	return lo, nil
}

// firstReadable returns the first message from seq on that can be read, and its sequence; end when there is none before.
func (j *Journal) firstReadable(ctx context.Context, str jetstream.Stream, l *lane, g *generation, seq, end uint64) (header, uint64, error) {
	for ; seq < end; seq++ {
		h, err := j.headerAt(ctx, str, l, g, seq)
		switch {
		case err == nil:
			return h, seq, nil
		case errorCode(err) != codeNoMessage && !isForeign(err):
			return h, 0, fmt.Errorf("read message %d of stream %s: %w", seq, g.Stream, err)
		}
	}
	return header{}, end, nil
}
