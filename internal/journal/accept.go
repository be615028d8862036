package journal

import (
	"os"
	"path/filepath"
	"time"
)

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
