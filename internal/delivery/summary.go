package delivery

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/ledger"
)

// sumUp lets go what is held, when it is due. Only the ledger knows what is held, so whatever ends this process between two steps
// costs nothing: the next one finds what is due.
func (s *Service) sumUp(ctx context.Context) {
	var storms []ledger.Raging
	for ctx.Err() == nil {
		now := time.Now()
		at, ok, err := s.outbox.NextHeld(ctx)
		switch {
		case err != nil || !ok:
			at = now.Add(longLook)
		case !at.After(now):
			var n int
			s.persist(ctx, "make summaries", func() (err error) {
				n, err = s.outbox.Bundle(ctx, now)
				return err
			})
			s.options.Point(AfterBundle)
			if n > 0 {
				s.Wake()
			}
			storms = s.tellStorms(ctx, storms)
			at = now
		}
		pause(ctx, min(max(at.Sub(now), shortLook), longLook), s.summing)
	}
}

// tellStorms tells of the storms that go on, and of those that no longer do. It returns those that go on.
func (s *Service) tellStorms(ctx context.Context, before []ledger.Raging) []ledger.Raging {
	now, err := s.outbox.Storms(ctx)
	if err != nil {
		return before // the ledger is asked again with the next summary
	}
	for _, storm := range now {
		s.options.Storm(ctx, storm, false)
	}
	for _, was := range before {
		if !slices.ContainsFunc(now, func(r ledger.Raging) bool { return r.Channel == was.Channel && r.User == was.User }) {
			s.options.Storm(ctx, was, true)
		}
	}
	return now
}

// helpOut hands to the channels that stand in for others what those cannot send: all that waits, where one only fails for long,
// and what is about to be given up.
func (s *Service) helpOut(ctx context.Context, now time.Time) {
	for _, p := range s.list() {
		p.mu.Lock()
		spare, ill, cause := p.channel.Spare, p.ill, p.cause
		p.mu.Unlock()
		if spare == "" {
			continue
		}
		before, why := now.Add(-s.options.GiveUp), p.name+" gave it up"
		if !ill.IsZero() && now.Sub(ill) >= s.options.Patience {
			before, why = now, p.name+" only fails: "+cause
		}
		n, err := s.outbox.SpareWaiting(ctx, p.name, spare, before, now, why)
		if n > 0 {
			s.log.Warn("another channel helps out", "channel", p.name, "spare", spare, "notices", n)
			s.Wake()
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("another channel cannot help out", "channel", p.name, "spare", spare, "err", err)
		}
	}
}

// alarmEvery is how long a failed alarm waits.
const alarmEvery = 10 * time.Second

// raiseAlarms tells of channels that only fail, and that they work. It has its own goroutine, as the alarm may wait.
func (s *Service) raiseAlarms(ctx context.Context) {
	told := map[string]bool{} // whether each was said to fail, once something was said
	for ctx.Err() == nil {
		failed := false
		for _, p := range s.list() {
			cause, known := p.fails()
			before, said := told[p.name]
			if !known || said && before == (cause != "") {
				continue
			}
			if err := s.options.Alarm(ctx, p.name, cause); err != nil {
				failed = true
				continue
			}
			told[p.name] = cause != ""
		}
		for _, name := range s.goneNow() {
			if told[name] && s.options.Alarm(ctx, name, "") != nil {
				failed = true
				continue
			}
			delete(told, name)
			s.mu.Lock()
			delete(s.gone, name)
			s.mu.Unlock()
		}
		wait := time.Hour
		if failed {
			wait = alarmEvery
		}
		pause(ctx, wait, s.alarmed)
	}
}

func (s *Service) goneNow() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.gone {
		names = append(names, name)
	}
	return names
}
