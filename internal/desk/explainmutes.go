package desk

import (
	"context"
	"encoding/json"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/mute"
)

// mutes says of each rule that an event counts for, by what its alert would be excluded, or notices of it kept back, as far as
// this event tells.
func (x *explaining) mutes(ctx context.Context) error {
	shelf := x.desk.parts.Mutes
	if shelf.Current() == nil {
		if err := shelf.Load(ctx); err != nil {
			return err
		}
	}
	set, now := shelf.Current(), time.Now()
	for i := range x.pending {
		t := x.pending[i].trace
		for k := range t.Rules {
			addMutes(&t.Rules[k], set, t.Event, now)
		}
	}
	return nil
}

func addMutes(t *api.RuleTrace, set *mute.Set, event json.RawMessage, now time.Time) {
	switch t.Verdict {
	case api.Fires, api.Stands, api.Counts:
	default:
		return
	}
	a := &alert.Alert{RuleName: t.Name, Owner: t.Owner, Entity: t.Entity, Samples: []json.RawMessage{event}}
	if s, err := alert.ParseSeverity(t.Severity); err == nil {
		a.Severity = s
	}
	if m, ok := set.Excluded(a, now); ok {
		t.Facts = append(t.Facts, api.TraceFact{Name: "no alert, excluded by", Text: m.String()})
	} else if m, ok := set.Silenced(a, now); ok {
		t.Facts = append(t.Facts, api.TraceFact{Name: "notices kept back by", Text: m.String()})
	}
}
