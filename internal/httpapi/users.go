package httpapi

import (
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

type passwordBody struct {
	Password string `json:"password"`
}

// putUser adds an account or changes one. What the account was let in by before no longer counts.
func (s *Server) putUser(ctx context.Context, u api.UserEdit) (any, error) {
	if err := s.service.PutUser(ctx, u); err != nil {
		return nil, err
	}
	s.sessions.forget(u.Name)
	return nil, nil //nolint:nilnil // an empty answer
}

func (s *Server) disableUser(ctx context.Context, name string, disabled bool) error {
	if err := s.service.DisableUser(ctx, name, disabled); err != nil {
		return err
	}
	s.sessions.forget(name)
	return nil
}

// Questions about accounts and tokens.
type (
	roleBody struct {
		Admin bool `json:"admin"`
	}
	filterBody struct {
		Filter string `json:"filter"` // empty: nothing bounds what it may see
	}
	removalQuery struct {
		WithRules bool   `json:"with_rules,omitempty"` // delete its rules
		To        string `json:"to,omitempty"`         // hand its rules over to this account; "*": to everybody
	}
)

// onUser makes the route of a call about the account that the path names.
func onUser[B, A any](path string, op permission.Operation, doc string, call func(ctx context.Context, name string, body B) (A, error)) route {
	var b B
	var a A
	return route{method: "POST", path: "/api/v1/users/{name}" + path, op: op, doc: doc, in: b, out: a, handle: func(w *response, r *http.Request) error {
		var b B
		if err := decodeJSON(w, r, &b); err != nil {
			return err
		}
		a, err := call(r.Context(), r.PathValue("name"), b)
		if err != nil {
			return err
		}
		return w.answer(a)
	}}
}

// people are the routes of accounts, tokens and the audit log.
func (s *Server) people() []route {
	v := s.service
	return []route{
		{method: "GET", path: "/api/v1/user", op: permission.ShowUser, out: api.User{}, doc: "Tells the caller's own account.", handle: func(w *response, r *http.Request) error {
			u, err := v.User(r.Context(), "")
			if err != nil {
				return err
			}
			return w.answer(u)
		}},
		{method: "GET", path: "/api/v1/users/{name}", op: permission.ShowUser, out: api.User{}, doc: "Tells one account: one's own, or to administrators any.",
			handle: func(w *response, r *http.Request) error {
				u, err := v.User(r.Context(), r.PathValue("name"))
				if err != nil {
					return err
				}
				return w.answer(u)
			}},
		onUser("/role", permission.SetRole, "Makes an account an administrator or an ordinary one. Nobody demotes himself.", func(ctx context.Context, name string, b roleBody) (any, error) {
			return nil, s.forgetting(name, v.SetRole(ctx, name, b.Admin))
		}),
		onUser("/filter", permission.FilterUser, "Bounds what an account may see.", func(ctx context.Context, name string, b filterBody) (any, error) {
			return nil, v.FilterUser(ctx, name, b.Filter)
		}),
		named("DELETE", "/api/v1/users/{name}", permission.DeleteUser, "Deletes an account that is not logged in.", func(ctx context.Context, name string, q removalQuery) error {
			return s.forgetting(name, v.DeleteUser(ctx, api.UserRemoval{Name: name, WithRules: q.WithRules, To: q.To}))
		}),
		onUser("/logout", permission.LogOutUser, "Ends the sessions of an account.", func(ctx context.Context, name string, _ nothing) (api.LoggedOut, error) {
			return v.LogOutUser(ctx, name)
		}),
		ask("GET", "/api/v1/tokens", permission.ListTokens, "Lists tokens: one's own, or to administrators anybody's.", v.Tokens),
		ask("POST", "/api/v1/tokens/revoke", permission.RevokeToken, "Revokes one token or all that an account has.", v.RevokeTokens),
		ask("GET", "/api/v1/audit", permission.ListAudit, "Tells who changed what, newest first.", v.Audit),
	}
}

// forgetting ends what an account was let in by, unless changing it failed.
func (s *Server) forgetting(name string, err error) error {
	if err == nil {
		s.sessions.forget(name)
	}
	return err
}

// selfOrAdmin refuses what one account would do to another.
func selfOrAdmin(ctx context.Context, name string) error {
	if id := api.Caller(ctx); !id.Admin && id.User != name {
		return fault.New(fault.Denied, "account %q: only its owner and administrators may", name)
	}
	return nil
}

func (s *Server) putPassword(w *response, r *http.Request) error {
	name := r.PathValue("name")
	if err := selfOrAdmin(r.Context(), name); err != nil {
		return err
	}
	var q passwordBody
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	if _, err := s.putUser(r.Context(), api.UserEdit{Name: name, Password: q.Password}); err != nil {
		return err
	}
	return w.answer(nil)
}

func (s *Server) makeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	if t.User == "" {
		t.User = api.Caller(ctx).User
	}
	if err := selfOrAdmin(ctx, t.User); err != nil {
		return api.Token{}, err
	}
	return s.service.MakeToken(ctx, t)
}
