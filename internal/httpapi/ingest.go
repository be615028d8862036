package httpapi

import (
	"errors"
	"io"
	"net/http"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/lines"
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
	answer, err := s.service.Ingest(r.Context(), q, cutReader{b, r})
	if b.err != nil {
		return b.err
	}
	if err != nil && !errors.Is(err, errCut) { // who sent it knows where it broke off, and asks what was kept
		return err
	}
	return w.answer(answer)
}

// errCut ends a body whose sender says that it breaks off.
var errCut = errors.New("the sender's data ends early")

// cutReader reads a body to its end, which is none where the trailer says so.
type cutReader struct {
	from io.Reader
	r    *http.Request
}

func (c cutReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if errors.Is(err, io.EOF) && c.r.Trailer.Get(cutTrailer) != "" {
		err = &lines.Damaged{Err: errCut}
	}
	return n, err
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
