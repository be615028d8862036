package apitest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// standing makes alerts that are open, one about each address, and returns them in that order.
func (s *suite) standing(addresses ...string) []alert.Alert {
	s.Helper()
	_, err := s.PutRule(s.ctx, api.RuleEdit{Text: scan})
	s.must("PutRule", err)
	var lines []string
	for _, address := range addresses {
		for i := range 3 { // just now, as what is older than the lateness is not judged any more
			at := time.Now().Add(time.Duration(i-60) * time.Second).UTC().Format(time.RFC3339)
			lines = append(lines, fmt.Sprintf(`{"@timestamp":%q,"source.ip":%q,"http.response.status_code":404}`, at, address))
		}
	}
	s.add(api.AppendRequest{}, lines...)
	list := make([]alert.Alert, len(addresses))
	for i, address := range addresses {
		list[i] = s.open("source.ip=" + address)
	}
	return list
}

// open waits until there is an open alert about an entity.
func (s *suite) open(key string) alert.Alert {
	s.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); s.must("Flush", s.Flush(s.ctx)) { // which takes a moment
		found, err := s.Alerts(s.ctx, api.AlertRequest{User: "*", States: []string{"open"}})
		s.must("Alerts", err)
		for _, a := range found {
			if a.Entity.Key() == key {
				return a
			}
		}
	}
	s.Fatalf("no open alert about %s", key)
	return alert.Alert{}
}

// act does something to an alert that works.
func (s *suite) act(q api.AlertAct) alert.Alert {
	s.Helper()
	a, err := s.ActOnAlert(s.ctx, q)
	s.must(q.Act, err)
	if a.ID != q.ID {
		s.Errorf("ActOnAlert(%+v) returns alert %d", q, a.ID)
	}
	return a
}

// life: what people do to alerts shows in them and in their stories.
func life(s *suite) {
	s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: "alice", Password: "correct horse battery", Admin: true, Create: true}))
	list := s.standing("192.0.2.1", "192.0.2.2")
	one, two := list[0].ID, list[1].ID

	until := time.Now().Add(time.Hour).UTC().Round(0)
	a := s.act(api.AlertAct{ID: one, Act: api.Acknowledge, Note: "mine <b>\x1b[31m", Until: until})
	if a.State != alert.Acknowledged || a.AckedBy != "admin" || a.AckNote != "mine <b>\x1b[31m" || !a.AckedUntil.Equal(until) || a.AckedAt.IsZero() {
		s.Errorf("acknowledged: %+v", a)
	}
	s.act(api.AlertAct{ID: one, Act: api.Acknowledge, Note: "mine <b>\x1b[31m", Until: until}) // again: it changes nothing
	if a = s.act(api.AlertAct{ID: one, Act: api.Unacknowledge}); a.State != alert.Open || a.AckedBy != "" || a.AckNote != "" {
		s.Errorf("not acknowledged any more: %+v", a)
	}
	_, err := s.ActOnAlert(s.ctx, api.AlertAct{ID: one, Act: api.Unacknowledge})
	s.kind("unacknowledge what is open", err, fault.Conflict)
	s.act(api.AlertAct{ID: one, Act: api.Comment, Note: strings.Repeat("ü", 2048)})
	if a = s.act(api.AlertAct{ID: one, Act: api.Assign, Assignee: "alice"}); a.Assignee != "alice" {
		s.Errorf("assigned: %+v", a)
	}
	s.act(api.AlertAct{ID: one, Act: api.Assign})
	if a = s.act(api.AlertAct{ID: one, Act: api.Close, Disposition: "duplicate", DuplicateOf: two, Note: "the same"}); a.State != alert.Ended || a.EndedAt.IsZero() ||
		a.Disposition != alert.Duplicate || a.DuplicateOf != two || a.ClosedBy != "admin" || a.CloseNote != "the same" {
		s.Errorf("closed: %+v", a)
	}
	_, err = s.ActOnAlert(s.ctx, api.AlertAct{ID: one, Act: api.Acknowledge})
	s.kind("acknowledge what has ended", err, fault.Conflict)
	s.told(one, "acknowledged unacknowledged commented assigned assigned closed")
	s.told(two, "")

	// An acknowledgement ends by itself. On a busy machine its time may be over before it is asked for: then a longer one is.
	for soon := 5 * time.Second; ; soon *= 2 {
		_, err := s.ActOnAlert(s.ctx, api.AlertAct{ID: two, Act: api.Acknowledge, Until: time.Now().Add(soon)})
		if errors.Is(err, fault.Invalid) && soon < 30*time.Second {
			continue
		}
		s.must("acknowledge for a while", err)
		break
	}
	if a = s.open("source.ip=192.0.2.2"); a.ID != two || a.AckedBy != "" || !a.AckedUntil.IsZero() {
		s.Errorf("open again after its time: %+v", a)
	}
	story, err := s.AlertStory(s.ctx, two)
	if err != nil || len(story.Log) != 2 || story.Log[1].What != alert.DidLapse || story.Log[1].Who != "" || story.Log[1].To != "open" {
		s.Errorf("story of what ended by itself = %+v, %v", story, err)
	}
	s.refused(one, two)
}

// told holds the log of an alert to what happened, all of it by the caller.
func (s *suite) told(id int64, want string) {
	s.Helper()
	story, err := s.AlertStory(s.ctx, id)
	s.must("AlertStory", err)
	var did []string
	for _, e := range story.Log {
		did = append(did, e.What)
		if e.Who != "admin" || e.At.IsZero() {
			s.Errorf("%+v: want it by admin", e)
		}
	}
	if got := strings.Join(did, " "); got != want || story.Alert.ID != id {
		s.Errorf("story of alert %d, asked for %d = %q, want %q", story.Alert.ID, id, got, want)
	}
}

// refused asks what cannot be done; nothing of it shows afterwards.
func (s *suite) refused(one, two int64) {
	before, err := s.AlertStory(s.ctx, one)
	s.must("AlertStory", err)
	for _, test := range []struct {
		q    api.AlertAct
		kind error
	}{
		{api.AlertAct{ID: 1 << 40, Act: api.Acknowledge}, fault.NotFound},
		{api.AlertAct{ID: one, Act: api.Acknowledge, Until: time.Now().Add(-time.Minute)}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Acknowledge, Note: strings.Repeat("x", 4097)}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Comment}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Comment, Note: " \n"}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Comment, Note: "a\x00b"}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Assign, Assignee: "nobody"}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Close}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Close, Disposition: "TRUE"}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Close, Disposition: "true", DuplicateOf: two}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Close, Disposition: "duplicate", DuplicateOf: one}, fault.Invalid},
		{api.AlertAct{ID: one, Act: api.Close, Disposition: "duplicate", DuplicateOf: 1 << 40}, fault.Invalid},
		{api.AlertAct{ID: one, Act: "forget"}, fault.Invalid},
	} {
		_, err := s.ActOnAlert(s.ctx, test.q)
		s.kind(fmt.Sprintf("ActOnAlert(%.200v)", test.q), err, test.kind)
	}
	_, err = s.AlertStory(s.ctx, 1<<40)
	s.kind("AlertStory of none", err, fault.NotFound)
	after, err := s.AlertStory(s.ctx, one)
	if err != nil || len(after.Log) != len(before.Log) || after.Alert.State != before.Alert.State {
		s.Errorf("what was refused shows: %+v, %v", after, err)
	}
}
