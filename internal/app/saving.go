package app

import (
	"log/slog"
	"sync/atomic"
	"time"

	"tocsin/internal/detect"
	"tocsin/internal/event"
)

// A saver writes the state of the rules of one judge into a file, beside the one that is there. The new one takes its place once it
// is on the disk and the ledger holds everything that was found up to where it stands; then the journal may let go of what is before.
type saver struct {
	engine *detect.Engine
	file   string
	point  func(string)                  // see Options.Crash
	found  func() event.Position         // up to where the ledger holds what was found
	commit func(at event.Position) error // tells the journal
	held   func() (share float64)        // of its room, how much the journal holds
	log    *slog.Logger
	failed atomic.Pointer[string] // why the state cannot be saved; nil while it can

	draft  *detect.Draft // that is not in its place yet; nil for none
	at     event.Position
	synced chan error // of the draft
	onDisk bool
	kept   bool // the last one that was begun is in its place

	began  time.Time     // when the last one was begun
	cost   time.Duration // for how long it kept the judge
	judged time.Duration // what judging took since
}

// The state of many entities is large. It is written down for 3 % of the time at most, and only when what would have to be judged
// again after a restart comes to more than a few times what writing costs, or is minutes old; unless the journal, which keeps all of
// that, runs full.
const (
	saveRest    = 32
	saveWorth   = 8
	longestRest = 2 * time.Minute
	cheap       = 10 * time.Millisecond // is what costs nothing to speak of
	crowded     = 0.25                  // of the room of the journal
	saveHurried = 4
)

// due reports whether the state is to be written down now that the last time was so long ago.
func due(since, cost, judged time.Duration, held float64) bool {
	switch {
	case held >= crowded && since >= saveHurried*cost:
		return true
	case since < saveRest*cost:
		return false
	}
	return cost < cheap || judged >= saveWorth*cost || since >= longestRest
}

// save makes the last state that was written the current one if that can be done, and writes the next one when it is due. Errors are
// told; it is tried again in time.
func (s *saver) save(look bool) {
	err := s.settle()
	if err == nil && look && s.draft == nil && due(time.Since(s.began), s.cost, s.judged, s.held()) {
		err = s.take()
	}
	if err != nil {
		s.tell(err)
	}
}

// tell notes why the state cannot be saved. The log has each new cause once.
func (s *saver) tell(err error) {
	cause := err.Error()
	if was := s.failed.Swap(&cause); was == nil || *was != cause {
		s.log.Error("state of the rules cannot be saved, the journal keeps what came since the last time", "file", s.file, "cause", err)
	}
}

// problem says why the state cannot be saved, "" while it can. It may be asked at any time.
func (s *saver) problem() string {
	if cause := s.failed.Load(); cause != nil {
		return *cause
	}
	return ""
}

// finish writes the state down for the last time, unless judging again what came since the last time takes less than that.
func (s *saver) finish() error {
	if s.draft != nil {
		s.wait()
		if err := s.settle(); err != nil {
			s.tell(err)
		}
	}
	if err := s.abandon(); err != nil { // the ledger is behind it, and may not be behind the next one
		return err
	}
	if s.kept && s.cost >= cheap && s.judged < s.cost {
		s.log.Info("state of the rules stays as it was saved last: at the next start what came since is judged again, which takes less time", "file", s.file, "judging", s.judged, "saving", s.cost)
		return nil
	}
	began := time.Now()
	if err := s.take(); err != nil {
		return err
	}
	written, size := time.Since(began), s.draft.Size()
	s.wait()
	if err := s.settle(); err != nil {
		return err
	}
	if s.draft != nil {
		s.log.Warn("state of the rules stays as it was saved last, as the ledger lacks what was found since", "file", s.file, "ledger", s.found().String(), "state", s.at.String())
		return s.drop(nil)
	}
	s.log.Info("state of the rules is saved", "file", s.file, "bytes", size, "written", written, "took", time.Since(began))
	return nil
}

// abandon gives a draft up that is not in its place, once nobody writes to it any more.
func (s *saver) abandon() error {
	if s.draft == nil {
		return nil
	}
	s.wait()
	return s.drop(nil)
}

// wait returns when the draft is on the disk, or cannot be brought there.
func (s *saver) wait() {
	if !s.onDisk {
		s.synced <- <-s.synced
	}
}

// take writes a draft down. Others are not kept waiting for the disk, nor is the judge for what can be done without it.
func (s *saver) take() error {
	s.began, s.judged = time.Now(), 0
	defer func() { s.cost = time.Since(s.began) }()
	s.kept = false
	draft, err := detect.NewDraft(s.file)
	if err != nil {
		return err
	}
	s.draft, s.onDisk = draft, false
	if s.at, err = s.engine.Snapshot(pointed{draft, s.point}); err != nil {
		return s.drop(err)
	}
	s.synced = make(chan error, 1)
	go func(synced chan<- error) { synced <- draft.Sync() }(s.synced)
	return nil
}

// pointed comes by a point whenever something was written.
type pointed struct {
	*detect.Draft

	point func(string)
}

func (p pointed) Write(b []byte) (int, error) {
	n, err := p.Draft.Write(b)
	p.point("during-state")
	return n, err
}

// settle makes the draft the state if it can be by now.
func (s *saver) settle() error {
	if s.draft == nil {
		return nil
	}
	if !s.onDisk {
		select {
		case err := <-s.synced:
			if err != nil {
				return s.drop(err)
			}
			s.onDisk = true
		default:
			return nil
		}
	}
	if !s.found().Covers(s.at) {
		return nil
	}
	s.point("after-state-before-rename")
	draft := s.draft
	s.draft = nil
	if err := draft.Publish(); err != nil {
		return err
	}
	s.kept = true
	s.point("after-rename-before-cursor")
	s.failed.Store(nil)
	return s.commit(s.at)
}

// drop removes the draft because of err, which it returns. A disk that is full should not be kept so.
func (s *saver) drop(err error) error {
	draft := s.draft
	s.draft = nil
	if dropErr := draft.Drop(); dropErr != nil {
		s.log.Error("half a state of the rules stays behind", "file", s.file, "cause", dropErr)
	}
	return err
}
