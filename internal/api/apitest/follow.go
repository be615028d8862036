package apitest

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// errEnough ends a FollowAlerts of the tests.
var errEnough = errors.New("enough")

// follow follows until what was told is enough, and returns it.
func (s *suite) follow(q api.AlertFollow, enough func([]api.AlertChange) bool) []api.AlertChange {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	var told []api.AlertChange
	last := q.SinceChange
	err := s.FollowAlerts(ctx, q, func(c api.AlertChange) error {
		if c.Change <= last || c.Change != c.Alert.Change {
			s.Errorf("told of change %d (of the alert %d) behind %d", c.Change, c.Alert.Change, last)
		}
		last = c.Change
		if told = append(told, c); enough(told) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		s.Fatalf("FollowAlerts(%+v) = %v after %d changes", q, err, len(told))
	}
	return told
}

// following: each change is told once and in order, from wherever one begins, and what was told is the alert as it is.
func following(s *suite) {
	begun := make(chan int64, 1)
	live := make(chan []api.AlertChange, 1)
	go func() { // from before there is anything
		var told []api.AlertChange
		first := true
		_ = s.FollowAlerts(s.ctx, api.AlertFollow{SinceChange: api.FromNow, Reached: func(n int64) error {
			if first {
				first = false
				begun <- n
			}
			return nil
		}}, func(c api.AlertChange) error {
			if told = append(told, c); c.Alert.State == alert.Ended && c.Alert.ClosedBy != "" {
				return errEnough
			}
			return nil
		})
		live <- told
	}()
	if at := <-begun; at != 0 {
		s.Errorf("an empty ledger begins at change %d", at)
	}
	alerts := s.standing("192.0.2.1", "192.0.2.2", "192.0.2.3")
	told := s.follow(api.AlertFollow{}, func(t []api.AlertChange) bool { return len(t) == 3 })
	cursor := told[2].Change
	s.act(api.AlertAct{ID: alerts[1].ID, Act: api.Comment, Note: "first"})
	s.act(api.AlertAct{ID: alerts[0].ID, Act: api.Acknowledge})
	s.act(api.AlertAct{ID: alerts[1].ID, Act: api.Comment, Note: "second"})
	s.act(api.AlertAct{ID: alerts[2].ID, Act: api.Close, Disposition: "false"})
	told = s.follow(api.AlertFollow{SinceChange: cursor}, func(t []api.AlertChange) bool {
		return t[len(t)-1].Alert.ID == alerts[2].ID && t[len(t)-1].Alert.ClosedBy != ""
	})
	var ids []int64
	for _, c := range told {
		ids = append(ids, c.Alert.ID)
	}
	if want := []int64{alerts[0].ID, alerts[1].ID, alerts[2].ID}; !slices.Equal(ids, want) {
		s.Errorf("changes since %d are of the alerts %v, want %v: each once, as it is now", cursor, ids, want)
	}
	if a := told[0].Alert; a.State != alert.Acknowledged || a.AckedBy == "" {
		s.Errorf("alert after its acknowledgement is told as %+v", a)
	}
	// who followed all the while was told of each, in order, and knows the same in the end
	all := <-live
	newest := map[int64]api.AlertChange{}
	for i, c := range all {
		if i > 0 && c.Change <= all[i-1].Change {
			s.Errorf("told of change %d behind %d", c.Change, all[i-1].Change)
		}
		newest[c.Alert.ID] = c
	}
	for _, c := range told {
		if newest[c.Alert.ID].Change != c.Change {
			s.Errorf("who followed knows change %d of alert %d, want %d", newest[c.Alert.ID].Change, c.Alert.ID, c.Change)
		}
	}
	last := s.follow(api.AlertFollow{States: []string{"ended"}, MinSeverity: "LOW", Rule: "scan"}, func(t []api.AlertChange) bool { return true })
	if last[0].Alert.ID != alerts[2].ID {
		s.Errorf("of ended alerts is told %+v", last[0])
	}
	nobody := func(api.AlertChange) error { return nil }
	s.kind("FollowAlerts since a change to come", s.FollowAlerts(s.ctx, api.AlertFollow{SinceChange: 1 << 50}, nobody), fault.Invalid)
	s.kind("FollowAlerts since -2", s.FollowAlerts(s.ctx, api.AlertFollow{SinceChange: -2}, nobody), fault.Invalid)
	s.kind("FollowAlerts of a state that there is none", s.FollowAlerts(s.ctx, api.AlertFollow{States: []string{"x"}}, nobody), fault.Invalid)
	ctx, stop := context.WithCancelCause(s.ctx)
	stop(errEnough)
	if err := s.FollowAlerts(ctx, api.AlertFollow{}, nobody); !errors.Is(err, errEnough) {
		s.Errorf("FollowAlerts that has ended = %v, want %v", err, errEnough)
	}
}
