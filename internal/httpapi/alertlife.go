package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// What is said with each act on an alert. Who acts is whoever asks.
type (
	noteBody struct {
		Note string `json:"note,omitempty"`
	}
	acknowledgeBody struct {
		Note  string    `json:"note,omitempty"`
		Until time.Time `json:"until,omitzero"` // when it ends by itself; none: it does not
	}
	commentBody struct {
		Text string `json:"text"`
	}
	assignBody struct {
		User string `json:"user"` // empty is nobody
		Note string `json:"note,omitempty"`
	}
	closeBody struct {
		Disposition string `json:"disposition"`
		DuplicateOf int64  `json:"duplicate_of,omitempty"`
		Note        string `json:"note,omitempty"`
	}
)

// An alertBody is one of them.
type alertBody interface{ act() api.AlertAct }

func (b noteBody) act() api.AlertAct        { return api.AlertAct{Note: b.Note} }
func (b acknowledgeBody) act() api.AlertAct { return api.AlertAct{Note: b.Note, Until: b.Until} }
func (b commentBody) act() api.AlertAct     { return api.AlertAct{Note: b.Text} }
func (b assignBody) act() api.AlertAct      { return api.AlertAct{Note: b.Note, Assignee: b.User} }
func (b closeBody) act() api.AlertAct {
	return api.AlertAct{Note: b.Note, Disposition: b.Disposition, DuplicateOf: b.DuplicateOf}
}

// toAlert makes the route of an act on the alert that the path names.
func toAlert[B alertBody](s *Server, act, doc string) route {
	var b B
	return route{method: "POST", path: "/api/v1/alerts/{id}/" + act, op: permission.ActOnAlert, doc: doc, in: b, out: alert.Alert{}, handle: func(w *response, r *http.Request) error {
		id, err := alertID(r)
		if err != nil {
			return err
		}
		var b B
		if err := decodeJSON(w, r, &b); err != nil {
			return err
		}
		q := b.act()
		q.ID, q.Act = id, act
		changed, err := s.service.ActOnAlert(r.Context(), q)
		if err != nil {
			return err
		}
		return w.answer(changed)
	}}
}

// alertID reads the number in the path.
func alertID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.Invalid, "alert %q: want its number", r.PathValue("id"))
	}
	return id, nil
}

func (s *Server) getAlert(w *response, r *http.Request) error {
	id, err := alertID(r)
	if err != nil {
		return err
	}
	story, err := s.service.AlertStory(r.Context(), id)
	if err != nil {
		return err
	}
	return w.answer(story)
}

// ActOnAlert implements api.Service.
func (c *Client) ActOnAlert(ctx context.Context, q api.AlertAct) (alert.Alert, error) {
	var body alertBody
	switch q.Act {
	case api.Acknowledge:
		body = acknowledgeBody{Note: q.Note, Until: q.Until}
	case api.Unacknowledge:
		body = noteBody{Note: q.Note}
	case api.Comment:
		body = commentBody{Text: q.Note}
	case api.Assign:
		body = assignBody{User: q.Assignee, Note: q.Note}
	case api.Close:
		body = closeBody{Disposition: q.Disposition, DuplicateOf: q.DuplicateOf, Note: q.Note}
	default:
		return alert.Alert{}, fault.New(fault.Invalid, "act %q: want acknowledge, unacknowledge, comment, assign or close", q.Act)
	}
	return post[alert.Alert](ctx, c, "/api/v1/alerts/"+strconv.FormatInt(q.ID, 10)+"/"+q.Act, body)
}

// AlertStory implements api.Service.
func (c *Client) AlertStory(ctx context.Context, id int64) (api.AlertStory, error) {
	return get[api.AlertStory](ctx, c, "/api/v1/alerts/"+strconv.FormatInt(id, 10), nil)
}
