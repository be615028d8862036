package alerting

import (
	"context"

	"tocsin/internal/fault"
)

// Empty calls remove, which deletes all alerts from the ledger, at a moment at which everything that was taken so far stands
// there and nothing is being written: so what was found before it is deleted with the rest and is not found again after a
// restart, and what is found after it opens alerts anew. Run must be running, if the service has started.
func (s *Service) Empty(ctx context.Context, remove func(context.Context) error) error {
	if s.own != nil {
		inner := remove
		remove = func(ctx context.Context) error { return s.own.empty(ctx, inner) }
	}
	s.taking.Lock()
	defer s.taking.Unlock()
	if p := s.Problem(); p != "" {
		return fault.New(fault.Unavailable, "clear alerts: the ledger cannot be written: %s", p)
	}
	if err := s.Flush(ctx); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := remove(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.book.rules {
		r.open, r.crowded = 0, false
	}
	return nil
}
