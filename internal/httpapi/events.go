package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// byteCount writes a number of bytes in words.
func byteCount(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// postEvents takes events and answers when they are synced.
func (s *Server) postEvents(w *response, r *http.Request) error {
	q := api.AppendRequest{IdempotencyKey: r.Header.Get("Idempotency-Key")}
	if err := decodeQuery(r.URL.Query(), &q, time.Now()); err != nil {
		return err
	}
	if err := checkKey(q.IdempotencyKey); err != nil {
		return err
	}
	select {
	case s.intake <- struct{}{}:
		defer func() { <-s.intake }()
	default:
		return &refusal{status: http.StatusTooManyRequests, retry: time.Second,
			text: "too many bodies of events at once: come again in a second"}
	}
	b, err := newBody(w, r, s.maxBody)
	if err != nil {
		return err
	}
	defer b.close()
	answer, err := s.service.Append(r.Context(), q, b)
	if b.err != nil {
		return b.err
	}
	if err != nil {
		return err
	}
	if answer.Accepted == 0 && !answer.Repeated {
		text := "body holds no events"
		if answer.Rejected > 0 {
			text = "none of " + strconv.Itoa(answer.Rejected) + " lines is an event"
		}
		return &refusal{status: http.StatusBadRequest, kind: fault.Invalid, answer: &answer, text: text}
	}
	return w.answer(answer)
}

// checkKey bounds a key by which repeats are known.
func checkKey(key string) error {
	if len(key) > 255 {
		return fault.New(fault.Invalid, "Idempotency-Key: got %d bytes, want at most 255", len(key))
	}
	for _, c := range []byte(key) {
		if c < 0x20 || c > 0x7e {
			return fault.New(fault.Invalid, "Idempotency-Key: want printable ASCII")
		}
	}
	return nil
}
