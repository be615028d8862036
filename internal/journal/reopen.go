package journal

import (
	"context"
	"fmt"
)

// reopen restarts the inside engine, which is the only way out of a write error, and checks what it has. It does nothing
// when that was done since the incarnation that failed.
func (j *Journal) reopen(ctx context.Context, incarnation int, cause error) error {
	j.repair.Lock()
	defer j.repair.Unlock()
	j.eng.mu.Lock()
	if j.eng.incarnation != incarnation && j.eng.js != nil && j.eng.nc != nil {
		j.eng.mu.Unlock()
		return nil
	}
	j.o.Log.Error("journal engine is restarted", "cause", cause)
	j.metrics.reopened.Inc()
	j.eng.stop()
	err := j.eng.start()
	j.eng.mu.Unlock()
	if err != nil {
		return err
	}
	for _, l := range j.lanes {
		if err := j.recheck(ctx, l); err != nil {
			return fmt.Errorf("partition %d: %w", l.partition, err)
		}
		j.purge(ctx, l) // before the first publish: on a full disk that alone makes room
	}
	return nil
}

// recheck compares the stream of a lane with what was acknowledged, and turns to a new one where it has less.
func (j *Journal) recheck(ctx context.Context, l *lane) error {
	l.purging.Lock()
	defer l.purging.Unlock()
	l.mu.Lock()
	gen := l.current()
	gen.Last, gen.LastSeq, l.stored = l.head, l.headSeq, 0
	copied := *gen // readers look at gen meanwhile
	l.mu.Unlock()
	sound, err := j.inspect(ctx, l, &copied, exact)
	if err != nil {
		return err
	}
	l.mu.Lock()
	*gen = copied
	l.head, l.headSeq = max(l.head, gen.Last), gen.LastSeq
	l.next = max(l.next, l.head+1)
	l.notify()
	l.mu.Unlock()
	if sound {
		return nil
	}
	if err := j.beginGeneration(ctx, l, gen.Number+1); err != nil {
		return err
	}
	return j.writeGuard(false)
}
