package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// An Outside lets people in who log in at an identity provider. Errors are of kind fault.Denied when somebody is not let in.
type Outside interface {
	// Begin returns the address at the provider to which the browser is sent, and a ticket that it shows when it comes back.
	Begin(ctx context.Context, next string) (address, ticket string, err error)
	// Finish takes what the browser brings back, and returns who that is here and the page to go on with.
	Finish(ctx context.Context, ticket string, answer url.Values) (id api.Identity, next string, err error)
}

// ticketCookie is the name of the cookie that binds a login at a provider to the browser in which it began.
const ticketCookie = "tocsin_signon"

// signonPath is where such logins begin; they end below it.
const signonPath = "/login/oidc"

// signonRoutes are there where people can log in at a provider.
func (s *Server) signonRoutes() []route {
	if s.outside == nil {
		return nil
	}
	return []route{
		{method: "GET", path: signonPath, op: permission.LogIn, page: true, handle: s.beginSignon, doc: "Leads to the provider at which people log in."},
		{method: "GET", path: signonPath + "/done", op: permission.LogIn, page: true, handle: s.finishSignon, doc: "Lets in who comes back from there."},
	}
}

// beginSignon sends a browser to the provider.
func (s *Server) beginSignon(w *response, r *http.Request) error {
	address, ticket, err := s.outside.Begin(r.Context(), landing(r.URL.Query().Get("next")))
	if err != nil {
		s.log.Warn("login at the provider not begun", "err", err)
		http.Redirect(w, r, "/login?problem=elsewhere-"+loginProblem(err), http.StatusSeeOther)
		return nil
	}
	http.SetCookie(w, s.ticket(r, ticket, int((10*time.Minute).Seconds())))
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// finishSignon opens a session for who comes back from the provider.
func (s *Server) finishSignon(w *response, r *http.Request) error {
	ticket := ""
	if c, err := r.Cookie(ticketCookie); err == nil {
		ticket = c.Value
	}
	http.SetCookie(w, s.ticket(r, "", -1))
	from := peerOf(r).block()
	if wait := s.throttle.wait("", from, false, time.Now()); wait > 0 {
		http.Redirect(w, r, "/login?problem=throttled", http.StatusSeeOther)
		return nil
	}
	id, next, err := s.outside.Finish(came(r, api.Identity{}), ticket, r.URL.Query())
	if err != nil {
		if errors.Is(err, fault.Denied) {
			s.throttle.failed("", from, time.Now())
			s.audit.Refused(came(r, api.Identity{}), permission.LogIn, "", err)
		}
		s.log.Warn("login at the provider refused", "from", from, "err", err)
		http.Redirect(w, r, "/login?problem=elsewhere-"+loginProblem(err), http.StatusSeeOther)
		return nil
	}
	s.endAll(r, "")
	opened := s.open(r, permission.LogIn, id)
	http.SetCookie(w, cookie(r, opened.Token, int(sessionLife/time.Second)))
	http.Redirect(w, r, landing(next), http.StatusSeeOther)
	return nil
}

// ticket is the cookie that goes to the provider and back: it must come along when the provider's page leads here.
func (s *Server) ticket(r *http.Request, value string, age int) *http.Cookie {
	c := cookie(r, value, age)
	c.Name, c.Path = ticketCookie, signonPath
	return c
}
