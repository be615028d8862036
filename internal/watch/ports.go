package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/document"
)

// BusyAbove is from what part of its speed on, in percent, an interface is busy.
const BusyAbove = 90

// A Port is an interface of an exporter that people gave a name: one that somebody cares for.
type Port struct {
	Key string // the exporter and its number, as in 192.0.2.254#3, by which its name is found wherever the alert is shown
	// Used is the part of its speed that the busier direction uses, in percent, and Way that direction, in or out; below 0 it is
	// not known.
	Used float64
	Way  string
	// Up is that it works, Down that it does not and is meant to. Of one that is switched off, or not heard, neither holds.
	Up, Down bool
}

// PortLimits are for how long what is told of an interface must last; 0 is never.
type PortLimits struct{ Busy, Down time.Duration }

// ports knows the interfaces that are watched, by key.
type ports map[string]*portState

// A portState is one of them.
type portState struct {
	seenUp     bool // it worked once, so that it is news when it does not
	busy, down condition
}

// A condition is something that people are told when it lasts, and that it is over when that lasts as long.
type condition struct {
	holds  bool
	lasted time.Duration // since it holds, or does not
	told   bool          // an alert is open, or was about to be when an earlier process ended
	raised bool          // by this process
}

// keptPort is a portState as it is stored.
type keptPort struct {
	Up   bool `json:"up,omitempty"`
	Busy bool `json:"busy,omitempty"` // an alert is open
	Down bool `json:"down,omitempty"`
}

// MarshalJSON writes what outlasts a restart.
func (s *portState) MarshalJSON() ([]byte, error) {
	return json.Marshal(keptPort{s.seenUp, s.busy.told, s.down.told})
}

// UnmarshalJSON reads it.
func (s *portState) UnmarshalJSON(text []byte) error {
	var k keptPort
	if err := json.Unmarshal(text, &k); err != nil {
		return err
	}
	*s = portState{seenUp: k.Up, busy: condition{told: k.Busy}, down: condition{told: k.Down}}
	return nil
}

// step takes in whether it holds, after so much more time, and says what is to be told.
func (c *condition) step(elapsed time.Duration, holds bool, after time.Duration) (raise, over bool) {
	if holds != c.holds {
		c.holds, c.lasted = holds, 0
	} else {
		c.lasted += elapsed
	}
	if after == 0 {
		return false, c.told
	}
	return holds && !c.raised && c.lasted >= after, !holds && c.told && c.lasted >= after
}

// step takes in what interfaces do, after so much more time, and returns what is to be told.
func (m ports) step(elapsed time.Duration, now []Port, limits PortLimits) (calls []call) {
	there := map[string]*Port{}
	for i := range now {
		there[now[i].Key] = &now[i]
		if m[now[i].Key] == nil {
			m[now[i].Key] = &portState{}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		s, p := m[key], there[key]
		if p == nil { // its name was taken back, or it is forgotten
			if !s.busy.told && !s.down.told {
				delete(m, key)
				continue
			}
			calls = append(calls, s.over(key)...)
			continue
		}
		s.seenUp = s.seenUp || p.Up
		if raise, over := s.busy.step(elapsed, p.Used > BusyAbove, limits.Busy); raise || over {
			calls = append(calls, call{key: key, raise: raise, Own: p.busy(limits.Busy)})
		}
		if raise, over := s.down.step(elapsed, p.Down && s.seenUp, limits.Down); raise || over {
			calls = append(calls, call{key: key, raise: raise, Own: p.down(limits.Down)})
		}
	}
	return calls
}

// over ends what is open.
func (s *portState) over(key string) (calls []call) {
	p := Port{Key: key}
	if s.busy.told {
		calls = append(calls, call{key: key, Own: p.own(BusyRule)})
	}
	if s.down.told {
		calls = append(calls, call{key: key, Own: p.own(DownRule)})
	}
	return calls
}

func (p *Port) own(rule string) alerting.Own {
	return alerting.Own{Name: rule, Entity: alert.Entity{{Field: "tocsin.interface", Value: p.Key}}}
}

// busy is the alert that an interface is full.
func (p *Port) busy(after time.Duration) alerting.Own {
	o := p.own(BusyRule)
	o.Title, o.Severity, o.Value, o.Limit = "Interface busy", alert.Medium, p.Used, BusyAbove
	o.Reason = fmt.Sprintf("interface %s has used more than %d %% of its speed for %s, now %.1f %% %s (tocsin top flow.host says who; sources.interface_busy_after)",
		p.Key, BusyAbove, document.FormatDuration(after), p.Used, p.Way)
	return o
}

// down is the alert that an interface does not work any more.
func (p *Port) down(after time.Duration) alerting.Own {
	o := p.own(DownRule)
	o.Title, o.Severity, o.Limit = "Interface down", alert.High, after.Seconds()
	o.Reason = fmt.Sprintf("interface %s is down for %s though it is switched on, and was up before (look at its cable and at the other side; sources.interface_down_after)",
		p.Key, document.FormatDuration(after))
	return o
}

// told notes whether a call was heeded.
func (m ports) told(c call, done bool) {
	s := m[c.key]
	if s == nil || !done {
		return
	}
	which := &s.busy
	if c.Name == DownRule {
		which = &s.down
	}
	which.told, which.raised = c.raise, c.raise
}
