package app

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/journal"
	"tocsin/internal/watch"
)

// newWatch makes what watches this process. node is the name of the machine.
func (a *App) newWatch(node string) *watch.Service {
	h := a.setup.Config.Heartbeat
	beat := watch.Heartbeat{URL: h.URL.Reveal(), Every: h.Every, ChannelName: h.Channel, ChannelEvery: h.ChannelEvery, Node: node, Version: a.options.Version}
	for _, c := range a.setup.routes {
		if c.Name == h.Channel {
			beat.Channel = c.Notifier
		}
	}
	return watch.New(watch.Options{
		Every: a.options.Look, Alarms: a.own(), Keeper: a.ledger, Sources: a.ingest.Sources, Works: a.works, Heartbeat: beat, Log: a.log,
		Expected: func() map[string]time.Duration { return *a.expected.Load() },
		Exporters: func() (map[netip.Addr]int64, time.Duration) {
			return a.flows.Steady(time.Now()), time.Duration(a.exporterSilence.Load())
		},
		Ports:  a.watchedPorts,
		Tables: a.tables,
		Problems: func(ctx context.Context) []string {
			h, err := a.desk.Health(api.As(ctx, api.Local()))
			if err != nil {
				return []string{err.Error()}
			}
			return h.Problems
		},
	})
}

// tables tells what each rule keeps.
func (a *App) tables() (list []watch.Table) {
	for _, j := range a.judges {
		for _, s := range j.engine.Rules() {
			list = append(list, watch.Table{Rule: s.Rule.Name, Owner: s.Rule.Owner, Entity: aboutRule(&s.Rule), Entities: s.Stats.Entities, Evicted: s.Stats.Evicted})
		}
	}
	return list
}

// setExpected notes which sources of a configuration must not be silent.
func (a *App) setExpected(setup *Setup) {
	expected := map[string]time.Duration{}
	for _, s := range setup.Config.Sources.Files {
		if s.SilentAfter > 0 {
			expected[s.Name] = s.SilentAfter
		}
	}
	for _, s := range setup.Config.Sources.Syslog {
		if s.SilentAfter > 0 {
			expected[s.Name] = s.SilentAfter
		}
	}
	a.expected.Store(&expected)
	a.exporterSilence.Store(int64(setup.Config.Sources.ExporterSilentAfter))
	a.portLimits.Store(&watch.PortLimits{Busy: setup.Config.Sources.InterfaceBusyAfter, Down: setup.Config.Sources.InterfaceDownAfter})
}

// workSource begins the id of the source range by which the journal is tried.
const workSource = "works:"

// works returns nil when events are taken in, judged, and what is found is written: it puts a batch without events into the
// journal and waits until the rules have read it.
func (a *App) works(ctx context.Context) error {
	if err := a.ledger.Check(ctx); err != nil {
		return err
	}
	for _, class := range []journal.Class{journal.Events, journal.Flows} {
		kind, now := event.Log, time.Now().UnixNano()
		if class == journal.Flows {
			kind = event.Flow
		}
		b := event.NewBatch(kind, 0, nil, event.Labels{})
		b.Sources = []event.SourceRange{{ID: workSource + class.String(), From: now, To: now}}
		if _, err := a.journal.Append(ctx, b); err != nil {
			return fmt.Errorf("take in: %w", err)
		}
	}
	if err := a.caughtUp(ctx); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	for _, j := range a.judges {
		if p := j.alerting.Problem(); p != "" {
			return fault.New(fault.Unavailable, "write alerts: %s", p)
		}
	}
	return nil
}

// roomProblems tells of what is nearly full, before anything is refused.
func (a *App) roomProblems() []string {
	var list []string
	if h := a.journal.Health(); h.Refusing == "" && h.Floor > 0 && h.Free < h.Floor+h.Floor/4 {
		list = append(list, fmt.Sprintf("disk: %d MB are free where the journal is, and below %d MB nothing is accepted (make room, or set journal.free_floor)",
			h.Free>>20, h.Floor>>20))
	}
	if a.rejected.Full() {
		list = append(list, fmt.Sprintf("quarantine: it is full: lines that cannot be read are counted and not kept any more (tocsin quarantine drop, or raise quarantine.max_bytes, now %s)",
			a.setup.Config.Quarantine.MaxBytes))
	}
	return list
}
