// Package journal keeps the accepted events, durable and in order, until everybody has dealt with them.
//
// # What is promised
//
// A batch is accepted when Append returns its place: it was written and synced. From then on every reader gets it exactly
// once and in order, over restarts and kills, until every cursor has committed it. What does not fit is refused, with an
// error that says why; nothing accepted is dropped to make room.
//
// Batches have a number in their partition that is never used twice and only grows, but it may leave numbers out: after an
// unclean end the journal goes on behind everything it may have given out. A batch number is the sequence of a Position.
//
// # How
//
// The engine is NATS JetStream, inside this process or at a URL. It was measured to hide faults: it cuts damaged blocks
// silently and uses their sequences again, and after a full disk a stream only times out. So the journal guards it: each
// message carries the numbers of its batches, the number before them and a checksum, and two small files outside the
// engine's folder hold what was acknowledged, where the cursors stand, which numbers may be in use and which streams hold
// the partition. When the engine has less than they say, or a hole, the lost range is reported and a new stream (a
// generation) is begun; the damaged one stays readable until the cursors are through. The epoch of positions stays the
// same over generations, because numbers are not reused; it changes only with a new journal.
//
// # Power loss
//
// Messages are synced before they are acknowledged, and the folder of blocks is synced when the engine has begun a new
// block. A test cuts the power under an ext4 file system, by copying the image it is on while nothing is written back, and
// finds everything acknowledged. Other file systems, and disks that lie about what they wrote, were not tested, and nothing
// is promised for them. The file of what was acknowledged lags by up to two seconds then, so that a loss of the very last
// batches may go unreported.
package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// ErrUnknown is wrapped when Append gave up waiting while the batch was being written: it may or may not be accepted. The
// journal goes on to find out; a source learns it from the readers, or from Tail after a restart.
var ErrUnknown = errors.New("outcome unknown")

var errClosed = fault.New(fault.Unavailable, "journal is closed")

// A Place is where a batch stands in the journal.
type Place struct {
	Partition uint16
	Sequence  uint64 // number of the batch, 1 or more
}

// A Journal is an open journal. All methods may be called at the same time.
type Journal struct {
	o       Options
	eng     *engine
	epoch   string
	epochID [8]byte
	lanes   [classes]*lane
	acked   *ackedFile
	space   *space // nil with a URL
	metrics *metrics

	mu      sync.Mutex
	cursors map[string]map[uint16]uint64
	losses  []Loss

	repair  sync.Mutex // one restart of the engine at a time
	guardMu sync.Mutex // one writer of the guard file at a time
	dirty   atomic.Bool
	unsaved atomic.Bool // the file of acknowledgements has unsynced slots
	poke    chan struct{}
	healed  time.Time // when upkeep restarted the engine last; belongs to it

	sealed  atomic.Bool
	sealing chan struct{} // closed by Seal
	once    sync.Once
	quit    chan struct{} // closed by Close
	closing sync.Once
	cancel  context.CancelFunc
	work    sync.WaitGroup
	closed  error
	scratch scratchPool
}

// Open opens the journal of a directory, or makes one. What it finds to be lost is logged and listed by Losses; it is no
// reason not to open. Ctx bounds the opening alone.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o, err := o.normal()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("register journal metrics: %w", err)
	}
	j := &Journal{
		o: o, metrics: m, cursors: map[string]map[uint16]uint64{}, poke: make(chan struct{}, 1),
		sealing: make(chan struct{}), quit: make(chan struct{}),
	}
	if o.URL == "" {
		j.space = &space{dir: o.Dir, floor: o.FreeFloor}
	}
	if err := j.recover(ctx); err != nil {
		m.unregister()
		return nil, fmt.Errorf("open journal %s: %w", o.Dir, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	j.cancel = cancel
	for _, l := range j.lanes {
		j.work.Go(func() { j.publishLoop(run, l) })
	}
	j.work.Go(func() { j.upkeep(run) })
	return j, nil
}

// Epoch returns the identity of the journal's numbers.
func (j *Journal) Epoch() string { return j.epoch }

// Head returns the position of the last accepted batch of each partition.
func (j *Journal) Head() event.Position {
	p := event.Position{Epoch: j.epoch, Seqs: make(map[uint16]uint64, classes)}
	for _, l := range j.lanes {
		l.mu.Lock()
		p.Seqs[l.partition] = l.head
		l.mu.Unlock()
	}
	return p
}

// Partitions lists the partitions of this node, in order of class.
func (j *Journal) Partitions() []uint16 {
	list := make([]uint16, 0, classes)
	for _, l := range j.lanes {
		list = append(list, l.partition)
	}
	return list
}

func (j *Journal) lane(partition uint16) (*lane, error) {
	for _, l := range j.lanes {
		if l.partition == partition {
			return l, nil
		}
	}
	return nil, fault.New(fault.NotFound, "journal of node %d has no partition %d", j.o.Node, partition)
}

// Seal ends intake: whatever was submitted is still written, then readers that have read all get io.EOF.
func (j *Journal) Seal() {
	j.once.Do(func() {
		j.sealed.Store(true)
		for _, l := range j.lanes {
			l.mu.Lock() // after this, whoever queues sees the seal
			l.notify()
			l.mu.Unlock()
		}
		close(j.sealing)
	})
}

// Close seals the journal, writes out what was submitted, notes where everything stands and stops the engine. What cannot
// be written, because the engine does not answer, fails with fault.Unavailable after a few seconds. Readers get an error.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closed = j.close() })
	return j.closed
}

// drainFor is how long Close waits for the engine to take what was submitted.
const drainFor = 10 * time.Second

func (j *Journal) close() error {
	j.Seal()
	timer := time.NewTimer(drainFor)
	defer timer.Stop()
	for _, l := range j.lanes {
		j.drained(l, timer.C)
	}
	close(j.quit)
	j.cancel()
	j.work.Wait()
	clean := true
	for _, l := range j.lanes {
		l.mu.Lock()
		clean = clean && l.refusal == nil
		j.failQueue(l, errClosed)
		l.notify()
		l.mu.Unlock()
	}
	err := errors.Join(j.acked.close(), j.writeGuard(clean))
	j.eng.close()
	j.metrics.unregister()
	return err
}

// drained waits until a lane has nothing left to write.
func (j *Journal) drained(l *lane, give <-chan time.Time) {
	for {
		l.mu.Lock()
		idle, changed := len(l.queue) == 0 && !l.busy, l.changed
		l.mu.Unlock()
		if idle {
			return
		}
		select {
		case <-changed:
		case <-give:
			return
		}
	}
}

// failQueue gives everything that waits in a lane an error. The caller holds the lane's lock.
func (j *Journal) failQueue(l *lane, err error) {
	for _, e := range l.queue {
		e.err = err
		close(e.done)
	}
	l.queue, l.queued = nil, 0
}

func (j *Journal) logLoss(l Loss) {
	j.metrics.lost.Inc()
	j.o.Log.Error("journal lost accepted events", "partition", l.Partition, "from", l.From, "to", l.To, "stream", l.Stream, "reason", l.Reason)
}

// lose notes that batches are gone, once.
func (j *Journal) lose(l Loss) {
	l.Found = time.Now().UTC()
	j.mu.Lock()
	g := guard{Losses: j.losses}
	added := g.addLoss(l)
	j.losses = g.Losses
	j.mu.Unlock()
	if added {
		j.dirty.Store(true)
		j.logLoss(l)
	}
}

// Losses lists the ranges that were accepted and are gone, oldest finding first: at most the last 1,000.
func (j *Journal) Losses() []Loss {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Loss(nil), j.losses...)
}
