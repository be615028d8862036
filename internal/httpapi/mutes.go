package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// muteEndBody is what is asked of a mute that the path names.
type muteEndBody struct {
	Kind string `json:"kind,omitempty"` // refuse one of another kind
}

func (s *Server) endMute(w *response, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return fault.New(fault.Invalid, "mute %q: want its number", r.PathValue("id"))
	}
	var b muteEndBody
	if err := decodeJSON(w, r, &b); err != nil {
		return err
	}
	ended, err := s.service.EndMute(r.Context(), api.MuteEnd{ID: id, Kind: b.Kind})
	if err != nil {
		return err
	}
	return w.answer(ended)
}

// Mutes implements api.Service.
func (c *Client) Mutes(ctx context.Context, q api.MuteRequest) ([]api.Mute, error) {
	return get[[]api.Mute](ctx, c, "/api/v1/mutes", encodeQuery(q))
}

// PreviewMute implements api.Service.
func (c *Client) PreviewMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return post[api.MuteAnswer](ctx, c, "/api/v1/mutes/preview", q)
}

// AddMute implements api.Service.
func (c *Client) AddMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return post[api.MuteAnswer](ctx, c, "/api/v1/mutes", q)
}

// EndMute implements api.Service.
func (c *Client) EndMute(ctx context.Context, q api.MuteEnd) (api.Mute, error) {
	return post[api.Mute](ctx, c, "/api/v1/mutes/"+strconv.FormatInt(q.ID, 10)+"/end", muteEndBody{Kind: q.Kind})
}
