package mute

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// A Ledger is where mutes are kept.
type Ledger interface {
	Mutes(ctx context.Context, q ledger.MuteQuery) ([]ledger.Mute, error)
	AddMute(ctx context.Context, m ledger.Mute, most int) (ledger.Mute, error)
	RevokeMute(ctx context.Context, r ledger.Revocation) (ledger.Mute, error)
}

// A Shelf keeps the mutes of a ledger at hand. Its methods may be called from several goroutines.
type Shelf struct {
	ledger  Ledger
	log     *slog.Logger
	current atomic.Pointer[Set]
	wake    chan struct{} // there is something to do for Run
	loading sync.Mutex    // so that what was read later is what stays
	problem string        // of the last load, so that the log tells it once; guarded by loading
}

// NewShelf returns a shelf on which there is nothing until Load.
func NewShelf(l Ledger, log *slog.Logger) *Shelf {
	return &Shelf{ledger: l, log: log, wake: make(chan struct{}, 1)}
}

// Current returns the mutes as they are now.
func (s *Shelf) Current() *Set { return s.current.Load() }

// Load reads the mutes anew. When that fails those that were known stay.
func (s *Shelf) Load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	stored, err := s.ledger.Mutes(ctx, ledger.MuteQuery{InForce: time.Now()})
	if err != nil {
		return err
	}
	list, foul := decodeAll(stored)
	set, err := NewSet(list)
	if err == nil {
		err = foul
	}
	s.current.Store(set)
	switch problem := text(err); {
	case problem == s.problem:
	case problem == "":
		s.problem = ""
	default:
		s.problem = problem
		s.log.Error("silences that cannot be read mute nothing", "err", err)
	}
	return nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Add checks a mute and puts it on the shelf, from now on. It returns it with its number.
func (s *Shelf) Add(ctx context.Context, m Mute) (Mute, error) {
	m.Created = time.Now().UTC()
	if m.Starts.IsZero() {
		m.Starts = m.Created
	}
	m.Starts, m.Ends = m.Starts.UTC().Round(0), m.Ends.UTC().Round(0)
	if err := m.Validate(m.Created); err != nil {
		return Mute{}, err
	}
	body, err := m.encode()
	if err != nil {
		return Mute{}, err
	}
	stored, err := s.ledger.AddMute(ctx, ledger.Mute{
		Kind: string(m.Kind), Body: body, Author: m.Author, Note: m.Note, Created: m.Created, Starts: m.Starts, Ends: m.Ends,
	}, MaxInForce)
	if err != nil {
		return Mute{}, err
	}
	m.ID = stored.ID
	s.nudge()
	return m, s.Load(ctx)
}

// End takes a mute back. May is asked whether that is allowed.
func (s *Shelf) End(ctx context.Context, id int64, who string, may func(Mute) error) (Mute, error) {
	stored, err := s.ledger.RevokeMute(ctx, ledger.Revocation{ID: id, Who: who, Now: time.Now(), May: func(stored ledger.Mute) error {
		m, err := decode(stored)
		if err != nil || may == nil {
			return err
		}
		return may(m)
	}})
	if err != nil {
		return Mute{}, err
	}
	m, err := decode(stored)
	if err != nil {
		return Mute{}, err
	}
	s.nudge()
	return m, s.Load(ctx)
}

// mostListed bounds how many mutes are listed, those that are over included.
const mostListed = 10_000

// List returns mutes, the newest first: those of a kind, or of any; those in force or to come at a time, or all.
func (s *Shelf) List(ctx context.Context, kind Kind, inForce time.Time) ([]Mute, error) {
	stored, err := s.ledger.Mutes(ctx, ledger.MuteQuery{Kind: string(kind), InForce: inForce, Limit: mostListed})
	if err != nil {
		return nil, err
	}
	return decodeAll(stored)
}

// Mute returns one mute by its number.
func (s *Shelf) Mute(ctx context.Context, id int64) (Mute, error) {
	if id > 0 {
		stored, err := s.ledger.Mutes(ctx, ledger.MuteQuery{ID: id})
		if err != nil {
			return Mute{}, err
		}
		if len(stored) == 1 {
			return decode(stored[0])
		}
	}
	return Mute{}, fault.New(fault.NotFound, "no silence, window or exclusion %d", id)
}

func decode(stored ledger.Mute) (Mute, error) {
	m := Mute{
		ID: stored.ID, Kind: Kind(stored.Kind), Author: stored.Author, Note: stored.Note, Created: stored.Created, Starts: stored.Starts,
		Ends: stored.Ends, Hits: stored.Hits, LastHit: stored.LastHit, Revoked: stored.Revoked, By: stored.RevokedBy, Told: stored.Told,
	}
	return m, m.decode(stored.Body)
}

// decodeAll leaves out those that cannot be read; the error is about the last of them.
func decodeAll(stored []ledger.Mute) (list []Mute, foul error) {
	for _, one := range stored {
		m, err := decode(one)
		if err != nil {
			foul = err
			continue
		}
		list = append(list, m)
	}
	return list, foul
}
