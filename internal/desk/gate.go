package desk

import (
	"context"

	"tocsin/internal/fault"
)

// questions is how many rankings, and questions that join flows into sessions, are worked on at a time. Each takes all
// processors and may fill some hundred megabytes, so more at a time would be answered no sooner.
const questions = 4

// A gate lets so many in at a time as it has room for; others wait.
type gate chan struct{}

// enter waits for a place, which leave gives back. When ctx ends before there is one the error wraps fault.Unavailable.
func (g gate) enter(ctx context.Context, act string) (leave func(), err error) {
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "%s: other questions are still being answered: %w", act, context.Cause(ctx))
	}
}
