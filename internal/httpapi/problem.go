package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A Problem is the answer to a request that failed (RFC 9457). Kind names the kind of package fault, "internal" when the
// fault is tocsin's own, or "throttled".
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	// Answer is what became of the events of a body in which none was usable.
	Answer *api.AppendAnswer `json:"answer,omitempty"`
	// Error is Detail again, for who asks by FlowTraq's API and looks for it here.
	Error string `json:"error,omitempty"`
}

// statuses gives each kind of fault its status. 507 is of RFC 4918 section 11.5.
var statuses = [...]struct {
	kind   error
	name   string
	status int
}{
	{fault.Invalid, "invalid", http.StatusBadRequest},
	{fault.NotFound, "not-found", http.StatusNotFound},
	{fault.Conflict, "conflict", http.StatusConflict},
	{fault.Denied, "denied", http.StatusForbidden},
	{fault.Full, "full", http.StatusInsufficientStorage},
	{fault.Unavailable, "unavailable", http.StatusServiceUnavailable},
}

// refusal is an error that needs a status of its own or a time to come back.
type refusal struct {
	status int
	kind   error // of package fault; nil for "throttled"
	retry  time.Duration
	answer *api.AppendAnswer
	text   string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

// retryAfter is what a sender is told to wait where nothing better is known.
const retryAfter = 5 * time.Second

// restFor is how long who is refused may go on with a body that nobody reads: the server waits for its end before it answers.
const restFor = 5 * time.Second

// problemOf turns an error into what the asker is told. Faults of tocsin's own are told in full to administrators alone.
func problemOf(err error, id api.Identity) (p Problem, retry time.Duration) {
	p = Problem{Status: http.StatusInternalServerError, Kind: "internal", Detail: err.Error()}
	kind := fault.Kind(err)
	for _, s := range statuses {
		if kind != nil && errors.Is(kind, s.kind) {
			p.Status, p.Kind = s.status, s.name
		}
	}
	if kind == nil && !id.Admin {
		p.Detail = "tocsin could not do this; its log says why"
	}
	if p.Status >= http.StatusServiceUnavailable {
		retry = retryAfter
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		p.Status, retry, p.Answer, p.Detail = r.status, r.retry, r.answer, err.Error()
		if r.kind == nil {
			p.Kind = "throttled"
		}
	}
	p.Title = http.StatusText(p.Status)
	return p, retry
}

// fail answers with the problem that err is, and logs what is tocsin's own fault.
func (s *Server) fail(w *response, r *http.Request, err error) {
	p, retry := problemOf(err, api.Caller(r.Context()))
	if p.Kind == "internal" && r.Context().Err() == nil {
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if w.status != 0 { // too late for a status: the answer is cut where it is, so that nobody takes it for whole
		panic(http.ErrAbortHandler)
	}
	if w.flowtraq {
		p.Error = p.Detail
	}
	_ = w.control.SetReadDeadline(time.Now().Add(restFor)) // fails only where there is no connection
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((retry+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="tocsin", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", "Bearer")
	}
	body, err := json.Marshal(p)
	if err != nil {
		s.log.Error("problem not encoded", "err", err)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the asker may be gone
}

// errorOf is the inverse of problemOf, for the client.
func errorOf(p Problem) error {
	for _, s := range statuses {
		if p.Kind == s.name {
			return fault.New(s.kind, "%s", p.Detail)
		}
	}
	if p.Kind == "throttled" {
		return fault.New(fault.Unavailable, "%s", p.Detail)
	}
	return errors.New(p.Detail)
}

// logAttrs names a request in the log.
func logAttrs(r *http.Request) slog.Attr {
	return slog.Group("request", "method", r.Method, "path", r.URL.Path, "user", api.Caller(r.Context()).User)
}
