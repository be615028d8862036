package ingest

import (
	"context"
	"time"

	"tocsin/internal/event"
)

// Take makes a batch durable that a source has made itself, whose rows have all that ingest puts on others. It tries until the
// journal has it, ctx ends, or trying again is of no use.
func (s *Service) Take(ctx context.Context, source string, b *event.Batch) error {
	if err := s.appendDurably(ctx, b); err != nil {
		return err
	}
	s.stats.parsed(source, int64(b.Rows), 0, b.Rows, time.Now().UnixNano())
	return nil
}

// Lost counts what a source was sent and never saw, under a reason.
func (s *Service) Lost(source, reason string, n int64) {
	s.stats.rejected(source, reason, n)
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.source(source).Lines += n
}
