package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func isForeign(err error) bool { return errors.Is(err, errForeign) }

// recover reads the guard, starts the engine and makes sure that what it has is what was acknowledged.
func (j *Journal) recover(ctx context.Context) (err error) {
	if err := os.MkdirAll(j.o.Dir, 0o700); err != nil {
		return err
	}
	g, err := readGuard(j.o.Dir)
	damaged := errors.Is(err, errGuardDamaged)
	if err != nil && !damaged {
		return err
	}
	if damaged {
		if err := j.setGuardAside(err); err != nil {
			return err
		}
	}
	if j.eng, err = openEngine(&j.o); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			j.eng.close()
			if j.acked != nil {
				err = errors.Join(err, j.acked.close())
			}
		}
	}()
	if j.acked, err = openAcked(j.o.Dir); err != nil {
		return err
	}
	adopted := g == nil
	if adopted {
		if g, err = j.adopt(ctx, damaged); err != nil {
			return err
		}
	}
	j.epoch, j.epochID, j.losses = g.Epoch, g.epochBytes(), g.Losses
	for _, c := range []Class{Events, Flows} {
		l := newLane(c, j.o.Node, j.o.cacheOf(c))
		j.lanes[c] = l
		if err := j.openLane(ctx, l, g, adopted); err != nil {
			return fmt.Errorf("partition %d: %w", l.partition, err)
		}
	}
	j.openCursors(g)
	keepBallast(j.o.Dir)
	return j.writeGuard(false)
}

// setGuardAside keeps a damaged guard file for whoever wants to look.
func (j *Journal) setGuardAside(cause error) error {
	aside := filepath.Join(j.o.Dir, fmt.Sprintf("%s.damaged-%s", guardName, time.Now().UTC().Format("20060102T150405.000000")))
	j.o.Log.Error("journal guard file is damaged; going on from what the streams say", "aside", aside, "cause", cause)
	return os.Rename(filepath.Join(j.o.Dir, guardName), aside)
}

// openCursors takes the cursors of the guard that are still wanted, and those that are new.
func (j *Journal) openCursors(g *guard) {
	for _, name := range j.o.Cursors {
		seqs := g.Cursors[name]
		if seqs == nil {
			seqs = map[uint16]uint64{}
		}
		j.cursors[name] = seqs
		for _, l := range j.lanes {
			j.provenLoss(l, seqs[l.partition], "cursor "+name)
		}
	}
	for name := range g.Cursors {
		if !slices.Contains(j.o.Cursors, name) {
			j.o.Log.Info("journal cursor is no longer wanted", "cursor", name)
		}
	}
}

// provenLoss notes that somebody has seen numbers beyond the head, which the lane thus had and lost.
func (j *Journal) provenLoss(l *lane, at uint64, who string) {
	if from, to := l.skip(at); to != 0 {
		l.mu.Lock()
		stream := l.current().Stream
		l.mu.Unlock()
		j.lose(Loss{Partition: l.partition, From: from, To: to, Stream: stream, Reason: who + " stands behind the end of the stream"})
	}
}

// adopt makes a guard for a directory that has none, out of the streams that are there.
func (j *Journal) adopt(ctx context.Context, damaged bool) (*guard, error) {
	names, err := j.listStreams(ctx)
	if err != nil {
		return nil, err
	}
	g := newGuard()
	own := map[string][]*generation{} // by epoch
	parts := map[*generation]uint16{}
	for _, name := range names {
		epoch, partition, number, ok := parseStreamName(name)
		if ok && (partition == Partition(j.o.Node, Events) || partition == Partition(j.o.Node, Flows)) {
			gen := &generation{Number: number, Stream: name}
			own[epoch] = append(own[epoch], gen)
			parts[gen] = partition
		}
	}
	for epoch, gens := range own {
		if len(own) > 1 {
			j.o.Log.Error("journal has streams of several epochs and no guard file; taking those of the most streams", "epoch", epoch, "streams", len(gens))
		}
		if len(gens) < len(own[g.Epoch]) || len(gens) == len(own[g.Epoch]) && epoch < g.Epoch {
			continue
		}
		g.Epoch, g.Partitions = epoch, map[uint16]*partitionGuard{}
		for _, gen := range gens {
			if g.Partitions[parts[gen]] == nil {
				g.Partitions[parts[gen]] = &partitionGuard{}
			}
			pg := g.Partitions[parts[gen]]
			pg.Generations = append(pg.Generations, gen)
		}
	}
	for _, pg := range g.Partitions {
		slices.SortFunc(pg.Generations, func(a, b *generation) int { return int(a.Number) - int(b.Number) })
	}
	if len(own) > 0 || damaged {
		j.o.Log.Error("journal has no guard file; whether events were lost cannot be told", "epoch", g.Epoch)
	}
	return g, nil
}

// listStreams returns the names of the streams that the engine knows, and of those it should know by the folders there.
func (j *Journal) listStreams(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	var names []string
	list := j.eng.js.StreamNames(ctx)
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	if j.eng.inside() {
		folders, err := os.ReadDir(filepath.Dir(j.eng.streamFolder("x")))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, f := range folders {
			if f.IsDir() && !slices.Contains(names, f.Name()) {
				names = append(names, f.Name())
			}
		}
	}
	return names, nil
}

// openLane brings a lane to where its streams end, beginning a new one when the last must not be written on.
func (j *Journal) openLane(ctx context.Context, l *lane, g *guard, adopted bool) error {
	pg := g.Partitions[l.partition]
	if pg == nil {
		l.next, l.reserved = 1, reserve
		return j.beginGeneration(ctx, l, 1)
	}
	l.jumps, l.reserved = pg.Jumps, pg.Reserved
	var sound bool
	for i, gen := range pg.Generations {
		last := i == len(pg.Generations)-1
		if last || adopted {
			if s, ok := j.acked.read(l.class, j.epochID, gen.Number, l.partition); ok && s.last > gen.Last {
				gen.Last, gen.LastSeq = s.last, s.seq
			}
		}
		if !last && !adopted {
			l.gens = append(l.gens, gen) // its readers find out what it has lost since
			continue
		}
		known := lagging
		if adopted {
			known = nothing
		}
		var err error
		if sound, err = j.inspect(ctx, l, gen, known); err != nil {
			return err
		}
		l.gens = append(l.gens, gen)
		l.head, l.headSeq = max(l.head, gen.Last), gen.LastSeq
	}
	switch {
	case adopted:
		l.next = max(l.head, l.reserved) + adoptJump
		if l.head > 0 {
			j.lose(Loss{Partition: l.partition, From: l.head + 1, Stream: l.current().Stream, Reason: "guard file was missing or damaged: events at the end may be lost, or none"})
		}
	case g.Clean && sound:
		l.next = l.head + 1
	default:
		l.next = max(l.head, l.reserved) + 1
	}
	l.reserved = max(l.reserved, l.next+reserve-1)
	if sound && !adopted {
		return nil
	}
	return j.beginGeneration(ctx, l, l.current().Number+1)
}

// beginGeneration makes a new stream and turns the lane to it. The guard must be written before anything is published.
func (j *Journal) beginGeneration(ctx context.Context, l *lane, number uint32) error {
	str, err := j.createStream(ctx, l, number)
	if err != nil {
		return err
	}
	st, err := state(ctx, str)
	if err != nil {
		return err
	}
	if st.LastSeq != 0 {
		return fmt.Errorf("stream %s should be new and has had %d messages: is another process at work?", j.streamName(l, number), st.LastSeq)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gens = append(l.gens, &generation{Number: number, Stream: j.streamName(l, number), Last: l.head, Purged: l.head})
	l.headSeq, l.marks = 0, nil
	if number > 1 {
		j.o.Log.Warn("journal begins a new stream", "stream", j.streamName(l, number), "behind", l.head)
	}
	return nil
}

// openStream returns the stream of a generation, mending it when the engine has forgotten one whose folder is there; nil
// when it is gone.
func (j *Journal) openStream(ctx context.Context, l *lane, gen *generation) (jetstream.Stream, error) {
	str, err := j.eng.stream(ctx, gen.Stream)
	if err == nil {
		return str, nil
	}
	if errorCode(err) != codeNoStream {
		return nil, fmt.Errorf("open stream %s: %w", gen.Stream, err)
	}
	if !j.eng.inside() {
		return nil, nil
	}
	folder := j.eng.streamFolder(gen.Stream)
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	aside := filepath.Join(j.o.Dir, "aside", fmt.Sprintf("%s-%s", gen.Stream, time.Now().UTC().Format("20060102T150405.000000")))
	j.o.Log.Error("journal engine does not know a stream whose folder is there; it is made anew over a copy", "stream", gen.Stream, "copy", aside)
	if err := copyTree(aside, folder); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the damaged stream %s to %s: %w", gen.Stream, aside, err), os.RemoveAll(aside))
	}
	return j.createStream(ctx, l, gen.Number)
}
