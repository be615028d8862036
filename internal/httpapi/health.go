package httpapi

import (
	"net/http"

	"tocsin/internal/api"
)

func (s *Server) healthz(w *response, _ *http.Request) error {
	return w.text(http.StatusOK, "ok\n")
}

// readyz tells those who are not logged in no more than whether work can be done.
func (s *Server) readyz(w *response, r *http.Request) error {
	h, err := s.service.Health(api.Through(api.As(r.Context(), api.Local()), api.Way{Via: "process"})) // the server itself asks
	if err != nil || !h.Ready {
		return w.text(http.StatusServiceUnavailable, "not ready\n")
	}
	return w.text(http.StatusOK, "ok\n")
}

// text answers plain text.
func (w *response) text(status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the asker may be gone
	return nil
}

func (s *Server) getOpenAPI(w *response, _ *http.Request) error {
	doc, err := s.openapi()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(doc) // the asker may be gone
	return nil
}
