package journal

import (
	"context"
	"maps"
	"slices"
	"time"
)

// upkeep runs until the journal closes: it writes the guard file, purges, and keeps the figures.
func (j *Journal) upkeep(ctx context.Context) {
	tick := time.NewTicker(j.o.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.round(ctx, false)
		case <-j.poke:
			j.round(ctx, true)
		case <-j.quit:
			return
		}
	}
}

// round does one round of upkeep. When urgent it purges whatever can be.
func (j *Journal) round(ctx context.Context, urgent bool) {
	for _, l := range j.lanes {
		if urgent || j.worthPurging(l) {
			j.purge(ctx, l)
		}
	}
	j.heal(ctx)
	if j.unsaved.Swap(false) {
		if err := j.acked.sync(); err != nil {
			j.o.Log.Warn("journal cannot sync what it acknowledged", "cause", err)
		}
		j.dirty.Store(true)
	}
	if j.dirty.Swap(false) {
		if err := j.writeGuard(false); err != nil {
			j.dirty.Store(true)
			j.o.Log.Warn("journal guard", "cause", err)
		} else {
			keepBallast(j.o.Dir)
		}
	}
	j.figures()
}

// healEvery is how long to wait before the engine is restarted again for a purge that failed.
const healEvery = 5 * time.Second

// heal restarts the engine when a purge failed because it is stuck in a write error. Publishing would find that out too,
// but nothing is published while there is no room, and there is no room until something is purged.
func (j *Journal) heal(ctx context.Context) {
	if !j.eng.inside() || time.Since(j.healed) < healEvery {
		return
	}
	for _, l := range j.lanes {
		l.mu.Lock()
		ailing, stream := l.ailing, l.current().Stream
		l.mu.Unlock()
		if !ailing {
			continue
		}
		incarnation := j.eng.count()
		cause := j.eng.health(stream)
		if cause == nil {
			continue
		}
		j.healed = time.Now()
		if err := j.reopen(ctx, incarnation, cause); err != nil {
			j.o.Log.Error("journal cannot be reopened", "cause", err)
		}
		return
	}
}

// worthPurging reports whether enough is done with, or something has been for long.
func (j *Journal) worthPurging(l *lane) bool {
	upto, ok := j.committed(l.partition)
	if !ok {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.gens) > 1 && l.gens[0].Last <= upto {
		return true
	}
	var bytes int64
	for _, k := range l.marks {
		if k.last > upto {
			break
		}
		bytes += k.bytes
	}
	if l.ailing {
		return true
	}
	full := l.stored > streamLimit(j.o.MaxBytes[l.class])/2
	waiting := upto > l.gens[0].Purged && time.Since(l.purged) > purgeEvery
	return bytes >= purgeBytes || bytes > 0 && full || waiting
}

// figures brings the gauges up to date.
func (j *Journal) figures() {
	h := j.Health()
	for _, c := range h.Classes {
		j.metrics.stored.WithLabelValues(c.Class.String()).Set(float64(c.Bytes))
		j.metrics.limit.WithLabelValues(c.Class.String()).Set(float64(c.MaxBytes))
	}
	j.metrics.free.Set(float64(h.Free))
	for name, n := range h.Lag {
		j.metrics.lag.WithLabelValues(name).Set(float64(n))
	}
}

// snapshot is the guard as things stand.
func (j *Journal) snapshot(clean bool) *guard {
	g := newGuard()
	g.Epoch, g.Clean = j.epoch, clean
	j.mu.Lock()
	for name, seqs := range j.cursors {
		g.Cursors[name] = maps.Clone(seqs)
	}
	g.Losses = slices.Clone(j.losses)
	j.mu.Unlock()
	for _, l := range j.lanes {
		l.mu.Lock()
		pg := &partitionGuard{Reserved: l.reserved, Jumps: slices.Clone(l.jumps)}
		for _, gen := range l.gens {
			copied := *gen
			copied.Last, copied.LastSeq = l.lastOf(gen)
			pg.Generations = append(pg.Generations, &copied)
		}
		l.mu.Unlock()
		g.Partitions[l.partition] = pg
	}
	return g
}

// writeGuard writes the guard file. What it says of the end of a stream was synced before.
func (j *Journal) writeGuard(clean bool) error {
	j.guardMu.Lock()
	defer j.guardMu.Unlock()
	return j.snapshot(clean).write(j.o.Dir)
}

// reserveMore sets batch numbers aside, so that those up to want can be given out.
func (j *Journal) reserveMore(l *lane, want uint64) error {
	l.mu.Lock()
	old := l.reserved
	l.reserved = max(l.reserved, want) + reserve
	l.mu.Unlock()
	err := j.writeGuard(false)
	if err != nil {
		l.mu.Lock()
		l.reserved = old
		l.mu.Unlock()
	}
	return err
}
