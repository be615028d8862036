package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// preferenceRoutes are those about what users are told, and by which mail server.
func (s *Server) preferenceRoutes() []route {
	v := s.service
	var routes []route
	for _, p := range people() {
		routes = append(routes,
			route{method: "GET", path: p.path + "/preferences", op: permission.ShowPreferences, handle: s.getPreferences, out: api.Preferences{},
				doc: "Tells what is told to " + p.whose + ", where and when."},
			route{method: "PUT", path: p.path + "/preferences", op: permission.ChangePreferences, handle: s.putPreferences, in: api.PreferencesEdit{}, out: api.PreferencesSaved{},
				doc: "Stores what is told to " + p.whose + ", sends a test message over each way that changes, and tells what was answered there."},
			route{method: "POST", path: p.path + "/test", op: permission.ChangePreferences, handle: s.postTest, out: []api.WayTest{},
				doc: "Sends a test message over each way of " + p.whose + ", and tells what was answered there."})
	}
	return append(routes,
		ask("GET", "/api/v1/settings/mail", permission.ShowMail, "Tells by which server the mail of all users goes.", func(ctx context.Context, _ nothing) (api.MailServer, error) {
			return v.MailServer(ctx)
		}),
		ask("PUT", "/api/v1/settings/mail", permission.ChangeMail, "Sets by which server the mail of all users goes, sends a test message, and tells what was answered.", v.PutMailServer))
}

// people are where the own things of users are.
func people() []struct{ path, whose string } {
	return []struct{ path, whose string }{{"/api/v1/me", "the caller"}, {"/api/v1/users/{name}", "a user, for administrators and himself"}}
}

// whose returns whose things a path is about, "" for the caller's. A body may leave the user out, or name him as well.
func whose(r *http.Request, user string) (string, error) {
	name := r.PathValue("name")
	if meant := cmp.Or(name, api.Caller(r.Context()).User); user != "" && user != meant {
		return "", fault.New(fault.Invalid, "user: got %q, and the path names %q", user, meant)
	}
	return name, nil
}

func (s *Server) getPreferences(w *response, r *http.Request) error {
	p, err := s.service.Preferences(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(p)
}

func (s *Server) putPreferences(w *response, r *http.Request) (err error) {
	var q api.PreferencesEdit
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	if q.User, err = whose(r, q.User); err != nil {
		return err
	}
	saved, err := s.service.PutPreferences(r.Context(), q)
	if err != nil {
		return err
	}
	return w.answer(saved)
}

func (s *Server) postTest(w *response, r *http.Request) error {
	tests, err := s.service.TestWays(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(tests)
}

// person is where a user's own things are: those of the caller where none is named.
func person(user, thing string) (string, error) {
	if user == "" {
		return "/api/v1/me" + thing, nil
	}
	part, err := segment(user)
	return "/api/v1/users/" + part + thing, err
}

// Preferences implements api.Service.
func (c *Client) Preferences(ctx context.Context, user string) (api.Preferences, error) {
	path, err := person(user, "/preferences")
	if err != nil {
		return api.Preferences{}, err
	}
	return get[api.Preferences](ctx, c, path, nil)
}

// PutPreferences implements api.Service.
func (c *Client) PutPreferences(ctx context.Context, q api.PreferencesEdit) (api.PreferencesSaved, error) {
	path, err := person(q.User, "/preferences")
	if err != nil {
		return api.PreferencesSaved{}, err
	}
	return send[api.PreferencesSaved](ctx, c, http.MethodPut, path, q)
}

// TestWays implements api.Service.
func (c *Client) TestWays(ctx context.Context, user string) ([]api.WayTest, error) {
	path, err := person(user, "/test")
	if err != nil {
		return nil, err
	}
	return post[[]api.WayTest](ctx, c, path, nothing{})
}

// MailServer implements api.Service.
func (c *Client) MailServer(ctx context.Context) (api.MailServer, error) {
	return get[api.MailServer](ctx, c, "/api/v1/settings/mail", nil)
}

// PutMailServer implements api.Service.
func (c *Client) PutMailServer(ctx context.Context, q api.MailServerEdit) (api.MailServerSaved, error) {
	return send[api.MailServerSaved](ctx, c, http.MethodPut, "/api/v1/settings/mail", q)
}
