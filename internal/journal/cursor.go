package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

const (
	// purgeBytes is how much must be done with before it is purged; purgeEvery is how long less than that may wait.
	purgeBytes = 16 << 20
	purgeEvery = 30 * time.Second
)

// Resolve translates a position into this journal: one of its epoch stays as it is; one of another, and the zero position,
// becomes the start of this journal, which is logged when it means that a position is given up.
func (j *Journal) Resolve(p event.Position) event.Position {
	if p.Epoch == j.epoch {
		return p
	}
	if p.Epoch != "" {
		j.o.Log.Warn("position is of another journal; starting at the beginning of this one", "position", p.String(), "epoch", j.epoch)
	}
	return event.Position{Epoch: j.epoch}
}

// Commit notes that a cursor has dealt with everything up to p, so that it can be purged. It never moves back, and
// partitions that p does not name stay where they are; the zero position says nothing. The note reaches the disk within two seconds and at Close; after a
// crash a cursor may stand a little earlier, so who needs exactly once keeps the position with what he writes.
func (j *Journal) Commit(cursor string, p event.Position) error {
	if p.Epoch == "" && len(p.Seqs) == 0 {
		return nil
	}
	if p.Epoch != j.epoch {
		return fault.New(fault.Conflict, "commit cursor %s: position %s is of another journal, this one is %s", cursor, p, j.epoch)
	}
	j.mu.Lock()
	seqs, ok := j.cursors[cursor]
	for part, seq := range p.Seqs {
		if ok && seqs[part] < seq {
			seqs[part] = seq
			j.dirty.Store(true)
		}
	}
	j.mu.Unlock()
	if !ok {
		return fault.New(fault.NotFound, "commit cursor %s: the journal was not opened with it", cursor)
	}
	for _, l := range j.lanes {
		j.provenLoss(l, p.Seqs[l.partition], "cursor "+cursor)
	}
	return nil
}

// Cursor returns the position of a cursor, that of the journal's start when it has none.
func (j *Journal) Cursor(name string) event.Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return event.Position{Epoch: j.epoch, Seqs: maps.Clone(j.cursors[name])}
}

// committed returns the batch up to which all cursors are through with a partition; false when there are no cursors.
func (j *Journal) committed(partition uint16) (upto uint64, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := true
	for _, seqs := range j.cursors {
		if first || seqs[partition] < upto {
			upto = seqs[partition]
		}
		first = false
	}
	return upto, !first
}

// slowest names the cursors that hold up a lane.
func (j *Journal) slowest(l *lane) []string {
	upto, ok := j.committed(l.partition)
	if !ok {
		return []string{"a cursor, of which there is none"}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var names []string
	for name, seqs := range j.cursors {
		if seqs[l.partition] == upto {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// nudge asks for a round of upkeep now.
func (j *Journal) nudge() {
	select {
	case j.poke <- struct{}{}:
	default:
	}
}

// purge removes from the streams of a lane what every cursor has committed. Its errors are logged: the next round tries
// again.
func (j *Journal) purge(ctx context.Context, l *lane) {
	upto, ok := j.committed(l.partition)
	if !ok {
		return
	}
	l.purging.Lock()
	defer l.purging.Unlock()
	l.mu.Lock()
	gens := slices.Clone(l.gens)
	l.mu.Unlock()
	var messages uint64
	failed := false
	for i, gen := range gens {
		n, err := j.purgeGeneration(ctx, l, gen, upto, i == len(gens)-1)
		messages += n
		if err != nil {
			j.o.Log.Warn("journal purge", "stream", gen.Stream, "cause", err)
			failed = true
			break
		}
	}
	l.mu.Lock()
	l.ailing = failed
	if messages > 0 {
		l.purged = time.Now()
		l.purges++
	}
	l.jumps = slices.DeleteFunc(l.jumps, func(k jump) bool { return k.First <= upto })
	l.mu.Unlock()
}

// purgeGeneration removes the messages of one generation up to batch upto, and the whole stream when it is an old one.
func (j *Journal) purgeGeneration(ctx context.Context, l *lane, gen *generation, upto uint64, current bool) (messages uint64, err error) {
	l.mu.Lock()
	last, lastSeq := l.lastOf(gen)
	noted, done, was := gen.Purged, gen.purgedSeq, gen.PurgedSeq
	l.mu.Unlock()
	if !current && upto >= last {
		return lastSeq - min(lastSeq, was), j.dropGeneration(ctx, l, gen)
	}
	str, err := j.eng.stream(ctx, gen.Stream)
	if err != nil {
		return 0, err
	}
	seq := was
	if upto = min(upto, last); upto > noted {
		if seq, err = j.notePurge(ctx, str, l, gen, upto, current); err != nil {
			return 0, err
		}
	}
	if seq <= done {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	if err := str.Purge(ctx, jetstream.WithPurgeSequence(seq+1)); err != nil {
		return 0, err
	}
	l.mu.Lock()
	gen.purgedSeq = seq
	l.mu.Unlock()
	j.o.Crash("after-purge")
	return seq - min(seq, was), nil
}

// notePurge finds the last message of a generation that can go and notes it: a purge that is not noted looks like a loss
// at the next start. Where it cannot be noted because the disk is full, the purge is what helps.
func (j *Journal) notePurge(ctx context.Context, str jetstream.Stream, l *lane, gen *generation, upto uint64, current bool) (seq uint64, err error) {
	first, err := j.seek(ctx, str, l, gen, upto)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	_, lastSeq := l.lastOf(gen)
	l.mu.Unlock()
	purged := upto
	if first <= lastSeq { // the message at first stays, and tells what is before it
		h, _, err := j.firstReadable(ctx, str, l, gen, first, lastSeq+1)
		if err != nil {
			return 0, err
		}
		if h.first != 0 {
			purged = min(upto, h.prev)
		}
	}
	l.mu.Lock()
	seq = gen.PurgedSeq
	if first <= seq+1 { // the message is there still for the batches behind upto
		l.mu.Unlock()
		return seq, nil
	}
	gen.Purged, gen.PurgedSeq = max(gen.Purged, purged), first-1
	seq = gen.PurgedSeq
	if current {
		l.stored -= min(l.stored, l.marks.drop(purged))
	}
	l.mu.Unlock()
	if err := j.writeGuard(false); err != nil {
		j.o.Log.Warn("journal guard", "cause", err)
	}
	j.o.Crash("after-guard-before-purge")
	return seq, nil
}

// dropGeneration removes an old stream that every cursor is through with.
func (j *Journal) dropGeneration(ctx context.Context, l *lane, gen *generation) error {
	l.mu.Lock()
	gen.Purged, gen.PurgedSeq = gen.Last, gen.LastSeq
	l.mu.Unlock()
	if err := j.writeGuard(false); err != nil {
		j.o.Log.Warn("journal guard", "cause", err)
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	if err := j.eng.js.DeleteStream(ctx, gen.Stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete stream %s: %w", gen.Stream, err)
	}
	l.mu.Lock()
	l.gens = slices.DeleteFunc(slices.Clone(l.gens), func(g *generation) bool { return g == gen })
	l.mu.Unlock()
	j.dirty.Store(true)
	j.o.Log.Info("journal stream is done with", "stream", gen.Stream)
	return nil
}
