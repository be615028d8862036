package httpapi

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"

	"tocsin/internal/api"
)

// search streams events as they are found.
func (s *Server) search(read func(*response, *http.Request, any) error) func(*response, *http.Request) error {
	return func(w *response, r *http.Request) error {
		var q api.SearchRequest
		if err := read(w, r, &q); err != nil {
			return err
		}
		w.Header().Set("Content-Type", ndjson)
		out, lines := bufio.NewWriterSize(w, 64<<10), 0
		err := s.service.Search(r.Context(), q, func(event json.RawMessage) error {
			lines++
			if _, err := out.Write(event); err != nil {
				return err
			}
			return out.WriteByte('\n')
		})
		if err != nil && lines == 0 {
			return err
		}
		if err != nil {
			if err = s.lastLine(out, r, err); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if w.status == 0 {
			w.WriteHeader(http.StatusOK)
		}
		return nil
	}
}

// A lastLine ends an answer that is not complete. No event has a field of this name.
type lastLine struct {
	Problem *Problem `json:"problem"`
}

// lastLine says in the answer, which has begun, why it ends here.
func (s *Server) lastLine(out *bufio.Writer, r *http.Request, err error) error {
	p, _ := problemOf(err, api.Caller(r.Context()))
	if p.Kind == "internal" && r.Context().Err() == nil {
		s.log.LogAttrs(r.Context(), slog.LevelError, "search ended early", logAttrs(r), slog.Any("err", err))
	}
	line, err := json.Marshal(lastLine{&p})
	if err != nil {
		return err
	}
	_, err = out.Write(append(line, '\n'))
	return err
}
