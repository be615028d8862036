package quarantine

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tocsin/internal/fault"
)

// state is what is known beside the entries. It is replaced as a whole.
type state struct {
	ID      string   `json:"id"`   // of this quarantine: names it among the sources of events
	Next    uint64   `json:"next"` // no entry has this id or a higher one
	Tries   int64    `json:"tries"`
	Pending []uint64 `json:"pending,omitempty"` // entries of try number Tries, which may have been accepted or not
	NotKept []Group  `json:"not_kept,omitempty"`
}

func (s *Store) statePath() string { return filepath.Join(s.options.Dir, "state.json") }

func (s *Store) loadState() error {
	text, err := os.ReadFile(s.statePath())
	if err == nil {
		err = json.Unmarshal(text, &s.state)
		if err == nil && s.state.ID != "" {
			return nil
		}
		s.options.Log.Warn("the state of the quarantine cannot be read; counts of what was not kept are lost", "cause", err)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.state = state{ID: rand.Text()} // which is saved before it is used
	return nil
}

// saveState is called with disk held.
func (s *Store) saveState() error {
	s.mu.Lock()
	s.state.NotKept = nil
	for key, g := range s.groups {
		if g.NotKept > 0 {
			s.state.NotKept = append(s.state.NotKept, Group{Key: key, Count: g.NotKept, NotKept: g.NotKept, First: g.First, Last: g.Last})
		}
	}
	s.state.Next = max(s.state.Next, s.next)
	text, err := json.Marshal(s.state)
	s.dirty = false
	s.mu.Unlock()
	if err == nil {
		err = s.replace(s.statePath(), text)
	}
	if err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
		return fmt.Errorf("save the state of the quarantine: %w", err)
	}
	return nil
}

// ID names this quarantine among the sources of events: what is accepted from try number n has the source range ID n-1 to n.
func (s *Store) ID() string {
	s.disk.Lock()
	defer s.disk.Unlock()
	return "quarantine:" + s.state.ID
}

// Intend notes, durably, that entries are about to be accepted, and returns the number of the try. Settle or GiveUp ends it;
// until then there is no other. When the process ends in between, Resolve finds out.
func (s *Store) Intend(ids []uint64) (try int64, err error) {
	s.disk.Lock()
	defer s.disk.Unlock()
	if err := s.ready(); err != nil {
		return 0, err
	}
	if len(s.state.Pending) > 0 {
		return 0, fault.New(fault.Unavailable, "retry rejected lines: it is not known yet whether those of an earlier try were accepted (start tocsin again)")
	}
	s.state.Tries++
	s.state.Pending = slices.Clone(ids)
	if err := s.saveState(); err != nil {
		s.state.Pending = nil
		return 0, err
	}
	return s.state.Tries, nil
}

// GiveUp says that the entries of a try were not accepted.
func (s *Store) GiveUp() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.state.Pending = nil
	return s.saveState()
}

// Settle removes entries that were accepted, with or without a try, and gives those that were refused again their reason.
func (s *Store) Settle(accepted []uint64, refused map[uint64]Refusal) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if err := s.ready(); err != nil {
		return err
	}
	return s.settle(accepted, refused)
}

func (s *Store) settle(accepted []uint64, refused map[uint64]Refusal) error {
	gone := make(map[uint64]bool, len(accepted))
	for _, id := range accepted {
		gone[id] = true
	}
	_, err := s.rewrite(func(g *segment) bool {
		for id := range gone {
			if id >= g.lowID && id <= g.highID {
				return true
			}
		}
		for id := range refused {
			if id >= g.lowID && id <= g.highID {
				return true
			}
		}
		return false
	}, func(e *Entry) (keep, changed bool) {
		if gone[e.ID] {
			return false, true
		}
		r, ok := refused[e.ID]
		if !ok || r.Reason == e.Reason && r.Detail == e.Detail && r.Format == e.Format {
			return true, false
		}
		e.Reason, e.Detail, e.Format = r.Reason, r.Detail, r.Format
		return true, true
	})
	if err != nil {
		return fmt.Errorf("remove accepted lines from the quarantine: %w", err)
	}
	if len(s.state.Pending) == 0 {
		return nil
	}
	s.state.Pending = nil
	return s.saveState()
}

// Resolve ends a try that the last process did not: accepted is the number up to which tries are known to be accepted.
func (s *Store) Resolve(accepted int64) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.ready() != nil || len(s.state.Pending) == 0 {
		return nil
	}
	if accepted >= s.state.Tries {
		return s.settle(s.state.Pending, nil)
	}
	s.state.Pending = nil
	return s.saveState()
}

// A Refusal is why an entry was refused again, and by which format.
type Refusal struct{ Format, Reason, Detail string }
