package journal

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"tocsin/internal/fault"
)

const (
	// spaceEvery is how long a figure of free space holds, unless spaceBytes were accepted meanwhile.
	spaceEvery = 200 * time.Millisecond
	spaceBytes = 16 << 20
	// learned is by how much free space must grow after the disk was full, whatever the floor says: the engine needs room
	// to come up, and a second fault costs another restart of it.
	learned = 8 << 20
)

// A space watches the disk, so that intake stops before the engine meets a full one.
type space struct {
	dir   string
	floor int64 // bytes, as set

	mu      sync.Mutex
	at      time.Time
	free    int64
	total   int64
	since   int64 // bytes accepted since at
	raised  int64 // floor learned from a full disk, 0 for none
	failing error // of the last look
}

// look returns the free bytes, the floor, and an error while the disk cannot be asked. The figure is at most a moment old;
// adding says how many bytes are about to be written.
func (s *space) look(adding int64) (free, floor int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since += adding
	if now := time.Now(); s.at.IsZero() || now.Sub(s.at) >= spaceEvery || s.since >= spaceBytes {
		s.at, s.since = now, 0
		var st syscall.Statfs_t
		if s.failing = syscall.Statfs(s.dir, &st); s.failing == nil {
			s.free, s.total = int64(st.Bavail)*int64(st.Bsize), int64(st.Blocks)*int64(st.Bsize) //nolint:unconvert // the types differ between systems
		}
	}
	return s.free - s.since, s.floorNow(), s.failing
}

func (s *space) floorNow() int64 {
	floor := s.floor
	if floor == 0 {
		floor = max(defaultFloorBytes, s.total/100*defaultFloorPercent)
	}
	return max(floor, s.raised, 0)
}

// check returns an error of kind fault.Full while less than the floor is free.
func (s *space) check(adding int64) error {
	free, floor, err := s.look(adding)
	if err != nil {
		return fault.New(fault.Unavailable, "ask %s for free space: %w", s.dir, err)
	}
	if floor > 0 && free < floor {
		return fault.New(fault.Full, "accept events: %d MB free on the disk of %s, want %d MB (free some space, or set a lower floor)", free>>20, s.dir, floor>>20)
	}
	return nil
}

// full notes that the disk turned out to be full; works notes that it took something again.
func (s *space) full() {
	s.mu.Lock()
	s.at = time.Time{}
	s.mu.Unlock()
	free, _, _ := s.look(0)
	s.mu.Lock()
	s.raised = free + learned
	s.mu.Unlock()
}

func (s *space) works() {
	s.mu.Lock()
	s.raised = 0
	s.mu.Unlock()
}

// forget makes the next look ask the disk.
func (s *space) forget() {
	s.mu.Lock()
	s.at = time.Time{}
	s.mu.Unlock()
}

// String is for messages.
func (s *space) String() string {
	free, floor, _ := s.look(0)
	return fmt.Sprintf("%d bytes free, floor %d", free, floor)
}
