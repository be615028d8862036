package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// What is said with an act comes through, as is what is answered; an act that there is none is not sent.
func TestClientActsOnAlerts(t *testing.T) {
	s := open(t, nil)
	until := time.Date(2027, 1, 2, 3, 4, 5, 6, time.UTC)
	for way, c := range map[string]*Client{"socket": connect(t, s.socket, ""), "tcp": connect(t, s.url, "token of alice")} {
		for _, q := range []api.AlertAct{
			{ID: 17, Act: api.Acknowledge, Note: "<b>\"ü\n", Until: until},
			{ID: 1 << 50, Act: api.Acknowledge},
			{ID: 17, Act: api.Unacknowledge, Note: "no"},
			{ID: 17, Act: api.Comment, Note: strings.Repeat("ü", 2048)},
			{ID: 17, Act: api.Assign, Assignee: "bob", Note: "yours"},
			{ID: 17, Act: api.Assign},
			{ID: 17, Act: api.Close, Disposition: "duplicate", DuplicateOf: 16, Note: "the same"},
		} {
			got, err := c.ActOnAlert(t.Context(), q)
			if err != nil || !cmp.Equal(got, filled[alert.Alert]()) {
				t.Errorf("%s: ActOnAlert(%+v) = %+v, %v", way, q, got, err)
			}
			if diff := cmp.Diff([]any{q}, s.svc.asked); diff != "" || s.svc.caller.User == "" {
				t.Errorf("%s: ActOnAlert arrived as %q's (-sent +arrived):\n%s", way, s.svc.caller.User, diff)
			}
		}
		s.svc.asked = nil
		if _, err := c.ActOnAlert(t.Context(), api.AlertAct{ID: 17, Act: "../users"}); fault.Kind(err) != fault.Invalid || s.svc.asked != nil {
			t.Errorf("%s: an act that there is none = %v, asked %v; want it refused, and not asked", way, err, s.svc.asked)
		}
	}
}

// Whoever acts is whoever asks: a body cannot say another, nor anything else that it should not.
func TestActsThatAreRefused(t *testing.T) {
	s := open(t, nil)
	for _, test := range []struct {
		path, body string
		status     int
	}{
		{"/api/v1/alerts/x/acknowledge", "{}", 400},
		{"/api/v1/alerts/0/acknowledge", "{}", 400},
		{"/api/v1/alerts/-1/comment", "{}", 400},
		{"/api/v1/alerts/99999999999999999999/close", "{}", 400},
		{"/api/v1/alerts/17/acknowledge", `{"acknowledged_by":"alice"}`, 400},
		{"/api/v1/alerts/17/comment", `{"text":"x","who":"alice"}`, 400},
		{"/api/v1/alerts/17/comment", `{"text":"x","id":18}`, 400},
		{"/api/v1/alerts/17/acknowledge", `{"until":"tomorrow"}`, 400},
		{"/api/v1/alerts/17/close", `{"disposition":`, 400},
		{"/api/v1/alerts/17/forget", "{}", 404},
	} {
		s.svc.asked = nil
		res, text := s.try(t, "POST", test.path, test.body, "Authorization", asBob)
		var p Problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || res.StatusCode != test.status || p.Detail == "" || s.svc.asked != nil {
			t.Errorf("POST %s %s = %d %s (%v), asked %v; want %d, a problem and nothing asked", test.path, test.body, res.StatusCode, text, err, s.svc.asked, test.status)
		}
	}
	for kind, status := range map[error]int{fault.Denied: 403, fault.NotFound: 404, fault.Conflict: 409, fault.Invalid: 400, fault.Unavailable: 503} {
		s.svc.err = fault.New(kind, "act on alert 17: no")
		res, text := s.try(t, "POST", "/api/v1/alerts/17/close", `{"disposition":"true"}`, "Authorization", asBob)
		if res.StatusCode != status || res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(text, "act on alert 17: no") || s.svc.caller.User != "bob" {
			t.Errorf("an error of kind %v = %d %s as %q, want %d", kind, res.StatusCode, text, s.svc.caller.User, status)
		}
	}
}
