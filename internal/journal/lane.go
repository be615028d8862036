package journal

import (
	"sync"
	"time"

	"tocsin/internal/event"
)

// maxQueued bounds the bytes of a lane that wait to be published.
const maxQueued = 32 << 20

// A lane is one partition: its stream, its numbers, its queue and its cache. One goroutine publishes for it.
type lane struct {
	class     Class
	partition uint16

	mu sync.Mutex
	// gens are the streams that hold the partition, oldest first; the last one is written to.
	gens []*generation
	// head is the number of the last batch that is synced, headSeq the sequence of its message in the last stream.
	head, headSeq uint64
	// next is the number of the next batch, reserved the highest that the guard file allows.
	next, reserved uint64
	jumps          []jump
	queue          []*entry
	queued         int   // bytes in queue
	busy           bool  // a group is being published
	refusal        error // set while nothing can be accepted; nil when all is well
	fresh          cache
	marks          marks
	readers        map[*Reader]struct{}
	changed        chan struct{} // closed and replaced when a reader or a waiting intake should look again
	stored         int64         // bytes in the streams, as told by the engine and counted on since

	purging sync.Mutex // one purge at a time
	purged  time.Time  // when something was purged last
	purges  int        // how often something was
	ailing  bool       // the last purge failed

	// folderTime is the time that the folder of blocks had when it was last synced, folderSure that it was not just then
	// being changed. They belong to the writer.
	folderTime time.Time
	folderSure bool

	wake chan struct{} // holds one when the queue is not empty
}

func newLane(c Class, node uint16, cacheBytes int64) *lane {
	return &lane{
		class: c, partition: Partition(node, c), fresh: cache{limit: cacheBytes},
		readers: map[*Reader]struct{}{}, changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// An entry is one batch on its way into the journal.
type entry struct {
	batch *event.Batch
	msg   []byte        // room for the header of a message, and the framed batch
	done  chan struct{} // closed when place or err is set
	place Place
	err   error
}

// current returns the stream that is written to. The caller holds mu.
func (l *lane) current() *generation { return l.gens[len(l.gens)-1] }

// notify wakes everybody who waits for a change. The caller holds mu.
func (l *lane) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// lastOf returns the last number and message sequence of a generation. The caller holds mu.
func (l *lane) lastOf(g *generation) (last, seq uint64) {
	if g == l.current() {
		return l.head, l.headSeq
	}
	return g.Last, g.LastSeq
}

// holding returns the oldest generation with batches above number at, nil when there is none.
func (l *lane) holding(at uint64) *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.gens {
		if last, _ := l.lastOf(g); last > at {
			return g
		}
	}
	return nil
}

// lag counts the numbers above at that were given out. The caller holds mu.
func (l *lane) lag(at uint64) uint64 {
	if at >= l.head {
		return 0
	}
	n := l.head - at
	for _, j := range l.jumps {
		if low := max(j.Prev, at); low < j.First-1 && j.First <= l.head {
			n -= j.First - 1 - low
		}
	}
	return n
}

// skip makes the next number larger than at, when a cursor proves that numbers up to there were in use. It returns the
// range of batches that the lane must have lost, empty when it has not.
func (l *lane) skip(at uint64) (from, to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at <= l.head {
		return 0, 0
	}
	if at >= l.next {
		l.next = at + 1
	}
	return l.head + 1, at
}

// A mark says where in the current stream a message ends.
type mark struct {
	seq, last uint64
	bytes     int64 // of the message
}

// maxMarks bounds the marks of a lane; beyond, every second one is left out.
const maxMarks = 1 << 14

// marks are a sparse index of the current stream, in order.
type marks []mark

func (m *marks) add(k mark) {
	*m = append(*m, k)
	if len(*m) < maxMarks {
		return
	}
	thin := (*m)[:0]
	for i := 1; i < len(*m); i += 2 {
		k := (*m)[i]
		k.bytes += (*m)[i-1].bytes
		thin = append(thin, k)
	}
	*m = thin
}

// around narrows the message sequences between which the first message beyond batch at lies.
func (m marks) around(at, low, high uint64) (lo, hi uint64) {
	for _, k := range m {
		switch {
		case k.last <= at && k.seq >= low:
			low = k.seq + 1
		case k.last > at && k.seq < high:
			return low, max(low, k.seq)
		}
	}
	return low, high
}

// drop removes the marks up to batch at and returns how many bytes their messages had.
func (m *marks) drop(at uint64) (bytes int64) {
	n := 0
	for n < len(*m) && (*m)[n].last <= at {
		bytes += (*m)[n].bytes
		n++
	}
	*m = append((*m)[:0], (*m)[n:]...)
	return bytes
}
