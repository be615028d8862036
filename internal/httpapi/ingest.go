package httpapi

import (
	"net/http"
	"time"

	"tocsin/internal/api"
)

// Questions and answers about files and directories.
type (
	sourceQuery struct {
		Source string `json:"source"`
	}
	resumeAnswer struct {
		Offset int64 `json:"offset"`
	}
	backupBody struct {
		Dir string `json:"dir"`
	}
)

// postIngest reads a file of any length as it comes in.
func (s *Server) postIngest(w *response, r *http.Request) error {
	var q api.IngestRequest
	if err := decodeQuery(r.URL.Query(), &q, time.Now()); err != nil {
		return err
	}
	b, err := newBody(w, r, -1)
	if err != nil {
		return err
	}
	defer b.close()
	answer, err := s.service.Ingest(r.Context(), q, b)
	if b.err != nil {
		return b.err
	}
	if err != nil {
		return err
	}
	return w.answer(answer)
}

func (s *Server) resume(w *response, r *http.Request) error {
	var q sourceQuery
	if err := fromQuery(w, r, &q); err != nil {
		return err
	}
	offset, err := s.service.Resume(r.Context(), q.Source)
	if err != nil {
		return err
	}
	return w.answer(resumeAnswer{offset})
}
