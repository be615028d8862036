package httpapi

import (
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// viewRoutes are those about the views that users keep.
func (s *Server) viewRoutes() []route {
	var routes []route
	for _, p := range people() {
		routes = append(routes,
			route{method: "GET", path: p.path + "/views", op: permission.ListViews, handle: s.getViews, out: []api.View{},
				doc: "Lists the views that " + p.whose + " keeps: addresses of tocsin's pages, by name."},
			route{method: "POST", path: p.path + "/views", op: permission.ChangeView, handle: s.postView, in: api.ViewEdit{}, out: api.View{},
				doc: "Keeps an address of /alerts, /flows or /flows/sessions under a name for " + p.whose + "."},
			route{method: "DELETE", path: p.path + "/views/{view}", op: permission.ChangeView, handle: s.deleteView,
				doc: "Forgets a view of " + p.whose + "."})
	}
	return routes
}

func (s *Server) getViews(w *response, r *http.Request) error {
	list, err := s.service.Views(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(list)
}

func (s *Server) postView(w *response, r *http.Request) (err error) {
	var q api.ViewEdit
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	if q.User, err = whose(r, q.User); err != nil {
		return err
	}
	kept, err := s.service.PutView(r.Context(), q)
	if err != nil {
		return err
	}
	return w.answer(kept)
}

func (s *Server) deleteView(w *response, r *http.Request) error {
	if err := s.service.DeleteView(r.Context(), api.ViewRemoval{User: r.PathValue("name"), Name: r.PathValue("view")}); err != nil {
		return err
	}
	return w.answer(nil)
}

// Views implements api.Service.
func (c *Client) Views(ctx context.Context, user string) ([]api.View, error) {
	path, err := person(user, "/views")
	if err != nil {
		return nil, err
	}
	return get[[]api.View](ctx, c, path, nil)
}

// PutView implements api.Service.
func (c *Client) PutView(ctx context.Context, q api.ViewEdit) (api.View, error) {
	path, err := person(q.User, "/views")
	if err != nil {
		return api.View{}, err
	}
	return post[api.View](ctx, c, path, q)
}

// DeleteView implements api.Service.
func (c *Client) DeleteView(ctx context.Context, q api.ViewRemoval) error {
	path, err := person(q.User, "/views/")
	if err != nil {
		return err
	}
	return c.about(ctx, http.MethodDelete, path, q.Name, "", nothing{})
}
