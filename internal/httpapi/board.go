package httpapi

import (
	"context"
	"net/http"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// boardRoutes are those about the first page of users.
func (s *Server) boardRoutes() []route {
	var routes []route
	for _, p := range people() {
		routes = append(routes,
			route{method: "GET", path: p.path + "/board", op: permission.ShowBoard, handle: s.getBoard, out: api.Board{},
				doc: "Tells what the first page of " + p.whose + " is made of."},
			route{method: "PUT", path: p.path + "/board", op: permission.ChangeBoard, handle: s.putBoard, in: api.BoardEdit{}, out: api.Board{},
				doc: "Puts another in place of the first page of " + p.whose + "; with the version that was changed, unless somebody changed it since."},
			route{method: "DELETE", path: p.path + "/board", op: permission.ChangeBoard, handle: s.resetBoard, out: api.Board{},
				doc: "Makes the first page of " + p.whose + " what everybody begins with."})
	}
	return routes
}

func (s *Server) getBoard(w *response, r *http.Request) error {
	b, err := s.service.Board(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(b)
}

func (s *Server) putBoard(w *response, r *http.Request) (err error) {
	var q api.BoardEdit
	if err := decodeJSON(w, r, &q); err != nil {
		return err
	}
	if q.User, err = whose(r, q.User); err != nil {
		return err
	}
	b, err := s.service.PutBoard(r.Context(), q)
	if err != nil {
		return err
	}
	return w.answer(b)
}

func (s *Server) resetBoard(w *response, r *http.Request) error {
	b, err := s.service.ResetBoard(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return w.answer(b)
}

// Board implements api.Service.
func (c *Client) Board(ctx context.Context, user string) (api.Board, error) {
	path, err := person(user, "/board")
	if err != nil {
		return api.Board{}, err
	}
	return get[api.Board](ctx, c, path, nil)
}

// PutBoard implements api.Service.
func (c *Client) PutBoard(ctx context.Context, q api.BoardEdit) (api.Board, error) {
	path, err := person(q.User, "/board")
	if err != nil {
		return api.Board{}, err
	}
	return send[api.Board](ctx, c, http.MethodPut, path, q)
}

// ResetBoard implements api.Service.
func (c *Client) ResetBoard(ctx context.Context, user string) (api.Board, error) {
	path, err := person(user, "/board")
	if err != nil {
		return api.Board{}, err
	}
	return receive[api.Board](ctx, c, call{method: http.MethodDelete, path: path})
}
