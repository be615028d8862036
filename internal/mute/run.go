package mute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// How often mutes are looked at: at least and at most.
const (
	longLook  = time.Minute // so that what another process of the same ledger changed is seen
	shortLook = time.Second
)

// A Standing is where alerts are that stand, and where it is told that they do.
type Standing interface {
	Alerts(ctx context.Context, q ledger.AlertQuery) ([]alert.Alert, error)
	Unmute(ctx context.Context, u ledger.Unmuting) (int, error)
}

// RunOptions are what Run works with.
type RunOptions struct {
	Alerts Standing
	Route  ledger.Route
	Told   func() // is called after people are to be told of something; it must not block
}

// Run keeps what is on the shelf up to date until ctx ends: it ends silences whose alerts have ended, and when a silence or a
// time of a window ends, tells of the alerts that it hid and that still stand, once, also behind a restart.
func (s *Shelf) Run(ctx context.Context, o RunOptions) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	told := "" // the last failure, so that the log tells it once
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		next, err := s.sweep(ctx, o)
		if problem := text(err); problem != told && ctx.Err() == nil {
			if told = problem; err != nil {
				s.log.Error("silences are not looked after", "err", err)
			}
		}
		timer.Reset(min(max(time.Until(next), shortLook), longLook))
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
			timer.Reset(shortLook)
		case <-timer.C:
			timer.Reset(0)
		}
	}
}

// Ended is told that alerts have ended, which may end silences.
func (s *Shelf) Ended() {
	if set := s.Current(); set != nil && set.resolving {
		s.nudge()
	}
}

func (s *Shelf) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// sweep looks after every mute once, and returns when the next of them ends.
func (s *Shelf) sweep(ctx context.Context, o RunOptions) (next time.Time, err error) {
	now := time.Now()
	next = now.Add(longLook)
	if err := s.Load(ctx); err != nil {
		return next, err
	}
	stored, err := s.ledger.Mutes(ctx, ledger.MuteQuery{InForce: now, Untold: true})
	if err != nil {
		return next, err
	}
	for _, one := range stored {
		m, err := decode(one)
		if err != nil || m.Kind == Exclusion {
			continue // Load has told of what is foul
		}
		e := m.ended(now)
		if e.due {
			if err := s.tell(ctx, o, &m, e, now); err != nil {
				return next, err
			}
		} else if e.at.After(now) && e.at.Before(next) {
			next = e.at
		}
		if m.EndsWhenResolved && !m.Over(now) {
			if err := s.resolve(ctx, o, &m); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

// An end is that of a mute, or of one time of a window.
type end struct {
	at  time.Time
	due bool // it is over and was not told
	hid bool // until then it hid alerts; one that was taken back in between has nothing to tell
}

// ended returns the newest end that is still to be told, else the next one as far as it is known.
func (m *Mute) ended(now time.Time) end {
	over := m.Ends
	if !m.Revoked.IsZero() {
		over = m.Revoked
	}
	if m.Schedule != nil {
		return m.endedTime(now, over)
	}
	return end{at: over, due: m.Over(now) && over.After(m.Told), hid: over.After(m.Starts)}
}

// endedTime is ended of one that recurs.
func (m *Mute) endedTime(now, over time.Time) end {
	c, err := m.Schedule.compile()
	if err != nil {
		return end{}
	}
	since, until := m.Told, now
	if m.Starts.After(since) {
		since = m.Starts
	}
	if m.Over(now) {
		if !over.After(m.Told) {
			return end{}
		}
		if _, _, on := c.at(over.Add(-1)); on && over.After(since) {
			return end{at: over, due: true, hid: true}
		}
		until = over
	}
	at, ok := c.ended(since, until)
	switch {
	case m.Over(now): // with the last of its times the whole of it is told
		return end{at: over, due: true, hid: ok}
	case ok:
		return end{at: at, due: true, hid: true}
	}
	if _, to, on := c.at(now); on {
		return end{at: to}
	}
	return end{}
}

// tell tells of the alerts that a mute hid.
func (s *Shelf) tell(ctx context.Context, o RunOptions, m *Mute, e end, now time.Time) error {
	matcher, err := m.Compile()
	if err != nil {
		return err
	}
	why := fmt.Sprintf("still firing: %s %d by %s has ended (%s)", m.Kind, m.ID, m.Author, m.Note)
	hid := matcher.Means
	if !e.hid {
		hid = func(*alert.Alert) bool { return false }
	}
	n, err := o.Alerts.Unmute(ctx, ledger.Unmuting{Mute: m.ID, Until: e.at, Now: now, Why: why, Hid: hid, Route: o.Route})
	if err != nil {
		return err
	}
	s.log.Info("a mute has ended", "kind", m.Kind, "id", m.ID, "alerts", n)
	if n > 0 && o.Told != nil {
		o.Told()
	}
	return nil
}

// resolve ends a silence of which no alert stands any more.
func (s *Shelf) resolve(ctx context.Context, o RunOptions, m *Mute) error {
	matcher, err := m.Compile()
	if err != nil {
		return err
	}
	standing, err := o.Alerts.Alerts(ctx, ledger.AlertQuery{States: []alert.State{alert.Open, alert.Acknowledged}, Rule: m.Rule, Limit: 1 << 30})
	if err != nil {
		return err
	}
	for i := range standing {
		if matcher.Means(&standing[i]) {
			return nil
		}
	}
	_, err = s.End(ctx, m.ID, "", nil)
	if errors.Is(err, fault.Conflict) || errors.Is(err, fault.NotFound) {
		return nil // somebody was quicker
	}
	return err
}
