package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// cookieName is the name of the cookie that holds the token of a session.
const cookieName = "tocsin_session"

// guarded lets a route be called only by those whom the table of routes names.
func (s *Server) guarded(r route) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		w, ok := rw.(*response)
		if !ok {
			w = newResponse(rw, s.sending)
		}
		if w.flowtraq = r.flowtraq; r.flowtraq {
			req = bearing(req)
		}
		id, way, err := s.admit(r.op, req)
		if err == nil {
			req = req.WithContext(api.Through(api.As(req.Context(), id), way))
			err = r.handle(w, req)
		} else if r.page && errors.Is(err, errAnonymous) {
			http.Redirect(w, req, loginFor(req), http.StatusSeeOther)
			return
		}
		if err != nil {
			s.fail(w, req, err)
		}
	})
}

var errAnonymous = &refusal{status: http.StatusUnauthorized, kind: fault.Denied,
	text: "who asks is not known: show a name and password, or a token"}

// admit says as whom a request is made and which way it came, or why it is not let through.
func (s *Server) admit(op permission.Operation, r *http.Request) (api.Identity, api.Way, error) {
	p := peerOf(r)
	if p.owner {
		return api.Local(), api.Way{Via: "socket"}, nil
	}
	way := api.Way{Via: "http", From: p.addr.String()}
	line, _ := permission.Of(op)
	if line.Least == permission.Anyone || line.Least == permission.Nearby && p.near(r) {
		return api.Identity{}, way, nil
	}
	id, err := s.identify(r)
	if err != nil {
		return api.Identity{}, way, err
	}
	if r.Header.Get("Authorization") == "" {
		way.Via = "page"
	}
	if err := id.May(op); err != nil {
		if line.Changes {
			s.audit.Refused(api.Through(api.As(r.Context(), id), way), op, r.URL.Path, err)
		}
		return api.Identity{}, way, err
	}
	return id, way, nil
}

// identify finds out who shows a token, a name and password, or the cookie of a session.
func (s *Server) identify(r *http.Request) (api.Identity, error) {
	if user, password, ok := r.BasicAuth(); ok {
		return s.login(r, user, password)
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return s.token(r, strings.TrimSpace(token))
	}
	if c, err := r.Cookie(cookieName); err == nil {
		if id, ok := s.sessions.find(c.Value, time.Now()); ok {
			return id, nil
		}
	}
	return api.Identity{}, errAnonymous
}

// login checks a name and password.
func (s *Server) login(r *http.Request, user, password string) (api.Identity, error) {
	id, changes, ok := s.sessions.recall(user, password, time.Now())
	if ok {
		return id, nil
	}
	if len(user) > 256 || len(password) > 1024 {
		return api.Identity{}, errWrong
	}
	id, err := s.attempt(r, user, func(ctx context.Context) (api.Identity, error) { return s.auth.Check(ctx, user, password) })
	if err == nil {
		s.throttle.passed(user, peerOf(r).block(), time.Now())
		s.sessions.remember(user, password, id, changes, time.Now())
	}
	return id, err
}

// token checks the token of a session or of an account.
func (s *Server) token(r *http.Request, token string) (api.Identity, error) {
	if strings.HasPrefix(token, sessionPrefix) {
		if id, ok := s.sessions.find(token, time.Now()); ok {
			return id, nil
		}
		return api.Identity{}, errWrong
	}
	id, err := s.auth.Token(r.Context(), token)
	if errors.Is(err, fault.Denied) { // a right one is let in whatever others show from there: it cannot be guessed
		return s.attempt(r, "", func(context.Context) (api.Identity, error) { return id, err })
	}
	return id, err
}

var errWrong = &refusal{status: http.StatusUnauthorized, kind: fault.Denied, text: "name and password, or token, are not right"}

// attempt makes one attempt to get in, unless too many failed.
func (s *Server) attempt(r *http.Request, user string, try func(context.Context) (api.Identity, error)) (api.Identity, error) {
	from := peerOf(r).block()
	if wait := s.throttle.wait(user, from, peerOf(r).near(r), time.Now()); wait > 0 {
		return api.Identity{}, &refusal{status: http.StatusTooManyRequests, retry: wait,
			text: "too many wrong passwords or tokens: wait " + wait.Round(time.Second).String()}
	}
	id, err := try(r.Context())
	if errors.Is(err, fault.Denied) {
		s.throttle.failed(user, from, time.Now())
		s.audit.Refused(came(r, api.Identity{}), permission.LogIn, subjectOf(user), errWrong)
		s.log.Warn("login refused", "user", user, "from", from)
		return api.Identity{}, errWrong
	}
	return id, err
}

// came returns a context that says, for the audit log, who got in and from where.
func came(r *http.Request, id api.Identity) context.Context {
	way := api.Way{Via: "http", From: peerOf(r).addr.String()}
	if strings.HasPrefix(r.URL.Path, "/login") || r.URL.Path == "/logout" {
		way.Via = "page"
	}
	return api.Through(api.As(r.Context(), id), way)
}

// subjectOf says, for the audit log, by what somebody wants to get in.
func subjectOf(user string) string {
	if user == "" {
		return "a token"
	}
	return "user " + user[:min(len(user), 64)]
}
