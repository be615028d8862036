package web

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// told answers what it was told to; the rest of api.Service is not asked for by the page.
type told struct {
	api.Service

	alerts []alert.Alert
	events []string
	health api.Health
	top    func(api.TopRequest) api.TopAnswer
	err    error
	asked  api.SearchRequest
	whose  api.AlertRequest

	mu      sync.Mutex
	acts    []api.AlertAct
	stories map[int64]api.AlertStory
	refuse  error // of every act
	mutes   []api.Mute
	settings
	network
	labels
	defined
	own
	answered

	cut     atomic.Bool   // there is no connection
	silent  atomic.Bool   // there is one over which nothing comes
	changed chan struct{} // tells who follows that something changed
}

func (s *told) Mutes(context.Context, api.MuteRequest) ([]api.Mute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mutes), s.err
}

func (s *told) AddMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return api.MuteAnswer{}, s.refuse
	}
	m := api.Mute{ID: int64(len(s.mutes) + 1), Kind: q.Kind, State: api.MuteActive, Rule: q.Rule, Owner: "*", Where: q.Where, Author: api.Caller(ctx).User, Note: q.Note,
		Created: time.Now(), Ends: q.Ends, Schedule: q.Schedule, UntilResolved: q.UntilResolved, MinSeverity: q.MinSeverity}
	for _, a := range s.alerts {
		if a.ID == q.Alert {
			m.Rule, m.Entity = a.RuleName, a.Entity
		}
	}
	s.mutes = append(s.mutes, m)
	return api.MuteAnswer{Mute: m}, s.err
}

func (s *told) PreviewMute(context.Context, api.MuteEdit) (api.MuteAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return api.MuteAnswer{MutePreview: api.MutePreview{Open: 2, Week: 5, WeekAll: 12, Alerts: slices.Clone(s.alerts[:2]), Everything: true}}, s.refuse
}

func (s *told) EndMute(_ context.Context, q api.MuteEnd) (api.Mute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.mutes {
		if s.mutes[i].ID == q.ID {
			s.mutes[i].State, s.mutes[i].EndedAt = api.MuteEnded, time.Now()
			return s.mutes[i], nil
		}
	}
	return api.Mute{}, fault.New(fault.NotFound, "no silence %d", q.ID)
}

func (s *told) acted() []api.AlertAct {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acts
}

// ActOnAlert does what it says to the alert that is told, as far as the pages show it.
func (s *told) ActOnAlert(ctx context.Context, q api.AlertAct) (alert.Alert, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = append(s.acts, q)
	if s.refuse != nil {
		return alert.Alert{}, s.refuse
	}
	for i := range s.alerts {
		a := &s.alerts[i]
		if a.ID != q.ID {
			continue
		}
		who, now := api.Caller(ctx).User, time.Now()
		story := s.stories[q.ID]
		e := alert.Entry{At: now, Who: who, Note: q.Note}
		switch q.Act {
		case api.Acknowledge:
			a.State, a.AckedBy, a.AckedAt, a.AckedUntil, a.AckNote = alert.Acknowledged, who, now, q.Until, q.Note
			e.What, e.To = alert.DidAcknowledge, "acknowledged"
		case api.Unacknowledge:
			a.State = alert.Open
			e.What = alert.DidUnacknowledge
		case api.Comment:
			e.What = alert.DidComment
		case api.Assign:
			e.What, e.From, e.To = alert.DidAssign, a.Assignee, q.Assignee
			a.Assignee = q.Assignee
		case api.Close:
			a.State, a.Disposition, a.DuplicateOf, a.ClosedBy, a.ClosedAt, a.CloseNote = alert.Ended, alert.Disposition(q.Disposition), q.DuplicateOf, who, now, q.Note
			e.What, e.To = alert.DidClose, q.Disposition
		}
		story.Log = append(story.Log, e)
		if s.stories == nil {
			s.stories = map[int64]api.AlertStory{}
		}
		s.stories[q.ID] = story
		return *a, nil
	}
	return alert.Alert{}, fault.New(fault.NotFound, "no alert %d", q.ID)
}

func (s *told) AlertStory(_ context.Context, id int64) (api.AlertStory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	story := s.stories[id]
	for _, a := range s.alerts {
		if a.ID == id {
			story.Alert = a
			return story, s.err
		}
	}
	return story, fault.New(fault.NotFound, "no alert %d", id)
}

func (s *told) Rules(_ context.Context, q api.RuleRequest) ([]api.Rule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ruled != nil {
		return slices.Clone(s.ruled), s.err
	}
	return []api.Rule{{ID: 1, Name: q.Name, Owner: "admin", Version: 3, Text: "name: " + q.Name + "\ntitle: " + evil + "\n"}}, s.err
}

// passing is what the ledger does with the states, the text and the cursor of a question.
func (s *told) passing(q api.AlertRequest) []alert.Alert {
	var list []alert.Alert
	last, id, err := api.ParseAlertCursor(q.Behind)
	for _, a := range s.alerts {
		states := strings.Join(q.States, " ")
		if states != "" && !strings.Contains(states, string(a.State)) || !strings.Contains(a.Title+a.Reason+a.Entity.Key(), q.Text) || q.Rule != "" && a.RuleName != q.Rule {
			continue
		}
		if err == nil && (a.Last.After(last) || a.Last.Equal(last) && a.ID >= id) {
			continue
		}
		if list = append(list, a); len(list) == q.Limit {
			break
		}
	}
	return list
}

func (s *told) CountAlerts(_ context.Context, q api.AlertRequest) ([]api.AlertCount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts []api.AlertCount
	q.Behind, q.Limit = "", 0
	for _, a := range s.passing(q) {
		counts = append(counts, api.AlertCount{Rule: a.RuleName, Owner: a.Owner, Severity: a.Severity, State: a.State, Alerts: 1, Triggers: a.Triggers, Last: a.Last})
	}
	return counts, s.err
}

func (s *told) Alerts(_ context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whose = q
	return s.passing(q), s.err
}
func (s *told) Health(context.Context) (api.Health, error) { return s.health, s.err }
func (s *told) Top(_ context.Context, q api.TopRequest) (api.TopAnswer, error) {
	if s.top == nil {
		return api.TopAnswer{}, s.err
	}
	return s.top(q), s.err
}

func (s *told) Search(_ context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	s.mu.Lock()
	s.asked = q
	events := s.events
	s.mu.Unlock()
	for _, e := range events {
		if err := each(json.RawMessage(e)); err != nil {
			return err
		}
	}
	return s.err
}
