package journal

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/event"
)

// An Entry is a batch in the journal, without its rows.
type Entry struct {
	Place
	Kind    event.Kind
	Rows    int
	Sources []event.SourceRange
}

// Tail calls f for each batch behind a position that is in the journal now, in order within each partition, until f
// returns false. It reads every message but unpacks none, so that a start learns cheaply how far each source was accepted.
func (j *Journal) Tail(ctx context.Context, after event.Position, f func(Entry) bool) error {
	after = j.Resolve(after)
	for _, l := range j.lanes {
		more, err := j.tailLane(ctx, l, after.Seq(l.partition), f)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (j *Journal) tailLane(ctx context.Context, l *lane, at uint64, f func(Entry) bool) (more bool, err error) {
	l.mu.Lock()
	head := l.head
	l.mu.Unlock()
	s := &scan{j: j, l: l, at: at}
	defer s.close()
	for wait := 20 * time.Millisecond; ; {
		h, rest, err := s.message(ctx, head)
		if errors.Is(err, errDry) {
			return true, nil
		}
		if err != nil {
			if wait > time.Second || !j.pause(ctx, wait) {
				return false, err
			}
			wait *= 2
			continue
		}
		list, err := frames(&h, rest)
		if err != nil {
			return false, err
		}
		for i, fr := range list {
			e := Entry{Place: Place{Partition: l.partition, Sequence: h.first + uint64(i)}, Kind: fr.kind, Rows: fr.rows, Sources: fr.sources}
			if e.Sequence > at && !f(e) {
				return false, nil
			}
		}
	}
}
