package httpapi

import (
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// maxNaming bounds a body of groups or names: as many as there may be fit in.
const maxNaming = 64 << 20

// namingRoutes are the routes of traffic groups and names.
func (s *Server) namingRoutes() []route {
	v := s.service
	return []route{
		ask("GET", "/api/v1/groups", permission.ListGroups, "Lists traffic groups by name.", v.Groups),
		large("POST", "/api/v1/groups", permission.ChangeGroup, "Makes traffic groups and gives those that there are other members: all of them, or with an error none. They hold for events that come from then on.", v.PutGroups),
		named("DELETE", "/api/v1/groups/{name}", permission.ChangeGroup, "Removes a traffic group. Events that are in it stay so.", func(ctx context.Context, name string, _ nothing) error {
			return v.DeleteGroup(ctx, name)
		}),
		ask("GET", "/api/v1/names", permission.ListNames, "Lists what people call things.", v.Names),
		large("POST", "/api/v1/names", permission.ChangeName, "Names things: all of them, or with an error none.", v.PutNames),
		large("POST", "/api/v1/names/remove", permission.ChangeName, "Takes names back: all of them, or with an error none.", v.DeleteNames),
		large("POST", "/api/v1/names/of", permission.ListNames, "Tells what is known of things: names and, of addresses, group, country, city and autonomous system.", v.NamesOf),
	}
}

// large is ask for a question that may be larger than others.
func large[Q, A any](method, path string, op permission.Operation, doc string, call func(context.Context, Q) (A, error)) route {
	r := ask(method, path, op, doc, call)
	r.handle = func(w *response, r *http.Request) error {
		var q Q
		if err := decodeLarge(w, r, maxNaming, &q); err != nil {
			return err
		}
		a, err := call(r.Context(), q)
		if err != nil {
			return err
		}
		return w.answer(a)
	}
	return r
}

// Groups implements api.Service.
func (c *Client) Groups(ctx context.Context, q api.GroupRequest) ([]api.Group, error) {
	return get[[]api.Group](ctx, c, "/api/v1/groups", encodeQuery(q))
}

// PutGroups implements api.Service.
func (c *Client) PutGroups(ctx context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	return post[api.GroupsSaved](ctx, c, "/api/v1/groups", q)
}

// DeleteGroup implements api.Service.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	return c.about(ctx, http.MethodDelete, "/api/v1/groups/", name, "", nothing{})
}

// Names implements api.Service.
func (c *Client) Names(ctx context.Context, q api.NameRequest) ([]api.Name, error) {
	return get[[]api.Name](ctx, c, "/api/v1/names", encodeQuery(q))
}

// PutNames implements api.Service.
func (c *Client) PutNames(ctx context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	return post[api.NamesSaved](ctx, c, "/api/v1/names", q)
}

// DeleteNames implements api.Service.
func (c *Client) DeleteNames(ctx context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	return post[api.NamesSaved](ctx, c, "/api/v1/names/remove", q)
}

// NamesOf implements api.Service.
func (c *Client) NamesOf(ctx context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	return post[[]api.Named](ctx, c, "/api/v1/names/of", q)
}
