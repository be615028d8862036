package httpapi

import (
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/fault"
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
