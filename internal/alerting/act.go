package alerting

import (
	"context"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// Act does what somebody does to an alert and tells who is to be told. It needs neither Start nor Run, and may be called at
// any time: what people do and what is found meet in the ledger, one after the other.
func (s *Service) Act(ctx context.Context, a ledger.Act) (alert.Alert, error) {
	a.Route = s.route
	changed, changes, err := s.ledger.Act(ctx, a)
	if err != nil || len(changes) == 0 {
		return changed, err
	}
	for i := range changes {
		s.metrics.changes.WithLabelValues(string(changes[i].Kind)).Inc()
	}
	s.options.Written(changes)
	return changed, nil
}
