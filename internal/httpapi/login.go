package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// Questions and answers about getting in.
type (
	loginBody struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	setupBody struct {
		Token    string `json:"token"`
		User     string `json:"user"`
		Password string `json:"password"`
	}
	loginAnswer struct {
		api.Identity

		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}
)

func (s *Server) startSession(w *response, r *http.Request) error {
	var q loginBody
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	id, err := s.login(r, q.User, q.Password)
	if err != nil {
		return err
	}
	return w.answer(s.open(r, permission.LogIn, id))
}

// open opens a session for who got in.
func (s *Server) open(r *http.Request, op permission.Operation, id api.Identity) loginAnswer {
	s.audit.Did(came(r, id), op, subjectOf(id.User))
	token, expires := s.sessions.start(id, time.Now())
	return loginAnswer{Identity: id, Token: token, Expires: expires}
}

func (s *Server) setup(w *response, r *http.Request) error {
	var q setupBody
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	id, err := s.first(r, q)
	if err != nil {
		return err
	}
	return w.answer(s.open(r, permission.SetUp, id))
}

// first makes the first administrator.
func (s *Server) first(r *http.Request, q setupBody) (api.Identity, error) {
	return s.attempt(r, "", func(ctx context.Context) (api.Identity, error) {
		return s.auth.Setup(ctx, q.Token, q.User, q.Password)
	})
}

func (s *Server) endSession(w *response, r *http.Request) error {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.audit.Did(r.Context(), permission.LogOut, subjectOf(api.Caller(r.Context()).User))
	s.endAll(r, strings.TrimSpace(token))
	return w.answer(nil)
}

// endAll ends the session of a token and that of the cookie.
func (s *Server) endAll(r *http.Request, token string) {
	s.sessions.end(token)
	if c, err := r.Cookie(cookieName); err == nil {
		s.sessions.end(c.Value)
	}
}

// postLogin logs in from the page's form, which also makes the first administrator when it carries the setup token.
func (s *Server) postLogin(w *response, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	if err := w.control.SetReadDeadline(time.Now().Add(idle)); err == nil {
		defer func() { _ = w.control.SetReadDeadline(time.Time{}) }()
	}
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "decode form: %w", err)
	}
	user, password, token := r.PostForm.Get("user"), r.PostForm.Get("password"), strings.TrimSpace(r.PostForm.Get("token"))
	var id api.Identity
	var err error
	op := permission.LogIn
	if token != "" {
		op = permission.SetUp
		id, err = s.first(r, setupBody{token, user, password})
	} else {
		id, err = s.login(r, user, password)
	}
	next := landing(r.PostForm.Get("next"))
	if err != nil {
		if p, _ := problemOf(err, api.Identity{}); p.Kind == "internal" {
			s.log.Error("login not checked", "err", err)
		}
		to := "/login?problem=" + loginProblem(err)
		if next != "/" {
			to += "&next=" + url.QueryEscape(next)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	s.endAll(r, "")
	opened := s.open(r, op, id)
	http.SetCookie(w, cookie(r, opened.Token, int(sessionLife/time.Second)))
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// loginProblem is the word by which the login page knows what to say.
func loginProblem(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusTooManyRequests {
		return "throttled"
	}
	switch fault.Kind(err) {
	case fault.Denied: //nolint:errorlint // Kind gives the very values
		return "denied"
	case fault.Invalid:
		return "invalid"
	case fault.Conflict:
		return "conflict"
	default:
		return "unavailable"
	}
}

func (s *Server) postLogout(w *response, r *http.Request) error {
	if c, err := r.Cookie(cookieName); err == nil {
		if id, ok := s.sessions.peek(c.Value, time.Now()); ok {
			s.audit.Did(came(r, id), permission.LogOut, subjectOf(id.User))
		}
	}
	s.endAll(r, "")
	http.SetCookie(w, cookie(r, "", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// cookie holds the token of a session where no script and no other site can use it. Behind TLS it keeps to TLS.
func cookie(r *http.Request, token string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https", SameSite: http.SameSiteLaxMode}
}
