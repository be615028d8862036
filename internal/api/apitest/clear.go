package apitest

import (
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// clearing: what is deleted is gone, and only that; a key that was seen is not known any more when all is gone.
func clearing(s *suite) {
	remove := func(q api.ClearRequest, events int64) {
		s.Helper()
		answer, err := s.Clear(s.ctx, q)
		if err != nil || answer.Events != events {
			s.Errorf("Clear(%+v) = %+v, %v, want %d events", q, answer, err, events)
		}
	}
	for name, q := range map[string]api.ClearRequest{"nothing": {}, "alerts before": {Alerts: true, Before: time.Now()}} {
		_, err := s.Clear(s.ctx, q)
		s.kind("Clear of "+name, err, fault.Invalid)
	}

	remove(api.ClearRequest{Events: true}, 0)
	s.mixed()
	remove(api.ClearRequest{Alerts: true}, 0)
	remove(api.ClearRequest{Events: true, Before: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)}, 0)
	remove(api.ClearRequest{Events: true, Before: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}, 5)
	remove(api.ClearRequest{Events: true}, 0)
	s.mixed()
	remove(api.ClearRequest{Alerts: true, Events: true}, 5)
	remove(api.ClearRequest{Events: true}, 0)
	s.mixed()
	remove(api.ClearRequest{Events: true}, 5)
}
